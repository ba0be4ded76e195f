"""What a session's first brief statement has found is assumed for the next ones,
and checked on the way: whatever has changed between them, the client sees what
it sees straight at the server.
"""

import itertools

import pytest

import wire
from scene import Asked, Holder
from test_optimistic import left_in
from wire import Wire, errors

pytestmark = pytest.mark.needs_lockstep

SETUP = """
create table x(id int primary key);
create table first(id int, x int references x);
create table second(id int, x int references x);
create table third(id int, x int references x);
create table f(id int references x);
"""
PARTITIONS = """
create table p(id int) partition by list (id);
create table p1 partition of p for values in (1);
"""

# Between the first statement and the second: (in the session, elsewhere)
CHANGES = {
    "nothing": ("", ""),
    "exit_on_error": ("set exit_on_error = on", ""),
    "lock_timeout": ("set lock_timeout = '20s'", ""),
    "deadlock_timeout": ("set deadlock_timeout = '1ms'", ""),
    "application_name": ("set application_name = 'another one'", ""),
    "policy": ("set lockstep.policy = 'hold'", ""),
    "guard": ("set lockstep.guard = 'ddl'", ""),
    "a value that is none": ("set lockstep.policy = 'nix'", ""),
    "reset": ("reset all", ""),
    "role": ("set role pg_read_all_data", ""),
    "search_path": ("set search_path = nowhere", ""),
    "compile all": ("set jit = on; set jit_above_cost = 0", ""),
    "all is read": ("set default_transaction_read_only = on", ""),
    "an event trigger": ("", """
        create function note() returns event_trigger language plpgsql as
        'begin end'; create event trigger e2e on ddl_command_start when tag in
        ('COMMENT') execute function note()"""),
    "it is gone": ("", "drop table second"),
}
# In a database that never had a child of a table.
FLAT_CHANGES = {
    **{name: CHANGES[name] for name in (
        "nothing", "exit_on_error", "lock_timeout", "policy",
        "an event trigger")},
    "it has a child": ("", "create table child() inherits (second)"),
    "another has partitions": ("", PARTITIONS),
    "a trigger": ("", """
        create function note() returns trigger language plpgsql as
        'begin return null; end'; create trigger e2e before truncate on second
        execute function note()"""),
}
# What is sent three times, of tables of its own.
KINDS = {
    "drop": "drop table {}",
    "a column": "alter table {} drop x",
    "spared": "alter table {} add y int default 1",
    "truncate": "truncate {}",
    "partitions": "truncate {}, p",
}
WAYS = ("autocommit", "block", "extended", "extended in a block")
PLAYS = [*itertools.product(KINDS, WAYS[:2]), ("drop", WAYS[2]),
         ("spared", WAYS[2]), ("drop", WAYS[3])]


def send(session, way, text):
    if "extended" not in way:
        return session.query(text)
    return session.run(*wire.extended(text), wire.sync())


def play(session, admin, way, kind, change):
    here, elsewhere = change
    trace = []
    if "block" in way:
        trace.append(session.query("begin"))
    trace.append(send(session, way, KINDS[kind].format("first")))
    if elsewhere:
        if "block" in way:  # no table of it is to wait for the other's
            trace += [session.query("commit"), session.query("begin")]
        admin.execute(elsewhere)
    if here:
        trace.append(session.query(here))
    trace += [send(session, way, KINDS[kind].format(table))
              for table in ("second", "third")]
    if "block" in way:
        trace.append(session.query("commit"))
    return [plain(messages) for messages in trace + left_in(session)]


def plain(messages):
    """Without our own warning of a setting that is none."""
    return [m for m in messages if "lockstep.policy" not in str(m)]


def state_of(admin):
    return admin.execute(
        "select attrelid::regclass::text, attname from pg_attribute where "
        "attrelid in (select oid from pg_class where relnamespace = "
        "'public'::regnamespace) and attnum > 0 order by 1, attnum").fetchall()


@pytest.fixture
def world(admin):
    yield admin
    admin.execute("drop event trigger if exists e2e")


def make_anew(admin, has_partitions=True):
    admin.execute("drop event trigger if exists e2e; "
                  "drop schema public cascade; create schema public")
    admin.execute(SETUP + (PARTITIONS if has_partitions else ""))
    if not has_partitions:
        admin.execute("vacuum pg_catalog.pg_inherits")
        assert admin.execute("select pg_relation_size('pg_inherits')"
                             ).fetchone() == (0,)


def see_each(endpoints, database, world, kind, way, changes, has_partitions):
    for name, change in changes.items():
        seen = []
        for endpoint in endpoints:
            make_anew(world, has_partitions)
            with Wire(endpoint, database) as session:
                seen.append((play(session, world, way, kind, change),
                             state_of(world)))
        assert seen[0] == seen[1], name


@pytest.mark.parametrize("kind, way", PLAYS)
def test_what_changed_between_is_seen(
        start_lockstep, cluster, database, world, kind, way):
    proxy = start_lockstep(memory="off")  # which would have more to say
    see_each((cluster, proxy), database, world, kind, way, CHANGES, True)


@pytest.mark.parametrize("kind, way", [
    ("drop", "autocommit"), ("drop", "block"), ("drop", "extended"),
    ("truncate", "autocommit"), ("truncate", "block"),
    ("a column", "extended in a block"), ("spared", "block")])
