"""What LOCK TABLE cannot take: views, sequences, another's tables.

Their users connect straight to the server: no gate keeps them away.  Each
scene runs once straight at the server and once through Lockstep.
"""

import statistics
import time

import pytest

from scene import Loop
from wire import Wire, errors

needs_lockstep = pytest.mark.needs_lockstep

ROUNDS = 8
READERS = 3
CLEAR = ["drop schema if exists public, s cascade", "create schema public",
         "grant all on schema public to public"]

# name: (to set up a round, the loops of others, the statement)
SCENES = {
    "drop table cascade, a view": (
        ["create table a(id int)", "create view v as select * from a"],
        ["select * from v"],
        "drop table a cascade"),
    "drop table cascade, a view of a view": (
        ["create table a(id int)", "create view v as select * from a",
         "create view w as select * from v"],
        ["select * from w", "select * from v"],
        "drop table a cascade"),
    "drop table cascade, a materialized view": (
        ["create table a(id int)",
         "create materialized view v as select * from a"],
        ["begin; select * from v; select * from a; commit",
         "begin; select * from a; select * from v; commit"],
        "drop table a cascade"),
    "drop schema": (
        ["create schema s",
         "create table s.a(id int)", "create view s.v as select * from s.a"],
        ["select * from s.v"],
        "drop schema s cascade"),
    "truncate restart identity": (
        ["create table a(id serial, n int)"],
        ["begin; select nextval('a_id_seq'); insert into a(n) values (1); "
         "commit"],
        "truncate a restart identity"),
    "drop of a sequence that is owned": (
        ["create table a(id serial, n int)"],
        ["begin; select nextval('a_id_seq'); select from a; commit"],
        "drop table a"),
    "rename of a view, behind its table": (
        ["create table a(id int)", "create view v as select * from a"],
        ["select * from v"],
        "begin; alter table a add n int; alter view v rename to w; commit"),
}


def run_scene(endpoint, cluster, database, scene, **parameters):
    """(seconds of each statement, deadlocks)."""
    setup, texts, statement = scene
    seconds = []
    seen = []
    with cluster.connect(database) as admin, \
            Wire(endpoint, database, application_name="e2e_ddl",
                 **parameters) as ddl:
        for _ in range(ROUNDS):
            for text in [*CLEAR, *setup]:
                admin.execute(text)
            loops = [Loop(cluster, database, *texts, pause_s=0.001)
                     for _ in range(READERS)]
            for loop in loops:
                loop.start()
            time.sleep(0.05)
            begun = time.monotonic()
            seen += errors(ddl.query(statement))
            seconds.append(time.monotonic() - begun)
            ddl.query("rollback")
            for loop in loops:
                loop.__exit__()
                seen += loop.problems
    return seconds, [error for error in seen if error["C"] == "40P01"]


@needs_lockstep
@pytest.mark.parametrize("name", SCENES)
def test_nobody_dies_for_what_lock_table_cannot_take(
        start_lockstep, cluster, database, name):
    """Straight at the server some of these end in a deadlock now and then."""
    scene = SCENES[name]
    direct, _ = run_scene(cluster, cluster, database, scene)
    proxy = start_lockstep(guard="ddl")
    through, victims = run_scene(proxy, cluster, database, scene)
    assert victims == []
    assert statistics.median(through) < statistics.median(direct) + 0.5
    assert {line["outcome"] for line in proxy.guarded()} \
        <= {"protected", "unopposed"}


# -- what is not locked ahead -----------------------------------------------

def outcome(endpoint, database, proxy, statement, **parameters):
    with Wire(endpoint, database, **parameters) as session:
        assert errors(session.query(statement)) == []
    (line,) = proxy.wait_guarded(1)
    return line["outcome"], line.get("trials")


@needs_lockstep
def test_what_no_attempt_can_lock_the_statement_takes(
        start_lockstep, database, admin):
    """A cascade takes along a view of somebody else's (test_trial.py)."""
    admin.execute("create table a(id int); grant all on schema public to public")
    admin.execute("drop role if exists e2e_owner; create role e2e_owner login")
    admin.execute("alter table a owner to e2e_owner")
    admin.execute("create view v as select * from a")
    proxy = start_lockstep(optimistic="off")
    assert outcome(proxy, database, proxy, "drop table a cascade",
                   user="e2e_owner") == ("protected", "1")
    admin.execute("drop owned by e2e_owner cascade")
    admin.execute("drop role e2e_owner")


@needs_lockstep
def test_no_event_trigger_sees_an_attempt(start_lockstep, database, admin):
    admin.execute("create table a(id int); create table log(tag text)")
    admin.execute("create view v as select * from a")
    admin.execute("create function note() returns event_trigger language "
                  "plpgsql as $$ begin insert into log values (tg_tag); end $$")
    admin.execute("create event trigger e2e on ddl_command_end "
                  "when tag in ('ALTER TABLE') execute function note()")
    proxy = start_lockstep(optimistic="off")
    assert outcome(proxy, database, proxy, "drop table a cascade") \
        == ("protected", "1")
    assert admin.execute("select * from log").fetchall() == []


@needs_lockstep
def test_an_attempt_changes_nothing(start_lockstep, database, admin):
    """Of a view whose statement fails behind it, the row is the same."""
    admin.execute("create table a(id int); create view v as select * from a")
    row = "select xmin, pg_class.* from pg_class where relname in ('a', 'v')"
    before = admin.execute(row).fetchall()
    proxy = start_lockstep(guard="ddl", optimistic="off")
    with Wire(proxy, database) as session:
        session.query("begin")
        session.query("drop table a cascade")
        session.query("rollback")
    assert admin.execute(row).fetchall() == before
    assert {line["outcome"] for line in proxy.wait_guarded(1)} \
        == {"protected"}
