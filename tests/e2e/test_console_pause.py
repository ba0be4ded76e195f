"""PAUSE and RESUME of the console: nothing begins, and what is under way ends.
"""
import contextlib
import signal
import subprocess
import threading
import time

import psycopg
import pytest

import program
import wire
from cluster import Cluster
from consoled import (ADMIN, Consoled, held_row, id_of, psql, psql_command,
                      show)
from program import Bare, startup_packet
from proxy import conninfo
from scene import (BOUND_S, HELD_S, Asked, Holder, Loop, ask, run, state,
                   wait_for)
from wire import CLOSED, Wire, errors, query, sqlstates, status

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("TLS changes nothing here")]

TABLE = "create table t(id int primary key)"
CYCLES = 100


@pytest.fixture
def session(consoled, database, admin):
    admin.execute(TABLE)
    with Wire(consoled, database) as session:
        yield session


def until(condition):
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_paused(console, session):
    number = id_of(console, session)
    return any(row["id"] == number and row["state"] == "paused"
               for row in show(console, "CLIENTS"))


def query_until_held(console, session):
    """Until the session's worker has heard of the PAUSE that is under way,
    its queries are answered."""
    deadline = time.monotonic() + BOUND_S
    session.send(query("select 1"))
    while not is_paused(console, session):
        assert time.monotonic() < deadline
        if not session.is_silent(0.01):
            session.read_ready()
            session.send(query("select 1"))


def waiting_logins(console):
    return [row for row in show(console, "CLIENTS")
            if row["state"] == "paused" and row["remote_pid"] == "0"]


@contextlib.contextmanager
def login(endpoint, database, user="postgres"):
    """One that has said who it is."""
    with Bare(endpoint) as bare:
        bare.send(startup_packet(user=user, database=database))
        yield bare


# -- what waits -------------------------------------------------------------

def test_pause_waits_for_a_transaction(consoled, console, session, admin):
    run(session, "begin")
    pause = ask(console, "PAUSE")
    assert not pause.is_answered(HELD_S)
    run(session, "insert into t values (1)", "savepoint s", "commit")
    assert ("C", ("PAUSE",)) in pause.answer()
    insert = ask(session, "insert into t values (2)")
    until(lambda: is_paused(console, session))
    assert not insert.is_answered(HELD_S)
    assert state(admin, session.pid) == "idle"
    assert admin.execute("select count(*) from t").fetchone() == (1,)
    assert ("C", ("RESUME",)) in console.query("RESUME")
    assert errors(insert.answer()) == []
    assert consoled.is_alive()


def test_pause_waits_for_a_statement(console, session, cluster, database):
    with Holder(cluster, database, "lock table t") as holder:
        select = ask(session, "select * from t")
        pause = ask(console, "PAUSE")
        assert not pause.is_answered(HELD_S)
        holder.release()
        assert errors(select.answer()) == []
        assert errors(pause.answer()) == []
    run(console, "RESUME")


def test_pause_waits_for_a_copy(console, session):
    session.send(query("copy t from stdin"))
    session.read_until("G")
    pause = ask(console, "PAUSE")
    session.send(wire.copy_data(b"1\n"))
    assert not pause.is_answered(HELD_S)
    session.send(wire.copy_data(b"2\n"), wire.copy_done())
    assert errors(session.read_ready()) == []
    assert errors(pause.answer()) == []
    run(console, "RESUME")
    run(session, "select * from t")


def test_pause_waits_for_a_cycle(console, session):
    """Messages of it that come later still pass."""
    session.send(wire.parse("select 1"), wire.flush())
    session.read_until("1")
    pause = ask(console, "PAUSE")
    assert not pause.is_answered(HELD_S)
    trace = session.run(wire.bind(), wire.execute(), wire.sync())
    assert [kind for kind, _ in trace] == list("2DCZ")
    assert errors(pause.answer()) == []
    cycle = Asked(session, *wire.extended("select 1"), wire.sync())
    assert not cycle.is_answered(HELD_S)
    run(console, "RESUME")
    assert errors(cycle.answer()) == []


def test_pause_stops_between_the_transactions_of_a_pipeline(
        consoled, console, database):
    """Whose client waits for no answer: one is always due."""
    with Wire(consoled, database) as session:
        def send_all():
            for i in range(CYCLES):
                session.send(*wire.extended(f"select {i}, pg_sleep(0.02)"),
                             wire.sync())
                time.sleep(0.005)

        client = threading.Thread(target=send_all, daemon=True)
        client.start()
        assert errors(console.query("PAUSE")) == []
        client.join()
        until(lambda: is_paused(console, session))
        run(console, "RESUME")
        trace = session.read_ready(CYCLES)
        assert errors(trace) == []
        assert [fields[0] for kind, fields in trace if kind == "D"] == [
            str(i) for i in range(CYCLES)]


