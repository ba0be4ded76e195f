"""A replay that is cut short, and what is not replayed.

Whatever ends it, the client sees what any failed transaction shows, and nothing
is left: no lock, no turn, no shut gate, nothing done in part, nothing twice.
"""

import contextlib
import pathlib
import time

import pytest

import wire
from antagonist import Antagonist
from scene import Asked, Holder, ask, wait_for, wait_gone
from wire import Wire, errors, sqlstates

pytestmark = pytest.mark.needs_lockstep

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEADLOCK = "40P01"
LOCK_TIMEOUT = "55P03"
CANCELED = "57014"
TERMINATED = "57P01"

SCHEMA = """
create table hot(id int primary key, x int);
create table a(id int primary key, x int);
create table log(n int);
create table serial(id serial, n int);
create table keyed(id int generated always as identity, n int);
create table audited(n int);
create function audit() returns trigger language plpgsql
 as 'begin return new; end';
create trigger t before insert on audited for each row
 execute function audit();
create function v() returns int language sql volatile as 'select 1';
create function s() returns int language sql stable as 'select 1';
create sequence q;
create view w as select v() as n from log;
create view z as select s() as n from log;
create view simple as select n from log;
create table renamed(id int primary key);
insert into renamed values (1);
create table renaming(id int references renamed on update cascade);
"""
# Its rows are a file's, or another server's.
FOREIGN = """
create extension file_fdw;
create server here foreign data wrapper file_fdw;
create foreign table far(t text) server here
 options (program 'echo 1');
"""
# Keeps the server busy once somebody has set the flag: when it is repeated.
SLOW = "alter table hot add column c int default slow()"
SLOW_SCHEMA = """
create table flag(n int);
create function slow() returns int language plpgsql stable as
 'begin perform pg_catalog.pg_sleep(8) from flag; return 1; end';
insert into hot values (1, 1);
"""


@pytest.fixture
def proxy(start_lockstep):
    return start_lockstep(guard="ddl", memory="off")


@pytest.fixture
def tables(admin):
    admin.execute(SCHEMA + SLOW_SCHEMA)


def messages(proxy):
    return [event["message"] for event in proxy.events()]


def reasons(proxy):
    return [event["no_replay"] for event in proxy.guarded()
            if "no_replay" in event]


def run(session, *texts):
    for text in texts:
        trace = session.query(text)
        assert errors(trace) == [], (text, trace)


def columns(admin):
    return [name for name, in admin.execute(
        "select attname from pg_attribute where attrelid = 'hot'::regclass "
        "and attnum > 0 and not attisdropped").fetchall()]


def assert_nothing_is_left(admin, proxy, database, pid):
    wait_for(admin, "not exists (select from pg_locks where pid = %s "
             "and locktype = 'relation')", pid)
    assert columns(admin) == ["id", "x"]
    with Wire(proxy, database) as other:
        begun = time.monotonic()
        run(other, "begin", "lock table hot, a", "commit")
        assert time.monotonic() - begun < 2


# -- what is not replayed ---------------------------------------------------

NOT_REPLAYED = {
    "nextval": "select nextval('q')",
    "rows": "select n from log",
    "serial": "insert into serial(n) values (1)",
    "identity": "insert into keyed(n) values (1)",
    "trigger": "insert into audited values (1)",
    "volatile": "insert into log values (v())",
    "random": "insert into log values (random() * 9)",
    "uuid": "alter table log add column u uuid default gen_random_uuid()",
    "large_object": "select lo_creat(-1), current_schema()",
    "foreign": "create table made as select t from far",
    "advisory": "select pg_advisory_lock(1), current_schema()",
    "advisory_xact": "select pg_advisory_xact_lock(1), current_schema()",
    "lock": "lock table log",
    "set": "set work_mem = '5MB'",
    "view": "create table made as select n from z",
    "volatile_view": "create table made as select n from w",
    "time": "select now(), current_schema()",
    "prepare": "prepare p as select 1",
    "copy": "copy log to stdout",
    "cursor": "declare c cursor for select 1",
    "listen": "listen l",
    "temporary": "create temp table t(a int) on commit drop",
    "reported": "set local timezone = 'Asia/Tokyo'",
    "do": "do $$begin perform nextval('q'); end$$",
    "do_quoted": "do 'begin if NEXTVAL(''q'') > 0 then null; end if; end'",
    "into_view": "insert into simple values (1)",
    "key": "update renamed set id = 2",
    "execute": "create table made as execute p",
    "gone": "create table made as select n from audited; drop table audited",
    "rolled_back": "savepoint s; alter table log alter n set default "
                   "nextval('q'); insert into log default values; "
                   "rollback to s",
}
REPLAYED = {
    "plain": "insert into log values (1)",
    "stable": "insert into log values (s())",
    "default": "alter table log alter column n set default nextval('q')",
    "catalog": "select relname from pg_class where relname = 'log'",
    "sequence": "create table made(id serial)",
    "notify": "notify l, 'a'",
    "local": "set local work_mem = '5MB'",
    "error": "savepoint a; drop table missing",
    "do": "do $$begin create type made as enum ('a'); exception when "
          "duplicate_object then null; end$$",
}


