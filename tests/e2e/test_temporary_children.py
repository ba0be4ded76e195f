"""TRUNCATE of a table with temporary children of other sessions.

PostgreSQL waits for these, and lets them go at once: it leaves them alone.
"""

import pytest

import wire
from scene import Asked
from wire import Wire, errors, query, rows, sqlstates

PARENT = "create table parent(id int); create table sibling(id int)"
TRUNCATES = ["truncate parent, sibling", "truncate parent restart identity",
             "truncate parent, sibling cascade"]


@pytest.fixture
def child(cluster, database, admin):
    """A session with a temporary child, and a sequence of that."""
    admin.execute(PARENT)
    with Wire(cluster, database, application_name="e2e_child") as session:
        assert errors(session.query(
            "create temp table child(n serial) inherits (parent); "
            "insert into child values (1); "
            "set lock_timeout = '3s'")) == []
        yield session


@pytest.mark.parametrize("text", TRUNCATES)
def test_its_session_goes_on(direct, lockstep, database, child, text):
    """As long as the transaction of the TRUNCATE lives."""
    for endpoint in (direct, lockstep):
        with Wire(endpoint, database) as session:
            assert errors(session.query("begin")) == []
            assert errors(session.query(text)) == []
            trace = child.query("select count(*) from only child; "
                                "select nextval('child_n_seq') > 0")
            assert sqlstates(trace) == []
            assert rows(trace) == [("1",), ("t",)]
            assert errors(session.query("commit")) == []


@pytest.mark.needs_lockstep
def test_it_is_waited_for_outside_of_the_server(lockstep, cluster, database,
                                                child):
    """Where its session uses it: nobody stands behind the TRUNCATE."""
    assert errors(child.query("begin; select * from child")) == []
    with (Wire(lockstep, database, application_name="e2e_d") as session,
          Wire(cluster, database) as reader):
        asked = Asked(session, query(TRUNCATES[0]))
        assert not asked.is_answered(within_s=1)
        assert errors(reader.query(
            "set lock_timeout = '3s'; select * from parent")) == []
        assert errors(child.query("commit")) == []
        assert errors(asked.answer()) == []
        assert wire.status(asked.answer()) == "I"


def test_ones_own_child_is_emptied(direct, lockstep, database, admin):
    admin.execute(PARENT)
    for endpoint in (direct, lockstep):
        with Wire(endpoint, database) as session:
            trace = session.query(
                "create temp table child() inherits (parent); "
                "insert into child values (1); begin; "
                "truncate parent, sibling; commit; "
                "select count(*) from child")
            assert sqlstates(trace) == []
            assert rows(trace) == [("0",)]
