"""The gate while a migration's transaction keeps its locks.

D has dropped table_c, which references three tables, and has not committed.
Whoever begins to use one of them now waits in Lockstep, where he holds
nothing: his backend is idle, and nothing of his is in the server's queue.
"""

import signal
import threading
import time

import psycopg
import pytest

import wire
from cluster import Cluster
from scene import (BOUND_S, Asked, ask, state, tables_locked, wait_for,
                   wait_gone, waits_for_client, waits_for_lock)
from tap import Tap
from wire import CLOSED, Wire, errors, extended, query, sqlstates, sync

# The gate is shut from the beginning; test_optimistic.py has it shut late.
LOCKSTEP_SETTINGS = {"optimistic": "off"}
HELD_S = 0.3  # long enough for what is not held
SOON_S = 10  # less than GATE_S, and enough for any machine
GATE_S = 30  # gate_transaction: nothing here waits for its end

TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key);
create table "Mixed Ü"(id int primary key);
create table table_c(a_id int references table_a, b_id int references table_b,
    m_id int references "Mixed Ü");
create table other(id int primary key);
create view view_a as select * from table_a;
create view "View of View" as select * from view_a;
create table ancestor(id int);
create table heir(b_id int references table_b) inherits (ancestor);
create view view_ancestor as select * from ancestor;
create table root(i int, j int) partition by list (i);
create table branch partition of root for values in (1) partition by list (j);
create table leaf partition of branch for values in (1);
insert into table_a values (1);
insert into other values (1);
"""
DROP = "drop table table_c"
READ = "select * from table_a"

pytestmark = pytest.mark.needs_lockstep


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)


@pytest.fixture
def proxy(start_lockstep, tables):
    return start_lockstep(gate_transaction=f"{GATE_S}s")


@pytest.fixture
def connect(database):
    """connect(proxy): a session that is closed at the end."""
    sessions = []

    def connect(proxy, **parameters):
        sessions.append(Wire(proxy, database, **parameters))
        return sessions[-1]

    yield connect
    for session in sessions:
        session.close()


@pytest.fixture
def d(proxy, connect):
    return connect(proxy, application_name="e2e_d")


@pytest.fixture
def session(proxy, connect):
    return connect(proxy)


def run(session, *texts):
    """One after the other, none fails; the last transaction status."""
    for text in texts:
        trace = session.query(text)
        assert errors(trace) == []
    return wire.status(trace)


def shut(d, ddl=DROP):
    assert run(d, "begin", ddl) == "T"


def assert_held(admin, asked):
    """It waits, and not in the server."""
    pid = asked.session.pid
    assert not asked.is_answered(HELD_S)
    assert not waits_for_lock(admin, pid)
    assert tables_locked(admin, pid) == []
    assert waits_for_client(admin, pid)


def assert_answered(asked):
    assert asked.is_answered(SOON_S)
    assert errors(asked.answer()) == []


def assert_waits_in_the_server(admin, asked):
    wait_for(admin, "exists (select from pg_locks where pid = %s "
             "and not granted)", asked.session.pid)


# -- how a statement may come -----------------------------------------------

def again(name):
    """A prepared statement once more."""
    return [wire.bind("", name), wire.execute(), sync()]


def forms(table):
    """name: what is sent before, what is sent while the gate is shut"""
    read = f"select * from {table}"
    return {
        "simple": ([], [query(read)]),
        "second of a text": ([], [query(f"select 1; {read}")]),
        "block in one message": ([], [query(f"begin; {read}; commit")]),
        "extended": ([], [*extended(read), sync()]),
        "extended, Flush": ([], [*extended(read), wire.flush(), sync()]),
        "named": ([], [*extended(read, "s", "p"), sync()]),
        "named, prepared before": ([wire.parse(read, "s"), sync()],
                                   again("s")),
        "named, used before": (
            [*extended("begin"), *extended(read, "s"), *extended("commit"),
             sync()], again("s")),
        "unnamed, prepared before": ([wire.parse(read), sync()], again("")),
        "only prepared": ([], [wire.parse(read, "s"),
                               wire.describe_statement("s"), sync()]),
        "pipelined block": ([], [*extended("begin"), *extended(read),
                                 *extended("commit"), sync()]),
        "pipelined block, prepared": (
            [wire.parse("begin", "b"), wire.parse(read, "s"),
             wire.parse("commit", "c"), sync()],
            [*again("b")[:-1], *again("s")[:-1], *again("c")]),
        "second of a pipeline": ([], [*extended("select 1"), sync(),
                                      *extended(read), sync()]),
        "two messages at once": ([], [query("select 1"), query(read)]),
        "cursor": ([], [query(f"begin; declare k cursor for {read}; "
                              "fetch k; commit")]),
        "COPY": ([], [query(f"copy {table} to stdout")]),
    }


@pytest.mark.parametrize("form", forms(""))
def test_who_begins_waits_in_the_proxy(proxy, admin, d, session, form):
    before, messages = forms("table_a")[form]
    if before:
        assert errors(session.run(*before)) == []
    shut(d)
    asked = Asked(session, *messages)
    # The SELECT before it has long been answered.
    assert_held(admin, asked)
    run(d, "commit")
    assert_answered(asked)
    assert wire.status(asked.answer()) == "I"
    assert run(session, READ) == "I"


# Of an unnamed statement that came before, the text is not kept: it may wait.
@pytest.mark.parametrize("form", sorted(forms("").keys() - {
    "unnamed, prepared before"}))
def test_who_wants_other_tables_does_not_wait(proxy, d, session, form):
    before, messages = forms("other")[form]
    if before:
        assert errors(session.run(*before)) == []
    shut(d)
    assert_answered(Asked(session, *messages))
    run(d, "rollback")


@pytest.mark.parametrize("texts", [
    ["prepare q as select * from table_a", "execute q"],
    ["select 1", "do $$ begin perform * from table_a; end $$"],
], ids=["EXECUTE", "DO"])
def test_what_is_not_seen_through_may_wait(proxy, admin, d, session, texts):
    """It must, where it does name a table."""
    before, text = texts
    run(session, before)
    shut(d)
    asked = ask(session, text)
    assert_held(admin, asked)
    run(d, "commit")
    assert_answered(asked)


def test_psycopg_in_pipeline_mode(proxy, admin, database, d):
    with psycopg.connect(host=proxy.host, port=proxy.port, dbname=database,
                         user="postgres") as connection:
        pid = connection.info.backend_pid
        shut(d)
        answers = []

        def pipeline():
            with connection.pipeline():
                first = connection.execute(READ)
                second = connection.execute("select 2")
                answers.append((first.fetchone(), second.fetchone()))

        thread = threading.Thread(target=pipeline, daemon=True)
        thread.start()
        thread.join(HELD_S)
        seen = (list(answers), waits_for_lock(admin, pid),
                tables_locked(admin, pid))
        run(d, "commit")
        thread.join(SOON_S)
        assert seen == ([], False, [])
        assert answers == [((1,), (2,))]


# -- which names count ------------------------------------------------------

NAMED = [
    (DROP, "SELECT * FROM TABLE_A"),
    (DROP, 'select * from "table_a"'),
    (DROP, "select * from public.table_a"),
    (DROP, "table table_b"),
    (DROP, 'select * from U&"t\\0061ble_a"'),
    (DROP, 'select * from "Mixed Ü"'),
    (DROP, "insert into table_a values (2)"),
    (DROP, "update table_a set id = 3"),
    (DROP, "delete from table_b"),
    (DROP, "with r as (select * from table_a) select 1 from other"),
    (DROP, "select (select count(*) from table_b) from other"),
    (DROP, "select * from other, lateral (select * from table_a) s"),
    (DROP, "explain select * from table_a"),
    (DROP, "lock table table_a in access share mode"),
    (DROP, "select * from table_c"),
    # Views, whichever is named.
    (DROP, "select * from view_a"),
    (DROP, 'select * from "View of View"'),
    # What is above the table, and not locked itself.
    ("drop table heir", "select * from ancestor"),
    ("drop table heir", "select * from view_ancestor"),
    ("drop table leaf", "select * from root"),
    ("drop table leaf", "insert into branch values (1, 1)"),
]


@pytest.mark.parametrize("ddl, text", NAMED)
def test_names_that_lead_to_a_locked_table(proxy, admin, d, session, ddl,
                                           text):
    shut(d, ddl)
    # In a block, as LOCK TABLE wants it.
    asked = ask(session, f"begin; {text}; rollback")
    assert_held(admin, asked)
    run(d, "rollback")
    assert_answered(asked)


@pytest.mark.parametrize("text", ["select * from root",
                                  "select * from view_ancestor"])
def test_names_that_do_not_lead_there(proxy, d, session, text):
    shut(d)
    assert_answered(ask(session, text))
    run(d, "rollback")


def test_the_same_names_in_another_database(proxy, cluster, d):
    shut(d)
    name = "e2e_gate_elsewhere"
    with cluster.connect() as server:
        server.execute(f"create database {name}")
    try:
        with Wire(proxy, name) as session:
            run(session, "create table table_a(i int)")
            assert_answered(ask(session, READ))
    finally:
        with cluster.connect() as server:
            server.execute(f"drop database {name} with (force)")
    run(d, "rollback")


# -- which transactions are new ---------------------------------------------

HARMLESS = ["begin", "set local work_mem = '1MB'", "show work_mem",
            "set transaction isolation level repeatable read"]


@pytest.mark.parametrize("before", [True, False])
def test_begin_set_and_show_make_no_transaction_old(proxy, admin, d, session,
                                                    before):
    """Whether they came before the gate was shut or after."""
    if before:
        run(session, *HARMLESS)
    shut(d)
    if not before:
        run(session, *HARMLESS)
    asked = ask(session, READ)
    assert_held(admin, asked)
    run(d, "commit")
    assert_answered(asked)
    assert wire.status(asked.answer()) == "T"
    assert run(session, "commit") == "I"


def test_the_same_in_the_extended_protocol(proxy, admin, d, session):
    for text in HARMLESS[:3]:
        assert errors(session.run(*extended(text), sync())) == []
    shut(d)
    asked = Asked(session, *extended(READ), sync())
    assert_held(admin, asked)
    run(d, "commit")
    assert_answered(asked)


@pytest.mark.parametrize("messages", [
    [query(READ)], [*extended(READ), sync()]], ids=["simple", "extended"])
def test_who_has_touched_a_table_is_never_held(proxy, admin, d, session,
                                               messages):
    """Held, it would keep what it has from others; so it waits in line."""
    run(session, "begin", "select * from other")
    shut(d)
    asked = Asked(session, *messages)
    assert_waits_in_the_server(admin, asked)
    run(d, "commit")
    assert_answered(asked)


def test_the_next_transaction_is_new_again(proxy, admin, d, session):
    run(session, "begin", "select * from other", "commit")
    shut(d)
    asked = ask(session, READ)
    assert_held(admin, asked)
    run(d, "commit")
    assert_answered(asked)


def test_the_migration_itself_is_never_held(proxy, d):
    shut(d)
    assert run(d, READ, "select * from view_a", "select * from other",
               "create table table_c(a_id int references table_a)",
               DROP, "commit", READ) == "I"


# -- until when -------------------------------------------------------------

def vanish(d, _admin):
    d.vanish()


def reset(d, _admin):
    d.vanish(reset=True)


def terminate(d, admin):
    admin.execute("select pg_terminate_backend(%s)", [d.pid])


def saying(*texts):
    def end(d, _admin):
        for text in texts:
            d.query(text)
    return end


ENDS = {
    "COMMIT": saying("commit"),
    "ROLLBACK": saying("rollback"),
    "COMMIT AND CHAIN": saying("commit and chain"),
    "an error": saying("select 1/0"),
    "client gone": vanish,
    "client reset": reset,
    "backend gone": terminate,
}


@pytest.mark.parametrize("how", ENDS)
def test_the_gate_opens_with(proxy, admin, d, session, how):
    run(d, "begin", DROP)
    asked = ask(session, READ)
    assert_held(admin, asked)
    ENDS[how](d, admin)
    assert_answered(asked)


def test_the_gate_opens_after_gate_transaction(start_lockstep, tables, admin,
                                               connect):
    proxy = start_lockstep(gate_transaction="800ms")
    d, session = connect(proxy), connect(proxy)
    begun = time.monotonic()
    shut(d)
    asked = ask(session, READ)
    assert_held(admin, asked)
    assert_waits_in_the_server(admin, asked)
    assert time.monotonic() - begun > 0.7
    # Nor is anybody else held from now on.
    late = ask(connect(proxy), READ)
    assert_waits_in_the_server(admin, late)
    run(d, "commit")
    assert_answered(asked)
    assert_answered(late)


def test_gate_transaction_of_zero_holds_nobody(start_lockstep, tables, admin,
                                               connect):
    proxy = start_lockstep(gate_transaction="0")
    d, session = connect(proxy), connect(proxy)
    shut(d)
    asked = ask(session, READ)
    assert_waits_in_the_server(admin, asked)
    run(d, "commit")
    assert_answered(asked)


def test_two_drops_and_a_reader_of_both_parents(proxy, admin, d, session):
    """What this is for: the reader would hold what the second drop wants."""
    admin.execute("create table second_c(b_id int references other)")
    shut(d)
    asked = ask(session, "select * from other, table_a")
    assert_held(admin, asked)
    assert run(d, "drop table second_c", "commit") == "I"
    assert_answered(asked)


@pytest.mark.clear_only("the tap reads what passes")
def test_those_who_wait_go_in_the_order_they_came(start_lockstep, cluster,
                                                  tables, connect, database):
    with Tap(cluster) as tap:
        proxy = start_lockstep(upstream=tap, workers=1,
                               gate_transaction=f"{GATE_S}s")
        d = connect(proxy)
        sessions = [connect(proxy) for _ in range(12)]
        shut(d)
        waiters = []
        for i, session in enumerate(sessions):
            waiters.append(ask(session, f"select {i}, id from table_a"))
            time.sleep(0.01)
        time.sleep(HELD_S)
        run(d, "commit")
        for asked in waiters:
            assert_answered(asked)
        went = tap.found(rb"select (\d+), id from table_a")
        assert [int(i) for i in went] == list(range(12))


# -- ended from outside -----------------------------------------------------

# name: texts before, messages, status after
CANCELED = {
    "simple": ([], [query(READ)], "I"),
    "extended": ([], [*extended(READ), sync()], "I"),
    "block": (["begin"], [query(READ)], "E"),
    "block, extended": (["begin"], [*extended(READ), sync()], "E"),
    "block, SET before": (HARMLESS, [query(READ)], "E"),
    "pipelined block": ([], [*extended("begin"), *extended(READ), sync()],
                        "E"),
    "block in one message": ([], [query(f"begin; {READ}; commit")], "IE"),
}
STATES = {"I": "idle", "E": "idle in transaction (aborted)"}


@pytest.mark.parametrize("how", CANCELED)
def test_cancel_of_who_waits(proxy, admin, d, session, how):
    before, messages, statuses = CANCELED[how]
    if before:
        run(session, *before)
    shut(d)
    asked = Asked(session, *messages)
    assert not asked.is_answered(HELD_S)
    wire.cancel(proxy, session)
    assert asked.is_answered(SOON_S)
    trace = asked.answer()
    assert sqlstates(trace) == ["57014"]
    assert errors(trace)[0]["M"] == "canceling statement due to user request"
    status = wire.status(trace)
    assert status in statuses
    # The server sees it the same way.
    assert state(admin, session.pid) == STATES[status]
    if status == "E":
        assert sqlstates(session.query("select 1")) == ["25P02"]
        run(session, "rollback")
    assert run(session, "select * from other") == "I"
    asked = ask(session, READ)
    assert_held(admin, asked)
    run(d, "commit")
    assert_answered(asked)


def test_cancel_of_what_comes_behind(proxy, admin, d, session):
    """It ends the statement that waits, not the next one."""
    shut(d)
    asked = Asked(session, query(READ), query("select 1 as behind"))
    assert_held(admin, asked)
    wire.cancel(proxy, session)
    assert asked.is_answered(SOON_S)
    assert sqlstates(asked.answer()) == ["57014"]
    assert wire.rows(asked.answer()) == [("1",)]
    run(d, "commit")


@pytest.mark.parametrize("in_block", [False, True])
@pytest.mark.parametrize("reset_it", [False, True])
def test_who_waits_vanishes(proxy, admin, d, session, database, in_block,
                            reset_it):
    gone = Wire(proxy, database)
    if in_block:
        run(gone, "begin")
    shut(d)
    gone.send(query(READ))
    asked = ask(session, READ)
    assert_held(admin, asked)
    gone.vanish(reset=reset_it)
    # The others wait on, and are let through.  He may have had his say only
    # (a half-closed connection), so that his turn comes, too.
    assert_held(admin, asked)
    run(d, "commit")
    assert_answered(asked)
    wait_gone(admin, gone.pid)


def test_the_backend_of_who_waits_is_killed(proxy, admin, d, session):
    shut(d)
    session.send(query(READ))
    time.sleep(HELD_S)
    terminate(session, admin)
    trace = session.read_until("")
    assert trace[-1] is CLOSED
    assert [(e["S"], e["C"]) for e in errors(trace)] == [("FATAL", "57P01")]
    run(d, "commit")


def test_a_stop_lets_those_who_wait_finish(start_lockstep, tables, admin,
                                           connect):
    proxy = start_lockstep(gate_transaction=f"{GATE_S}s", drain_timeout="30s")
    d = connect(proxy)
    waiting = [connect(proxy), connect(proxy)]
    run(waiting[1], "begin")
    shut(d)
    asked = [ask(session, READ) for session in waiting]
    time.sleep(HELD_S)
    proxy.process.send_signal(signal.SIGTERM)
    time.sleep(HELD_S)
    assert not any(a.is_answered() for a in asked)
    d.query("commit")
    for a in asked:
        assert a.is_answered(SOON_S)
        assert wire.rows(a.answer()) == [("1",)]
    waiting[1].query("commit")
    assert proxy.process.wait(SOON_S) == 0
    wait_gone(admin, d.pid, *(session.pid for session in waiting))


def test_a_stop_leaves_nothing_behind(start_lockstep, tables, admin, connect):
    proxy = start_lockstep(gate_transaction=f"{GATE_S}s",
                           drain_timeout="300ms")
    d = connect(proxy)
    waiting = [connect(proxy), connect(proxy)]
    run(waiting[1], "begin")
    shut(d)
    for session in waiting:
        session.send(query(READ))
    time.sleep(HELD_S)
    proxy.process.send_signal(signal.SIGTERM)
    for session in d, *waiting:
        trace = session.read_until("")
        assert trace[-1] is CLOSED
        assert sqlstates(trace) == ["57P01"]
    assert proxy.process.wait(SOON_S) == 0
    wait_gone(admin, d.pid, *(session.pid for session in waiting))
    assert admin.execute("select to_regclass('table_c') is not null"
                         ).fetchone()[0]


def test_the_server_dies(start_lockstep, request):
    with Cluster(request.config.getoption("--pg-bin")) as cluster:
        with cluster.connect() as admin:
            admin.execute(TABLES)
        proxy = start_lockstep(upstream=cluster,
                               gate_transaction=f"{GATE_S}s")
        with Wire(proxy) as d, Wire(proxy) as idle, Wire(proxy) as block:
            run(block, "begin")
            shut(d)
            idle.send(query(READ))
            block.send(query(READ))
            time.sleep(HELD_S)
            cluster.stop(signal.SIGQUIT)
            for session in d, idle, block:
                trace = session.read_until("", BOUND_S)
                assert trace[-1] is CLOSED
                assert errors(trace)[-1]["S"] in ("FATAL", "WARNING", "PANIC")
                assert errors(trace)[-1]["C"][:2] in ("57", "08")
        assert proxy.is_alive()
