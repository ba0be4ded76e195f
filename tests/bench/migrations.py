"""The ways in which people drop a table, each bounded by a budget."""

import asyncio
import collections
import dataclasses
import os
import random
import signal
import time

from traffic import DEADLOCK, PARENTS, Connection, wire

LOCK_TIMEOUT = "55P03"
RETRY_PAUSE_S = 0.2  # on average, between two tries of a migration library
DROP_PAUSE_S = 0.25  # between two drops, so that traffic is as before


async def plain(connection, table):
    return await connection.query(f"drop table {table}")


async def lock_first(connection, table):
    """The parents in the order of their names, the child last."""
    errors = await connection.query(
        f"begin; lock table {', '.join(PARENTS)}, {table} "
        f"in access exclusive mode; drop table {table}; commit")
    if errors:
        await connection.query("rollback")
    return errors


async def until_locked(connection, text, lock_timeout, pause_s):
    """In a transaction, again while lock_timeout ends it; the errors of the
    last try."""
    while True:
        errors = await connection.query(
            f"begin; set local lock_timeout = '{lock_timeout}'; "
            f"{text}; commit")
        if not errors:
            return errors
        await connection.query("rollback")
        if errors != [LOCK_TIMEOUT]:
            return errors
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))


def retry(lock_timeout):
    """What migration libraries do; they try again after 55P03 only."""
    async def drop(connection, table):
        return await until_locked(connection, f"drop table {table}",
                                  lock_timeout, RETRY_PAUSE_S)
    return drop


@dataclasses.dataclass
class Way:
    """policy: through a Lockstep with that one, applications included."""

    name: str
    drop: object = None  # nothing is dropped: a run to compare with
    policy: str = None


WAYS = {way.name: way for way in [
    Way("none"),
    Way("none-lockstep", policy="auto"),
    Way("plain", plain),
    Way("lock-first", lock_first),
    Way("retry-100ms", retry("100ms")),
    Way("retry-5s", retry("5s")),
    Way("auto", plain, "auto"),
    Way("lock", plain, "lock"),
    Way("hold", plain, "hold"),
]}


class Migration:
    """async with: a session that drops tables, and what became of them."""

    def __init__(self, way, endpoint):
        self.way = way
        self.endpoint = endpoint
        self.connection = None
        self.asked = 0
        self.seconds = []  # of the drops that were done
        self.errors = collections.Counter()
        self.is_cut = False

    async def __aenter__(self):
        self.connection = await Connection.open(self.endpoint, "bench_ddl")
        return self

    async def __aexit__(self, *exc):
        self.connection.close()

    def victims(self):
        return self.errors[DEADLOCK]

    def others(self):
        return {state: count for state, count in self.errors.items()
                if state != DEADLOCK}

    async def drop(self, table, deadline):
        """True when it is done; cut short when the deadline comes."""
        begun = time.perf_counter()
        self.asked += 1
        task = asyncio.create_task(self.way.drop(self.connection, table))
        await asyncio.wait([task], timeout=max(0, deadline - begun))
        if not task.done():
            task.cancel()
            await self.cut()
            return False
        self.errors.update(task.result())
        if task.result():
            return False
        self.seconds.append(time.perf_counter() - begun)
        return True

    async def cut(self):
        """A backend that waits for a lock does not miss its client."""
        self.is_cut = True
        await asyncio.to_thread(wire.cancel, self.endpoint, self.connection)
        self.connection.transport.abort()

    async def drop_all(self, tables, budget_s):
        deadline = time.perf_counter() + budget_s
        for table in tables:
            if time.perf_counter() >= deadline:
                self.is_cut = True
            if self.is_cut:
                break
            await self.drop(table, deadline)
            await asyncio.sleep(DROP_PAUSE_S)


# -- who is in the way ------------------------------------------------------

class IdleHolder:
    """A transaction that has read a table, and sits."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.connection = None

    async def begin(self):
        self.connection = await Connection.open(self.cluster, "bench_holder")
        await self.connection.query("begin; select * from parent_2 limit 1")

    async def end(self):
        """When it was over."""
        await self.connection.query("rollback")
        ended = time.perf_counter()
        self.connection.close()
        return ended


class DumpHolder:
    """pg_dump, stopped while it copies the tables it has locked."""

    LOCKS = ("select count(*) from pg_locks join pg_stat_activity using (pid) "
             "where application_name = 'pg_dump' and granted "
             "and relation in ({})".format(", ".join(
                 f"'{table}'::regclass" for table in PARENTS)))

    def __init__(self, cluster):
        self.cluster = cluster
        self.process = None

    async def begin(self):
        self.process = await asyncio.create_subprocess_exec(
            os.path.join(self.cluster.pg_bin, "pg_dump"), "-f", "/dev/null",
            self.cluster.conninfo())
        with self.cluster.connect() as admin:
            while admin.execute(self.LOCKS).fetchone()[0] < len(PARENTS):
                if self.process.returncode is not None:
                    raise RuntimeError("pg_dump was too quick")
                await asyncio.sleep(0.002)
        self.process.send_signal(signal.SIGSTOP)

    async def end(self):
        self.process.send_signal(signal.SIGCONT)
        await self.process.wait()
        return time.perf_counter()
