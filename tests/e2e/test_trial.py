"""The client's statement runs on trial where no attempt can lock all of it.

An event trigger for ALTER TABLE keeps views from being locked ahead.  What it
runs here waits for a table that no plan tells of, so that each run under our
bound fails for as long as somebody holds that: nothing of such a run may be
seen, last, or be in anybody's way.
"""

import time

import pytest

import wire
from scene import Asked, Holder, ask, wait_for
from test_unlockable import run_scene
from wire import Wire, cancel, errors

pytestmark = pytest.mark.needs_lockstep

SETUP = """
create table a(id int);
create view v as select * from a;
create table hidden(id int);
create table log(tag text);
create function note() returns event_trigger language plpgsql as $$
begin
  raise notice 'begun %', tg_tag;
  insert into log values (tg_tag);
  lock table hidden in share mode;
end $$;
create event trigger e2e on ddl_command_end when tag in
('DROP TABLE', 'ALTER TABLE') execute function note();
"""
DROP = "drop table a cascade"

# How it is sent: (before it, the messages, behind it)
FORMS = {
    "alone": ([], [wire.query(DROP)], []),
    "with more behind it": (
        [], [wire.query(DROP + "; insert into log values ('é'); "
                        "select count(*) from log")], []),
    "in a text with a block": (
        [], [wire.query("begin; " + DROP + "; commit; show lock_timeout")], []),
    "in a block": (["begin"], [wire.query(DROP)],
                   ["show lock_timeout", "commit"]),
    "in a block with a timeout": (
        ["begin", "set lock_timeout = '20s'"], [wire.query(DROP)],
        ["show lock_timeout", "commit"]),
    "in a block, then taken back": (
        ["begin", "savepoint s"], [wire.query(DROP)],
        ["rollback to s", "commit", "select count(*) from a"]),
    "extended": ([], [*wire.extended(DROP), wire.sync()], []),
    "extended, with names": (
        [], [*wire.extended(DROP, name="n", portal="p"), wire.sync()], []),
    "extended, in a block": (
        ["begin"], [*wire.extended(DROP, name="n"), wire.sync()],
        ["show lock_timeout", "commit"]),
}


@pytest.fixture
def world(admin):
    admin.execute(SETUP)
    return admin


def settings_of(session):
    """What a statement of ours could have left in the session."""
    return [session.query(text) for text in (
        "show lock_timeout",
        "select name from pg_prepared_statements order by 1",
        "select count(*) from pg_locks where pid = pg_backend_pid() "
        "and relation >= 16384")]


def play(session, form):
    before, messages, behind = FORMS[form]
    for text in before:
        assert errors(session.query(text)) == []
    answer = Asked(session, *messages)
    return answer, lambda: [session.query(text) for text in behind]


def is_free_at_times(cluster, database):
    """Whoever wants the table gets it: at most an attempt is in the way, and
    what else the machine has to do."""
    def wait_s(reader):
        begun = time.monotonic()
        assert errors(reader.query("select from a")) == []
        return time.monotonic() - begun

    with Wire(cluster, database) as reader:
        return min(wait_s(reader) for _ in range(5)) < 0.5


def show_all(answer, rest, session, admin):
    trace = [(kind, fields) for kind, fields in answer.answer()
             if "held by Lockstep" not in str(fields)]
    return (trace, rest(), settings_of(session),
            admin.execute("select * from log").fetchall(),
            admin.execute("select to_regclass('a') is null").fetchall())


def seen_directly(cluster, database, admin, setup, form):
    """What the client sees straight at the server, all made anew."""
    admin.execute("drop event trigger e2e; drop table if exists a cascade; "
                  "drop table hidden, log; drop function note")
    admin.execute(setup)
    with Wire(cluster, database) as session:
        answer, rest = play(session, form)
        return show_all(answer, rest, session, admin)


@pytest.mark.parametrize("form", FORMS)
def test_the_client_sees_one_run(
        start_lockstep, cluster, database, world, form):
    """As straight at the server, where the hidden table is free."""
    proxy = start_lockstep()
    with Wire(proxy, database) as session:
        with Holder(cluster, database, "lock table hidden") as holder:
            begun = cluster.log_mark()
            answer, rest = play(session, form)
            while cluster.log(begun).count("due to lock timeout") < 2:
                assert not answer.is_answered(0.05)
            assert is_free_at_times(cluster, database)
            assert world.execute("select count(*) from log").fetchone() == (0,)
            holder.release()
            through = show_all(answer, rest, session, world)
    lines = [line for line in proxy.wait_guarded(1)
             if line["outcome"] == "protected"]
    assert int(lines[0]["trials"]) > 1
    assert seen_directly(cluster, database, world, SETUP, form) == through


