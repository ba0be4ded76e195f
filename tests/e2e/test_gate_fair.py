"""What one role can do to the others by the gate, and what waiting there
hides: each case straight at the server, and through Lockstep."""

import time

import pytest

from scene import Loop, ask
from wire import Wire, errors, extended, sync

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
    return sum(wait for _text, _begun, wait in loop.waits
               if wait > longer_than_s)


# -- for how long -----------------------------------------------------------

def keep_locks(session, rounds, idle_s):
    """Transactions that drop tables and think."""
    for _ in range(rounds):
        run(session, "create table other(id int)",
            "begin", "drop table kept, other")
        time.sleep(idle_s)
        run(session, "rollback", "drop table other")


def test_transactions_that_keep_their_locks_get_a_quarter_of_the_time(
        lockstep, cluster, database, admin, tables):
    """The reader wants another table of the same name."""
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
        assert stalled[endpoint] < DUTY * took_s + BURST_S + 0.5
    assert stalled[cluster] < 0.5


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
