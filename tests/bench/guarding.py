"""What the guard costs: those it guards, those it only looks at, others.

Each function yields rows, dictionaries of numbers, as they are measured.
"""

import asyncio
import contextlib
import dataclasses
import os
import statistics
import tempfile
import time

import contestants
import instructions
import load
import migrations
import plan_cost
import swarm
import traffic
from contestants import proxy
from measure import Cpu
from swarm import Stub, Swarm

from cluster import Cluster, default_pg_bin
from lock_set_differential import Planner
import wire

SESSIONS = 16  # of the swarm, where CPU time is measured
CLIENTS = 64  # of pgbench, beside windows
READERS = 6  # of what is dropped
DROP_STEP_S = 0.2  # from one drop to the next, if that is done by then
SCALE = 4  # of pgbench's tables
WARM_UP_S = 0.5
CATALOG = plan_cost.SETTINGS


@dataclasses.dataclass
class Effort:
    """How long all that takes."""

    queries: int  # of one round
    rounds: int
    drops: int
    tables: tuple
    window_s: float
    window_rounds: int
    statements: int  # rounds of each kind
    sizes: tuple  # tables beside these
    suites: int  # rounds


FULL = Effort(50000, 10, 50, (100, 300, 1000, 3000, 10000), 5, 8, 20,
              (100, 10000), 5)
QUICK = Effort(5000, 2, 10, (100, 300, 1000), 2, 2, 5, (100,), 1)


class Lockstep(contestants.Lockstep):
    """One worker, with settings."""

    def __init__(self, upstream, **settings):
        super().__init__(upstream)
        self.settings |= settings


# -- what is only looked at -------------------------------------------------

def of_detection(effort):
    yield from instructions_of_detection()
    yield from cpu_of_detection(effort)


def instructions_of_detection():
    guarded, free = (instructions.count(instructions.PATHS, guard=guard)
                     for guard in ("drops", "off"))
    for name, functions in guarded.items():
        yield {"path": name, "drops": instructions.total(functions),
               "off": instructions.total(free[name])}


def cpu_of_detection(effort):
    """The same query, in rounds by turns."""
    with contextlib.ExitStack() as stack:
        stub = stack.enter_context(Stub())
        pairs = {}
        for guard in ("off", "drops"):
            lockstep = stack.enter_context(Lockstep(stub, guard=guard))
            pairs[guard] = lockstep, stack.enter_context(Swarm(lockstep))
            pairs[guard][1].open(SESSIONS)
        for i in range(effort.rounds):
            yield {"round": i, **{
                f"{guard}_us": cpu_us(*pair, effort.queries)
                for guard, pair in pairs.items()}}


def cpu_us(lockstep, clients, count):
    with Cpu(lockstep.pid) as cpu:
        clients.run(SESSIONS, count)
    return cpu.seconds * 1e6 / count


# -- a drop that nobody contends --------------------------------------------

DROP_SCHEMA = """
create table parent_1 (id int primary key);
create table parent_2 (id int primary key)
"""
CHILD = "create table child (a int references parent_1, " \
    "b int references parent_2)"
DROPS = {"DROP TABLE": "drop table child",
         "DROP COLUMN": "alter table child drop column a",
         "in a transaction, others connected": "drop table child"}


def ask(session, sql):
    errors = wire.errors(session.query(sql))
    assert not errors, errors


def drop_ms(admin, session, kind):
    """From the statement to its answer, and to that of COMMIT."""
    is_block = kind.startswith("in a transaction")
    admin.execute("drop table if exists child")
    admin.execute(CHILD)
    if is_block:
        ask(session, "begin")
    begun = time.monotonic()
    ask(session, DROPS[kind])
    if is_block:
        ask(session, "commit")
    return (time.monotonic() - begun) * 1000


def sides(cluster, stack):
    return {"direct": cluster,
            "guard = off": stack.enter_context(Lockstep(cluster,
                                                        guard="off")),
            "guarded": stack.enter_context(Lockstep(cluster))}


def of_drops(effort):
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster(
            settings={"log_statement": "none"}))
        ways = sides(cluster, stack)
        admin = stack.enter_context(cluster.connect())
        admin.execute(DROP_SCHEMA)
        old = {name: stack.enter_context(wire.Wire(way))
               for name, way in ways.items()}
        for session in old.values():
            for kind in DROPS:
                drop_ms(admin, session, kind)
        for i in range(effort.drops):
            for kind in DROPS:
                for name, way in ways.items():
                    with wire.Wire(way) as fresh:
                        yield {"kind": kind, "way": name, "round": i,
                               "first_ms": drop_ms(admin, fresh, kind),
                               "next_ms": drop_ms(admin, old[name], kind)}


# -- plans ------------------------------------------------------------------

PLANNED = ["DROP TABLE", "DROP TABLE ... CASCADE", "DROP COLUMN",
           "DROP SCHEMA", "TRUNCATE ... CASCADE"]