def force(cluster, database, admin, session, text):
    """The answer to a statement that meets a cycle."""
    with Antagonist(cluster, database, admin, "a", "hot") as antagonist:
        assert antagonist.is_there
        trace = session.query(text)
        if wire.status(trace) == "E":
            run(session, "rollback")
    return trace


@pytest.mark.parametrize("name", NOT_REPLAYED)
def test_is_refused_instead(proxy, cluster, database, admin, tables, name):
    if name == "foreign":
        admin.execute(FOREIGN)
    with Wire(proxy, database) as session:
        run(session, *(["prepare p as select 1"] if name == "execute" else []),
            "begin", "alter table hot add column z int", NOT_REPLAYED[name])
        trace = force(cluster, database, admin, session, "drop table a")
        assert set(sqlstates(trace)) == {DEADLOCK}
        assert "transaction started over" not in messages(proxy)
        assert len(reasons(proxy)) == 1
        assert_nothing_is_left(admin, proxy, database, session.pid)


@pytest.mark.parametrize("name", REPLAYED)
def test_is_replayed(proxy, cluster, database, admin, tables, name):
    with Wire(proxy, database) as session:
        run(session, "begin", "alter table hot add column z int")
        session.query(REPLAYED[name])
        if name == "error":
            run(session, "rollback to a", "release a")
        trace = force(cluster, database, admin, session, "drop table a")
        assert errors(trace) == [] and reasons(proxy) == []
        run(session, "commit")
        assert messages(proxy).count("transaction started over") == 1
    assert columns(admin) == ["id", "x", "z"]
    assert admin.execute("select count(*) from log").fetchone()[0] == (
        1 if "insert" in REPLAYED[name] else 0)


# name: (more of the schema, functions, shown, written, what is told)
JUDGED = {
    "nothing": ("", "", "", "", ""),
    "table": ("", "s", "pg_class", "log", ""),
    "gone": ("", "", "", "missing", "a relation is gone"),
    "gone that was shown": ("", "", "missing", "", "a relation is gone"),
    "function that is gone": ("", "missing", "", "", "a function is gone"),
    "view": ("", "", "", "simple", "it has used a view"),
    "key": ("", "", "", "renamed", "a table has keys that cascade"),
    "domain": ("create domain d as int default nextval('q')", "", "", "log",
               "a function is volatile"),
    "check of a domain": ("create domain d as int check (value > v())", "", "",
                          "log", "a function is volatile"),
    "plain domain": ("create domain d as int default 7 check (value > s())",
                     "", "", "log", ""),
    "operator": ("create function o(int, int) returns int language sql "
                 "volatile as 'select 1'; create operator ~~~ ("
                 "leftarg = int, rightarg = int, function = o)", "", "", "log",
                 "a function is volatile"),
    "plain operator": ("create function o(int, int) returns int language sql "
                       "stable as 'select 1'; create operator ~~~ ("
                       "leftarg = int, rightarg = int, function = o)", "", "",
                       "log", ""),
    "cast": ("create type e as enum ('a'); create function k(int) returns e "
             "language sql volatile as $$select 'a'::e$$;"
             "create cast (int as e) with function k(int)", "", "", "log",
             "a function is volatile"),
    "column that is a function": (
        "create function c(log) returns int language sql volatile "
        "as 'select 1'", "", "", "log", "a function is volatile"),
    "column of another": (
        "create function c(log) returns int language sql volatile "
        "as 'select 1'", "", "", "a", ""),
}


