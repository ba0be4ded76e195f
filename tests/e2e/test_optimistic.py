"""A brief statement runs at once, ahead of any plan, and is undone where it
would have to wait: what the client sees is what it sees straight at the server,
nothing of a run that was undone lasts, and nobody dies or waits for it.
"""

import time
from threading import Thread

import pytest

import wire
from scene import BOUND_S, Asked, Holder, Loop, ask, wait_for
from test_session_settings import DEAR_FACTOR, DEAR_S, PLANNER, drop_once
from wire import Wire, errors, rows

pytestmark = pytest.mark.needs_lockstep

SETUP = """
create table x(id int primary key);
create table y(id int primary key);
create table c(id int, x int references x, y int references y);
create table p(id int) partition by list (id);
create table p1 partition of p for values in (1);
create view v as select * from c;
create table t(id int);
create table seen(lock_timeout text);
create function note() returns trigger language plpgsql as $$
begin
  insert into seen values (current_setting('lock_timeout'));
  return null;
end $$;
create constraint trigger late after insert on t deferrable initially deferred
for each row execute function note();
"""
DROP = "drop table c cascade"
SOON_OVER_S = 0.1
LASTS_S = 0.3  # longer than a transaction behind which nobody shuts a gate

# How it is sent: (before it, the messages, behind it)
FORMS = {
    "alone": ([], [wire.query(DROP)], []),
    "two": ([], [wire.query("drop view v; " + DROP)], []),
    "with rows behind it": (
        [], [wire.query(DROP + "; insert into t values (1); "
                        "select count(*) from t")], []),
    "in a text with a block": (
        [], [wire.query("begin; " + DROP + "; commit; show lock_timeout")], []),
    "in a block": (["begin"], [wire.query(DROP)],
                   ["insert into t values (1)", "commit"]),
    "in a block with a timeout": (
        ["begin", "set lock_timeout = '20s'"], [wire.query(DROP)],
        ["show lock_timeout", "insert into t values (1)", "commit"]),
    "in a block, then taken back": (
        ["begin", "savepoint s"], [wire.query(DROP)],
        ["rollback to s", "commit", "select count(*) from c"]),
    "in a serializable block": (
        ["begin isolation level serializable"], [wire.query(DROP)],
        ["commit"]),
    "in a block that reads": (
        ["begin read only"], [wire.query(DROP)], ["commit"]),
    "extended": ([], [*wire.extended(DROP), wire.sync()], []),
    "extended, with names": (
        [], [*wire.extended(DROP, name="n", portal="p"), wire.sync()], []),
    "extended, in a block": (
        ["begin"], [*wire.extended(DROP, name="n"), wire.sync()],
        ["insert into t values (1)", "commit"]),
    "extended, with more behind it": (
        [], [*wire.extended(DROP), *wire.extended("insert into t values (1)"),
             wire.sync()], []),
    "truncate": ([], [wire.query("truncate x, y cascade")], []),
    "truncate of partitions": ([], [wire.query("truncate p")], []),
    "a column": ([], [wire.query("alter table c drop x cascade")], []),
    "not there": ([], [wire.query("drop table nowhere")], []),
    "not there, if it exists": (
        [], [wire.query("drop table if exists nowhere, c cascade")], []),
    "not without cascade": ([], [wire.query("drop table c")], []),
    "with an error far behind": (
        ["begin"], [wire.query("drop table c cascade; drop table é, nix")],
        ["commit"]),
}


@pytest.fixture
def world(admin):
    admin.execute(SETUP)
    return admin


def play(session, form):
    """All that the client sees, and what could have been left in it."""
    before, messages, behind = FORMS[form]
    trace = [session.query(text) for text in before]
    trace.append(session.run(*messages))
    trace += [session.query(text) for text in behind]
    return trace + left_in(session)


def left_in(session):
    return [session.query(text) for text in (
        "show lock_timeout", "show statement_timeout", "show jit",
        "select name from pg_prepared_statements order by 1",
        "select count(*) from pg_locks where pid = pg_backend_pid() and "
        "relation >= 16384")]


