"""The server stands still for a second amid an attempt: a stalled disk.

Behind that every timer is overdue, a deadlock check as well as the attempt's
own bound.  Nobody may die because an attempt was waiting.
"""

import os
import random
import signal
import subprocess
import threading
import time

import pytest

from cluster import Cluster
from scene import Loop, wait_for
from wire import Wire, errors

needs_lockstep = pytest.mark.needs_lockstep

PAUSES = 6
TABLES = """
create table a(id int primary key);
create table b(id int primary key);
"""
CHILD = "create table if not exists c(x int references a, y int references b)"
BUSY = """exists (select from pg_stat_activity
where state = 'active' and pid <> pg_backend_pid()
and (query like 'DO $lock%%' or query like 'lock table%%')
and clock_timestamp() - query_start > interval '3 ms')"""
LOCKS = ["begin", "lock table b, a, c in access exclusive mode",
         "drop table c", "commit"]


@pytest.fixture(scope="module")
def server(request):
    """Of its own: the others' must not stand still."""
    with Cluster(request.config.getoption("--pg-bin")) as server:
        with server.connect() as admin:
            admin.execute(TABLES)
        yield server


class Migration(threading.Thread):
    """with: makes table c and drops it, again and again."""

    def __init__(self, server, endpoint, *texts):
        super().__init__(daemon=True)
        self.server = server
        self.session = Wire(endpoint, "postgres")
        self.texts = texts
        self.stop = threading.Event()

    def run(self):
        with self.server.connect() as admin:
            admin.execute("set lock_timeout = '100ms'")
            while not self.stop.is_set():
                try:
                    admin.execute(CHILD)
                except Exception:  # in use: once more
                    continue
                for text in self.texts:
                    self.session.query(text)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop.set()
        self.join(60)
        self.session.close()


def processes(server):
    """The postmaster and all that it has started."""
    main = server.process.pid
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(main)],
                           capture_output=True, text=True, check=True)
    return [main, *map(int, found.stdout.split())]


def tell(pids, how):
    for pid in pids:
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            pass


def pause(server):
    """As soon as somebody attempts, or at least some time."""
    with server.connect() as admin:
        deadline = time.monotonic() + 3
        while (time.monotonic() < deadline
               and not admin.execute("select " + BUSY).fetchone()[0]):
            time.sleep(0.001)
        pids = processes(server)
        tell(pids, signal.SIGSTOP)
        try:
            time.sleep(random.uniform(1.05, 1.3))
        finally:
            tell(pids, signal.SIGCONT)
    time.sleep(0.3)


def victims(server, endpoint, *texts):
    """The deadlocks of six readers who lock in opposite orders."""
    loops = [Loop(server, "postgres", "begin", *order, "commit")
             for order in (["select * from a", "select * from b"],
                           ["select * from b", "select * from a"]) * 3]
    for loop in loops:
        loop.start()
    with Migration(server, endpoint, *texts):
        for _ in range(PAUSES):
            pause(server)
    for loop in loops:
        loop.__exit__()
    return [problem for loop in loops for problem in loop.problems
            if problem["C"] == "40P01"]


@needs_lockstep
@pytest.mark.parametrize("policy", ["auto", "hold"])
def test_nobody_dies_of_a_pause(start_lockstep, server, policy):
    proxy = start_lockstep(server, policy=policy)
    assert victims(server, proxy, "drop table c") == []


@needs_lockstep
def test_policy_lock_has_fewer_victims_than_a_lock_table(start_lockstep,
                                                         server):
    """It queues for all tables now and then, as the last resort.  Each is a
    matter of luck; more are played while directly there was more of it."""
    proxy = start_lockstep(server, policy="lock")
    direct = through = 0
    for _ in range(4):
        direct += len(victims(server, server, *LOCKS))
        through += len(victims(server, proxy, "drop table c"))
        print(direct, through)
        if through <= direct:
            return
    raise AssertionError(f"{through} victims, {direct} directly")
