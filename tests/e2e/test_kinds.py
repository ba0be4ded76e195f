"""Kinds of statements that lock more than their names tell: what each does to
an application that comes the other way round, directly and by Lockstep."""

import re
import time

import pytest

import scene
import wire
from wire import Wire, sqlstates

SCHEMA = """
drop owned by kinds_keeper cascade;
create role kinds_heir;
create domain whole as int;
create type pair as (a int, b int);
create operator class small for type int using btree as
    operator 1 <, operator 3 =, function 1 btint4cmp(int, int);
create text search configuration words (copy = simple);
create table x (id int primary key, w whole, p int references x);
create table y (id int primary key, w whole);
create table tx of pair;
create table ty of pair;
create index of_x on x (id small);
create index of_y on y (id small);
alter table x add check (to_tsvector('words', id::text) is not null);
alter table y add check (to_tsvector('words', id::text) is not null);
create view v as select x.id from x;
create table lone (id int primary key);
create table child (id int, x int references x);
create type shell;
insert into x values (1, 1, null);
insert into y values (1, 1);
alter table x owner to kinds_keeper;
alter table y owner to kinds_keeper;
"""
CLEAR = """
drop table if exists x, y, tx, ty, lone, child cascade;
drop domain if exists whole cascade;
drop type if exists pair, shell cascade;
drop operator family if exists small using btree cascade;
drop text search configuration if exists words cascade;
drop role if exists kinds_heir;
"""

# The statement, and what an application does to each of its two tables.
CROSSED = {
    "begin; lock table x, y": "select from {}",
    "begin; lock table y, x in share mode": "insert into {} (id) values (7)",
    "reassign owned by kinds_keeper to kinds_heir": "select from {}",
    "alter domain whole add check (value is null or value > 0)":
        "insert into {} (id) values (8)",
    "alter domain whole set not null": "insert into {} values (9, 9)",
    "drop operator class small using btree cascade": "select from {}",
    "drop text search configuration words cascade": "select from {}",
    "alter type pair add attribute c int cascade": "select from t{}",
}


@pytest.fixture(scope="module", autouse=True)
def keeper(cluster):
    with cluster.connect() as admin:
        admin.execute("create role kinds_keeper")
        yield
        admin.execute("drop role kinds_keeper")


@pytest.fixture
def ddl(start_lockstep):
    return start_lockstep(guard="ddl")


@pytest.fixture
def play(admin, database):
    """Two sessions on fresh tables: the migration's and the application's."""
    opened = []

    def start(migration, application):
        for session in opened:
            session.close()
        admin.execute(CLEAR)
        admin.execute(SCHEMA)
        opened[:] = [Wire(endpoint, database)
                     for endpoint in (migration, application)]
        return opened

    yield start
    for session in opened:
        session.close()
    admin.execute(CLEAR + "drop owned by kinds_keeper cascade")


def well(trace):
    assert sqlstates(trace) == [], trace
    return trace


def crossed(play, migration_by, application_by, statement, first, second):
    """(errors of the statement, errors of the application), which has the
    table that the statement comes to last and wants the other one."""
    migration, application = play(migration_by, application_by)
    well(application.query("begin"))
    well(application.query(first))
    *before, last = statement.split("; ")
    for text in before:
        well(migration.query(text))
    asked = scene.ask(migration, last)
    time.sleep(0.3)
    seen = sqlstates(application.query(second))
    application.query("rollback")
    return sqlstates(asked.answer()), seen


@pytest.mark.parametrize("statement", CROSSED)
def test_crossed_by_an_application(direct, ddl, play, statement):
    """One of its two orders is the deadly one."""
    x, y = (CROSSED[statement].format(t) for t in ("x", "y"))
    victims = [crossed(play, direct, direct, statement, *order)
               for order in ((x, y), (y, x))]
    assert "40P01" in sum((sum(pair, []) for pair in victims), [])
    for order in (x, y), (y, x):
        assert crossed(play, ddl, direct, statement, *order) == ([], [])


