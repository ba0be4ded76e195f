"""What one role can do to the others by the gate, and what waiting there
hides: each case straight at the server, and through Lockstep."""

import statistics
import time

import pytest

import wire
from scene import Asked, Loop, ask, wait_for
from wire import Wire, errors, extended, query, sqlstates, sync

TABLES = """
create table innocent(id int primary key);
create table "select"(id int primary key);
create table kept(id int references "select", i int references innocent);
"""
DUTY = 0.25  # the share of time that the gate may be shut
BURST_S = 1  # and so much beyond that
HELD_S = 0.3  # long enough for what is not held

pytestmark = pytest.mark.needs_lockstep


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)


def run(session, *texts):
    for text in texts:
        assert errors(session.query(text)) == []


def notices(trace):
    return [dict(fields) for kind, fields in trace if kind == "N"]


def stalled_s(loop, longer_than_s=0.05):
    """All waits that are long, and much longer than usual ones."""
    waits = [wait for _text, _begun, wait in loop.waits]
    bound_s = max(longer_than_s, 10 * statistics.median(waits))
    return sum(wait for wait in waits if wait > bound_s)


# -- for how long -----------------------------------------------------------

def keep_locks(session, rounds, idle_s):
    """Transactions that drop tables and think."""
    for _ in range(rounds):
        run(session, "create table other(id int)",
            "begin", "drop table kept, other")
        time.sleep(idle_s)
        run(session, "rollback", "drop table other")


def test_transactions_that_keep_their_locks_get_a_quarter_of_the_time(
        start_lockstep, cluster, database, admin, tables):
    """The reader wants another table of the same name."""
    lockstep = start_lockstep(gate_transaction="1s")
    admin.execute("create schema elsewhere;"
                  "create table elsewhere.kept(id int)")
    stalled = {}
    for endpoint in cluster, lockstep:
        with Wire(endpoint, database) as d, \
                Loop(endpoint, database, "select count(*) from kept",
                     options="-c search_path=elsewhere") as loop:
            begun = time.monotonic()
            keep_locks(d, 4, 1.5)
            took_s = time.monotonic() - begun
        assert loop.problems == []
        stalled[endpoint] = stalled_s(loop)
    # Straight at the server nobody waits but for the machine.
    assert stalled[cluster] < took_s / 4
    assert stalled[lockstep] < \
        stalled[cluster] + DUTY * took_s + BURST_S + 0.5


def test_a_session_can_only_lower_what_delays_others(lockstep, database,
                                                     tables):
    with Wire(lockstep, database) as d:
        run(d, "set lockstep.gate_transaction = '5min'",
            "set lockstep.gate_window = '10s'", "create table other(id int)",
            "begin")
        trace = d.query("drop table kept, other")
        assert errors(trace) == []
        assert [notice["M"] for notice in notices(trace)] == [
            f'invalid value for parameter "lockstep.{name}": '
            "a session may only lower it"
            for name in ("gate_window", "gate_transaction")]
        run(d, "rollback", "set lockstep.gate_transaction = '0'",
            "set lockstep.gate_window = '10ms'", "begin")
        trace = d.query("drop table kept, other")
        assert errors(trace) == notices(trace) == []
        run(d, "rollback")


# -- for whom ---------------------------------------------------------------

@pytest.fixture
def proxy(start_lockstep):
    """Where a test looks around while the gate is shut."""
    return start_lockstep(gate_transaction="30s")


@pytest.fixture
def eve(cluster, database, admin):
    """A role with a schema of its own, and nothing else."""
    name = f"{database}_eve"
    admin.execute(f"create role {name} login;"
                  f"create schema {name} authorization {name}")
    yield name
    admin.execute(f"drop owned by {name}; drop role {name}")


