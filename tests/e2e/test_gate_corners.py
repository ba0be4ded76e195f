"""Corners of the gate: what waits there, who holds the turn, and who leaves.

A migration's transaction that has dropped table_c keeps the gate shut for
table_a and table_b as long as gate_transaction says: that is the way to shut
it here.
"""

import os
import signal
import socket
import time

import pytest

from wire import (CLOSED, Wire, bind, cancel, describe_statement, errors,
                  execute, extended, flush, parse, query, rows, sqlstates,
                  status, sync)

# Alone in the proxy, a drop in a block runs ahead of its plan, and shuts no gate.
LOCKSTEP_SETTINGS = {"optimistic": "off"}

BOUND_S = 30
SETTLE_S = 0.3

TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key);
create table table_c(id int primary key,
    a_id int references table_a, b_id int references table_b);
create table table_d(id int primary key,
    a_id int references table_a, b_id int references table_b);
create table other_a(id int primary key);
create table other_b(id int primary key references other_a);
"""

pytestmark = pytest.mark.needs_lockstep


@pytest.fixture(autouse=True)
def tables(admin):
    admin.execute(TABLES)


def drop_in_block(endpoint, database, table="table_c"):
    """A migration that has dropped the table and goes on."""
    m = Wire(endpoint, database, application_name="e2e_m")
    trace = m.run(query("begin"), query(f"drop table {table}"))
    assert errors(trace) == [] and status(trace) == "T"
    return m


@pytest.fixture
def shut(lockstep, database):
    """The gate is shut for table_a and table_b, for gate_transaction."""
    with drop_in_block(lockstep, database) as m:
        yield m


@pytest.fixture
def session(lockstep, database, shut):
    with Wire(lockstep, database, application_name="e2e_w") as session:
        yield session


class Frozen:
    """The backend of a session does nothing meanwhile."""

    def __init__(self, session):
        self.pid = session.pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *exc):
        os.kill(self.pid, signal.SIGCONT)


def wait_for(admin, condition, *parameters):
    deadline = time.monotonic() + BOUND_S
    while not admin.execute("select " + condition, parameters).fetchone()[0]:
        assert time.monotonic() < deadline, f"never: {condition}"
        time.sleep(0.01)


def queued(admin, application="e2e_w"):
    return admin.execute(
        "select count(*) from pg_locks l join pg_stat_activity a using (pid) "
        "where not l.granted and a.application_name = %s "
        "and a.datname = current_database()", [application]).fetchone()[0]


def exists(admin, table):
    return admin.execute("select to_regclass(%s) is not null",
                         [table]).fetchone()[0]


def read_to_end(session):
    trace = []
    while not trace or trace[-1] is not CLOSED:
        trace.append(session.read())
    return trace[:-1]


# -- cancel

def test_cancel_behind_a_statement_that_failed(lockstep, session):
    """The server skips to Sync by then, and knows best what to answer."""
    with Frozen(session):
        session.send(*extended("set no_such_parameter = 1"),
                     *extended("select * from table_a"), sync())
        time.sleep(SETTLE_S)
        cancel(lockstep, session)
    trace = session.read_ready()
    assert sqlstates(trace) == ["42704"] and status(trace) == "I"
    assert rows(session.query("select 1")) == [("1",)]


def test_cancel_of_a_query_behind_an_open_cycle(lockstep, session):
    """A Query ends the cycle, canceled or not."""
    session.send(*extended("begin"), query("select * from table_a"))
    session.read_until("C")  # that of BEGIN: it is asked for its timeouts
    assert session.is_silent(SETTLE_S)
    cancel(lockstep, session)
    trace = session.read_ready()
    assert sqlstates(trace) == ["57014"] and status(trace) == "E"
    assert status(session.query("rollback")) == "I"
    assert rows(session.query("select 1")) == [("1",)]


@pytest.mark.parametrize("block", [False, True])
@pytest.mark.parametrize("way", ["simple", "extended", "pipelined"])
def test_cancel_leaves_the_status_of_any_error(lockstep, session, block, way):
    sql = "select * from table_a"
    if block:
        assert status(session.query("begin")) == "T"
    messages = [query(sql)] if way == "simple" else [*extended(sql), sync()]
    if way == "pipelined":
        messages = [*extended("set datestyle = 'iso'"), sync(), *messages]
    session.send(*messages)
    answers = messages.count(sync()) + (way == "simple")
    if way == "pipelined":
        assert errors(session.read_ready()) == []
        answers -= 1
    assert session.is_silent(SETTLE_S)
    cancel(lockstep, session)
    trace = session.read_ready(answers)
    assert sqlstates(trace) == ["57014"]
    assert status(trace) == ("E" if block else "I")
    assert status(session.query("rollback")) == "I"
    assert rows(session.query("select 1")) == [("1",)]


# -- clients that have said their last

def test_what_waits_for_its_turn_behind_begin_is_not_lost(start_lockstep,
                                                          database):
    proxy = start_lockstep(gate_transaction="500ms")
    with Wire(proxy, database) as session:
        with drop_in_block(proxy, database) as m:
            with Frozen(session):
                session.send(query("begin"), query("select 1 from table_a"),
                             query("commit"))
                session.socket.shutdown(socket.SHUT_WR)
                time.sleep(SETTLE_S)
            m.query("rollback")
        trace = read_to_end(session)
    assert [m for m in trace if m[0] in "CE"] == [
        ("C", ("BEGIN",)), ("C", ("SELECT 0",)), ("C", ("COMMIT",))]


def test_the_second_guarded_statement_is_not_lost(lockstep, database, admin):
    with Wire(lockstep, database) as session:
        session.send(*extended("drop table table_c"), sync(),
                     *extended("drop table table_d"), sync())
        session.socket.shutdown(socket.SHUT_WR)
        trace = read_to_end(session)
    assert [m for m in trace if m[0] in "CE"] == [("C", ("DROP TABLE",))] * 2
    assert not exists(admin, "table_c") and not exists(admin, "table_d")


def test_who_waits_for_a_transaction_and_leaves_is_gone(start_lockstep,
                                                        database, admin):
    proxy = start_lockstep(gate_transaction="60s")
    with drop_in_block(proxy, database) as m:
        n = Wire(proxy, database, options="-c client_min_messages=warning")
        n.send(query("drop table table_a cascade"))
        assert n.is_silent(SETTLE_S)
        n.vanish()
        wait_for(admin, "not exists (select from pg_stat_activity "
                        "where pid = %s)", n.pid)
        m.query("rollback")
    time.sleep(SETTLE_S)
    assert exists(admin, "table_a")


def test_a_client_that_breaks_while_it_is_warned(start_lockstep, database):
    proxy = start_lockstep(gate_transaction="60s")
    with drop_in_block(proxy, database):
        n = Wire(proxy, database, options="-c lockstep.policy=nonsense")
        with Frozen(n):
            n.send(query("drop table table_a cascade"))
            time.sleep(SETTLE_S)
            n.vanish(reset=True)
            time.sleep(SETTLE_S)
        time.sleep(SETTLE_S)
        with Wire(proxy, database) as session:
            assert rows(session.query("select 1")) == [("1",)]


# -- what a transaction keeps

BEGINNINGS = {
    "simple": [query("begin"), query("drop table table_c")],
    "one cycle": [*extended("begin"), *extended("drop table table_c"), sync()],
    "second cycle": [query("begin"), *extended("select 1"),
                     *extended("drop table table_c"), sync()],
}


@pytest.mark.parametrize("way", BEGINNINGS)
def test_readers_wait_in_the_proxy_for_a_transaction(
        start_lockstep, database, admin, way):
    lockstep = start_lockstep(gate_transaction="30s")
    with Wire(lockstep, database) as m, \
            Wire(lockstep, database, application_name="e2e_w") as w:
        trace = m.run(*BEGINNINGS[way])
        assert errors(trace) == [] and status(trace) == "T"
        time.sleep(2 * SETTLE_S)  # longer than a window
        w.send(query("select * from table_a"))
        assert w.is_silent(SETTLE_S)
        assert queued(admin) == 0
        m.query("rollback")
        assert errors(w.read_ready()) == []


@pytest.mark.parametrize("policy", ["auto", "lock"])
@pytest.mark.parametrize("way", [*BEGINNINGS, "open cycle"])
def test_a_transaction_does_not_keep_the_turn_for_ever(start_lockstep,
                                                       database, admin, way,
                                                       policy):
    proxy = start_lockstep(gate_transaction="300ms", policy=policy)
    messages = BEGINNINGS.get(way) or [*extended("drop table table_c"),
                                       flush()]
    with Wire(proxy, database) as m, Wire(proxy, database) as n:
        m.send(*messages)
        while ("C", ("DROP TABLE",)) not in m.read_until("CE"):
            pass
        n.query("set lockstep.hold_timeout = '12s'")
        assert errors(n.query("drop table other_b")) == []
    assert not exists(admin, "other_b")


def test_a_savepoint_taken_back_leaves_the_gate_shut(session, shut, admin):
    shut.run(query("savepoint s"), query("select 1"),
             query("rollback to savepoint s"))
    session.send(query("select * from table_a"))
    assert session.is_silent(SETTLE_S)
    assert queued(admin) == 0
    shut.query("rollback")
    assert errors(session.read_ready()) == []


@pytest.mark.parametrize("end", [
    "commit", "rollback", "commit and chain", "prepare transaction 'e2e_p'",
    "select 1/0", "broken"])
def test_the_gate_opens_when_the_transaction_ends(start_lockstep, database,
                                                  admin, end):
    """Long before gate_transaction; where locks stay, the server says so."""
    proxy = start_lockstep(gate_transaction="60s")
    with Wire(proxy, database, application_name="e2e_w") as w:
        m = drop_in_block(proxy, database)
        w.send(query("select * from table_a"))
        assert w.is_silent(SETTLE_S)
        if end == "broken":
            m.vanish(reset=True)
        else:
            m.query(end)
        if end.startswith("prepare"):
            wait_for(admin, "count(*) = 1 from pg_locks l "
                     "join pg_stat_activity a using (pid) "
                     "where not l.granted and a.application_name = 'e2e_w'")
            admin.execute("rollback prepared 'e2e_p'")
        assert errors(w.read_ready()) == []
        m.vanish()


# -- who is about other tables

def test_an_unnamed_statement_is_known_in_its_next_cycle(session, shut, admin):
    """Some drivers describe it in one cycle and bind it in another."""
    session.run(parse("select count(*) from other_a"), describe_statement(),
                sync())
    assert rows(session.run(bind(), execute(), sync())) == [("0",)]
    session.send(query("select count(*) from table_a"))
    assert session.is_silent(SETTLE_S)
    assert queued(admin) == 0  # the gate is still shut
    shut.query("rollback")
    assert errors(session.read_ready()) == []


# -- who is old

def is_delayed(proxy, database, w):
    """A drop is tried while w, in a block, reads table_b again and again."""
    with Wire(proxy, database) as m:
        m.send(query("drop table table_c"))
        time.sleep(SETTLE_S)
        deadline = time.monotonic() + 2 * SETTLE_S
        while time.monotonic() < deadline:
            assert errors(w.query("select * from table_b")) == []
            time.sleep(0.01)
        w.query("commit")
        assert errors(m.read_ready()) == []
    line = proxy.wait_guarded(1)[-1]
    assert int(line["windows"]) > 0
    return line["delayed"] != "0"


def test_who_has_described_a_statement_holds_locks(start_lockstep, database):
    proxy = start_lockstep(gate_window="1s", policy="hold")
    with Wire(proxy, database) as w:
        w.run(parse("select * from table_a", "r"), sync())
        w.run(query("begin"), describe_statement("r"), sync())
        assert not is_delayed(proxy, database, w)


def test_what_was_kept_back_is_known(start_lockstep, database):
    """The unnamed statement was harmless before another cycle replaced it."""
    proxy = start_lockstep(gate_window="1s", policy="hold")
    with Wire(proxy, database) as w:
        w.run(parse("begin", "b"), parse("begin"), sync())
        w.run(parse("drop table table_d", "d"),
              parse("select * from table_a"), sync())
        trace = w.run(bind(name="b"), execute(), sync(),
                      bind(), execute(), sync())
        assert errors(trace) == [] and status(trace) == "T"
        assert not is_delayed(proxy, database, w)
