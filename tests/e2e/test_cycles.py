"""Cycles of waiting that the server cannot see, since one of those who wait
is held by Lockstep: whoever is in its way waits for its transaction."""

import time

import pytest

import scene
import wire
from scene import Holder, ask
from wire import Wire, errors, sqlstates

needs_lockstep = pytest.mark.needs_lockstep

SCHEMA = """
drop schema public cascade;
create schema public;
create table a(id int primary key, k int);
create table b(id int primary key, k int);
create table c(id int primary key, k int);
create table y(id int primary key, k int);
create table p(id int, k int) partition by range (id);
create table p1 partition of p for values from (0) to (10);
create table p2 partition of p for values from (10) to (20);
create table child(id int constraint of_y references y);
insert into c values (1, 0);
insert into y values (1, 0);
"""
DROP = "drop table c"
READ = "select * from c"
UPDATE = "update y set k = k + 1 where id = 1"

# What the transaction of a migration holds, beside tables: its statement, that
# of who is in its way, its own next one, and what that one wants then.
BESIDE_TABLES = {
    "row": (UPDATE, READ, DROP, UPDATE),
    "row, for update": ("select * from y where id = 1 for update", READ, DROP,
                        UPDATE),
    "row, another column": (UPDATE, READ, "alter table c drop column k",
                            UPDATE),
    "key": ("insert into y values (2, 0)", READ, DROP,
            "insert into y values (2, 1)"),
    "advisory, of the transaction": (
        "select pg_advisory_xact_lock(4711)", READ, DROP,
        "select pg_advisory_xact_lock(4711)"),
    "advisory, of the session": (
        "select pg_advisory_lock(4711)", READ, DROP,
        "select pg_advisory_xact_lock(4711)"),
    "table, weakly": ("select * from y", READ, DROP,
                      "alter table y add column z int"),
}

# The second statement of a migration wants what somebody holds who wants what
# the first one has locked.
TWO_STATEMENTS = {
    "two drops": ("drop table a", "select * from b", "drop table b",
                  "select * from a"),
    "table after table": ("truncate a", "select * from b", "truncate b",
                          "select * from a"),
    "column after column": (
        "alter table a drop column k", "update b set k = 0",
        "alter table b drop column k", "update a set k = 0"),
    "detach, then drop": (
        "alter table p detach partition p1", "select * from b",
        "drop table b", "select * from p"),
    "key, then table": (
        "alter table child drop constraint of_y", "select * from b",
        "drop table b", UPDATE),
    "unguarded, then guarded": (
        "alter table a add column z int", "select * from b", "drop table b",
        "select * from a"),
    "index, then table": (
        "create index on a(k)", "select * from b", "drop table b",
        "insert into a values (1, 1)"),
}


@pytest.fixture
def session(admin, database):
    """session(endpoint, *texts): one that has run them."""
    opened = []

    def start(endpoint, *texts):
        opened.append(Wire(endpoint, database))
        for text in texts:
            assert errors(opened[-1].query(text)) == [], text
        return opened[-1]

    admin.execute(SCHEMA)
    yield start
    for one in opened:
        one.close()


class Met:
    """A migration and who is in its way, until one of them has an answer."""

    def __init__(self, migration, ddl, application, text):
        self.ddl = ask(migration, ddl)
        time.sleep(0.2)
        self.other = ask(application, text)
        while not (self.ddl.is_answered(0.005) or self.other.is_answered()):
            assert time.monotonic() < self.other.begun + scene.BOUND_S
        self.took_s = time.monotonic() - self.other.begun
        if self.ddl.is_answered():
            self.finish(migration)
        self.other_codes = sqlstates(self.other.answer())
        self.finish(application)
        self.ddl_codes = sqlstates(self.ddl.answer())
        self.status = wire.status(self.ddl.answer())
        self.finish(migration)

    @staticmethod
    def finish(session):
        session.query("rollback")
        session.query("select pg_advisory_unlock_all()")

    def error(self):
        [error] = errors(self.ddl.answer())
        return error


def meet(session, admin, endpoint, case, begin=("begin",)):
    first, held, ddl, wanted = case
    admin.execute(SCHEMA)
    migration = session(endpoint, *begin, first)
    application = session(endpoint, "begin", held)
    return Met(migration, ddl, application, wanted)


def check(session, admin, direct, lockstep, case, **kwargs):
    """Directly the server's deadlock check ends it, for whomever it finds."""
    directly = meet(session, admin, direct, case, **kwargs)
    assert [*directly.ddl_codes, *directly.other_codes] == ["40P01"]
    met = meet(session, admin, lockstep, case, **kwargs)
    assert met.other_codes == []
    assert met.ddl_codes == ["40P01"]
    assert met.took_s < directly.took_s
    return met


