"""How Lockstep grows: with sessions, with connections, with held DDL.

Each function yields rows, dictionaries of numbers, as they are measured.
"""

import contextlib
import dataclasses
import os
import time

import contestants
import swarm
from contestants import proxy
from measure import Cpu, anonymous_bytes, cpu_seconds, memory
from swarm import Stub, Swarm

from cluster import Cluster
import wire

SETTLE_S = 0.2
WARM_UP = 1000  # queries before anything is counted
FEW = 10  # sessions, of those that are open, that do all the work
UNRELATED = 4  # sessions beside held DDL
HELD_AFTER_S = 2  # quick attempts are over, everybody has been told
DATABASE = "postgres"

STEPS = (10, 30, 100, 300, 1000, 3000, 10000)


@dataclasses.dataclass
class Effort:
    """How long all that takes."""

    sessions: tuple
    queries: int  # of one round
    rounds: int
    connects: int  # of one step
    connect_steps: int
    held: tuple
    hold_s: float


FULL = Effort(STEPS, 20000, 5, 100000, 10, (1, 3, 10, 30, 100), 5)
QUICK = Effort((10, 100, 1000), 2000, 2, 2000, 5, (1, 10), 1.5)


# -- who is measured --------------------------------------------------------

class Lockstep(contestants.Lockstep):
    """workers in its name."""

    def __init__(self, upstream, workers):
        super().__init__(upstream)
        self.settings["workers"] = workers
        self.told = contestants.told(self.settings)
        self.name = f"lockstep-{workers}"
        self.title = f"Lockstep, {workers} worker" + "s" * (workers > 1)


class HAProxy(contestants.HAProxy):
    most_sessions = 3000  # it wants descriptors to spare


ALL = [contestants.Floor, HAProxy, contestants.PgBouncer,
       lambda upstream: Lockstep(upstream, 1),
       lambda upstream: Lockstep(upstream, 2)]


class Setup(contextlib.ExitStack):
    """with: a contestant before a stub of its own, and its clients."""

    def __init__(self, kind):
        super().__init__()
        self.stub = self.enter_context(Stub())
        self.contestant = self.enter_context(kind(self.stub))
        self.name = self.contestant.name
        self.most = getattr(self.contestant, "most_sessions", float("inf"))
        self.swarm = self.enter_context(Swarm(self.contestant))
        self.swarm.open(FEW)
        self.swarm.run(FEW, WARM_UP)

    def open(self, count):
        """Bytes that are its own; each session has been used once then."""
        self.swarm.open(count)
        self.swarm.run(count, count)
        time.sleep(SETTLE_S)
        return {"memory_bytes": anonymous_bytes(self.contestant.pid)}

    def run(self, active, count):
        """One round."""
        with Cpu(self.contestant.pid) as cpu:
            seconds, p50, p99 = self.swarm.run(active, count)
        return {"cpu_us": cpu.seconds * 1e6 / count, "seconds": seconds,
                "p50_us": p50, "p99_us": p99}


# -- sessions ---------------------------------------------------------------

def with_sessions(effort, note):
    """All contestants hold as many; rounds in turns."""
    most = swarm.most_sessions(max(effort.sessions))
    with contextlib.ExitStack() as stack:
        everybody = [stack.enter_context(Setup(kind)) for kind in ALL]
        note({setup.name: {"title": setup.contestant.title,
                           "version": setup.contestant.version(),
                           "told": setup.contestant.told}
              for setup in everybody})
        for count in effort.sessions:
            count = min(count, most)
            able = [setup for setup in everybody if count <= setup.most]
            for setup in able:
                yield {"contestant": setup.name, "sessions": count,
                       **setup.open(count)}
            yield from rounds(effort, able, count)


def rounds(effort, everybody, count):
    for i in range(effort.rounds):
        for active in sorted({FEW, count}):
            for setup in everybody:
                yield {"contestant": setup.name, "sessions": count,
                       "active": active, "round": i,
                       **setup.run(active, effort.queries)}


# -- connections ------------------------------------------------------------