def state_of(admin):
    return [admin.execute(text).fetchall() for text in (
        "select relname from pg_class where relnamespace = "
        "'public'::regnamespace order by 1",
        "select conname from pg_constraint where connamespace = "
        "'public'::regnamespace order by 1", "select * from seen")]


def make_anew(admin):
    admin.execute("drop schema public cascade; create schema public")
    admin.execute(SETUP)


@pytest.mark.parametrize("form", FORMS)
def test_the_client_sees_what_it_sees_at_the_server(
        start_lockstep, cluster, database, world, form):
    proxy = start_lockstep()
    with Wire(cluster, database) as session:
        direct = play(session, form), state_of(world)
    make_anew(world)
    with Wire(proxy, database) as session:
        assert (play(session, form), state_of(world)) == direct
    outcomes = {line["outcome"] for line in proxy.wait_guarded(1)}
    # What has partitions is planned.
    assert outcomes == {"protected" if "partitions" in form else "unopposed"}
    assert "SET LOCAL can only be used" not in cluster.log()


@pytest.mark.parametrize("form", FORMS)
def test_a_run_that_was_undone_leaves_nothing(
        start_lockstep, cluster, database, world, form):
    """Somebody is in the way at first: what lasts is the later run."""
    proxy = start_lockstep()
    with Wire(cluster, database) as session:
        direct = play(session, form), state_of(world)
    make_anew(world)
    begun = cluster.log_mark()
    with Wire(proxy, database) as session, \
            Holder(cluster, database, "select from c, p1") as holder:
        before, messages, behind = FORMS[form]
        trace = [session.query(text) for text in before]
        answer = Asked(session, *messages)
        if "partitions" not in form:
            assert runs_undone(cluster, begun, answer) <= 1
        holder.release()
        trace.append(answer.answer())
        trace += [session.query(text) for text in behind]
        trace += left_in(session)
        assert (trace, state_of(world)) == direct


def runs_undone(cluster, begun, answer):
    """Once one is, and time for more; an answer may need none."""
    def count():
        return cluster.log(begun).count("due to lock timeout")

    deadline = time.monotonic() + BOUND_S
    while count() == 0 and not answer.is_answered(0.01):
        assert time.monotonic() < deadline, "it neither runs nor waits"
    answer.is_answered(0.3)
    return count()


# -- what may not run at once -----------------------------------------------

def outcomes(proxy, count=1):
    return [line["outcome"] for line in proxy.wait_guarded(count)]


def test_an_event_trigger_runs_once(start_lockstep, cluster, database, world):
    world.execute("""
        create sequence runs;
        create function note_run() returns event_trigger language plpgsql as $$
        begin perform nextval('runs'); end $$;
        create event trigger e2e on ddl_command_start when tag in
        ('DROP TABLE') execute function note_run()""")
    proxy = start_lockstep()
    with Wire(proxy, database) as session:
        assert errors(session.query(DROP)) == []
    assert world.execute("select last_value from runs").fetchone() == (1,)
    assert outcomes(proxy) == ["protected"]


@pytest.mark.parametrize("statement", [
    "truncate x, y cascade", "truncate c, x, y", "truncate p, t"])
def test_a_trigger_of_truncate_sees_the_sessions_settings(
        start_lockstep, cluster, database, world, statement):
    """Wherever the statement comes to; and it runs once."""
    world.execute("""
        create sequence runs;
        create function note_run() returns trigger language plpgsql as $$
        begin
          perform nextval('runs');
          insert into seen values (current_setting('lock_timeout'));
          return null;
        end $$""")
    for table in "c", "p1":
        world.execute(f"create trigger e2e before truncate on {table} "
                      "execute function note_run()")
    proxy = start_lockstep()
    with Wire(proxy, database) as session:
        assert errors(session.query(statement)) == []
    assert world.execute("select last_value from runs").fetchone() == (1,)
    assert world.execute("select * from seen").fetchall() == [("0",)]
    assert "unopposed" not in outcomes(proxy)