def test_logins_wait(start_console, database):
    """Their time to log in does not count meanwhile."""
    consoled = start_console(login_timeout="300ms")
    with consoled.console() as console, contextlib.ExitStack() as stack:
        run(console, "PAUSE")
        bares = [stack.enter_context(login(consoled, database))
                 for _ in range(3)]
        until(lambda: len(waiting_logins(console)) == 3)
        assert all(bare.is_silent(HELD_S) for bare in bares)
        pool, = show(console, "POOLS")
        assert (pool["cl_active"], pool["cl_waiting"]) == ("0", "3")
        run(console, "RESUME")
        for bare in bares:
            assert status(bare.read_ready()) == "I"
            run(bare, "select 1")


def test_resume_lets_in_who_was_let_in(start_console, database):
    """Also if an administrator has come beyond the limit meanwhile."""
    consoled = start_console(max_connections="4")
    with consoled.console() as console, contextlib.ExitStack() as stack:
        run(console, f"PAUSE {database}")
        bares = [stack.enter_context(login(consoled, database))
                 for _ in range(3)]
        until(lambda: len(waiting_logins(console)) == 3)
        with consoled.console() as another:
            run(another, "PAUSE other")  # all are woken, and wait on
            assert len(waiting_logins(another)) == 3
            run(another, "RESUME")
            for bare in bares:
                assert status(bare.read_ready()) == "I"


def test_an_administrator_logs_in(consoled, console, database):
    run(console, "PAUSE")
    with consoled.console() as another:
        assert show(another, "STATE")
    with consoled.login(ADMIN, autocommit=True) as connection:
        connection.execute("RESUME")
    with Wire(consoled, database):
        pass


def test_one_database_is_paused(consoled, console, session, database):
    with Wire(consoled) as other, login(consoled, database) as waiting:
        waiting.read_ready()
        run(other, "begin")
        run(console, f"PAUSE {database}")
        select = ask(session, "select 1")
        run(other, "select 1", "commit", "select 2")
        with Wire(consoled):
            pass
        places = show(console, "DATABASES")
        assert [(row["name"], row["paused"]) for row in places] == [
            ("*", "0"), (database, "1")]
        assert not select.is_answered(HELD_S)
        assert sqlstates(console.query(f"PAUSE {database}")) == ["55000"]
        assert sqlstates(console.query("RESUME postgres")) == ["55000"]
        run(console, f"RESUME {database}")
        assert errors(select.answer()) == []


def test_it_is_shown(console, session):
    def shown():
        states = {row["key"]: row["value"] for row in show(console, "STATE")}
        places = show(console, "DATABASES")
        lists = {row["list"]: row["items"] for row in show(console, "LISTS")}
        return states["paused"], places[0]["paused"], lists["paused"]

    assert shown() == ("no", "0", "0")
    run(console, "PAUSE")
    select = ask(session, "select 1")
    until(lambda: is_paused(console, session))
    assert shown() == ("yes", "1", "1")
    assert show(console, "WINDOWS") == []
    assert sqlstates(console.query("PAUSE")) == ["55000"]
    run(console, "RESUME")
    assert errors(select.answer()) == []
    assert shown() == ("no", "0", "0")
    assert sqlstates(console.query("RESUME")) == ["55000"]


# -- guarded statements -----------------------------------------------------

@pytest.mark.parametrize("messages", [
    [query("drop table t")],
    [*wire.extended("drop table t"), wire.sync()]])
def test_a_guarded_statement_waits(console, session, admin, messages):
    run(console, "PAUSE")
    drop = Asked(session, *messages)
    assert not drop.is_answered(HELD_S)
    assert is_paused(console, session)
    assert admin.execute("select to_regclass('t') is null").fetchone() == (
        False,)
    run(console, "RESUME")
    assert errors(drop.answer()) == []


def test_a_held_statement_is_under_way(start_console, cluster, database,
                                       admin):
    """ABORT ends it, and then PAUSE is answered."""
    admin.execute("create table a(id int primary key);"
                  "create table t(a int references a)")
    consoled = start_console(policy="hold")
    with Holder(cluster, database, "select * from a"), \
            consoled.console() as console, consoled.console() as another, \
            Wire(consoled, database) as session:
        drop = ask(session, "drop table t")
        number = held_row(another)["id"]
        pause = ask(console, "PAUSE")
        assert not pause.is_answered(HELD_S)
        run(another, f"ABORT {number}")
        assert sqlstates(drop.answer()) == ["57014"]
        assert errors(pause.answer()) == []
        run(console, "RESUME")


# -- how it ends ------------------------------------------------------------