# name of a table: a text that has the word, and does not name the table
WORDS = {
    "select": "select * from innocent",
    "user": "select user, id from innocent where user <> 'user'",
    "status": "select id as status from innocent order by status",
    "???": "select * from innocent",
    "Innocent": "select * from innocent",
    "two words": 'select id as two, id as words from innocent -- "two words"',
}


@pytest.mark.parametrize("name", WORDS)
def test_a_name_counts_where_it_is_a_name(proxy, database, admin, name):
    admin.execute("create table innocent(id int primary key);"
                  f'create table "{name}"(id int primary key);'
                  f'create table child(id int references "{name}")')
    with Wire(proxy, database) as d, Wire(proxy, database) as reader, \
            Wire(proxy, database) as other:
        run(d, "begin", "drop table child")
        asked = ask(reader, f'select * from "{name}"')
        assert not asked.is_answered(HELD_S)
        run(other, WORDS[name])
        run(other, f"prepare p as {WORDS[name]}")
        assert errors(other.run(*extended(WORDS[name]), sync())) == []
        run(d, "commit")
        assert errors(asked.answer()) == []


def test_a_schema_counts_where_it_is_said(proxy, database, admin):
    admin.execute("create schema s; create schema t;"
                  "create table s.a(id int primary key);"
                  "create table t.a(id int primary key);"
                  "create table s.child(id int references s.a)")
    with Wire(proxy, database) as d, Wire(proxy, database) as reader, \
            Wire(proxy, database) as other:
        run(d, "begin", "drop table s.child")
        asked = ask(reader, "select * from s.a")
        assert not asked.is_answered(HELD_S)
        run(other, "select * from t.a", "insert into t.a values (1)")
        run(d, "commit")
        assert errors(asked.answer()) == []


@pytest.mark.parametrize("is_granted", [False, True])
def test_what_nobody_else_may_use_stops_nobody_else(proxy, database, admin,
                                                    eve, is_granted):
    admin.execute("create table innocent(id int primary key)")
    with Wire(proxy, database, user=eve) as d, \
            Wire(proxy, database, user=eve) as own, \
            Wire(proxy, database) as other:
        run(d, f"create table {eve}.innocent(id int primary key)",
            f"create table {eve}.child(id int references {eve}.innocent)")
        if is_granted:
            run(d, f"grant usage on schema {eve} to public",
                f"grant select on {eve}.innocent to public")
        run(d, "begin", f"drop table {eve}.child")
        asked = ask(own, f"select * from {eve}.innocent")
        assert not asked.is_answered(HELD_S)
        by_mistake = ask(other, "select * from innocent")
        soon_s = HELD_S if is_granted else 10
        assert by_mistake.is_answered(soon_s) != is_granted
        run(d, "commit")
        assert errors(asked.answer() + by_mistake.answer()) == []


# -- what waiting hides -----------------------------------------------------

KEPT = """
create table innocent(id int primary key);
create table child(id int references innocent);
"""
READ = "select * from innocent"


@pytest.fixture
def kept(admin):
    admin.execute(KEPT)


def shut(d):
    run(d, "begin", "drop table child")


