"""LOCK TABLE before the first snapshot of its transaction: what is committed
until the lock is there is seen, as PostgreSQL's documentation recommends it."""

import pytest

import wire
from scene import Asked, Holder, ask
from wire import Wire, errors

needs_lockstep = pytest.mark.needs_lockstep

LOCK = "lock table a, b in share mode"
COUNT = "select count(*) from a"
LEVELS = ["read committed", "repeatable read", "serializable"]


def rows(trace):
    return [fields for kind, fields in trace if kind == "D"]


def seen_behind_lock(endpoint, cluster, database, admin, level, in_text):
    """The rows that somebody commits while the lock is waited for."""
    begin = f"begin isolation level {level}"
    admin.execute("drop table if exists a, b; create table a(id int); "
                  "create table b(id int)")
    with Holder(cluster, database, "insert into a values (1)") as writer, \
            Wire(endpoint, database) as session:
        if in_text:
            asked = ask(session, f"{begin}; {LOCK}; {COUNT}; commit")
        else:
            assert errors(session.query(begin)) == []
            asked = ask(session, LOCK)
        assert not asked.is_answered(0.2)
        assert errors(writer.session.query("commit")) == []
        trace = asked.answer()
        if not in_text:
            trace = session.query(COUNT)
            session.query("commit")
    assert errors(trace) == []
    return rows(trace)


@needs_lockstep
@pytest.mark.parametrize("in_text", [False, True])
@pytest.mark.parametrize("level", LEVELS)
def test_what_is_committed_before_the_lock_is_seen(
        start_lockstep, cluster, database, admin, level, in_text):
    proxy = start_lockstep(guard="ddl")
    arguments = cluster, database, admin, level, in_text
    assert seen_behind_lock(proxy, *arguments) \
        == seen_behind_lock(cluster, *arguments) != []
    (line,) = proxy.wait_guarded(1)
    assert (line["outcome"] == "unplanned") == (level != "read committed")
    assert ("snapshot" in line.get("why", "")) == (level != "read committed")


@needs_lockstep
@pytest.mark.parametrize("level", LEVELS)
def test_in_a_text_without_begin(
        start_lockstep, cluster, database, admin, level):
    """By the level that the session's transactions have from the start."""
    text = "lock table a, b; insert into c select id from a"
    proxy = start_lockstep(guard="ddl")
    seen = []
    for endpoint in cluster, proxy:
        admin.execute("drop table if exists a, b, c; create table a(id int); "
                      "create table b(id int); create table c(id int)")
        with Holder(cluster, database,
                    "insert into a values (1)") as writer, \
                Wire(endpoint, database) as session:
            session.query(f"set default_transaction_isolation = '{level}'")
            asked = ask(session, text)
            assert not asked.is_answered(0.2)
            assert errors(writer.session.query("commit")) == []
            assert errors(asked.answer()) == []
        seen.append(admin.execute("select id from c").fetchall())
    assert seen == [[(1,)], [(1,)]]


@needs_lockstep
def test_in_an_extended_cycle_too(start_lockstep, cluster, database, admin):
    admin.execute("create table a(id int); create table b(id int)")
    proxy = start_lockstep(guard="ddl")
    seen = []
    for endpoint in cluster, proxy:
        admin.execute("truncate a")
        with Holder(cluster, database, "insert into a values (1)") as writer, \
                Wire(endpoint, database) as session:
            session.query("begin isolation level repeatable read")
            asked = Asked(session, *wire.extended(LOCK), wire.sync())
            assert not asked.is_answered(0.2)
            writer.session.query("commit")
            assert errors(asked.answer()) == []
            seen.append(rows(session.query(COUNT)))
    assert seen[0] == seen[1] != []
