"""What guarded statements cost that nobody is in the way of.

Each is played straight at a server and through Lockstep by turns, on an idle
server and on one that is busy with pgbench, in catalogs of different sizes,
at each version that is there.  Time is the client's, CPU that of the server's
process alone, so that what else runs counts for little.
"""

import contextlib
import os
import subprocess
import time

import guarding
import plan_cost
import wire
from cluster import Cluster, default_pg_bin
from measure import cpu_seconds

SETTINGS = {**plan_cost.SETTINGS, "shared_buffers": "128MB"}
LOAD_CLIENTS = 2
MANY = 100
PARENTS = """
create table parent_1 (id int primary key);
create table parent_2 (id int primary key);
"""
CHILD = "create table {} (a int references parent_1, b int references parent_2)"
TEN = [f"ten_{i}" for i in range(10)]


class Kind:
    """made: what admin runs before; texts: what is measured; in_company: while
    another session is connected the same way."""

    def __init__(self, made, *texts, in_company=False):
        self.made = made
        self.texts = texts
        self.in_company = in_company


NAMES = [f"child_{i}" for i in range(MANY)]
DROP_ONE = "drop table child_0"
KINDS = {
    "DROP TABLE": Kind([CHILD.format("child_0")], DROP_ONE),
    "DROP TABLE in a transaction": Kind([CHILD.format("child_0")], "begin",
                                        DROP_ONE, "commit"),
    "the same, others connected": Kind([CHILD.format("child_0")], "begin",
                                       DROP_ONE, "commit", in_company=True),
    "DROP COLUMN": Kind([CHILD.format("child_0")],
                        "alter table child_0 drop column a"),
    "TRUNCATE of ten tables": Kind(
        [f"create table {name} (id int)" for name in TEN],
        "truncate " + ", ".join(TEN)),
    "100 drops in a transaction": Kind(
        [CHILD.format(name) for name in NAMES], "begin",
        *(f"drop table {name}" for name in NAMES), "commit"),
    "a temporary table in a transaction": Kind(
        [], "begin", "create temp table mine (id int primary key)",
        "drop table mine", "commit"),
}
LARGE = ("100 drops in a transaction",)  # played fewer times


def play(session, texts):
    """Milliseconds: CPU of the server's process, time of the client."""
    cpu, begun = cpu_seconds(session.pid), time.perf_counter()
    for text in texts:
        errors = wire.errors(session.query(text))
        assert not errors, errors
    wall = time.perf_counter() - begun
    return {"cpu_ms": (cpu_seconds(session.pid) - cpu) * 1000,
            "wall_ms": wall * 1000}


def prepare(admin, kind):
    admin.execute("drop table if exists "
                  + ", ".join(NAMES + TEN) + " cascade")
    for text in kind.made:
        admin.execute(text)


@contextlib.contextmanager
def busy(cluster):
    """pgbench beside it all, straight at the server."""
    command = [os.path.join(default_pg_bin(), "pgbench"), "-h", cluster.host,
               "-p", str(cluster.port), "-U", "postgres", "-n"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([*command[:-1], "-iq", "postgres"], check=True, **quiet)
    with subprocess.Popen([*command, "-c", str(LOAD_CLIENTS), "-T", "100000",
                           "postgres"], **quiet) as pgbench:
        try:
            yield
        finally:
            pgbench.terminate()


def both(way, old, admin, kind):
    """A session's first, and what follows in an old session that has done all
    that before; through Locksteps of their own, as nobody else is there."""
    new, of_old = way
    with contextlib.ExitStack() as stack:
        fresh = stack.enter_context(wire.Wire(new))
        if kind.in_company:
            stack.enter_context(wire.Wire(new))
            stack.enter_context(wire.Wire(of_old))
        fresh.query("select 1")
        prepare(admin, kind)
        first = play(fresh, kind.texts)
        prepare(admin, kind)
        return first, play(old, kind.texts)


def rounds_of(ways, admin, count):
    """Each kind by turns."""
    with contextlib.ExitStack() as stack:
        old = {name: stack.enter_context(wire.Wire(way[1]))
               for name, way in ways.items()}
        for i in range(count + 1):
            for name, kind in KINDS.items():
                if name in LARGE and i > max(2, count // 10):
                    continue
                for way, endpoints in ways.items():
                    first, later = both(endpoints, old[way], admin, kind)
                    if i > 0:
                        yield {"kind": name, "way": way, "round": i,
                               **{f"first_{key}": value
                                  for key, value in first.items()},
                               **later}


def measured(pg_bin, tables, count):
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(pg_bin, settings=SETTINGS))
        locksteps = {guard: [stack.enter_context(
            guarding.Lockstep(cluster, guard=guard)) for _ in range(2)]
            for guard in ("off", "drops")}
        admin = stack.enter_context(cluster.connect())
        version = admin.info.server_version // 10000
        plan_cost.make_tables(admin, 0, tables)
        admin.execute(PARENTS)
        admin.execute("vacuum analyze")
        ways = {"direct": [cluster] * 2, "guard = off": locksteps["off"],
                "guarded": locksteps["drops"]}
        for load in "idle", "loaded":
            with busy(cluster) if load == "loaded" \
                    else contextlib.nullcontext():
                for row in rounds_of(ways, admin, count):
                    yield {"server": version, "load": load, "tables": tables,
                           **row}


def rows(pg_bins, sizes, count):
    for pg_bin in pg_bins:
        for tables in sizes:
            yield from measured(pg_bin, tables, count)