@pytest.mark.parametrize("name", JUDGED)
def test_catalogs_tell(admin, tables, name):
    schema, *names, told = JUDGED[name]
    text = (ROOT / "policy/catalog/catalog_sql/repeatable.sql").read_text()
    admin.execute(schema)
    admin.execute("prepare judge as " + text)
    functions, shown, written = ("'{%s}'" % words for words in names)
    row = admin.execute(f"execute judge({functions}, {shown}, {written}, "
                        f"{shown}, {written})").fetchone()
    assert row == (told, "read committed")


@pytest.mark.parametrize("table, told", [
    ("serial", "a function is volatile"),
    ("keyed", "a table has an identity column")])
def test_defaults_count_where_they_are_evaluated(admin, tables, table, told):
    text = (ROOT / "policy/catalog/catalog_sql/repeatable.sql").read_text()
    admin.execute("prepare judge as " + text)
    for filled, expected in (table, told), ("", ""):
        assert admin.execute(
            f"execute judge('{{}}', '{{}}', '{{{table}}}', '{{}}', "
            f"'{{{filled}}}')").fetchone()[0] == expected


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_one_snapshot_is_kept_by_who_has_seen_rows(
        proxy, cluster, database, admin, tables, level):
    for texts, refused in ([], []), (
            [REPLAYED["catalog"]], ["it has shown rows of a snapshot"]):
        with Wire(proxy, database) as session:
            run(session, f"begin isolation level {level}",
                "alter table hot add column z int", *texts)
            trace = force(cluster, database, admin, session, "drop table a")
            assert reasons(proxy) == refused
            assert sqlstates(trace) == ([DEADLOCK] if refused else [])
            run(session, "rollback")


def test_all_of_it_is_within_the_statements_time(proxy, cluster, database,
                                                 admin, tables):
    """Somebody else sits on the table, and stays: it is started over because
    of a cycle, and waits for him then."""
    with Wire(proxy, database) as session, \
            Holder(cluster, database, "select * from a"):
        run(session, "set lockstep.hold_timeout = '2s'", "begin",
            "alter table hot add column z int")
        begun = time.monotonic()
        trace = force(cluster, database, admin, session, "drop table a")
        took_s = time.monotonic() - begun
        assert sqlstates(trace) == [LOCK_TIMEOUT]
        assert 1.5 < took_s < 5
        pid = session.pid
    assert_nothing_is_left(admin, proxy, database, pid)


def test_event_trigger_is_an_obstacle(proxy, cluster, database, admin, tables):
    admin.execute("create function e() returns event_trigger language plpgsql "
                  "as 'begin end'; create event trigger e on ddl_command_end "
                  "execute function e()")
    with Wire(proxy, database) as session:
        run(session, "begin", "alter table hot add column z int")
        trace = force(cluster, database, admin, session, "drop table a")
        assert sqlstates(trace) == [DEADLOCK]
        assert reasons(proxy) == ["there is an event trigger"]


@pytest.mark.parametrize("where", ["file", "session"])
def test_can_be_off(start_lockstep, cluster, database, admin, tables, where):
    proxy = start_lockstep(
        guard="ddl", memory="off", replay="off" if where == "file" else "ddl",
        in_transaction_timeout="300ms")
    with Wire(proxy, database) as session:
        if where == "session":
            run(session, "set lockstep.replay = off")
        run(session, "begin", "alter table hot add column z int")
        trace = force(cluster, database, admin, session, "drop table a")
        assert sqlstates(trace) == [DEADLOCK]
        assert "transaction started over" not in messages(proxy)


def test_rows_are_compared_where_they_may_be_shown(
        start_lockstep, cluster, database, admin, tables):
    """replay = on: as they were, it goes on; else the transaction fails."""
    proxy = start_lockstep(guard="ddl", memory="off", replay="on",
                           in_transaction_timeout="300ms")
    admin.execute("insert into log values (1)")
    for is_changed in False, True:
        with Wire(proxy, database) as session:
            run(session, "begin", "alter table hot add column z int",
                "select n from log")
            if is_changed:
                admin.execute("update log set n = 2")
            trace = force(cluster, database, admin, session,
                          "alter table a add column z int")
            assert sqlstates(trace) == ([DEADLOCK] if is_changed else [])
            if is_changed:
                assert_nothing_is_left(admin, proxy, database, session.pid)
            else:
                run(session, "rollback")


def newcomer(cluster, database, admin, number):
    """Makes a table that the statement names, and is in its way there."""
    admin.execute(f"create table new{number}(id int)")
    return Antagonist(cluster, database, admin, f"new{number}", "hot")