def test_what_changed_between_is_seen_where_no_table_has_children(
        start_lockstep, cluster, database, world, kind, way):
    proxy = start_lockstep(memory="off")
    see_each((cluster, proxy), database, world, kind, way, FLAT_CHANGES, False)


@pytest.mark.parametrize("way", WAYS)
def test_it_goes_on_the_way(start_lockstep, cluster, database, world, way):
    """The second drop is one round trip, but for our COMMIT."""
    proxy = start_lockstep()
    make_anew(world)
    begun = cluster.log_mark()
    with Wire(proxy, database) as session:
        for table in "first", "second", "third":
            if "block" in way:
                session.query("begin")
            assert errors(send(session, way, f"drop table {table}")) == []
            if "block" in way:
                session.query("commit")
    assert [line["outcome"] for line in proxy.wait_guarded(3)] == [
        "unopposed"] * 3
    assert "ERROR:  invalid input syntax" not in cluster.log(begun)


@pytest.mark.parametrize("way", WAYS)
def test_somebody_comes_into_the_way(
        start_lockstep, cluster, database, world, way):
    """The one that is undone is undone whole, and planned."""
    proxy = start_lockstep()
    make_anew(world)
    with Wire(proxy, database) as session:
        assert errors(session.query("drop table first")) == []
        for table in "second", "third":
            with Holder(cluster, database, f"select from {table}") as holder:
                text = f"drop table {table}"
                if "block" in way:
                    session.query("begin")
                drop = Asked(session, *(
                    [*wire.extended(text), wire.sync()] if "extended" in way
                    else [wire.query(text)]))
                assert not drop.is_answered(0.3)
                holder.release()
                assert errors(drop.answer()) == []
            if "block" in way:
                session.query("commit")
    assert [line["outcome"] for line in proxy.wait_guarded(3)] == [
        "unopposed", "protected", "protected"]


def test_a_change_is_obeyed(start_lockstep, cluster, database, world):
    """A session that comes to want a policy gets it."""
    proxy = start_lockstep()
    make_anew(world)
    with Wire(proxy, database) as session:
        assert errors(session.query("drop table first")) == []
        session.query("set lockstep.policy = 'reject'")
        assert [e["C"] for e in errors(session.query("drop table second"))
                ] == ["42501"]
        session.query("reset lockstep.policy")
        assert errors(session.query("drop table second")) == []
        session.query("set lockstep.guard = 'off'")
        assert errors(session.query("drop table third")) == []
    assert [line["outcome"] for line in proxy.wait_guarded(3)] == [
        "unopposed", "rejected", "unopposed"]


def test_what_is_spared_can_be_wanted(start_lockstep, database, world):
    proxy = start_lockstep()
    make_anew(world)
    with Wire(proxy, database) as session:
        for name, (way, setting) in enumerate(itertools.product(
                ("", "begin"), ("reset lockstep.guard",
                                "set lockstep.guard = 'ddl'"))):
            for text in (setting, way or "select 1",
                         f"alter table f add c{name} int references x",
                         "commit" if way else "select 1"):
                assert errors(session.query(text)) == []
    lines = proxy.wait_guarded(2)
    assert len(lines) == 2
    assert {line["statement"] for line in lines} == {"ALTER TABLE"}


@pytest.mark.parametrize("way", ("block", "extended in a block"))
def test_what_a_question_has_read_is_not_kept_locked(
        start_lockstep, cluster, database, world, way):
    """Somebody's VACUUM FULL of a catalog is not to wait for the migration."""
    for endpoint in cluster, start_lockstep():
        make_anew(world)
        with Wire(endpoint, database) as session:
            assert errors(session.query("truncate first")) == []
            session.query("begin")
            for text in "truncate second", "drop table third":
                assert errors(send(session, way, text)) == []
            assert world.execute(
                "select relation::regclass::text from pg_locks where pid = %s "
                "and relation::regclass::text in ('pg_class', 'pg_trigger', "
                "'pg_inherits', 'pg_event_trigger')",
                (session.pid,)).fetchall() == []


# -- errors -----------------------------------------------------------------

@pytest.mark.parametrize("way", ("block", "extended in a block"))
@pytest.mark.parametrize("kind", ("assumed", "asked about"))
def test_an_error_ends_the_transaction_at_once(
        start_lockstep, cluster, database, world, kind, way):
    """What it holds is free before the client says ROLLBACK, as directly."""
    proxy = start_lockstep(memory="off")
    for endpoint in cluster, proxy:
        make_anew(world)
        with Wire(endpoint, database) as session:
            if kind == "assumed":
                assert errors(session.query("drop table first")) == []
            session.query("begin")
            session.query("lock table p in access exclusive mode")
            answer = session.run(*(
                [*wire.extended("drop table x"),
                 *wire.extended("select 1"), wire.sync()]
                if "extended" in way else [wire.query("drop table x")]))
            assert [e["C"] for e in errors(answer)] == ["2BP01"]
            assert world.execute(
                "select count(*) from pg_locks where pid = %s and relation = "
                "'p'::regclass", (session.pid,)).fetchone() == (0,)
            assert [e["C"] for e in errors(session.query("select 1"))] == [
                "25P02"]
            assert errors(session.query("rollback")) == []
