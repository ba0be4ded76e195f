"""Many that are held look for who is in the way no more often than one does,
and all of them go on when that one is done.

Directly they would wait in the server's queue, at no cost; there the tables
behind the queue are blocked, which test_guard.py shows.
"""

import contextlib
import os
import signal
import time

import pytest

import wire
from scene import BOUND_S, Holder, ask, wait_for
from wire import Wire, errors, sqlstates

MANY = 40
DROPS = 5
SETTLE_S = 2  # until the first looks, which are frequent, are over
MEASURED_S = 3
LOOK = "/* Lockstep waits for"

pytestmark = pytest.mark.needs_lockstep


def looks(cluster):
    """As the server's log has them, so far."""
    with open(cluster.log_path, encoding="utf-8", errors="replace") as log:
        return log.read().count(LOOK)


def looks_in(cluster, seconds):
    before = looks(cluster)
    time.sleep(seconds)
    return looks(cluster) - before


class Held:
    """with: so many drops, of tables with a parent each, whom one transaction
    is in the way of.  before is what each session runs first."""

    def __init__(self, endpoint, cluster, database, count, before="select 1"):
        self.cluster = cluster
        self.database = database
        with cluster.connect(database) as admin:
            for i in range(count):
                admin.execute(f"create table parent_{i} (id int primary key)")
                admin.execute(f"create table child_{i} "
                              f"(id int references parent_{i})")
        self.stack = contextlib.ExitStack()
        self.sessions = [self.stack.enter_context(Wire(endpoint, database))
                         for _ in range(count)]
        for i, session in enumerate(self.sessions):
            assert errors(session.query(before.format(i))) == []
        self.holder = None
        self.asked = []

    def __enter__(self):
        texts = [f"select from parent_{i}" for i in range(len(self.sessions))]
        self.holder = self.stack.enter_context(
            Holder(self.cluster, self.database, *texts))
        self.asked = [ask(session, f"drop table child_{i}")
                      for i, session in enumerate(self.sessions)]
        time.sleep(SETTLE_S)
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def release(self):
        """Seconds to the last end, of those that are asked."""
        begun = time.monotonic()
        self.holder.release()
        for one in self.asked:
            assert errors(one.answer()) == []
        return max(one.begun + one.took_s for one in self.asked) - begun


def drop_s(endpoint, database, admin):
    """How long a drop takes that nobody is in the way of: the slowest of some,
    as the machine may have more to do later."""
    took = []
    admin.execute("create table if not exists parent (id int primary key)")
    with Wire(endpoint, database) as session:
        for _ in range(DROPS):
            admin.execute("create table child (id int references parent)")
            begun = time.monotonic()
            assert errors(session.query("drop table child")) == []
            took.append(time.monotonic() - begun)
    return max(took)


@pytest.fixture
def proxy(start_lockstep):
    return start_lockstep(workers="1")


@pytest.fixture
def hold(proxy, cluster, database):
    """with hold(count): so many, held in the one worker."""
    return lambda *args: Held(proxy, cluster, database, *args)


def clear(admin):
    admin.execute("drop schema public cascade; create schema public")


def test_many_look_as_often_as_one_and_end_at_once(proxy, cluster, database,
                                                   admin):
    found = {}
    for count in 1, MANY:
        with Held(proxy, cluster, database, count) as held:
            found[count] = looks_in(cluster, MEASURED_S)
            last_s = held.release()
        clear(admin)
    one_s = drop_s(proxy, database, admin)
    assert found[1] > 0
    assert found[MANY] <= 3 * found[1] + 3, found
    assert last_s < 1 + MANY * one_s, (last_s, one_s)


def test_on_one_table_they_end_one_behind_the_other(proxy, cluster, database,
                                                    admin):
    admin.execute("create table parent (id int primary key)")
    columns = ", ".join(f"c{i} int references parent" for i in range(MANY))
    admin.execute(f"create table many ({columns})")
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(Wire(proxy, database))
                    for _ in range(MANY)]
        holder = stack.enter_context(
            Holder(cluster, database, "select from parent"))
        asked = [ask(session, f"alter table many drop column c{i}")
                 for i, session in enumerate(sessions)]
        time.sleep(SETTLE_S)
        begun = time.monotonic()
        holder.release()
        for one in asked:
            assert errors(one.answer()) == []
        last_s = max(one.begun + one.took_s for one in asked) - begun
    one_s = drop_s(proxy, database, admin)
    assert last_s < 1 + 3 * MANY * one_s, (last_s, one_s)