@pytest.mark.parametrize("count", [3, 4])
def test_three_times_at_most(proxy, cluster, database, admin, tables, count):
    with Wire(proxy, database) as session, contextlib.ExitStack() as stack:
        run(session, "begin", "alter table hot add column z int",
            "select pg_sleep(0.8), current_schema()")
        met = stack.enter_context(newcomer(cluster, database, admin, 1))
        drop = ask(session, "drop table if exists new1, new2, new3, new4")
        for number in range(2, count + 1):
            # It has gone behind the ROLLBACK; the sleep is repeated.
            assert errors(met.asked.answer()) == []
            wait_for(admin, "exists (select from pg_stat_activity where "
                     "pid = %s and wait_event = 'PgSleep')", session.pid)
            met = stack.enter_context(
                newcomer(cluster, database, admin, number))
            assert met.is_there
        trace = drop.answer()
        assert len(proxy.started_over()) == 3
        if count == 3:
            assert errors(trace) == [] and reasons(proxy) == []
            run(session, "commit")
        else:
            assert set(sqlstates(trace)) == {DEADLOCK}
            assert reasons(proxy) == ["it was started over often enough"]
            run(session, "rollback")
            assert_nothing_is_left(admin, proxy, database, session.pid)


# -- the tables of migration tools ------------------------------------------

TOOLS = {
    "alembic": ["select version_num from alembic_version"],
    "knex": ["update knex_migrations_lock set is_locked = 1 "
             "where is_locked = 0",
             "select * from knex_migrations_lock",
             'select max("batch") as max_batch from "knex_migrations"'],
    "flyway": ["set role 'postgres'"],
    "rails": ["select version from public.schema_migrations"],
}
NOT_OF_TOOLS = {
    "other_rows": "select n, 'alembic_version' from log",
    "other_table": "update log set n = 1 where 'knex_migrations' = ''",
    "a_lock": "lock table knex_migrations_lock",
    "filled": "insert into knex_migrations(name) values ('a')",
}
TOOL_TABLES = """
create table alembic_version(version_num text primary key);
create table schema_migrations(version text primary key);
create table knex_migrations(id serial, name text, batch int);
create table knex_migrations_lock(index serial, is_locked int);
insert into alembic_version values ('1');
insert into knex_migrations_lock(is_locked) values (0);
"""


def by_unnamed(session, *texts):
    for text in texts:
        trace = session.run(*wire.extended(text), wire.sync())
        assert errors(trace) == [], (text, trace)


@pytest.mark.parametrize("name", TOOLS)
def test_what_tools_read_first_is_repeated(proxy, cluster, database, admin,
                                           tables, name):
    admin.execute(TOOL_TABLES)
    with Wire(proxy, database) as session:
        run(session, "begin")
        by_unnamed(session, *TOOLS[name],
                   "alter table hot add column z int")
        trace = force(cluster, database, admin, session, "drop table a")
        assert errors(trace) == [] and reasons(proxy) == []
        run(session, "commit")
        assert len(proxy.started_over()) == 1


@pytest.mark.parametrize("name", NOT_OF_TOOLS)
def test_what_only_looks_like_it_is_not(proxy, cluster, database, admin,
                                        tables, name):
    admin.execute(TOOL_TABLES)
    with Wire(proxy, database) as session:
        run(session, "begin")
        by_unnamed(session, NOT_OF_TOOLS[name],
                   "alter table hot add column z int")
        trace = force(cluster, database, admin, session, "drop table a")
        assert set(sqlstates(trace)) == {DEADLOCK}
        assert len(reasons(proxy)) == 1
        assert proxy.started_over() == []
        assert_nothing_is_left(admin, proxy, database, session.pid)


def test_a_tools_table_that_has_changed_fails_it(proxy, cluster, database,
                                                 admin, tables):
    """Another migration came between: so it is seen, as in a deadlock."""
    admin.execute(TOOL_TABLES)
    with Wire(proxy, database) as session:
        run(session, "begin", *TOOLS["alembic"],
            "alter table hot add column z int")
        admin.execute("update alembic_version set version_num = '2'")
        trace = force(cluster, database, admin, session, "drop table a")
        assert set(sqlstates(trace)) == {DEADLOCK}
        assert reasons(proxy) == ["an answer differed"]
        assert_nothing_is_left(admin, proxy, database, session.pid)


# -- cut short --------------------------------------------------------------