def behind(play, migration_by, application_by, first, second, held):
    """(errors of the second, errors of the application): behind `first`, which
    keeps x, comes what the application's `held` is in the way of."""
    migration, application = play(migration_by, application_by)
    well(application.query("begin"))
    well(application.query(held))
    well(migration.query("begin"))
    well(migration.query(first))
    # A view's reader has the view's lock as it comes to x.
    read = scene.ask(application,
                     f"select from {'v' if second is REPLACE else 'x'}")
    time.sleep(0.3)
    asked = scene.ask(migration, second)
    seen = sqlstates(read.answer())
    # A migration that is started over waits until the application has ended.
    application.query("rollback")
    migration_seen = sqlstates(asked.answer())
    migration.query("rollback")
    return migration_seen, seen


REPLACE = "create or replace view v as select y.id from y"
BEHIND = {
    "lock table y in exclusive mode": "insert into y (id) values (7)",
    "comment on table y is 'x'": "analyze y",
    "analyze y": "analyze y",
    "reindex table y": "insert into y (id) values (7)",
    "cluster y using y_pkey": "select from y",
    REPLACE: "select from y",
}


@pytest.mark.parametrize("second", BEHIND)
def test_behind_a_drop_it_kills_nobody(direct, ddl, play, second):
    """The application waits for x, in the server, with what it holds."""
    first = "drop table child"
    seen = behind(play, direct, direct, first, second, BEHIND[second])
    assert "40P01" in seen[0] + seen[1]
    migration, application = behind(play, ddl, direct, first, second,
                                    BEHIND[second])
    assert application == [] and migration in ([], ["55P03"], ["40P01"])


def answers(endpoint, database, *messages):
    session = Wire(endpoint, database)
    try:
        return session.run(*messages)
    finally:
        session.close()


@pytest.mark.parametrize("text", [
    "lock table x, y", "lock table x", "lock table v, nowhere",
    "lock table x, y nowait", "reindex table x", "cluster x using x_pkey",
    "analyze x, y", "reindex table parts", "cluster parts using parts_pkey"])
def test_alone_it_answers_as_the_server_does(admin, database, direct, ddl,
                                             play, text):
    """LOCK TABLE is refused outside of a block, the last two inside."""
    play(direct, direct)
    admin.execute("drop table if exists parts")
    admin.execute("create table parts (id int primary key) "
                  "partition by range (id)")
    for messages in ([wire.query(text)],
                     [*wire.extended(text), wire.sync()]):
        assert answers(ddl, database, *messages) == answers(
            direct, database, *messages)


def test_nowait_is_not_held(database, direct, ddl, play, cluster):
    play(direct, direct)
    with scene.Holder(cluster, database, "select from x"):
        session = Wire(ddl, database)
        well(session.query("begin"))
        assert sqlstates(session.query("lock table x, y nowait")) == ["55P03"]
        session.close()
    assert ddl.guarded() == []


def test_lock_of_one_table_is_left_alone(database, direct, ddl, play):
    """Applications take turns by it; behind a drop it counts."""
    migration, _ = play(ddl, direct)
    for text in ("begin", "lock table y", "commit", "begin",
                 "comment on table y is 'x'", "analyze y", "commit"):
        well(migration.query(text))
    well(migration.query("begin"))
    well(migration.query("drop table child"))
    well(migration.query("lock table lone"))
    well(migration.query("commit"))
    assert [e["statement"] for e in ddl.wait_guarded(2)] == [
        "DROP TABLE", "LOCK TABLE"]


def test_a_replaced_view_is_the_one_of_its_schema(admin, database, direct,
                                                  ddl, play, cluster):
    """Another one of that name, later in the search_path, is not locked."""
    migration, _ = play(ddl, direct)
    admin.execute("drop schema if exists mine cascade; create schema mine")
    well(migration.query("set search_path = mine, public"))
    with scene.Holder(cluster, database, "lock table v in exclusive mode"):
        well(migration.query("begin"))
        well(migration.query("drop table lone"))
        well(migration.query("create or replace view v as select 1 as id"))
        well(migration.query("commit"))
    admin.execute("drop schema mine cascade")


def test_shell_type_is_planned(database, direct, ddl, play):
    migration, _ = play(ddl, direct)
    well(migration.query("begin"))
    well(migration.query("drop type shell"))
    well(migration.query("rollback"))
    assert "unplanned" not in ddl.stderr()


def test_unplanned_is_counted(database, direct, ddl, play):
    migration, _ = play(ddl, direct)
    for _ in range(3):
        migration.query("alter extension plpgsql update")
    lines = re.findall(r"statement passed unplanned.*unplanned=(\d+)",
                       ddl.stderr())
    assert lines == ["1", "2", "3"]