@pytest.mark.parametrize("settings, outcome", [
    ({"optimistic": "off"}, "protected"), ({"policy": "hold"}, "protected"),
    ({"policy": "reject"}, "rejected"), ({"policy": "pass"}, "passed"),
    ({"guard": "off"}, None)])
def test_settings_that_want_a_plan(
        start_lockstep, cluster, database, world, settings, outcome):
    proxy = start_lockstep(**settings)
    with Wire(proxy, database) as session:
        session.query(DROP)
    if outcome:
        assert outcomes(proxy) == [outcome]
    else:
        assert proxy.guarded() == []


def test_a_session_may_turn_it_off_but_not_on(
        start_lockstep, cluster, database, world):
    proxy = start_lockstep()
    with Wire(proxy, database) as session:
        session.query("set lockstep.optimistic = off")
        session.query("drop table c cascade")
    assert outcomes(proxy) == ["protected"]
    proxy = start_lockstep(optimistic="off")
    with Wire(proxy, database) as session:
        session.query("set lockstep.optimistic = on")
        trace = session.query("truncate x, y cascade")
    assert "a session may only lower it" in str(trace)
    assert "unopposed" not in outcomes(proxy)


def waiting_in_server(world):
    [(count,)] = world.execute(
        "select count(*) from pg_locks where not granted").fetchall()
    return count


@pytest.mark.parametrize("text", [
    "select count(*) from x", "select count(*) from w"])
def test_in_a_block_that_lasts_others_wait_at_the_gate(
        start_lockstep, cluster, database, world, text):
    world.execute("create view w as select * from x")
    proxy = start_lockstep()
    with Wire(proxy, database) as session, Wire(proxy, database) as other:
        session.query("begin")
        session.query(DROP)
        time.sleep(LASTS_S)
        reader = ask(other, text)
        assert not reader.is_answered(0.3)
        assert waiting_in_server(world) == 0
        session.query("commit")
        assert errors(reader.answer()) == []
    assert outcomes(proxy) == ["unopposed"]


def test_in_a_block_soon_over_nobody_asks_for_names(
        start_lockstep, database, world):
    def phases():
        return [event.get("to") for event in proxy.events()]

    proxy = start_lockstep(log_level="trace")
    with Wire(proxy, database) as session, Wire(proxy, database):
        session.query("begin; " + DROP + "; commit")
        tries = 0
        while tries == 0 or took_s > SOON_OVER_S:  # on a busy machine
            assert (tries := tries + 1) < 100
            before = phases().count("shutting")
            begun = time.monotonic()
            for text in ("begin", "truncate x, y", "commit"):
                session.query(text)
            took_s = time.monotonic() - begun
        time.sleep(LASTS_S)
        assert errors(session.query("select 1")) == []
    assert phases().count("trying") == 1 + tries
    assert phases().count("shutting") == before


@pytest.mark.parametrize("spoils", [
    "set local statement_timeout = 1", "set local enable_nestloop = off",
    "set local search_path = nowhere", "set local work_mem = '64kB'"])
def test_the_gate_is_shut_without_a_trace(
        start_lockstep, cluster, database, world, spoils):
    """The transaction is what it was, whatever becomes of the question."""
    proxy = start_lockstep(log_level="trace")
    said = []
    for endpoint in (cluster, proxy):
        world.execute("drop schema public cascade; create schema public;"
                      + SETUP)
        with Wire(endpoint, database) as session, Wire(endpoint, database):
            session.query("begin")
            trace = [session.query("truncate x, y cascade")]
            session.query("declare k cursor for select 7")
            session.query(spoils)
            time.sleep(LASTS_S)
            session.query("set local statement_timeout = 0")
            trace += [session.query(text) for text in (
                "fetch k", "show work_mem", "show enable_nestloop",
                "show search_path", "insert into public.t values (1)",
                "commit")]
            said.append((trace + left_in(session), state_of(world)))
    assert said[0] == said[1]
    phases = [event.get("to") for event in proxy.events()]
    assert phases.count("shutting") == 1


