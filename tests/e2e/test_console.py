"""The console: the database `lockstep`, for admin_users and stats_users.

Over a Unix socket the kernel says who has come: the user that runs the tests
is an administrator here.  Over TCP everybody proves what auth_file has.
"""
import contextlib
import os
import re
import subprocess
import time

import psycopg
import psycopg.sql
import pytest

import clients
import program
import scram
import wire
from consoled import (ADMIN, ME, PASSWORD, VIEWER, Consoled, held_row,
                      id_of, psql, psql_command, show)
from scene import (BOUND_S, Asked, Holder, ask, run, wait_for,
                   waits_for_lock)
from wire import CLOSED, Wire, errors, query, rows, sqlstates, status

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("TLS has a test of its own here")]

TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key);
create table table_c(a_id int references table_a, b_id int references table_b);
"""
SHOWN = ["HELP", "VERSION", "CONFIG", "STATE", "CLIENTS", "SERVERS", "HELD",
         "GUARDED", "WINDOWS", "STATS", "STATS_TOTALS", "LISTS", "POOLS", "DATABASES",
         "FLEET"]
TIMES = 1000


# -- who is let in ----------------------------------------------------------

def refusal(connect):
    with pytest.raises(psycopg.OperationalError) as refused:
        connect()
    return str(refused.value)


def test_the_socket_tells_who_has_come(consoled):
    with consoled.console() as console:
        assert show(console, "VERSION")[0]["version"].startswith("Lockstep ")
        assert console.parameters["server_version"]
    # Not the user that runs this: for them there is no console.
    with Wire(consoled.file, "lockstep", ADMIN) as refused:
        assert "C" in dict(refused.greeting[-2][1])
        assert errors(refused.greeting)[0]["C"] in ("28000", "3D000")


def test_by_tcp_a_password_is_wanted(consoled):
    with consoled.login(ADMIN) as connection:
        assert connection.execute("SHOW VERSION").fetchone()
    assert "password authentication failed" in refusal(
        lambda: consoled.login(ADMIN, password="another"))


def test_others_are_the_servers(consoled, cluster):
    """With such a database and without."""
    told = refusal(lambda: consoled.login("postgres"))
    assert 'database "lockstep" does not exist' in told
    # On the list, but there is no verifier: nobody can tell.
    assert f'role "{ME}" does not exist' in refusal(
        lambda: consoled.login(ME)) or ME == "postgres"
    with cluster.connect() as admin:
        admin.execute("create database lockstep")
        try:
            with consoled.login("postgres") as connection:
                assert connection.execute("select 1").fetchone() == (1,)
            with consoled.console() as console:
                assert show(console, "VERSION")
        finally:
            admin.execute("drop database lockstep with (force)")


def test_without_users_there_is_no_console(start_console):
    consoled = start_console(admin_users=None, stats_users=None)
    assert 'database "lockstep" does not exist' in refusal(
        lambda: consoled.login("postgres"))
    with consoled.console() as refused:
        assert errors(refused.greeting)[0]["C"] in ("28000", "3D000")


def test_where_lockstep_checks_all(start_console):
    consoled = start_console(auth="scram")
    with consoled.login(VIEWER) as connection:
        assert connection.execute("SHOW VERSION").fetchone()
    with consoled.console() as console:
        assert show(console, "VERSION")


def test_who_may_look_may_not_touch(consoled):
    with consoled.login(VIEWER, autocommit=True) as connection:
        for what in SHOWN:
            connection.execute(f"SHOW {what}")
        for command in ("KILL_CLIENT 5", "RELEASE 5", "ABORT 5", "RELOAD",
                        "SHUTDOWN", "SHUTDOWN WAIT_FOR_CLIENTS", "GUARD OFF",
                        "PAUSE", "RESUME"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(command)
    assert consoled.is_alive()


def test_the_administrator_gets_in_where_nobody_does(start_console):
    consoled = start_console(max_connections="1")
    with Wire(consoled), consoled.console() as console:
        assert len(show(console, "CLIENTS")) == 2
        assert "too many connections" in refusal(lambda: consoled.login(
            ADMIN))


# -- what is shown ----------------------------------------------------------

def test_sessions_are_shown(consoled, console, database):
    with Wire(consoled, database) as session:
        run(session, "begin")
        client = next(row for row in show(console, "CLIENTS")
                      if row["database"] == database)
        assert client["user"] == "postgres" and client["type"] == "C"
        assert client["addr"] == "127.0.0.1"
        assert client["port"] == str(session.socket.getsockname()[1])
        assert client["state"] == "active" and client["transaction"] == "T"
        assert client["remote_pid"] == str(session.pid)
        assert client["link"] == client["ptr"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC",
                            client["connect_time"])
        server, = show(console, "SERVERS")
        assert server["id"] == client["id"] and server["type"] == "S"
        run(session, "rollback")
        assert show(console, "SERVERS")[0]["state"] == "idle"
        mine = [row for row in show(console, "CLIENTS")
                if row["state"] == "console"]
        assert [row["database"] for row in mine] == ["lockstep"]


def test_what_is_in_force_is_shown(consoled, console):
    config = {row["key"]: row for row in show(console, "CONFIG")}
    assert config["admin_users"]["value"] == f"{ME},{ADMIN}"
    assert config["hold_timeout"]["value"] == "5min"
    assert config["drain_timeout"]["value"] == "2s"
    assert config["drain_timeout"]["default"] == "25s"
    state = {row["key"]: row["value"] for row in show(console, "STATE")}
    assert state["active"] == "yes" and state["guard"] == "on"


def test_no_secret_is_shown(cluster):
    with Consoled(cluster) as consoled:
        consoled.arguments = [
            word + " password=secret" if word.startswith("host=") else word
            for word in consoled.arguments]
        consoled.stop()
        with consoled.start().console() as console:
            assert "secret" not in str(console.query("SHOW CONFIG"))


def test_numbers_are_shown(consoled, console, database, admin):
    admin.execute(TABLES)
    with Wire(consoled, database) as session:
        run(session, "drop table table_c", "begin")
        stats, = show(console, "STATS")
        assert stats["total_logins"] == "1"
        assert stats["total_guarded"] == "1"
        assert int(stats["total_received"]) > 0
        assert int(stats["total_sent"]) > 0
        totals, = show(console, "STATS_TOTALS")
        assert totals["bytes_sent"] == stats["total_sent"]
        pool, = show(console, "POOLS")
        assert pool["cl_active"] == pool["sv_active"] == "1"
        assert pool["pool_mode"] == "session"
        lists = {row["list"]: row["items"] for row in show(console, "LISTS")}
        assert lists["used_clients"] == "2" and lists["used_servers"] == "1"
        place, = show(console, "DATABASES")
        assert place["current_connections"] == "2"


def test_a_name_forges_no_line(consoled, console, database, admin):
    user = "e2e\n\x1b[31mforged"
    admin.execute(psycopg.sql.SQL("create role {} login").format(
        psycopg.sql.Identifier(user)))
    try:
        with Wire(consoled, database, user):
            told = next(row["user"] for row in show(console, "CLIENTS")
                        if row["database"] == database)
            assert told == r"e2e\n\u001b[31mforged"
    finally:
        admin.execute(psycopg.sql.SQL("drop role {}").format(
            psycopg.sql.Identifier(user)))


def test_windows_are_shown(start_console, database, admin):
    admin.execute(TABLES)
    consoled = start_console(optimistic="off")
    with consoled.console() as console, \
            Wire(consoled, database) as migration:
        run(migration, "begin", "drop table table_c")
        window, = show(console, "WINDOWS")
        assert window["database"] == database
        assert window["kind"] == "transaction"
        assert window["maker"] == id_of(console, migration)
        run(migration, "rollback")
        assert show(console, "WINDOWS") == []


# -- what is done -----------------------------------------------------------

@pytest.fixture
def held(start_console, cluster, database, admin):
    """(Lockstep, who is in the way, a session): a DROP would be held."""
    admin.execute(TABLES)
    consoled = start_console(policy="hold")
    with Holder(cluster, database, "select * from table_b") as holder, \
            Wire(consoled, database) as session:
        yield consoled, holder, session


def test_a_held_statement_is_shown(held, database):
    consoled, holder, session = held
    drop = ask(session, "drop table table_c")
    with consoled.console() as console:
        row = held_row(console)
        assert row["statement"] == "DROP TABLE" and row["policy"] == "hold"
        assert row["database"] == database and row["user"] == "postgres"
        assert row["application_name"] == "e2e_wire"
        for table in "table_a", "table_b", "table_c":
            assert table in row["tables"]
        assert row["holder_pid"] == str(holder.session.pid)
        assert "e2e_holder" in row["holder"]
        assert 0 < int(row["left_ms"]) <= 300_000
        client, = (client for client in show(console, "CLIENTS")
                   if client["id"] == row["id"])
        assert client["state"] == "held"
        holder.release()
        assert errors(drop.answer()) == []
        assert show(console, "HELD") == []


def until_sent(admin, session):
    """Until its statement waits in the server."""
    deadline = time.monotonic() + BOUND_S
    while not waits_for_lock(admin, session.pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_became_of_it_is_shown(held, database):
    consoled, holder, session = held
    drop = ask(session, "drop table table_c")
    with consoled.console() as console:
        number = held_row(console)["id"]
        row, = show(console, "GUARDED")
        assert row["state"] == "held" and row["session"] == number
        holder.release()
        assert errors(drop.answer()) == []
        run(session, "drop table table_a, table_b")
        newer, row = show(console, "GUARDED")
        assert int(newer["id"]) > int(row["id"])
        assert row["state"] == "over" and row["outcome"] == "protected"
        assert row["statement"] == row["result"] == "DROP TABLE"
        assert row["database"] == database and row["policy"] == "hold"
        assert row["holder_pid"] == str(holder.session.pid)
        assert "e2e_holder" in row["holder"]


def outcomes(consoled):
    return [event["outcome"] for event in consoled.events()
            if event["message"] == "guarded statement"]


@pytest.mark.parametrize("begin", [None, "begin"])
def test_release_sends_it(held, admin, begin):
    consoled, holder, session = held
    if begin:
        run(session, begin)
    drop = ask(session, "drop table table_c")
    with consoled.console() as console:
        trace = console.query(f"RELEASE {held_row(console)['id']}")
        assert ("C", ("RELEASE",)) in trace
        until_sent(admin, session)
        assert show(console, "HELD") == []
        # It is sent: there is nothing to be released any more.
        trace = console.query(f"RELEASE {id_of(console, session)}")
        assert sqlstates(trace) == ["55000"]
    assert not drop.is_answered()
    holder.release()
    assert errors(drop.answer()) == []
    if begin:
        run(session, "commit")
    assert admin.execute("select to_regclass('table_c')").fetchone() == (
        None,)
    assert outcomes(consoled) == ["released"]


def test_release_in_an_extended_cycle(held, admin):
    consoled, holder, session = held
    drop = Asked(session, *wire.extended("drop table table_c"), wire.sync())
    with consoled.console() as console:
        console.query(f"release {held_row(console)['id']};")
    until_sent(admin, session)
    holder.release()
    assert errors(drop.answer()) == []
    assert outcomes(consoled) == ["released"]


@pytest.mark.parametrize("begin", [None, "begin"])
def test_abort_ends_it(held, admin, begin):
    consoled, _holder, session = held
    if begin:
        run(session, begin)
    drop = ask(session, "drop table table_c")
    with consoled.console() as console:
        trace = console.query(f"ABORT {held_row(console)['id']}")
        assert ("C", ("ABORT",)) in trace
    told = drop.answer()
    assert sqlstates(told) == ["57014"]
    assert status(told) == ("E" if begin else "I")
    if begin:
        assert sqlstates(session.query("select 1")) == ["25P02"]
        run(session, "rollback")
    run(session, "select * from table_c")
    assert outcomes(consoled) == ["canceled"]


def test_what_waits_at_the_gate_can_be_ended(start_console, database, admin):
    admin.execute(TABLES)
    consoled = start_console(optimistic="off", gate_transaction="1min")
    with consoled.console() as console, \
            Wire(consoled, database) as migration, \
            Wire(consoled, database) as reader:
        number = id_of(console, reader)
        run(migration, "begin", "drop table table_c")
        read = ask(reader, "select * from table_a")
        while not any(row["id"] == number and row["state"] == "waiting"
                      for row in show(console, "CLIENTS")):
            assert not read.is_answered()
        assert errors(console.query(f"ABORT {number}")) == []
        assert sqlstates(read.answer()) == ["57014"]
        run(migration, "rollback")


def test_nothing_is_done_to_who_holds_nothing(consoled, console, database):
    with Wire(consoled, database) as session:
        number = id_of(console, session)
        for command in "RELEASE", "ABORT":
            assert sqlstates(console.query(f"{command} {number}")) == [
                "55000"]
            for nobody in 0, 5, int(number) + 1000, 2**63 - 1:
                assert sqlstates(console.query(f"{command} {nobody}")) == [
                    "22023"]
        run(session, "select 1")


def test_kill_ends_a_session(consoled, console, database, admin):
    admin.execute("create table t(id int)")
    with Wire(consoled, database) as session:
        run(session, "begin", "insert into t values (1)")
        number = id_of(console, session)
        assert ("C", ("KILL_CLIENT",)) in console.query(
            f"KILL_CLIENT {number}")
        trace = session.read_until("")
        assert sqlstates(trace) == ["57P01"] and trace[-1] is CLOSED
        wait_for(admin, "not exists (select from pg_stat_activity"
                        " where pid = %s)", session.pid)
    assert admin.execute("select count(*) from t").fetchone() == (0,)
    assert sqlstates(console.query(f"KILL_CLIENT {number}")) == ["22023"]


def test_kill_ends_a_session_whose_statement_is_held(held):
    consoled, _holder, session = held
    ask(session, "drop table table_c")
    with consoled.console() as console:
        number = held_row(console)["id"]
        assert errors(console.query(f"KILL_CLIENT {number}")) == []
        assert show(console, "HELD") == []


def test_a_console_can_end_itself(consoled, console):
    number, = (row["id"] for row in show(console, "CLIENTS"))
    console.send(query(f"KILL_CLIENT {number}"))
    trace = console.read_until("")
    assert sqlstates(trace) == ["57P01"]


def test_the_guard_can_be_off(held, admin):
    consoled, holder, session = held
    with consoled.console() as console:
        run(console, "GUARD OFF")
        drop = ask(session, "drop table table_c")
        until_sent(admin, session)
        holder.release()
        assert errors(drop.answer()) == []
        assert outcomes(consoled) == []
        run(console, "guard on")
        run(session, "drop table table_a, table_b")
    assert len(outcomes(consoled)) == 1


def test_reload_reads_files_again(consoled, console):
    path = os.path.join(consoled.folder, "users")
    with open(path, "a", encoding="utf-8") as file:
        file.write(f'"{ME}" "{scram.verifier(PASSWORD)}"\n')
    run(console, "RELOAD")
    with consoled.login(ME) as connection:
        assert connection.execute("SHOW VERSION").fetchone()
    os.unlink(path)
    assert sqlstates(console.query("RELOAD")) == ["F0000"]
    with consoled.login(ME) as connection:
        assert connection.execute("SHOW VERSION").fetchone()


def ended(consoled):
    assert consoled.process.wait(wire.HANG_BOUND_S) == 0
    consoled.assert_clean()


def test_shutdown_ends_all(consoled, console, database):
    with Wire(consoled, database) as session:
        run(session, "begin")
        console.send(query("SHUTDOWN"))
        trace = console.read_until("")
        assert ("C", ("SHUTDOWN",)) in trace and sqlstates(trace) == ["57P01"]
        assert sqlstates(session.read_until("")) == ["57P01"]
    ended(consoled)


def test_shutdown_may_wait_for_clients(start_console, database):
    consoled = start_console(drain_timeout="1min")
    with consoled.console() as console, Wire(consoled, database) as session:
        run(session, "begin")
        console.send(query("SHUTDOWN WAIT_FOR_CLIENTS"))
        assert ("C", ("SHUTDOWN",)) in console.read_until("")
        run(session, "select 1", "commit")
        assert sqlstates(session.read_until("")) == ["57P01"]
    ended(consoled)


# -- the protocol -----------------------------------------------------------

def test_several_commands_are_one_query(console):
    trace = console.query("show version; -- what\n SHOW /* one */ STATE ;;")
    assert [kind for kind, _ in trace if kind != "D"] == list("TCTCZ")
    trace = console.query("show version; show nothing; show version")
    assert [kind for kind, _ in trace if kind != "D"] == list("TCEZ")
    told, = errors(trace)
    assert told["C"] == "42601" and "SHOW HELP" in told["H"]
    for empty in "", " ; ;", "-- show version", "/*":
        assert [kind for kind, _ in console.query(empty)] == list("IZ")


@pytest.mark.parametrize("text", [
    "drop table t", "show", "show version config", "select 1", "kill_client",
    "kill_client x", "kill_client -1", "kill_client 99999999999999999999",
    "release 1 2", "guard", "guard maybe", "shutdown now", "reload all",
    "'", '"', "set", "show 'version'", "\\", "show\x01version"])
def test_what_is_no_command_is_told_so(console, text):
    trace = console.query(text)
    assert sqlstates(trace) == ["42601"] and status(trace) == "I"


def test_settings_of_drivers_are_accepted(console):
    for text in ("set extra_float_digits = 3", "SET application_name = 'x'",
                 "set session characteristics as transaction read only"):
        assert ("C", ("SET",)) in console.query(text)
    assert sqlstates(console.query("set workers = 3")) == ["55P02"]
    assert sqlstates(console.query("set polcy = hold")) == ["42704"]


def test_an_extended_cycle(console):
    trace = console.run(*wire.extended("show version", "s", "p"),
                        wire.describe_statement("s"), wire.execute("p"),
                        wire.close_portal("p"), wire.close_statement("s"),
                        wire.sync())
    assert [kind for kind, _ in trace] == list("12TDCtTDC33Z")
    trace = console.run(wire.parse("reload"), wire.describe_statement(),
                        wire.bind(), wire.describe_portal(), wire.execute(),
                        wire.flush(), wire.sync())
    assert [kind for kind, _ in trace] == list("1tn2nCZ")
    trace = console.run(wire.parse(""), wire.bind(), wire.execute(),
                        wire.sync())
    assert [kind for kind, _ in trace] == list("12IZ")


@pytest.mark.parametrize("messages, sqlstate", [
    ([wire.parse("show nothing")], "42601"),
    ([wire.parse("show version; show state")], "42601"),
    ([wire.bind("", "none")], "26000"),
    ([wire.describe_statement("none")], "26000"),
    ([wire.execute("none")], "34000"),
    ([wire.parse("show version"), wire.bind(values=[1])], "08P01"),
    ([wire.parse("show state"), wire.bind(result_formats=[0, 0, 0])],
     "08P01"),
    ([wire.parse("show state", "s" * 100)], "53400"),
])
def test_an_error_skips_to_the_sync(console, messages, sqlstate):
    trace = console.run(*messages, *wire.extended("show version"),
                        wire.sync())
    assert sqlstates(trace) == [sqlstate]
    assert [kind for kind, _ in trace][-2:] == list("EZ")
    assert rows(console.query("show version"))


def test_numbers_come_in_binary_where_wanted(console):
    trace = console.run(wire.parse("show lists"),
                        wire.bind(result_formats=[0, 1]),
                        wire.describe_portal(), wire.execute(), wire.sync())
    assert [column[5] for column in trace[2][1]] == [0, 1]
    assert rows(trace)[0] == ("databases", "\0\0\0\0\0\0\0\1")


def test_names_are_bounded(console):
    for i in range(300):
        trace = console.run(wire.parse("show version", f"s{i}"), wire.sync())
    assert sqlstates(trace) == ["53400"]
    run(console, "show version")


@pytest.mark.parametrize("data", [
    wire.message("Q", b"no end"), wire.message("Q", b"a\0b\0"),
    b"Q" + b"\x7f\xff\xff\xff", b"Q\0\0\0\1", wire.message("p", b"x"),
    wire.message("?", b""), wire.message("D", b"X\0"),
    wire.query("show version" + " " * 20_000)])
def test_what_is_no_message_ends_the_session(consoled, console, data):
    console.send(data)
    trace = console.read_until("")
    assert sqlstates(trace) == ["08P01"] and trace[-1] is CLOSED
    with consoled.console() as another:
        run(another, "show version")


def test_a_client_that_leaves_is_forgotten(consoled, database):
    """Whatever is under way for it."""
    with Wire(consoled, database), consoled.console() as console:
        for _ in range(20):
            another = consoled.console()
            another.send(query("SHOW CLIENTS; SHOW SERVERS;" * 50))
            another.vanish()
        deadline = time.monotonic() + BOUND_S
        while len(show(console, "CLIENTS")) > 2:
            assert time.monotonic() < deadline
    assert consoled.is_alive()


def test_a_function_is_not_called(console):
    trace = console.run(wire.message("F", b"\0" * 10))
    assert sqlstates(trace) == ["0A000"] and status(trace) == "I"


def resident_kb(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


def test_a_slow_reader_costs_no_memory(consoled, database):
    """A result goes out as it is read, and is whole in the end."""
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(Wire(consoled, database))
        console = stack.enter_context(consoled.console())
        once = len(rows(console.query("SHOW CLIENTS")))
        before_kb = resident_kb(consoled.process)
        asked = "SHOW CLIENTS;" * TIMES
        console.send(query(asked))
        time.sleep(1)
        with consoled.console() as another:
            assert len(show(another, "CLIENTS")) == once + 1
        assert resident_kb(consoled.process) < before_kb + 8 * 1024
        trace = console.read_ready()
        assert [kind for kind, _ in trace].count("C") == TIMES
        assert len(rows(trace)) >= once * TIMES


# -- clients ----------------------------------------------------------------

def test_psql(consoled):
    done = psql(consoled, "-c", "SHOW VERSION", "-c", "RELOAD")
    assert "Lockstep " in done.stdout and "RELOAD" in done.stdout
    assert done.stderr == ""
    done = psql(consoled, "-x", "-c", "SHOW LISTS")
    assert re.search(r"list +\| used_clients\nitems +\| 1", done.stdout)
    done = psql(consoled, text="SHOW LISTS \\gdesc\nRELOAD \\gdesc\n")
    assert re.search(r"list +\| text\n items +\| bigint", done.stdout)
    assert "no result" in done.stdout and done.stderr == ""


def test_psql_watches(consoled):
    """Until it is ended: not every version counts."""
    with subprocess.Popen(psql_command(consoled), text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env=program.environment()) as watching:
        watching.stdin.write("SHOW VERSION \\watch 0.05\n")
        watching.stdin.flush()
        seen = 0
        while seen < 3:
            line = watching.stdout.readline()
            assert line
            seen += line.startswith(" Lockstep ")
        watching.kill()


def test_psycopg(consoled):
    """With its transactions, prepared statements and binary results."""
    with consoled.login(ADMIN) as connection:
        cursor = connection.cursor(binary=True)
        for _ in range(10):
            lists = dict(cursor.execute("SHOW LISTS").fetchall())
            assert lists["consoles"] == 1
        assert connection.info.transaction_status.name == "INTRANS"
        with pytest.raises(psycopg.errors.SyntaxError):
            connection.execute("SHOW nothing")
        connection.rollback()
        assert connection.execute("SHOW CLIENTS").fetchone()[0] == "C"


@pytest.mark.skipif(not clients.has_jdbc(), reason="no pgjdbc")
def test_jdbc(consoled):
    source = os.path.join(os.path.dirname(__file__), "JdbcConsole.java")
    done = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp",
         clients.JAR, source,
         f"jdbc:postgresql://127.0.0.1:{consoled.port}/lockstep", ADMIN,
         PASSWORD, "SHOW LISTS", "SHOW VERSION", "RELOAD", "SHOW nothing"],
        capture_output=True, text=True, timeout=2 * wire.HANG_BOUND_S)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"\d+.*Lockstep.*\ttrue", lines[0])
    assert "consoles\t1" in lines
    assert lines[-2:] == ["no rows", "42601"]