LOUD = SETUP.replace("'begun %', tg_tag", "'%', repeat('x', 2000000)")


@pytest.mark.parametrize("is_held", [True, False], ids=["held", "free"])
@pytest.mark.parametrize("form", FORMS)
def test_our_bound_is_never_seen(
        start_lockstep, cluster, database, admin, form, is_held):
    """Not even by who has said more before it than is held: that run is undone,
    be it that it came to its end, and the statement runs once more, without a
    bound."""
    admin.execute(LOUD)
    proxy = start_lockstep()
    with Wire(proxy, database) as session:
        with Holder(cluster, database,
                    *["lock table hidden"] * is_held) as holder:
            answer, rest = play(session, form)
            assert not is_held or not answer.is_answered(0.5)
            holder.release()
            through = show_all(answer, rest, session, admin)
    (line,) = [line for line in proxy.wait_guarded(1) if "trials" in line]
    assert (line["outcome"], line["trials"], line["unlocked"]) == (
        "partly-protected", "1", "public.v")
    assert seen_directly(cluster, database, admin, LOUD, form) == through
    proxy.assert_clean()


def test_an_error_of_its_own_is_the_answer(
        start_lockstep, cluster, database, world):
    """With 55P03 too, where it comes from NOWAIT; and the block has failed."""
    world.execute(
        "create or replace function note() returns event_trigger language "
        "plpgsql as $$ begin lock table hidden nowait; end $$")
    proxy = start_lockstep()
    traces = []
    with Holder(cluster, database, "lock table hidden"):
        for endpoint in cluster, proxy:
            with Wire(endpoint, database) as session:
                begun = time.monotonic()
                traces.append([
                    session.query(DROP), session.query("begin"),
                    session.query(DROP), session.query("select 1"),
                    session.query("commit"),
                    session.run(*wire.extended(DROP), wire.sync()),
                    session.query("select 1; " + DROP),
                    *settings_of(session)])
                assert time.monotonic() - begun < 5
    assert traces[0] == traces[1]
    assert errors(traces[0][0])[0]["C"] == "55P03"


@pytest.mark.parametrize("begin", [[], ["begin"]])
def test_the_sessions_own_lock_timeout_ends_it(
        start_lockstep, cluster, database, world, begin):
    proxy = start_lockstep()
    with Holder(cluster, database, "lock table hidden"), \
            Wire(proxy, database) as session:
        for text in begin + ["set lock_timeout = '700ms'"]:
            session.query(text)
        answer = ask(session, DROP)
        (error,) = errors(answer.answer())
        assert error["C"] == "55P03" and answer.took_s > 0.5
        session.query("rollback")
    assert world.execute("select * from log").fetchall() == []


def test_a_cancel_ends_it(start_lockstep, cluster, database, world):
    """Whether it comes between two runs or amid one."""
    proxy = start_lockstep()
    with Holder(cluster, database, "lock table hidden"), \
            Wire(proxy, database) as session:
        for _ in range(8):
            answer = ask(session, DROP)
            assert not answer.is_answered(0.1)
            cancel(proxy, session)
            (error,) = errors(answer.answer())
            assert error["C"] == "57014"
    assert world.execute("select * from log").fetchall() == []


def test_a_cancel_amid_a_long_run_reaches_it(
        start_lockstep, cluster, database, world):
    world.execute(
        "create or replace function note() returns event_trigger language "
        "plpgsql as $$ begin perform pg_sleep(20); end $$")
    proxy = start_lockstep()
    with Wire(proxy, database) as session:
        answer = ask(session, DROP)
        wait_for(world, "exists (select from pg_stat_activity where "
                 "wait_event = 'PgSleep')")
        cancel(proxy, session)
        (error,) = errors(answer.answer())
        assert error["C"] == "57014" and answer.took_s < 15


def test_the_end_of_the_session_is_told(
        start_lockstep, cluster, database, world):
    world.execute(
        "create or replace function note() returns event_trigger language "
        "plpgsql as $$ begin raise notice 'n'; perform pg_sleep(20); end $$")
    proxy = start_lockstep()
    with Wire(proxy, database, application_name="e2e_ended") as session:
        answer = ask(session, DROP)
        wait_for(world, "exists (select from pg_stat_activity where "
                 "wait_event = 'PgSleep')")
        world.execute("select pg_terminate_backend(pid) from pg_stat_activity "
                      "where application_name = 'e2e_ended'")
        (error,) = errors(answer.answer())
        assert error["C"] == "57P01"


