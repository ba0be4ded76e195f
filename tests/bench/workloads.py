"""What is measured: each workload loads one contestant for a while.

A workload has a name, a title for tables, the unit that CPU time is divided
by, and measure(stage, contestant, encryption), which returns what was found
as a row of the results: numbers by name.
"""

import dataclasses
import subprocess
import time
from types import SimpleNamespace

import load
from measure import Cpu, Samples, private_bytes

MB = 1e6
SCALE = 16
SETTLE_S = 0.5
MANY = 64  # clients take a second to connect, which pgbench counts as theirs

# A row of COPY's text is 100 bytes: ten digits, a tab, these, a newline.
FILLER = "x" * 88
COPY_ROW_BYTES = 100 + 5  # CopyData's header
COPY_OUT = ("copy (select generate_series(1000000001, 1000000000 + {}), "
            f"'{FILLER}') to stdout")
COPY_IN = "copy sink from stdin"

WIDE_COLUMNS = 30
WIDE_ROWS = 100
WIDE = f"select * from wide where id between {{}} and {{}} + {WIDE_ROWS - 1}"
BIG = "select repeat('x', 1048576)"

BACKENDS = """select count(*) from pg_stat_activity
    where backend_type = 'client backend'"""
FEW_BACKENDS = 150  # a pooler may keep some

SCHEMA = f"""
create unlogged table sink (id int, filler text);
create table wide as select id, {', '.join(
    f"md5((id * {i})::text) as column_{i}" for i in range(1, WIDE_COLUMNS))}
    from generate_series(1000, 9999) id;
alter table wide add primary key (id);
vacuum analyze wide;
"""


class Stage:
    """The server with its tables, the client programs, and how much of all.

    effort: seconds of one load, copy_bytes, sessions.
    """

    def __init__(self, cluster, clients, effort):
        self.cluster = cluster
        self.clients = clients
        self.effort = effort
        self.own = SimpleNamespace(host=cluster.host, port=cluster.port,
                                   needs_direct_tls=False)

    def prepare(self):
        self.clients.run(self.own, False, "pgbench", "-i", "-q", "-s",
                         str(SCALE), timeout=load.COPY_BOUND_S)
        with self.cluster.connect() as admin:
            for statement in SCHEMA.split(";")[:-1]:
                admin.execute(statement)
            admin.execute("checkpoint")
        self.write("wide", "\\set first random(1000, "
                   f"{10000 - WIDE_ROWS})\n"
                   + WIDE.format(":first", ":first") + ";\n")
        self.write("big_out", BIG + ";\n")
        self.write("big_in", f"select length('{'x' * 1048576}');\n")

    def write(self, name, text):
        with open(f"{self.clients.folder}/{name}", "w",
                  encoding="ascii") as script:
            script.write(text)

    def wait_for_backends(self):
        """The server's, of sessions that have gone: they end a bit later."""
        deadline = time.monotonic() + load.END_BOUND_S
        with self.cluster.connect() as admin:
            while admin.execute(BACKENDS).fetchone()[0] > FEW_BACKENDS:
                if time.monotonic() > deadline:
                    raise load.Failed("backends do not end")
                time.sleep(0.1)

    def rows(self):
        return int(self.effort.copy_bytes / COPY_ROW_BYTES)


def row(found, cpu_s):
    latencies = {f"p{share}_us": found.percentile(share / 100)
                 for share in (50, 95, 99)}
    return {"units": found.units, "seconds": found.seconds, "cpu_s": cpu_s,
            **latencies}


@dataclasses.dataclass
class Pgbench:
    """sizer tells how many bytes a transaction brings, where MB count.

    What it takes to connect the clients is not a part of it, unless they
    connect for each transaction.
    """

    name: str
    title: str
    clients: int
    arguments: tuple
    unit: str = "transaction"
    sizer: object = None
    rounds = None

    def measure(self, stage, contestant, encryption):
        with Samples(contestant.pid) as samples:
            transactions = stage.clients.pgbench(
                contestant, encryption,
                stage.effort.seconds + self.clients // MANY,
                "-c", str(self.clients), "-j", str(min(self.clients, 2)),
                *self.arguments)
        first = min(end - us / 1e6 for end, us in transactions)
        begun, cpu_s = samples.since(0 if "-C" in self.arguments else first)
        found = load.load_since(transactions, begun)
        if self.sizer:
            found.units *= self.sizer(stage) / MB
        return row(found, cpu_s)


def wide_bytes(stage):
    return load.answer_bytes(stage.own, WIDE.format(1000, 1000))


def big_bytes(stage):
    return load.answer_bytes(stage.own, BIG)


@dataclasses.dataclass
class Copy:
    """By psql; a load takes long enough for few rounds to do."""

    name: str
    title: str
    run: object
    unit: str = "MB"
    rounds = 3

    def measure(self, stage, contestant, encryption):
        begun = time.monotonic()
        with Cpu(contestant.pid) as cpu:
            self.run(stage, contestant, encryption)
            seconds = time.monotonic() - begun
        with stage.cluster.connect() as admin:
            admin.execute("truncate sink")
        return row(load.Load(stage.rows() * COPY_ROW_BYTES / MB, seconds),
                   cpu.seconds)


def copy_out(stage, contestant, encryption):
    stage.clients.psql(contestant, encryption, COPY_OUT.format(stage.rows()),
                       stdout=subprocess.DEVNULL)


def copy_in(stage, contestant, encryption):
    with load.feed(f"1234567890\t{FILLER}", stage.rows()) as source:
        stage.clients.psql(contestant, encryption, COPY_IN,
                           stdin=source.stdout)


@dataclasses.dataclass
class Idle:
    """Memory of many sessions, with a contestant of this workload's own."""

    name: str = "idle"
    title: str = "idle session"
    unit: str = "session"
    rounds = 1

    def measure(self, stage, contestant, encryption):
        if contestant.pid is None:
            return None
        count = stage.effort.sessions
        with type(contestant)(stage.cluster, encryption) as own, \
                load.idle_sessions(own, encryption, 1):
            time.sleep(SETTLE_S)
            before = private_bytes(own.pid)
            with load.idle_sessions(own, encryption, count):
                time.sleep(SETTLE_S)
                grown = private_bytes(own.pid) - before
        stage.wait_for_backends()
        return {"units": count, "kib": grown / 1024 / count}


def select_only(mode, clients):
    return Pgbench(f"{mode}-c{clients}", f"pgbench -S, {mode}, c{clients}",
                   clients, ("-S", "-M", mode))


ALL = [
    *(select_only(mode, clients) for mode in ("simple", "extended", "prepared")
      for clients in (1, 16, 64)),
    Pgbench("tpcb-c16", "pgbench TPC-B-like, c16", 16, ()),
    Copy("copy-out", "COPY out", copy_out),
    Copy("copy-in", "COPY in", copy_in),
    Pgbench("wide", "wide rows, c4", 4, ("-f", "wide"), "MB", wide_bytes),
    Pgbench("big-out", "1 MB values out, c4", 4, ("-f", "big_out"), "MB",
            big_bytes),
    Pgbench("big-in", "1 MB values in, c4", 4, ("-f", "big_in"), "MB",
            big_bytes),
    Pgbench("connect", "connect, select, disconnect, c4", 4, ("-C", "-S"),
            "connection"),
    Idle(),
]
BY_NAME = {workload.name: workload for workload in ALL}