def test_a_savepoint_of_ours_is_nobodys(
        start_lockstep, cluster, database, world):
    proxy = start_lockstep()
    said = []
    for endpoint in (cluster, proxy):
        with Wire(endpoint, database) as session, Wire(endpoint, database):
            trace = [session.query(text) for text in (
                "begin", "truncate x, y cascade",
                "set local statement_timeout = 1")]
            time.sleep(LASTS_S)
            said.append(trace + [session.query("rollback to s")])
    assert said[0] == said[1]


def churn(endpoint, database, count):
    """Tenants, each with tables of its own; how long they take for it."""
    def tenant(number):
        with Wire(endpoint, database) as session:
            session.query(f"set search_path = tenant_{number}")
            for _ in range(count):
                for text in ("begin", "truncate d", "truncate c, d",
                             "insert into c values (1)", "commit"):
                    assert errors(session.query(text)) == []

    threads = [Thread(target=tenant, args=(number,)) for number in range(4)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


def test_tenants_do_not_wait_for_one_another(
        start_lockstep, database, world):
    for number in range(4):
        world.execute(
            f"create schema tenant_{number}; "
            f"create table tenant_{number}.c(id int primary key); "
            f"create table tenant_{number}.d(c int references "
            f"tenant_{number}.c)")
    at_once, planned = (
        churn(start_lockstep(optimistic=mode), database, 10)
        for mode in ("on", "off"))
    assert at_once * 2 < planned


@pytest.mark.parametrize("name", ["no scans", "timeouts"])
@pytest.mark.parametrize("is_in_block", [False, True], ids=["idle", "block"])
def test_no_setting_makes_it_dear(
        start_lockstep, database, is_in_block, name):
    proxy = start_lockstep()
    plain, other = (
        min(drop_once(proxy, database, PLANNER[which], is_in_block)
            for _ in range(3)) for which in ("nothing", name))
    assert other < plain * DEAR_FACTOR + DEAR_S
    assert set(outcomes(proxy, 6)) == {"unopposed"}


@pytest.mark.parametrize("is_in_block", [False, True], ids=["idle", "block"])
def test_a_server_that_compiles_all_is_found_out_once(
        start_lockstep, database, is_in_block):
    """From then on the question is asked ahead, where that can be turned off."""
    proxy = start_lockstep()
    seconds = []
    for name in "nothing", "compile all":
        with Wire(proxy, database) as session:
            session.query("set client_min_messages = error; "
                          "drop table if exists a, b, c, d cascade")
            for table in "abcd":
                assert errors(session.query(
                    f"create table {table}(id int)")) == []
            assert errors(session.query("drop table a")) == []
            session.query(PLANNER[name])
            for table in "bc":
                assert errors(session.query(f"drop table {table}")) == []
            if is_in_block:
                session.query("begin")
            begun = time.monotonic()
            assert errors(session.query("drop table d")) == []
            seconds.append(time.monotonic() - begun)
    assert seconds[1] < seconds[0] * DEAR_FACTOR + DEAR_S


@pytest.mark.parametrize("is_in_block", [False, True], ids=["idle", "block"])
def test_no_setting_makes_what_goes_along_dear(
        start_lockstep, database, world, is_in_block):
    """TRUNCATE asks about the triggers of all tables."""
    proxy = start_lockstep()
    seconds = []
    for name in "nothing", "no scans":
        with Wire(proxy, database) as session:
            assert errors(session.query("truncate c cascade")) == []
            session.query(PLANNER[name])
            if is_in_block:
                session.query("begin")
            begun = time.monotonic()
            assert errors(session.query("truncate c cascade")) == []
            seconds.append(time.monotonic() - begun)
    assert seconds[1] < seconds[0] * DEAR_FACTOR + DEAR_S


def test_an_error_that_would_end_the_session_is_not_risked(
        start_lockstep, cluster, database, world):
    proxy = start_lockstep()
    with Wire(proxy, database) as session:
        session.query("set exit_on_error = on")
        with Holder(cluster, database, "select from c") as holder:
            drop = ask(session, DROP)
            assert not drop.is_answered(0.3)
            holder.release()
        assert errors(drop.answer()) == []
    assert outcomes(proxy) == ["protected"]


# -- under traffic ----------------------------------------------------------

ROUNDS = 12


def test_nobody_dies_and_nobody_waits(start_lockstep, cluster, database, world):
    """Readers of the parents in both orders, many rounds; straight at the server
    a drop or a reader dies in most of them."""
    proxy = start_lockstep()
    loops = [Loop(proxy, database, "begin", f"select from {a}",
                  f"select from {b}", "commit", pause_s=0.001)
             for a, b in ("xy", "yx") * 3]
    with Wire(proxy, database) as session:
        for loop in loops:
            loop.start()
        for _ in range(ROUNDS):
            trace = session.query("drop table c cascade")
            assert errors(trace) == []
            world.execute("create table c(x int references x not null, "
                          "y int references y)")
        for loop in loops:
            loop.__exit__()
    assert [loop.problems for loop in loops] == [[]] * len(loops)
    assert max(loop.longest_s for loop in loops) < 2


def test_a_transaction_is_started_over_behind_it(
        start_lockstep, cluster, database, world):
    """The first drop has run at once; the second is in the way of who waits for
    the first one's tables.  A memory would take both with the first."""
    proxy = start_lockstep(memory="off")
    world.execute("create table z(id int); create table w(id int)")
    for _ in range(ROUNDS):
        with Wire(proxy, database) as session, \
                Wire(cluster, database) as reader:
            session.query("begin")
            assert errors(session.query("drop table z")) == []
            reader.query("begin")
            reader.query("select from w")
            waits = ask(reader, "select from z; commit")
            wait_for(world, "exists (select from pg_locks where not granted)")
            trace = session.query("drop table w")
            assert errors(trace) == []
            assert errors(waits.answer()) == []
            assert errors(session.query("commit")) == []
        assert world.execute("select to_regclass('z'), to_regclass('w')") \
            .fetchone() == (None, None)
        world.execute("create table z(id int); create table w(id int)")
    assert proxy.stderr().count("transaction started over") == ROUNDS


def test_what_a_transaction_needed_before_is_locked_first(
        start_lockstep, cluster, database, world):
    """A transaction that is known is planned, and takes all of it at once."""
    proxy = start_lockstep(replay="off")
    world.execute("create table z(id int); create table w(id int)")

    def migrate(session):
        session.query("begin")
        trace = session.query("drop table z") + session.query("drop table w")
        session.query("commit")
        return errors(trace)

    with Wire(proxy, database) as session:
        with Holder(cluster, database, "select from w"):
            assert [e["C"] for e in migrate(session)] == ["55P03"]
        assert migrate(session) == []
    first, second, *others = proxy.wait_guarded(4)
    assert (first["outcome"], second["outcome"]) == ("unopposed", "timed-out")
    assert others[0]["outcome"] == "protected"
    assert others[0]["remembered"] == "1"


def test_the_same_locks_are_held_behind_it(
        start_lockstep, cluster, database, world):
    proxy = start_lockstep()
    held = []
    for endpoint in cluster, proxy:
        with Wire(endpoint, database) as session:
            session.query("begin")
            session.query(DROP)
            held.append(rows(session.query(
                "select relation::regclass, mode from pg_locks where pid = "
                "pg_backend_pid() and relation >= 16384 order by 1, 2")))
            session.query("rollback")
    assert held[0] == held[1]


def test_a_dead_client_leaves_nothing(start_lockstep, cluster, database, world):
    proxy = start_lockstep()
    for _ in range(20):
        session = Wire(proxy, database)
        session.send(wire.query("begin; " + DROP))
        time.sleep(0.002)
        session.vanish(reset=True)
    wait_for(world, "not exists (select from pg_locks where relation >= 16384 "
             "and pid <> pg_backend_pid())")
    assert world.execute("select to_regclass('c') is null").fetchone() \
        == (False,)