def with_connections(effort):
    with Setup(lambda upstream: Lockstep(upstream, 1)) as setup:
        pid = setup.contestant.pid
        setup.swarm.churn(effort.connects // 10)
        for step in range(effort.connect_steps + 1):
            took = step and setup.swarm.churn(effort.connects)
            time.sleep(SETTLE_S)
            used = memory(pid)
            yield {"connects": step * effort.connects, "seconds": took,
                   "memory_bytes": anonymous_bytes(pid),
                   "resident_bytes": used["Rss"], "cpu_s": cpu_seconds(pid)}


# -- held DDL ---------------------------------------------------------------

SCHEMA = """
drop schema public cascade;
create schema public;
create table parent_1 (id int primary key);
create table parent_2 (id int primary key);
create table pgbench_accounts (aid int primary key, abalance int);
insert into pgbench_accounts select i, 0 from generate_series(1, 20000) i;
"""
KEYS = "{0} int references parent_1, {1} int references parent_2"


def tables_of_their_own(admin, count):
    for i in range(count):
        admin.execute(f"create table child_{i} ({KEYS.format('a', 'b')})")
    return [f"drop table child_{i}" for i in range(count)]


def one_table(admin, count):
    keys = [KEYS.format(f"a{i}", f"b{i}") for i in range(count)]
    admin.execute(f"create table child ({', '.join(keys)})")
    return [f"alter table child drop column b{i}" for i in range(count)]


MAKERS = {"own": tables_of_their_own, "same": one_table}


class Holding(contextlib.ExitStack):
    """with: sessions whose statements wait for an idle transaction."""

    def __init__(self, cluster, lockstep, statements):
        super().__init__()
        self.holder = self.enter_context(wire.Wire(cluster))
        self.holder.query("begin; select * from parent_2 limit 1")
        self.sessions = [self.enter_context(wire.Wire(lockstep))
                         for _ in statements]
        for session, statement in zip(self.sessions, statements):
            session.send(wire.query(statement))
        time.sleep(HELD_AFTER_S)

    def release(self):
        """Seconds until all were done, and how many failed."""
        self.holder.query("rollback")
        begun = time.monotonic()
        failed = 0
        for session in self.sessions:
            failed += bool(wire.errors(session.read_ready()))
        return {"done_s": time.monotonic() - begun, "failed": failed}


def cpu_shares(pids, seconds):
    """Of one CPU, for each of {name: pid}."""
    begun = time.monotonic()
    used = {name: cpu_seconds(pid) for name, pid in pids.items()}
    time.sleep(seconds)
    took = time.monotonic() - begun
    return {name: (cpu_seconds(pid) - used[name]) / took
            for name, pid in pids.items()}


def unrelated(clients, effort, prefix):
    _seconds, p50, p99 = clients.run(UNRELATED, effort.queries, UNRELATED)
    return {f"{prefix}_p50_us": p50, f"{prefix}_p99_us": p99}


def hold(cluster, lockstep, clients, effort, how, count):
    with cluster.connect() as admin:
        admin.execute(SCHEMA)
        admin.execute("analyze")
        statements = MAKERS[how](admin, count)
    row = {"tables": how, "held": count,
           **unrelated(clients, effort, "without")}
    with Holding(cluster, lockstep, statements) as holding:
        row |= cpu_shares({"cpu_share": lockstep.pid,
                           "server_share": cluster.process.pid},
                          effort.hold_s)
        row |= unrelated(clients, effort, "with")
        return row | holding.release()


def with_held(effort):
    with Cluster(settings={"log_statement": "none"}) as cluster, \
            Lockstep(cluster, 1) as lockstep:
        for how in MAKERS:
            for count in effort.held:
                with Swarm(lockstep) as clients:
                    clients.open(UNRELATED)
                    yield hold(cluster, lockstep, clients, effort, how,
                               count)


def prepare(lockstep_bin):
    os.environ["LOCKSTEP_BIN"] = lockstep_bin
    os.environ.setdefault("FLOOR_BIN", swarm.compiled("floor"))
    contestants.raise_descriptor_limit()
    assert os.access(proxy.lockstep_bin(), os.X_OK), lockstep_bin