def test_a_cancel_ends_the_message_that_waits(consoled, console, session):
    run(console, "PAUSE")
    for messages in [query("select 1")], [*wire.extended("select 1"),
                                          wire.sync()]:
        select = Asked(session, *messages)
        until(lambda: is_paused(console, session))
        wire.cancel(consoled, session)
        told = select.answer()
        assert sqlstates(told) == ["57014"] and status(told) == "I"
    select = ask(session, "select 1")
    until(lambda: is_paused(console, session))
    run(console, f"ABORT {id_of(console, session)}")
    assert sqlstates(select.answer()) == ["57014"]
    run(console, "RESUME")
    run(session, "select 1")


def test_a_cancel_ends_the_pause(consoled, console, session):
    run(session, "begin")
    with Wire(consoled) as other:
        pause = ask(console, "PAUSE")
        with consoled.console() as another:
            query_until_held(another, other)
            wire.cancel(consoled.file, console)
            assert sqlstates(pause.answer()) == ["57014"]
            assert errors(other.read_ready()) == []
        # Nothing is under way there: it has no effect.
        wire.cancel(consoled.file, console)
        assert show(console, "VERSION")


def test_psql_cancels(consoled, session):
    run(session, "begin")
    with subprocess.Popen([*psql_command(consoled), "-c", "PAUSE"], text=True,
                          stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          env=program.environment()) as waiting, \
            consoled.console() as console:
        until(lambda: show(console, "STATE")[1]["value"] == "yes")
        while waiting.poll() is None:
            waiting.send_signal(signal.SIGINT)
            time.sleep(0.05)
        assert "canceling statement due to user request" in (
            waiting.stderr.read())
        until(lambda: show(console, "STATE")[1]["value"] == "no")


@pytest.mark.parametrize("reset", [False, True])
def test_a_pause_that_waits_ends_with_its_console(consoled, console, session,
                                                  reset):
    run(session, "begin")
    another = consoled.console()
    another.send(query("PAUSE"))
    until(lambda: show(console, "STATE")[1]["value"] == "yes")
    another.vanish(reset=reset)
    until(lambda: show(console, "STATE")[1]["value"] == "no")
    with Wire(consoled):
        pass


def test_a_pause_that_was_answered_stays(consoled, session):
    assert psql(consoled, "-c", "PAUSE").stdout == "PAUSE\n"
    select = ask(session, "select 1")
    assert not select.is_answered(HELD_S)
    assert psql(consoled, "-c", "RESUME").stdout == "RESUME\n"
    assert errors(select.answer()) == []


def test_a_resume_ends_a_pause_that_waits(consoled, console, session):
    run(session, "begin")
    pause = ask(console, "PAUSE")
    with consoled.console() as another:
        until(lambda: show(another, "STATE")[1]["value"] == "yes")
        run(another, "RESUME")
    assert sqlstates(pause.answer()) == ["55000"]


def test_a_pause_that_waits_is_none_for_others(consoled, console, session,
                                               database):
    """Who takes it for done would cut what is under way."""
    run(session, "begin")
    pause = ask(console, f"PAUSE {database}")
    with consoled.console() as another:
        until(lambda: show(another, "DATABASES")[1:])
        for again in f"PAUSE {database}", f"PAUSE {database}":
            assert sqlstates(another.query(again)) == ["55006"]
        run(session, "commit")
        assert errors(pause.answer()) == []
        assert sqlstates(another.query(f"PAUSE {database}")) == ["55000"]
        run(another, "RESUME")


def test_who_is_overtaken_hears_of_a_resume(consoled, console, session,
                                            database):
    run(session, "begin")
    pause = ask(console, f"PAUSE {database}")
    with consoled.console() as another:
        until(lambda: show(another, "DATABASES")[1:])
        another.send(query("RESUME"), query(f"PAUSE {database}"))
        assert sqlstates(pause.answer()) == ["55000"]
        run(session, "commit")
        assert errors(another.read_ready(2)) == []
        run(another, "RESUME")


@pytest.mark.parametrize("is_answered", [True, False])
def test_sigterm_ends_all_that_waits(start_console, database, is_answered):
    consoled = start_console(drain_timeout="1min")
    with Wire(consoled, database) as session, \
            Wire(consoled, database) as busy, consoled.console() as console:
        run(busy, "begin")
        if is_answered:
            run(busy, "commit")
            run(console, "PAUSE")
        else:
            console.send(query("PAUSE"))
        with consoled.console() as another:
            until(lambda: show(another, "STATE")[1]["value"] == "yes")
            query_until_held(another, session)
            with login(consoled, database) as waiting:
                until(lambda: waiting_logins(another))
                consoled.process.send_signal(signal.SIGTERM)
                assert sqlstates(session.read_until("")) == ["57P01"]
                assert sqlstates(waiting.read_until("")) == ["57P03"]
        if not is_answered:
            run(busy, "select 1", "commit")
        assert sqlstates(busy.read_until("")) == ["57P01"]
    assert consoled.process.wait(wire.HANG_BOUND_S) == 0
    consoled.assert_clean()