@needs_lockstep
@pytest.mark.parametrize("case", BESIDE_TABLES)
def test_what_a_transaction_holds_beside_tables(session, admin, direct,
                                                lockstep, case):
    met = check(session, admin, direct, lockstep, BESIDE_TABLES[case])
    assert met.status == "E"
    error = met.error()
    assert error["M"] == "deadlock detected"
    lines = error["D"].split("\n")
    assert lines[0] == ("Process # waits for AccessExclusiveLock on public.c; "
                        "blocked by process #.")
    assert lines[1].startswith("Process # waits for ")
    assert lines[1].endswith("; blocked by process #.")
    assert lines[2].startswith("pid ") and " holds " in lines[2]
    assert "End the transactions" not in error["H"]


@needs_lockstep
@pytest.mark.parametrize("case", TWO_STATEMENTS)
def test_the_second_statement_of_a_transaction(session, admin, direct,
                                               lockstep, case):
    met = check(session, admin, direct, lockstep, TWO_STATEMENTS[case],
                begin=("set lockstep.replay = off", "begin"))
    assert "End the transactions" not in met.error()["H"]


@needs_lockstep
def test_the_second_statement_where_all_can_be_repeated(session, admin,
                                                        lockstep):
    """The transaction is started over: nobody ends, directly one does."""
    met = meet(session, admin, lockstep, TWO_STATEMENTS["two drops"])
    assert met.ddl_codes == [] and met.other_codes == []
    assert met.status == "T"


@needs_lockstep
@pytest.mark.parametrize("policy", ["lock", "hold"])
@pytest.mark.parametrize("case", ["row", "advisory, of the session"])
def test_policies(session, admin, direct, start_lockstep, case, policy):
    check(session, admin, direct, start_lockstep(policy=policy),
          BESIDE_TABLES[case])


@needs_lockstep
def test_a_lock_of_the_session_outside_of_a_block(session, admin, direct,
                                                  lockstep):
    """As migration frameworks do it."""
    case = ("select pg_advisory_lock(4711)", "select * from y",
            "drop table child", "select pg_advisory_xact_lock(4711)")
    met = check(session, admin, direct, lockstep, case, begin=())
    assert met.status == "I"


def build_index(session, admin, endpoint):
    """It waits for a writer of the table, who then wants to drop that."""
    admin.execute(SCHEMA)
    migration = session(endpoint, "begin", "update c set k = 1")
    other = session(endpoint)
    build = ask(other, "create index concurrently on c(k)")
    scene.wait_for(admin, "exists (select from pg_locks where not granted "
                   "and locktype = 'virtualxid')")
    drop = ask(migration, DROP)
    codes = sqlstates(drop.answer())
    migration.query("rollback")
    return codes, sqlstates(build.answer())


@needs_lockstep
def test_an_index_that_is_built_concurrently(session, admin, direct,
                                             lockstep):
    drop, build = build_index(session, admin, direct)
    assert [*drop, *build] == ["40P01"]
    assert build_index(session, admin, lockstep) == (["40P01"], [])


@needs_lockstep
def test_a_cycle_through_a_third_session(session, admin, lockstep):
    """Who is in the way waits for somebody else, and that one for us."""
    migration = session(lockstep, "begin", UPDATE)
    second = session(lockstep, "begin", "update a set k = 1",
                     "lock table a in exclusive mode")
    third = session(lockstep, "begin", READ)
    of_second = ask(second, UPDATE)
    of_third = ask(third, "update a set k = 2")
    scene.wait_for(admin, "count(*) = 2 from pg_locks where not granted")
    [error] = errors(migration.query(DROP))
    assert error["C"] == "40P01"
    assert error["D"].count("blocked by process") == 3
    assert sqlstates(of_second.answer()) == []
    second.query("commit")
    assert sqlstates(of_third.answer()) == []


# -- others wait, and are not in the way ---------------------------------------

SOON = "set lockstep.in_transaction_timeout = '400ms'"


def test_who_waits_for_a_transaction_does_not_wait_long(session, cluster,
                                                        database, lockstep):
    migration = session(lockstep, SOON, "begin", UPDATE)
    with Holder(cluster, database, READ):
        drop = ask(migration, DROP)
        assert not drop.is_answered(1.2)  # nobody waits
        update = ask(session(lockstep), UPDATE)
        assert sqlstates(update.answer()) == []
        [error] = errors(drop.answer())
        assert error["C"] == "55P03"
        assert "in_transaction_timeout" in error["H"]
        assert " waits for this transaction." in error["D"]


@needs_lockstep
def test_who_waits_for_an_advisory_lock_means_to(session, cluster, database,
                                                 lockstep):
    """The second instance of a service that migrates when it starts."""
    migration = session(lockstep, SOON, "begin",
                        "select pg_advisory_xact_lock(4711)")
    with Holder(cluster, database, READ) as holder:
        drop = ask(migration, DROP)
        second = ask(session(lockstep), "select pg_advisory_xact_lock(4711)")
        assert not drop.is_answered(1.5)
        holder.release()
        assert sqlstates(drop.answer()) == []
    assert errors(migration.query("commit")) == []
    assert sqlstates(second.answer()) == []


