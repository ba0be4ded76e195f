"""DDL that the grammar in Lockstep does not know, and the server does.

A server newer than the grammar knows such texts; and so does one of the same
version in a database of another encoding, as the grammar takes all for UTF-8:
the byte of an escape that is a letter in LATIN1 is an error there.
"""

import re
import subprocess
import time

import pytest

import wire
from proxy import lockstep_bin
from scene import (BOUND_S, HELD_S, Asked, Holder, Loop, Watch,
                   assert_answered, ask, run, tables_locked, wait_for,
                   waits_for_lock)
from wire import (Wire, bind, errors, execute, extended, parse, query,
                  sqlstates, sync)

pytestmark = pytest.mark.needs_lockstep

TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key, note text, old int);
create table table_c(a_id int references table_a, b_id int references table_b);
create index table_b_note on table_b (note);
create table application_name(n int);
create table parted(id int, note text) partition by range (id);
create table part partition of parted for values from (0) to (9);
create table elder(id int, note text);
create table heir() inherits (elder);
create schema s;
create table s."Old ""T"(id int, note text);
"""
LETTER = r"E'\xe9'"
UNKNOWN = f"alter table table_b alter column note set default {LETTER}"
# What the grammar of this version knows, and no earlier one does.
NEWER = {
    "alter table table_b add constraint k not null note not valid": 18,
    "alter table table_b add constraint k check (id > 0) not enforced": 18,
    "alter table table_c add foreign key (b_id) references table_b "
    "not enforced": 18,
    "repack table_b": 19,
    "repack (verbose) table_b using index table_b_pkey": 19,
    "repack (concurrently) table_b": 19,
}


@pytest.fixture
def database(cluster):
    with cluster.connect() as admin:
        admin.execute("create database e2e_unparsed encoding 'LATIN1' "
                      "lc_collate 'C' lc_ctype 'C' template template0")
        yield "e2e_unparsed"
        admin.execute("drop database e2e_unparsed with (force)")


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)


@pytest.fixture
def holder(cluster, database, tables):
    with Holder(cluster, database, "select * from table_b") as holder:
        yield holder


def has_run(admin):
    return admin.execute(
        "select exists (select from pg_attrdef where adrelid = "
        "'table_b'::regclass)").fetchone()[0]


def ends(proxy):
    """What the log has of guarded statements that have ended."""
    return [event for event in proxy.wait_guarded(1)
            if event["statement"] == "UNKNOWN DDL"]


def assert_waits_outside(admin, asked):
    """Not in the server, but for a look now and then."""
    assert not asked.is_answered(HELD_S)
    assert not waits_for_lock(admin, asked.session.pid)
    assert tables_locked(admin, asked.session.pid) == []


# -- what it is for ---------------------------------------------------------

def test_without_it_traffic_stalls_behind_the_statement(
        start_lockstep, admin, connect, holder):
    proxy = start_lockstep(unparsed="pass")
    statement = ask(connect(proxy), UNKNOWN)
    wait_for(admin, "exists (select from pg_locks where not granted)")
    reader = ask(connect(proxy), "select * from table_b")
    assert not reader.is_answered(0.5)
    assert waits_for_lock(admin, reader.session.pid)
    holder.release()
    assert_answered(reader)
    assert_answered(statement)


def test_with_it_traffic_goes_on_and_nothing_is_queued(
        start_lockstep, cluster, database, admin, connect, holder):
    proxy = start_lockstep()
    with Watch(cluster, database, "e2e_wire", "e2e_loop") as watch, \
            Loop(proxy, database, "select * from table_b") as loop:
        statement = ask(connect(proxy), UNKNOWN)
        assert_waits_outside(admin, statement)
        rounds = loop.rounds
        wait_for(admin, "pg_sleep(0.2) is not null")
        deadline = time.monotonic() + BOUND_S
        while loop.rounds < rounds + 2:
            assert time.monotonic() < deadline, "traffic stands still"
            time.sleep(0.01)
        assert watch.queued == 0
        holder.release()
        assert_answered(statement)
    assert loop.problems == [] and has_run(admin)
    assert [event["outcome"] for event in ends(proxy)] == ["partly-protected"]


FORMS = {
    "simple": ([], [query(UNKNOWN)]),
    "extended": ([], [*extended(UNKNOWN), sync()]),
    "block": (["begin", "select 1"], [query(UNKNOWN)]),
    "block, extended": (["begin"], [*extended(UNKNOWN), sync()]),
    "one message": ([], [query(f"begin; {UNKNOWN}; commit")]),
    "message without begin": ([], [query(f"{UNKNOWN}; select 1")]),
    "pipelined block": ([], [*extended("begin"), *extended(UNKNOWN),
                             *extended("commit"), sync()]),
    "beside a drop": ([], [query(f"drop table table_c; {UNKNOWN}")]),
    "in a block with a drop": ([], [query(
        f"begin; drop table table_c; {UNKNOWN}; select 1; commit")]),
}


@pytest.mark.parametrize("form", FORMS)
def test_in_every_form_it_is_held_without_a_lock_and_runs(
        start_lockstep, database, admin, holder, form):
    before, messages = FORMS[form]
    proxy = start_lockstep(policy="hold", in_transaction_timeout="1h")
    with Wire(proxy, database, application_name="e2e_d") as d:
        run(d, *before)
        statement = Asked(d, *messages)
        assert_waits_outside(admin, statement)
        holder.release()
        trace = statement.answer()
        assert errors(trace) == []
        if wire.status(trace) == "T":
            run(d, "commit")
    assert has_run(admin)
    # A drop that it stands behind has locked its table.
    assert (ends(proxy) == []) == ("drop" in form)


def test_prepared_long_before(start_lockstep, database, admin, holder):
    proxy = start_lockstep()
    with Wire(proxy, database) as d:
        assert errors(d.run(parse(UNKNOWN, "s"), sync())) == []
        statement = Asked(d, bind("", "s"), execute(), sync())
        assert_waits_outside(admin, statement)
        holder.release()
        assert_answered(statement)
    assert has_run(admin)


@pytest.mark.parametrize("name", [
    "table_b", '"table_b"', "public.table_b", "TABLE_B", r'U&"t\0061ble_b"',
    'U&"t!0061ble_b" uescape \'!\''])
def test_names_are_the_servers(start_lockstep, admin, connect, holder, name):
    proxy = start_lockstep()
    statement = ask(connect(proxy),
                    f"alter table {name} alter note set default {LETTER}")
    assert_waits_outside(admin, statement)
    holder.release()
    assert_answered(statement)


def test_a_name_of_the_sessions_search_path(start_lockstep, cluster, database,
                                            admin, connect, tables):
    proxy = start_lockstep()
    session = connect(proxy)
    run(session, "set search_path = s")
    text = f'alter table "Old ""T" alter note set default {LETTER}'
    with Holder(cluster, database, 'select * from s."Old ""T"') as holder:
        statement = ask(session, text)
        assert_waits_outside(admin, statement)
        holder.release()
        assert_answered(statement)


@pytest.mark.parametrize("child, parent", [
    ("part", "parted"), ("heir", "elder")])
def test_children_of_what_is_named(start_lockstep, cluster, database, admin,
                                   connect, tables, child, parent):
    """Most statements that there are go down to them."""
    proxy = start_lockstep()
    with Holder(cluster, database, f"select * from {child}") as holder:
        statement = ask(connect(proxy), UNKNOWN.replace("table_b", parent))
        assert_waits_outside(admin, statement)
        holder.release()
        assert_answered(statement)


@pytest.mark.parametrize("text", [
    "alter table table_a add note text default {} -- table_b",
    "alter table table_a /* table_b */ add note text default {} || 'table_b'",
    "alter table table_a add note text default {} || $$ table_b $$",
    "alter table table_a add note text default {} || $t$ table_b $t$"])
def test_what_is_no_name_holds_nothing(start_lockstep, connect, holder, text):
    assert_answered(ask(connect(start_lockstep()), text.format(LETTER)))


def grammar():
    """The version of what Lockstep was built with."""
    told = subprocess.run([lockstep_bin(), "--version"], text=True,
                          capture_output=True, check=True).stdout
    return int(re.search(r"grammar of PostgreSQL (\d+)", told)[1])


@pytest.mark.parametrize("text", NEWER)
def test_the_grammar_of_a_newer_server(start_lockstep, admin, connect, holder,
                                       text):
    if admin.info.server_version < NEWER[text] * 10000:
        pytest.skip("the server does not know it")
    if grammar() >= NEWER[text]:
        pytest.skip("the grammar knows it")
    proxy = start_lockstep()
    statement = ask(connect(proxy), text)
    assert_waits_outside(admin, statement)
    holder.release()
    assert_answered(statement)
    assert ends(proxy) != []


# -- what it may not cost ---------------------------------------------------

WRONG_BEHIND_ROLLBACK = ("rollback; begin; drop table table_c; commit; "
                         "alter table table_b frobnicate")
WRONG = {
    "simple": [query("alter table table_b frobnicate")],
    "extended": [*extended(" /* é */ alter table table_b frobnicate"), sync()],
    "several": [query("select 1; alter table table_b frobnicate; select 2")],
    "behind a commit": [query(
        "begin; drop table table_c; commit; alter table table_b frobnicate")],
    "pipelined": [*extended("begin"),
                  *extended("  alter table table_b frobnicate"), sync()],
    "drop": [query("drop tabel table_b")],
    "behind a rollback": [query(WRONG_BEHIND_ROLLBACK)],
}


@pytest.mark.parametrize("begin", ["select 1", "begin"])
@pytest.mark.parametrize("form", WRONG)
def test_a_syntax_error_is_the_servers_own_and_comes_at_once(
        start_lockstep, direct, database, admin, holder, form, begin):
    seen = []
    for endpoint in (direct, start_lockstep()):
        with Wire(endpoint, database) as d:
            run(d, begin)
            statement = Asked(d, *WRONG[form])
            assert statement.is_answered(BOUND_S)
            trace = statement.answer()
            seen.append((errors(trace), wire.status(trace),
                         errors(d.query("select 1"))))
    assert seen[0] == seen[1]
    assert seen[0][0][0]["C"] == "42601"
    assert admin.execute("select to_regclass('table_c')").fetchone()[0]


def test_when_its_time_is_over_it_goes_to_the_server(
        start_lockstep, admin, connect, holder):
    proxy = start_lockstep(hold_timeout="300ms")
    statement = ask(connect(proxy), UNKNOWN)
    wait_for(admin, "exists (select from pg_locks where not granted)")
    holder.release()
    assert_answered(statement)
    assert [event["outcome"] for event in ends(proxy)] == ["overdue"]


def test_a_lock_timeout_is_the_servers(start_lockstep, connect, holder):
    session = connect(start_lockstep())
    run(session, "set lock_timeout = '200ms'")
    trace = ask(session, UNKNOWN).answer()
    assert sqlstates(trace) == ["55P03"]
    assert "D" not in errors(trace)[0]


def test_in_a_failed_transaction(start_lockstep, connect, holder):
    session = connect(start_lockstep())
    run(session, "begin")
    assert sqlstates(session.query("select 1/0")) == ["22012"]
    assert sqlstates(ask(session, UNKNOWN).answer()) == ["25P02"]


def test_a_syntax_error_in_a_failed_transaction(start_lockstep, direct,
                                                database, admin, tables):
    """Nothing of the text runs, as directly."""
    seen = []
    for endpoint in (direct, start_lockstep()):
        with Wire(endpoint, database) as d:
            run(d, "begin")
            d.query("select 1/0")
            trace = d.query(WRONG_BEHIND_ROLLBACK)
            seen.append((errors(trace), wire.status(trace)))
    assert seen[0] == seen[1]
    assert admin.execute("select to_regclass('table_c')").fetchone()[0]


@pytest.mark.parametrize("form", ["simple", "extended"])
def test_one_that_no_block_may_have(start_lockstep, cluster, database, admin,
                                    connect, tables, form):
    text = f"alter system set application_name = {LETTER}"
    messages = ([query(text)] if form == "simple"
                else [*extended(text), sync()])
    proxy = start_lockstep()
    with Holder(cluster, database, "select * from application_name") as holder:
        statement = Asked(connect(proxy), *messages)
        assert_waits_outside(admin, statement)
        holder.release()
        assert_answered(statement)
    admin.autocommit = True
    admin.execute("alter system reset application_name")


def test_a_cancel(start_lockstep, admin, connect, holder):
    proxy = start_lockstep()
    session = connect(proxy)
    statement = ask(session, UNKNOWN)
    assert_waits_outside(admin, statement)
    wire.cancel(proxy, session)
    assert sqlstates(statement.answer()) == ["57014"]
    assert not has_run(admin)


# -- the setting ------------------------------------------------------------

def test_reject(start_lockstep, admin, connect, tables):
    session = connect(start_lockstep(unparsed="reject"))
    error, = errors(session.query(UNKNOWN))
    assert error["C"] == "42501" and '"unparsed"' in error["H"]
    assert not has_run(admin)
    # It has to be one, and to name something.
    assert sqlstates(session.query("drop tabel x")) == ["42601"]
    run(session, f"alter role postgres set search_path to {LETTER}",
        "alter role postgres reset search_path")


def test_a_session_may_choose(start_lockstep, connect, holder, admin):
    session = connect(start_lockstep())
    run(session, "set lockstep.unparsed = 'reject'")
    assert sqlstates(session.query(UNKNOWN)) == ["42501"]
    run(session, "set lockstep.unparsed = 'pass'", "set lock_timeout = '1ms'")
    assert sqlstates(session.query(UNKNOWN)) == ["55P03"]


def test_a_rule_may_choose(start_with, connect, holder):
    proxy = start_with("[rule]\nstatement = UNKNOWN DDL\n"
                       "database = e2e_unparsed\nunparsed = reject\n")
    assert sqlstates(connect(proxy).query(UNKNOWN)) == ["42501"]


def test_it_is_counted_and_logged_once_a_shape(start_lockstep, connect,
                                               tables):
    proxy = start_lockstep()
    session = connect(proxy)
    for letter in "e9", "e8", "e9":
        run(session, UNKNOWN.replace("e9", letter))
    run(session, UNKNOWN.replace("set default", "SET  DEFAULT"),
        UNKNOWN.replace("note", "\"note\"") + ", alter old drop not null")
    told = [event for event in proxy.events()
            if event["message"] == "statement is not known to the grammar"]
    # What stands behind could be a password.
    assert [event["text"] for event in told] == ["alter table"] * 2
