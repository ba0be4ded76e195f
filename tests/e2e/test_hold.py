"""A statement that is held, as its user and as the server see it.

What test_guard.py has not: notices by the clock, psql and its Ctrl-C, the
server's lock queue in every form a statement may have, and an autovacuum as
the only one in the way.
"""

import os
import pty
import select
import signal
import subprocess
import time

import pytest

import wire
from cluster import Cluster
from scene import (BOUND_S, Asked, Holder, Loop, Watch, ask, state,
                   tables_locked, wait_for)
from wire import Wire, errors, extended, query, sqlstates, sync

TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key);
create table table_c(a_id int references table_a, b_id int references table_b);
create table journal(n int);
"""
DROP = "drop table table_c"
ENOUGH = 20  # samples of the server's queue

needs_lockstep = pytest.mark.needs_lockstep


@pytest.fixture
def holder(cluster, database, admin):
    admin.execute(TABLES)
    with Holder(cluster, database, "select * from table_b") as holder:
        yield holder


def is_dropped(admin):
    return admin.execute("select to_regclass('table_c') is null"
                         ).fetchone()[0]


# -- the server's queue -----------------------------------------------------

# name: texts before, messages
FORMS = {
    "simple": ([], [query(DROP)]),
    "extended": ([], [*extended(DROP), sync()]),
    "block": (["begin", "insert into journal values (1)"], [query(DROP)]),
    "block, extended": (["begin"], [*extended(DROP), sync()]),
    "one message": ([], [query(f"begin; {DROP}; commit")]),
    "pipelined block": ([], [*extended("begin"), *extended(DROP),
                             *extended("commit"), sync()]),
}


@needs_lockstep
@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_queued_and_nothing_is_held(start_lockstep, cluster,
                                               database, admin, holder, form):
    proxy = start_lockstep(policy="hold")
    before, messages = FORMS[form]
    with Wire(proxy, database, application_name="e2e_d") as d:
        for text in before:
            d.query(text)
        with Watch(cluster, database, "e2e_d") as watch:
            drop = Asked(d, *messages)
            end = time.monotonic() + 1
            while time.monotonic() < end or watch.samples <= ENOUGH:
                assert {mode for table, mode in tables_locked(admin, d.pid)
                        if table != "journal"} == set()
        assert watch.queued == 0
        assert not drop.is_answered()
        holder.release()
        trace = drop.answer()
        if wire.status(trace) == "T":
            trace += d.query("commit")
        assert errors(trace) == [] and is_dropped(admin)


@needs_lockstep
@pytest.mark.parametrize("form", FORMS)
def test_cancel_with_the_default_policy(lockstep, database, admin, holder,
                                        form):
    before, messages = FORMS[form]
    with Wire(lockstep, database, application_name="e2e_d") as d:
        for text in before:
            d.query(text)
        drop = Asked(d, *messages)
        assert not drop.is_answered(0.6)
        wire.cancel(lockstep, d)
        trace = drop.answer()
        assert sqlstates(trace) == ["57014"]
        expected = "I" if form in ("simple", "extended") else "E"
        assert wire.status(trace) == expected
        assert state(admin, d.pid) == {
            "I": "idle", "E": "idle in transaction (aborted)"}[expected]
        assert tables_locked(admin, d.pid) == []
        d.query("rollback")
        assert errors(d.query("select 1")) == []


# -- what the user is told --------------------------------------------------

@needs_lockstep
def test_a_notice_after_a_second_and_every_ten(lockstep, database, holder):
    with Wire(lockstep, database) as d:
        begun = time.monotonic()
        d.send(query(DROP))
        told = []
        for _ in range(2):
            d.read_until("N")
            told.append(time.monotonic() - begun)
        holder.release()
        trace = d.read_ready()
    assert errors(trace) == []
    first_s, second_s = told
    # One second and eleven, each later if the machine has more to do.
    assert first_s > 0.9
    assert second_s > 10.9 and second_s - first_s > first_s


class Psql:
    """psql at a terminal."""

    def __init__(self, pg_bin, endpoint, database):
        self.terminal, slave = pty.openpty()
        self.process = subprocess.Popen(
            [os.path.join(pg_bin, "psql"), "-X", "-n", "-P", "pager=off",
             "-h", endpoint.host, "-p", str(endpoint.port), "-U", "postgres",
             database],
            stdin=slave, stdout=slave, stderr=slave,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8",
                 "TERM": "dumb",
                 "PGSSLMODE": os.environ.get("PGSSLMODE", "prefer")})
        os.close(slave)
        self.database = database
        self.heard = ""

    def expect(self, *words):
        """What was said up to the last of these words, which come in turn."""
        deadline = time.monotonic() + BOUND_S
        said = ""
        for word in words:
            while word not in self.heard:
                left = deadline - time.monotonic()
                assert left > 0, f"no {word!r} in {self.heard!r}"
                if select.select([self.terminal], [], [], left)[0]:
                    self.heard += os.read(self.terminal, 65536).decode()
            end = self.heard.index(word) + len(word)
            said += self.heard[:end]
            self.heard = self.heard[end:]
        return said

    def prompt(self, status=""):
        """The prompt tells the transaction's status: nothing, * or !."""
        return f"{self.database}={status}#"

    def type(self, text):
        os.write(self.terminal, f"{text}\n".encode())

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def __enter__(self):
        self.expect(self.prompt())
        return self

    def __exit__(self, *exc):
        self.type("\\q")
        try:
            self.process.wait(BOUND_S)
        finally:
            self.process.kill()
            os.close(self.terminal)