def test_who_leaves_is_forgotten(consoled, console, session, database):
    """A login, and a session whose message waits."""
    run(console, "PAUSE")
    with login(consoled, database) as waiting:
        session.send(query("insert into t values (1)"))
        until(lambda: is_paused(console, session) and waiting_logins(console))
        waiting.vanish()
        session.vanish()
        until(lambda: len(show(console, "CLIENTS")) == 1)
    run(console, "RESUME")


def test_a_login_that_sends_ahead_is_bounded(consoled, console, database):
    run(console, "PAUSE")
    with login(consoled, database) as waiting:
        waiting.socket.settimeout(0.5)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 64 * 1024 * 1024:
                sent += waiting.socket.send(b"x" * 64 * 1024)
        run(console, "RESUME")


# -- what it is for ---------------------------------------------------------

@contextlib.contextmanager
def movable(cluster, tmp_path):
    """(Lockstep, how to have its file name another server)."""
    file = tmp_path / "lockstep.conf"
    consoled = Consoled(cluster)
    where = consoled.arguments.index("--upstream")
    consoled.arguments = ("serve", "-c", str(file),
                          *consoled.arguments[1:where],
                          *consoled.arguments[where + 2:])

    def move(to):
        file.write_text(
            f"upstream = {conninfo(host=to.host, port=to.port)}\n")

    move(cluster)
    with consoled:
        yield consoled, move


def test_logins_that_waited_go_to_the_new_upstream(cluster, tmp_path):
    """RELOAD within PAUSE: the way to move to another server."""
    with Cluster() as other, movable(cluster, tmp_path) as (consoled, move), \
            consoled.console() as console:
        run(console, "PAUSE")
        with login(consoled, "postgres") as waiting:
            until(lambda: waiting_logins(console))
            move(other)
            run(console, "RELOAD", "RESUME")
            waiting.read_ready()
            pid, = wire.rows(waiting.query("select pg_backend_pid()"))
            with other.connect() as there:
                wait_for(there, "exists (select from pg_stat_activity"
                                " where pid = %s)", int(pid[0]))


def test_a_restart_cuts_nothing(tmp_path):
    """No statement is sent that has no answer, and no login fails."""
    with Cluster() as cluster, \
            movable(cluster, tmp_path) as (consoled, move), \
            consoled.console() as console, Wire(consoled) as session:
        run(session, TABLE)
        run(console, "PAUSE")
        insert = ask(session, "insert into t values (1)")
        until(lambda: is_paused(console, session))
        with login(consoled, "postgres") as waiting:
            cluster.stop()
            told = insert.answer()
            assert sqlstates(told) == ["57P01"] and told[-1] is CLOSED
            cluster.start()
            move(cluster)  # to another port
            assert waiting.is_silent(HELD_S)
            run(console, "RELOAD", "RESUME")
            assert errors(waiting.read_ready()) == []
            trace = waiting.query("select count(*) from t")
            assert wire.rows(trace) == [("0",)]


def test_traffic_goes_on_whatever_is_paused(consoled, console, database,
                                            admin):
    admin.execute(TABLE)
    with contextlib.ExitStack() as stack:
        loops = [stack.enter_context(Loop(
            consoled, database, "begin", f"insert into t values ({i})",
            "rollback", "select * from t", pause_s=0.001))
            for i in range(4)]
        for _ in range(20):
            run(console, "PAUSE")
            assert admin.execute(
                "select count(*) from pg_stat_activity where datname = %s "
                "and application_name = 'e2e_loop' and state <> 'idle'",
                [database]).fetchone() == (0,)
            run(console, "RESUME")
        rounds = [loop.rounds for loop in loops]
        until(lambda: all(loop.rounds > before
                          for loop, before in zip(loops, rounds)))
    assert [loop.problems for loop in loops] == [[]] * 4


def test_psycopg(consoled, database, admin):
    """Pauses, and is paused, with pipelines and prepared statements."""
    admin.execute(TABLE)
    stop = threading.Event()
    problems = []

    def work():
        try:
            with psycopg.connect(
                    host="127.0.0.1", port=consoled.port, user="postgres",
                    dbname=database, sslmode="disable",
                    autocommit=True) as connection:
                while not stop.is_set():
                    with connection.pipeline():
                        for i in range(10):
                            connection.execute("select %s::int", [i],
                                               prepare=True)
                    with connection.transaction():
                        connection.execute("delete from t")
        except psycopg.Error as problem:
            problems.append(problem)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    with consoled.login(ADMIN, autocommit=True) as connection:
        for _ in range(20):
            connection.execute("PAUSE")
            connection.execute("RESUME")
    stop.set()
    worker.join(BOUND_S)
    assert problems == [] and not worker.is_alive()