def begin_slow_replay(cluster, database, admin, session,
                      texts=("begin", SLOW)):
    """The session is amid a replay, which takes a moment."""
    run(session, *texts)
    admin.execute("insert into flag values (1)")
    with Antagonist(cluster, database, admin, "a", "hot") as antagonist:
        assert antagonist.is_there
        drop = ask(session, "drop table a")
    # The antagonist is gone: behind the ROLLBACK.
    wait_for(admin, "exists (select from pg_stat_activity where pid = %s "
             "and wait_event = 'PgSleep')", session.pid)
    return drop


def test_cancel_ends_it(proxy, cluster, database, admin, tables):
    with Wire(proxy, database) as session:
        drop = begin_slow_replay(cluster, database, admin, session)
        wire.cancel(proxy, session)
        trace = drop.answer()
        assert sqlstates(trace) == [CANCELED] and wire.status(trace) == "E"
        run(session, "rollback")
        assert_nothing_is_left(admin, proxy, database, session.pid)


def test_no_savepoint_is_left_by_half_of_it(proxy, cluster, database, admin,
                                            tables):
    """The client means the second one of the name, as psql and pgjdbc do who
    set one before each statement: behind it stands all that it has done."""
    with Wire(proxy, database) as session:
        drop = begin_slow_replay(
            cluster, database, admin, session,
            ["begin", "savepoint t", SLOW, "savepoint t",
             "create table made(n int)", "savepoint t"])
        wire.cancel(proxy, session)
        assert sqlstates(drop.answer()) == [CANCELED]
        assert sqlstates(session.query("rollback to t")) == ["3B001"]
        trace = session.query("commit")
        assert ("C", ("ROLLBACK",)) in trace
        assert_nothing_is_left(admin, proxy, database, session.pid)


def test_client_leaves(proxy, cluster, database, admin, tables):
    session = Wire(proxy, database)
    begin_slow_replay(cluster, database, admin, session)
    session.close()
    wait_gone(admin, session.pid)
    assert_nothing_is_left(admin, proxy, database, session.pid)


def test_server_leaves(proxy, cluster, database, admin, tables):
    with Wire(proxy, database) as session:
        drop = begin_slow_replay(cluster, database, admin, session)
        admin.execute("select pg_terminate_backend(%s)", [session.pid])
        trace = drop.answer()
        assert sqlstates(trace) == [TERMINATED]
        assert trace[-1] is wire.CLOSED
        wait_gone(admin, session.pid)
        assert_nothing_is_left(admin, proxy, database, session.pid)


# -- how clients send it ----------------------------------------------------

def test_begin_in_the_packet_of_the_first_statement(proxy, cluster, database,
                                                    admin, tables):
    """As pgjdbc does it."""
    with Wire(proxy, database) as session:
        trace = session.run(
            wire.parse("begin"), wire.bind(), wire.execute(),
            *wire.extended("alter table hot add column z int"), wire.sync())
        assert errors(trace) == []
        with Antagonist(cluster, database, admin, "a", "hot") as antagonist:
            assert antagonist.is_there
            trace = session.run(*wire.extended("drop table a"), wire.sync())
        assert errors(trace) == [] and wire.status(trace) == "T"
        run(session, "commit")
        assert messages(proxy).count("transaction started over") == 1
    assert columns(admin) == ["id", "x", "z"]


def test_texts_of_many_statements(proxy, cluster, database, admin, tables):
    with Wire(proxy, database) as session:
        run(session, "begin",
            "create table made(a int); alter table hot add column z int; "
            "comment on table made is 'a'; insert into log values (1)")
        trace = force(cluster, database, admin, session,
                      "drop table a; insert into log values (2)")
        assert errors(trace) == []
        run(session, "commit")
        assert messages(proxy).count("transaction started over") == 1
    assert columns(admin) == ["id", "x", "z"]
    assert admin.execute("select array_agg(n order by n) from log"
                         ).fetchone()[0] == [1, 2]


def test_gate_and_turn_are_given_back(proxy, cluster, database, admin, tables):
    with Wire(proxy, database) as session, Wire(proxy, database) as reader:
        run(session, "begin", "alter table hot add column z int")
        trace = force(cluster, database, admin, session, "drop table a")
        assert errors(trace) == []
        waits = Asked(reader, wire.query("select * from hot"))
        assert not waits.is_answered(0.2)
        run(session, "commit")
        assert errors(waits.answer()) == []
        assert waits.took_s < 5