@needs_lockstep
@pytest.mark.parametrize("in_block", [False, True])
def test_psql_is_told_and_interrupted(cluster, lockstep, database, admin,
                                      holder, in_block):
    with Psql(cluster.pg_bin, lockstep, database) as psql:
        if in_block:
            psql.type("begin;")
            psql.expect(psql.prompt("*"))
        psql.type(f"{DROP};")
        psql.expect("NOTICE:", "e2e_holder")
        psql.interrupt()
        psql.expect("ERROR:  canceling statement due to user request",
                    psql.prompt("!" if in_block else ""))
        if in_block:
            psql.type("rollback;")
            psql.expect(psql.prompt())
        psql.type("select 6 * 7 as answer;")
        psql.expect("42", psql.prompt())
        assert not is_dropped(admin)
        # And once more, to the end.
        psql.type(f"{DROP};")
        psql.expect("NOTICE:")
        holder.release()
        psql.expect("DROP TABLE", psql.prompt())
        assert is_dropped(admin)


# -- autovacuum -------------------------------------------------------------

# Slow enough to go on for minutes, and eager to come back.
VACUUMED = """
create table parent(id int primary key, filler text) with (
    autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_cost_delay = 100);
create table first_child(id int references parent);
create table second_child(id int references parent);
insert into parent select i, repeat('x', 500) from generate_series(1, 5000) i;
update parent set filler = repeat('y', 500);
"""
VACUUM_HOLDS = """exists (select from pg_locks
join pg_stat_activity using (pid) where backend_type = 'autovacuum worker' and relation = 'parent'::regclass
and mode = 'ShareUpdateExclusiveLock' and granted)"""


@pytest.fixture
def vacuumed(request):
    settings = {"autovacuum": "on", "autovacuum_naptime": "1s"}
    with Cluster(request.config.getoption("--pg-bin"), settings) as cluster:
        with cluster.connect() as admin:
            admin.execute(VACUUMED)
            yield cluster, admin


def drop_under_autovacuum(cluster, admin, endpoint, table):
    """How long it took, and the longest that a reader and a writer waited."""
    wait_for(admin, VACUUM_HOLDS)
    with Wire(endpoint) as d, \
            Loop(cluster, "postgres", "table parent limit 1") as r, \
            Loop(cluster, "postgres",
                 "update parent set id = id where id = 2") as w:
        time.sleep(0.2)
        drop = ask(d, f"drop table {table}")
        trace = drop.answer()
    assert errors(trace) == [] and r.problems == [] and w.problems == []
    return drop.took_s, max(r.longest_s, w.longest_s)


@needs_lockstep
@pytest.mark.parametrize("policy", ["auto", "lock", "hold"])
def test_autovacuum_gives_way(start_lockstep, vacuumed, policy):
    """Only for who waits longer than deadlock_timeout: direct, all others
    wait behind him."""
    cluster, admin = vacuumed
    direct_s, direct_stall_s = drop_under_autovacuum(cluster, admin, cluster,
                                                     "first_child")
    proxy = start_lockstep(upstream=cluster, policy=policy)
    took_s, stall_s = drop_under_autovacuum(cluster, admin, proxy,
                                            "second_child")
    assert took_s < 3 * direct_s
    assert stall_s < direct_stall_s / 2