@needs_lockstep
def test_a_queue_that_the_server_would_change(session, admin, direct,
                                              lockstep):
    """Who is in the way merely queues behind somebody who waits for us."""
    def play(endpoint):
        admin.execute(SCHEMA)
        migration = session(endpoint, SOON, "begin", UPDATE)
        reader = session(endpoint, "begin", READ)
        queued = ask(session(endpoint), "alter table y add column z int")
        scene.wait_for(admin, "exists (select from pg_locks where not granted)")
        drop = ask(migration, DROP)
        time.sleep(0.2)
        read = ask(reader, "select * from y")
        codes = sqlstates(read.answer())
        reader.query("commit")
        codes += sqlstates(drop.answer())
        migration.query("rollback")
        return codes, sqlstates(queued.answer())

    assert play(direct) == ([], [])
    assert play(lockstep) == (["55P03"], [])


# -- both ends are held --------------------------------------------------------

WEAK = [f"select * from {table}" for table in "ab"]
STRONG = [f"alter table {table} add column z int" for table in "ab"]


def hold_each_other(session, endpoints, holds, *before):
    first, second = (session(endpoint, *before, "begin", text)
                     for endpoint, text in zip(endpoints, holds))
    drops = ask(first, "drop table b"), ask(second, "drop table a")
    codes = [sqlstates(drop.answer()) for drop in drops]
    for one in first, second:
        one.query("rollback")
    return sorted(codes)


@needs_lockstep
@pytest.mark.parametrize("holds", [WEAK, STRONG], ids=["weak", "strong"])
@pytest.mark.parametrize("proxies", [1, 2])
def test_two_that_are_held_for_each_other(session, admin, direct, lockstep,
                                          start_lockstep, proxies, holds):
    """One of them ends, as it would directly."""
    assert hold_each_other(session, [direct] * 2, holds) == [[], ["40P01"]]
    admin.execute(SCHEMA)
    other = lockstep if proxies == 1 else start_lockstep()
    assert hold_each_other(session, [lockstep, other], holds,
                           "set lockstep.replay = off") == [[], ["40P01"]]


@needs_lockstep
def test_two_whose_settings_are_set_aside_for_our_questions(session, lockstep):
    """What sets them back is the last thing that the other one can read."""
    assert hold_each_other(session, [lockstep] * 2, WEAK,
                           "set enable_nestloop = off") == [[], ["40P01"]]


# -- through the application ---------------------------------------------------

@needs_lockstep
def test_a_process_that_waits_for_its_other_session_at_the_gate(
        session, lockstep):
    """Nobody sees that wait, but the gate is soon open again."""
    first = session(lockstep, "begin", READ)
    migration = session(lockstep, "begin", UPDATE)
    drop = ask(migration, DROP)
    for _ in range(20):
        assert sqlstates(session(lockstep).query(READ)) == []
    assert not drop.is_answered()
    first.query("commit")
    assert sqlstates(drop.answer()) == []


@needs_lockstep
def test_a_process_that_waits_for_its_other_session_behind_the_locks(
        session, lockstep):
    """Until in_transaction_timeout, since the transaction holds strong locks."""
    first = session(lockstep, "begin", "select * from b")
    migration = session(lockstep, "set lockstep.replay = off", "begin",
                        "drop table a")
    second = ask(session(lockstep), "select * from a")
    drop = ask(migration, "drop table b")
    assert sqlstates(second.answer()) == []
    assert sqlstates(drop.answer()) == ["55P03"]
    first.query("commit")


# -- what a look sees ----------------------------------------------------------

@needs_lockstep
@pytest.mark.parametrize("form", ["simple", "pipelined"])
def test_looks_of_a_transaction_see_the_sessions_as_they_are(
        session, cluster, database, lockstep, form):
    """The server keeps pg_stat_activity for a transaction that reads it."""
    with Holder(cluster, database, READ) as holder:
        migration = session(lockstep, "set lockstep.hold_timeout = '1500ms'")
        if form == "simple":
            migration.query("begin")
            drop = ask(migration, DROP)
        else:
            drop = scene.Asked(migration, *wire.extended("select 1"),
                               *wire.extended(DROP), wire.sync())
        time.sleep(0.4)
        holder.session.query("set application_name = 'e2e_renamed'")
        sleep = ask(holder.session, "select pg_sleep(3)")
        [error] = errors(drop.answer())
        sleep.answer()
    assert error["C"] == "55P03"
    assert 'application_name "e2e_renamed", state "active"' in error["D"]