def test_sessions_that_keep_locks_look_for_themselves(hold, cluster, admin):
    """That is what all of them did.  How often depends on who comes upon whom:
    of 32, two to four times as many were seen; on a busy machine, it takes
    more of them to tell."""
    alone = shared = 0
    for _ in range(4):
        with hold(32, "select 1"):
            shared += looks_in(cluster, MEASURED_S)
        clear(admin)
        with hold(32, "select pg_advisory_lock({})"):
            alone += looks_in(cluster, MEASURED_S)
        clear(admin)
        if 2 * alone > 3 * shared:
            return
    raise AssertionError((alone, shared))


def refused(held, at):
    """The one that was ended; the others are asked for still."""
    trace = held.asked.pop(at).answer()
    held.sessions.pop(at)
    return trace


def goes_on(held, cluster):
    """The others still look, and are still held."""
    assert looks_in(cluster, 1.5) > 0
    assert not any(one.is_answered() for one in held.asked)
    held.release()


def asker(admin, held):
    """The place of a session that looks just now."""
    pids = [session.pid for session in held.sessions]
    deadline = time.monotonic() + BOUND_S
    while time.monotonic() < deadline:
        row = admin.execute(
            "select pid from pg_stat_activity where pid = any(%s) "
            "order by query_start desc limit 1", [pids]).fetchone()
        if row:
            return pids.index(row[0])
    raise AssertionError("nobody looks")


def test_others_look_where_one_is_cancelled(proxy, hold, cluster, admin):
    with hold(6) as held:
        for _ in range(3):
            at = asker(admin, held)
            wire.cancel(proxy, held.sessions[at])
            assert sqlstates(refused(held, at)) == ["57014"]
        goes_on(held, cluster)


def test_others_look_where_one_is_terminated(hold, cluster, admin):
    with hold(6) as held:
        for _ in range(3):
            at = asker(admin, held)
            admin.execute("select pg_terminate_backend(%s)",
                          [held.sessions[at].pid])
            assert sqlstates(refused(held, at)) == ["57P01"]
        goes_on(held, cluster)


def test_others_look_where_ones_client_leaves(hold, cluster, admin):
    with hold(6) as held:
        for _ in range(3):
            at = asker(admin, held)
            held.asked.pop(at)
            held.sessions.pop(at).close()
        goes_on(held, cluster)


def freeze(admin, pid):
    """Stop the backend while it does nothing, so that it holds nothing."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        row = admin.execute("select state from pg_stat_activity "
                            "where pid = %s", [pid]).fetchone()
        if row[0] == "idle":
            return
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.01)


def test_others_look_where_ones_server_stands_still(hold, cluster, admin):
    """It is asked sooner or later, and does not answer."""
    with hold(4) as held:
        frozen = held.asked.pop(0)
        freeze(admin, held.sessions[0].pid)
        try:
            time.sleep(1)
            goes_on(held, cluster)
            assert not frozen.is_answered()
        finally:
            os.kill(held.sessions[0].pid, signal.SIGCONT)
        assert errors(frozen.answer()) == []


def test_a_cycle_by_an_advisory_lock_is_seen(proxy, hold, cluster, database,
                                             admin):
    """Nobody else would end it: the server does not know of the held drop."""
    admin.execute("create table a (id int primary key)")
    admin.execute("create table b (id int references a)")
    with hold(4) as held, Wire(proxy, database) as d, \
            Holder(cluster, database, "select from a") as other:
        assert errors(d.query("select pg_advisory_lock(4711)")) == []
        drop = ask(d, "drop table b")
        time.sleep(0.5)
        waits = ask(other.session, "select pg_advisory_lock(4711)")
        assert sqlstates(drop.answer()) == ["40P01"]
        d.query("select pg_advisory_unlock(4711)")
        assert errors(waits.answer()) == []
        held.release()


def test_roles_do_not_share(proxy, cluster, database, admin):
    """What one may see of others is not what another one may."""
    admin.execute("create role looker login; "
                  "grant all on schema public to looker")
    try:
        admin.execute("set role looker")
        admin.execute("create table a (id int primary key); "
                      "create table b (id int references a); "
                      "create table c (id int references a)")
        admin.execute("reset role")
        with Holder(cluster, database, "select from a"), \
                Wire(proxy, database) as su, \
                Wire(proxy, database, user="looker") as looker:
            first, second = ask(su, "drop table b"), ask(looker,
                                                         "drop table c")
            wait_for(admin, "(select count(*) from pg_stat_activity "
                     f"where query like '{LOOK}%%') = 2")
            assert not first.is_answered(1.5)
            assert not second.is_answered()
            for session, asked in (su, first), (looker, second):
                wire.cancel(proxy, session)
                trace = asked.answer()
                told = [m for m in trace if "e2e_holder" in str(m)]
                assert ("idle in transaction" in str(told)) == (
                    session is su), told
    finally:
        admin.execute("drop owned by looker; drop role looker")