def test_what_cannot_be_undone_runs_as_it_is(
        start_lockstep, cluster, database, world):
    """A cycle that has begun cannot be taken back; the log names the view."""
    proxy = start_lockstep()
    with Wire(proxy, database) as session:
        trace = session.run(*wire.extended("select 1"), *wire.extended(DROP),
                            wire.sync())
        assert errors(trace) == []
    (line,) = proxy.wait_guarded(1)
    assert (line["outcome"], line["unlocked"]) \
        == ("partly-protected", "public.v")


# -- under traffic ----------------------------------------------------------

@pytest.fixture
def owner(admin):
    admin.execute("grant all on schema public to public")
    admin.execute("drop role if exists e2e_owner; create role e2e_owner login")
    yield "e2e_owner"
    admin.execute("drop owned by e2e_owner cascade")
    admin.execute("drop role e2e_owner")


TRAFFIC = {
    "others' view": (
        ["create table a(id int)", "alter table a owner to e2e_owner",
         "create view v as select * from a"],
        ["select * from v"], DROP),
    "others' view, in a block": (
        ["create table a(id int)", "alter table a owner to e2e_owner",
         "create view v as select * from a"],
        ["select * from v"], "begin; " + DROP + "; commit"),
    "drop schema, others' view": (
        ["create schema s authorization e2e_owner", "create table s.a(id int)",
         "alter table s.a owner to e2e_owner",
         "create view s.v as select * from s.a"],
        ["select * from s.v"], "drop schema s cascade"),
}
SEEN = {  # an event trigger is present
    "truncate restart identity": (
        ["create table a(id serial, n int)",
         "alter table a owner to e2e_owner"],
        ["begin; select nextval('a_id_seq'); insert into a(n) values (1); "
         "commit"],
        "truncate a restart identity"),
    "rename of a view, before its table": (
        ["create table a(id int)", "create view v as select * from a",
         "alter table a owner to e2e_owner", "alter view v owner to e2e_owner"],
        ["select * from v"],
        "begin; alter view v rename to w; alter table a add n int; commit"),
    "drop table cascade": (
        ["create table a(id int)", "create view v as select * from a",
         "alter table a owner to e2e_owner", "alter view v owner to e2e_owner"],
        ["select * from v"], DROP),
}


@pytest.mark.parametrize("event, trials", [
    ("ddl_command_start", None), ("ddl_command_end", "1")])
def test_what_runs_before_the_locks_runs_once(
        start_lockstep, database, admin, event, trials):
    """A number that an event trigger has drawn no rollback brings back: where
    one begins the statement, there is no trial."""
    admin.execute(
        "create table a(id int); create view v as select * from a; "
        "create sequence s; create function f() returns event_trigger "
        "language plpgsql as $$ begin perform nextval('s'); end $$; "
        f"create event trigger e2e on {event} when tag in "
        "('DROP TABLE', 'ALTER TABLE') execute function f()")
    proxy = start_lockstep()
    with Wire(proxy, database) as session:
        assert errors(session.query(DROP)) == []
    (line,) = proxy.wait_guarded(1)
    assert line.get("trials") == trials
    assert line["outcome"] == ("protected" if trials else "partly-protected")
    assert admin.execute("select last_value from s").fetchone() == (1,)


@pytest.mark.parametrize("name", [*TRAFFIC, *SEEN])
def test_nobody_dies_of_a_run(
        start_lockstep, cluster, database, admin, owner, name):
    scene = TRAFFIC.get(name) or SEEN[name]
    if name in SEEN:
        admin.execute("create schema e; create function e.f() returns "
                      "event_trigger language plpgsql as 'begin end'; "
                      "create event trigger e2e on ddl_command_end "
                      "execute function e.f()")
    run_scene(cluster, cluster, database, scene, user=owner)
    proxy = start_lockstep(guard="ddl")
    _seconds, victims = run_scene(proxy, cluster, database, scene, user=owner)
    assert victims == []
    lines = proxy.guarded()
    assert {line["outcome"] for line in lines} <= {"protected", "unopposed"}
    assert any("trials" in line for line in lines)