def of_plans(effort, plan_tool):
    planner = Planner(plan_tool)
    statements = [(name, sql) for name, sql in plan_cost.STATEMENTS
                  if name in PLANNED]
    named = plan_cost.named_tables(min(effort.tables))
    with Cluster(settings=CATALOG) as cluster:
        have = 0
        for tables in effort.tables:
            keys = grow_catalog(cluster, have, tables, named)
            have = tables
            for name, sql in statements:
                plan = planner.ask(sql.format(*named))
                yield {"tables": tables, "keys": keys, "statement": name,
                       **planned(cluster, plan)}
    planner.close()


def grow_catalog(cluster, have, tables, named):
    """How many foreign keys there are then."""
    with cluster.connect() as conn:
        plan_cost.make_tables(conn, have, tables)
        if not have:
            conn.execute(plan_cost.OTHERS_SQL.format(*named))
        conn.execute("vacuum analyze")
        return plan_cost.key_count(conn)


def planned(cluster, plan):
    (relations, _plan, _run, first, _next_plan, _next_run,
     again) = plan_cost.measure(cluster, plan)
    return {"relations": relations, "first_ms": first, "next_ms": again}


# -- windows ----------------------------------------------------------------

# Tables whose parents are read all the time, and such as nobody knows of: a
# drop of those needs no window, but costs the server as much.
PARENTS = {"parent": traffic.PARENTS, "quiet": ("quiet_1", "quiet_2",
                                                "quiet_3")}
WHEN = {"without": None, "no windows": "quiet", "windows": "parent"}
PARENT = """
create table {0} (id int generated by default as identity primary key, n int);
insert into {0} (n) select 0 from generate_series(1, 100);
"""
WINDOW_CHILD = """
create table {0} (id int primary key, a int references {1},
                  b int references {2}, c int references {3})
"""


class Drops:
    """async with: drops of one table after another, meanwhile."""

    def __init__(self, lockstep, tables):
        self.lockstep = lockstep
        self.tables = tables
        self.task = None
        self.stop = False

    async def run(self):
        async with migrations.Migration(migrations.WAYS["auto"],
                                        self.lockstep) as migration:
            while not self.stop and self.tables:
                begun = time.perf_counter()
                await migration.drop(self.tables.pop(),
                                     begun + load.END_BOUND_S)
                await asyncio.sleep(begun + DROP_STEP_S
                                    - time.perf_counter())

    async def __aenter__(self):
        self.task = asyncio.create_task(self.run())
        return self

    async def __aexit__(self, *exc):
        self.stop = True
        await self.task


def told_of_windows(lockstep, after):
    """What the log says of the guarded statements behind the first ones."""
    events = lockstep.guarded()[after:]
    return {"drops": len(events),
            **{name: sum(int(event.get(name, 0)) for event in events)
               for name in ("windows", "gate_ms", "delayed")}}


async def window_round(clients, lockstep, tables, effort):
    """Beside drops if there are tables."""
    known = len(lockstep.guarded())
    async with contextlib.AsyncExitStack() as stack:
        if tables is not None:
            await stack.enter_async_context(Drops(lockstep, tables))
        transactions = await asyncio.to_thread(
            clients.pgbench, lockstep, False, effort.window_s, "-S", "-M",
            "prepared", "-c", str(CLIENTS), "-j", "2")
    begun = min(end - us / 1e6 for end, us in transactions)
    found = load.load_since(transactions, begun)
    return {"tps": found.units / found.seconds,
            "p50_us": found.percentile(0.5), "p99_us": found.percentile(0.99),
            **told_of_windows(lockstep, known)}


async def window_rounds(clients, lockstep, tables, effort):
    readers = [(traffic.reader("random"), False)] * READERS
    rows = []
    async with traffic.Clients(lockstep, readers):
        await asyncio.sleep(WARM_UP_S)
        for i in range(effort.window_rounds):
            for when, kind in WHEN.items():
                rows.append({"round": i, "when": when, **await window_round(
                    clients, lockstep, tables.get(kind), effort)})
    return rows


def make_window_tables(cluster, clients, endpoint, count):
    """{kind of the parents: names of the tables to drop}"""
    clients.run(endpoint, False, "pgbench", "-iq", "-s", str(SCALE),
                timeout=load.COPY_BOUND_S)
    tables = {kind: [f"child_of_{kind}_{i}" for i in range(count)]
              for kind in PARENTS}
    with cluster.connect() as admin:
        for kind, parents in PARENTS.items():
            for parent in parents:
                admin.execute(PARENT.format(parent))
            for table in tables[kind]:
                admin.execute(WINDOW_CHILD.format(table, *parents))
        admin.execute("vacuum analyze")
    return tables


def of_windows(effort):
    """Rounds by turns, all beside the readers of the parents."""
    count = int((effort.window_s / DROP_STEP_S + 2) * effort.window_rounds)
    with (Cluster(settings={"log_statement": "none"}) as cluster,
          Lockstep(cluster, log_level="info") as lockstep,
          tempfile.TemporaryDirectory(prefix="lsb") as folder):
        clients = load.Clients(default_pg_bin(), folder)
        tables = make_window_tables(cluster, clients, lockstep, count)
        yield from asyncio.run(window_rounds(clients, lockstep, tables,
                                             effort))


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def prepare(lockstep_bin):
    os.environ["LOCKSTEP_BIN"] = lockstep_bin
    swarm.raise_descriptor_limit(0)
    assert os.access(proxy.lockstep_bin(), os.X_OK), lockstep_bin