# name: texts before, messages
WAYS = {
    "simple": ([], [query(READ)]),
    "block": (["begin"], [query(READ)]),
    "extended": ([], [*extended(READ), sync()]),
    "block, extended": (["begin"], [*extended(READ), sync()]),
    "block in one cycle": ([], [*extended("begin"), *extended(READ), sync()]),
}
TIMEOUTS = {"lock_timeout": "55P03", "statement_timeout": "57014"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("setting", TIMEOUTS)
def test_who_waits_keeps_its_timeouts(proxy, cluster, database, kept, setting,
                                      way):
    """The server says it, as it would have; and the session goes on."""
    before, messages = WAYS[way]
    took_s = {}
    with Wire(proxy, database) as d:
        shut(d)
        for endpoint in cluster, proxy:
            with Wire(endpoint, database) as session:
                run(session, f"set {setting} = '1s'", *before)
                asked = Asked(session, *messages)
                trace = asked.answer()
                assert sqlstates(trace) == [TIMEOUTS[setting]]
                assert errors(trace)[0]["M"].startswith("canceling statement")
                took_s[endpoint] = asked.took_s
                session.query("rollback")
                run(session, "select 1")
        assert took_s[cluster] > 0.9
        assert 0.9 < took_s[proxy] < took_s[cluster] + 1
        run(d, "rollback")


def test_a_timeout_that_is_set_between_two_waits_counts(proxy, database,
                                                        kept):
    with Wire(proxy, database) as d, Wire(proxy, database) as session:
        shut(d)
        asked = ask(session, READ)
        assert not asked.is_answered(HELD_S)
        run(d, "rollback")
        assert errors(asked.answer()) == []
        shut(d)
        run(session, "set lock_timeout = '500ms'")
        assert sqlstates(session.query(READ)) == ["55P03"]
        run(session, "set lock_timeout = 0")
        asked = ask(session, READ)
        assert not asked.is_answered(1)
        run(d, "commit")
        assert errors(asked.answer()) == []


@pytest.mark.parametrize("form", ["simple", "extended"])
def test_what_never_waits_does_not_wait_here(proxy, cluster, database, kept,
                                             form):
    text = "lock table innocent in access share mode nowait"
    messages = [query(text)] if form == "simple" else [*extended(text), sync()]
    with Wire(proxy, database) as d:
        shut(d)
        for endpoint in cluster, proxy:
            with Wire(endpoint, database) as session:
                run(session, "begin")
                assert sqlstates(session.run(*messages)) == ["55P03"]
        run(d, "rollback")


@pytest.mark.parametrize("how", ["nowait", "skip locked"])
def test_rows_that_are_not_waited_for_are_the_servers(
        proxy, cluster, database, admin, kept, how):
    """It waits for the table, there as here; so it is there that it does."""
    with Wire(proxy, database) as d:
        for endpoint in cluster, proxy:
            shut(d)
            with Wire(endpoint, database) as session:
                asked = ask(session, f"{READ} for update {how}")
                wait_for(admin, "exists (select from pg_locks where pid = %s "
                         "and not granted)", session.pid)
                run(d, "rollback")
                assert errors(asked.answer()) == []


@pytest.mark.parametrize("setting, before", [
    ("idle_session_timeout", []),
    ("idle_in_transaction_session_timeout", ["begin"]),
])
def test_nobody_dies_idle_for_having_waited(proxy, cluster, database, kept,
                                            setting, before):
    with Wire(proxy, database) as d:
        for endpoint in cluster, proxy:
            shut(d)
            with Wire(endpoint, database) as session:
                run(session, f"set {setting} = '1s'", *before)
                time.sleep(0.5)
                asked = ask(session, READ)
                time.sleep(2.5)
                run(d, "rollback")
                assert errors(asked.answer()) == []


def test_a_cancel_ends_who_waits_with_timeouts(proxy, database, kept):
    with Wire(proxy, database) as d, Wire(proxy, database) as session:
        shut(d)
        run(session, "set lock_timeout = '1min'")
        asked = ask(session, READ)
        assert not asked.is_answered(HELD_S)
        wire.cancel(proxy, session)
        assert sqlstates(asked.answer()) == ["57014"]
        run(session, "select 1")
        run(d, "rollback")


def test_who_waits_with_a_snapshot_to_come_gets_it_later(proxy, database,
                                                         kept):
    """A question of ours takes no snapshot: LOCK TABLE comes before it."""
    with Wire(proxy, database) as d, Wire(proxy, database) as session:
        shut(d)
        run(session, "begin isolation level repeatable read")
        asked = ask(session, "lock table innocent in share mode")
        assert not asked.is_answered(HELD_S)
        run(d, "insert into innocent values (7)", "commit")
        assert errors(asked.answer()) == []
        assert wire.rows(session.query(READ)) == [("7",)]
        run(session, "commit")
