"""Starting, stopping, and what is said when the server is not there."""
import json
import os
import pathlib
import re
import signal
import socket
import time
from types import SimpleNamespace

import pytest

import cluster as cluster_module
import wire
from cluster import Cluster
from program import (Bare, Program, connect, free_endpoint, listen_text, run,
                     startup_packet)
from proxy import Lockstep, parse_line
from wire import CLOSED, Wire, query

pytestmark = pytest.mark.needs_lockstep

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATABASE = "e2e_lifecycle"
LONG = {"drain_timeout": "60s"}
STAGE = """
    drop event trigger if exists slow;
    drop schema public cascade;
    create schema public;
    create table parent (id int primary key);
    create table child (id int, p int references parent);
"""
# A guarded statement that runs for a while.
SLOW_DROP = """
    create function slow() returns event_trigger language plpgsql as
        $$ begin perform pg_sleep(2); end $$;
    create event trigger slow on sql_drop when tag in ('DROP TABLE')
        execute function slow();
"""


@pytest.fixture(scope="module")
def stage(cluster):
    with cluster.connect() as admin:
        admin.execute(f"create database {DATABASE}")
        with cluster.connect(DATABASE) as connection:
            yield connection
        admin.execute(f"drop database {DATABASE} with (force)")


@pytest.fixture
def admin(stage):
    stage.execute(STAGE)
    return stage


@pytest.fixture
def launch(cluster, stage):
    """Start one that the test itself stops; what is left is killed."""
    launched = []

    def start(upstream=None, upstream_options=None, **settings):
        launched.append(Lockstep(upstream or cluster, settings,
                                 upstream_options).start())
        return launched[-1]

    yield start
    for lockstep in launched:
        lockstep.remove()


def place_text(endpoint):
    """As logs and errors name it."""
    return f"{endpoint.host} port {endpoint.port}"


def until(condition, what):
    """Wait for what must come, and soon."""
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def refuses(endpoint):
    try:
        connect(endpoint).close()
        return False
    except ConnectionResetError:  # it stopped accepting just then
        return False
    except ConnectionRefusedError:
        return True


def until_draining(lockstep):
    until(lambda: refuses(lockstep), "it goes on accepting")


def assert_ended_well(lockstep):
    assert lockstep.process.wait(wire.HANG_BOUND_S) == 0
    lockstep.assert_clean()


def bare_session(lockstep):
    session = Bare(lockstep)
    session.log_in(user="postgres", database=DATABASE)
    return session


def assert_shut_down(trace):
    """57P01 and the end is all that came."""
    assert [kind for kind, _fields in trace] == ["E", "closed"], trace
    assert_last_words(trace)


def assert_last_words(trace):
    assert trace[-1] is CLOSED
    last = wire.errors(trace)[-1]
    assert (last["S"], last["C"]) == ("FATAL", "57P01")


# -- stopping ---------------------------------------------------------------

@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_first_signal_ends_idle_sessions_and_accepts_no_more(launch, how):
    lockstep = launch(**LONG)
    sessions = [bare_session(lockstep) for _ in range(5)]
    lockstep.process.send_signal(how)
    for session in sessions:
        assert_shut_down(session.read_all())
        session.close()
    until_draining(lockstep)
    assert_ended_well(lockstep)


def test_stop_without_sessions_is_quick(launch):
    lockstep = launch(**LONG)
    lockstep.process.send_signal(signal.SIGTERM)
    assert_ended_well(lockstep)


def test_connection_that_said_nothing_does_not_hold_up_the_stop(launch):
    lockstep = launch(**LONG)
    with Bare(lockstep), Bare(lockstep) as half:
        half.send(startup_packet()[:9])
        time.sleep(0.1)
        lockstep.process.send_signal(signal.SIGTERM)
        assert_ended_well(lockstep)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_transaction_may_finish(launch, admin, how):
    lockstep = launch(**LONG)
    with bare_session(lockstep) as session:
        session.query("begin; insert into parent values (1)")
        lockstep.process.send_signal(how)
        until_draining(lockstep)
        assert wire.status(session.query("select 1")) == "T"
        assert session.is_silent(0.2)
        session.send(query("commit"))
        trace = session.read_all()
    assert [kind for kind, _fields in trace] == ["C", "Z", "E", "closed"]
    assert_last_words(trace)
    assert_ended_well(lockstep)
    assert admin.execute("select count(*) from parent").fetchone() == (1,)


def test_failed_transaction_may_be_rolled_back(launch, admin):
    lockstep = launch(**LONG)
    with bare_session(lockstep) as session:
        session.query("begin; select 1/0")
        lockstep.process.send_signal(signal.SIGTERM)
        until_draining(lockstep)
        session.send(query("rollback"))
        trace = session.read_all()
    assert [kind for kind, _fields in trace] == ["C", "Z", "E", "closed"]
    assert_ended_well(lockstep)


@pytest.mark.parametrize("messages", [
    [query("select pg_sleep(3)")],
    [*wire.extended("select pg_sleep(3)"), wire.sync()],
    [query("select pg_sleep(3)"), query("select 2")],
    [query("begin; select pg_sleep(3)"), query("commit")],
], ids=["simple", "extended", "pipelined", "pipelined block"])
def test_statement_may_finish(launch, admin, messages):
    lockstep = launch(**LONG)
    with bare_session(lockstep) as session:
        session.send(*messages)
        until_sleeping(admin, session.pid)
        lockstep.process.send_signal(signal.SIGTERM)
        trace = session.read_all()
    assert wire.rows(trace)[0] == ("",)
    assert wire.status(trace) == "I"
    kinds = [kind for kind, _fields in trace]
    assert kinds.count("Z") == wire.ready_count(messages)
    assert_last_words(trace)
    assert_ended_well(lockstep)


def until_sleeping(admin, pid):
    sql = "select wait_event from pg_stat_activity where pid = %s"
    until(lambda: admin.execute(sql, (pid,)).fetchone() == ("PgSleep",),
          "it does not sleep")


@pytest.mark.parametrize("sql", ["begin", "begin; select 1/0",
                                 "select pg_sleep(60)"])
def test_drain_timeout_ends_what_goes_on(launch, admin, sql):
    lockstep = launch(drain_timeout="2s")
    with bare_session(lockstep) as session:
        if "sleep" in sql:
            session.send(query(sql))
            until_sleeping(admin, session.pid)
        else:
            session.query(sql)
        lockstep.process.send_signal(signal.SIGTERM)
        assert session.is_silent(0.2)
        assert_shut_down(session.read_all())
        assert_ended_well(lockstep)
        admin.execute("select pg_terminate_backend(%s)", (session.pid,))


def test_drain_timeout_ends_what_goes_on_for_a_client_that_left(launch,
                                                                admin):
    lockstep = launch(drain_timeout="500ms")
    session = bare_session(lockstep)
    session.send(query("select pg_sleep(60)"))
    until_sleeping(admin, session.pid)
    session.close()
    time.sleep(0.2)
    lockstep.process.send_signal(signal.SIGTERM)
    assert_ended_well(lockstep)
    admin.execute("select pg_terminate_backend(%s)", (session.pid,))


def test_drain_timeout_of_zero_ends_all_at_once(launch):
    lockstep = launch(drain_timeout="0")
    with bare_session(lockstep) as session:
        session.query("begin")
        lockstep.process.send_signal(signal.SIGTERM)
        assert_shut_down(session.read_all())
    assert_ended_well(lockstep)


def test_second_signal_ends_all_at_once(launch, admin):
    lockstep = launch(**LONG)
    with bare_session(lockstep) as idle, bare_session(lockstep) as busy:
        idle.query("begin")
        busy.send(query("select pg_sleep(60)"))
        until_sleeping(admin, busy.pid)
        lockstep.process.send_signal(signal.SIGTERM)
        until_draining(lockstep)
        assert idle.is_silent(0.2)
        lockstep.process.send_signal(signal.SIGINT)
        assert_shut_down(idle.read_all())
        assert_shut_down(busy.read_all())
        assert_ended_well(lockstep)
        admin.execute("select pg_terminate_backend(%s)", (busy.pid,))


# -- stopping while a guarded statement is under way ------------------------

GUARDED = {
    "simple": [query("drop table child")],
    "extended": [*wire.extended("drop table child"), wire.sync()],
    "in one message": [query("begin; drop table child; commit")],
}


def table_exists(admin):
    return admin.execute("select to_regclass('child')").fetchone() != (None,)


@pytest.mark.parametrize("name", GUARDED)
def test_guarded_statement_that_runs_outlives_drain_timeout(launch, admin,
                                                            name):
    """Neither the first signal nor the timeout cuts it in the middle."""
    admin.execute(SLOW_DROP)
    lockstep = launch(drain_timeout="100ms")
    with bare_session(lockstep) as session:
        session.send(*GUARDED[name])
        until_sleeping(admin, session.pid)
        lockstep.process.send_signal(signal.SIGTERM)
        trace = session.read_all()
    assert ("C", ("DROP TABLE",)) in trace
    assert wire.status(trace) == "I"
    assert_last_words(trace)
    assert_ended_well(lockstep)
    assert not table_exists(admin)


def test_block_around_it_ends_once_it_has_run(launch, admin):
    """The statement outlives drain_timeout, its transaction does not."""
    admin.execute(SLOW_DROP)
    lockstep = launch(drain_timeout="100ms")
    with bare_session(lockstep) as session:
        session.query("begin")
        session.send(query("drop table child"))
        until_sleeping(admin, session.pid)
        lockstep.process.send_signal(signal.SIGTERM)
        trace = session.read_all()
    assert ("C", ("DROP TABLE",)) in trace
    assert_last_words(trace)
    assert_ended_well(lockstep)
    until(lambda: table_exists(admin), "it was committed")


def test_second_signal_cuts_a_guarded_statement_that_runs(launch, admin):
    admin.execute(SLOW_DROP)
    lockstep = launch(**LONG)
    with bare_session(lockstep) as session:
        session.send(*GUARDED["simple"])
        until_sleeping(admin, session.pid)
        lockstep.process.send_signal(signal.SIGTERM)
        until_draining(lockstep)
        lockstep.process.send_signal(signal.SIGTERM)
        assert_last_words(session.read_all())
        assert_ended_well(lockstep)
        until(lambda: not admin.execute(
            "select 1 from pg_stat_activity where pid = %s",
            (session.pid,)).fetchone(), "the backend stays")


def assert_held(session):
    """It has had time for an attempt or two, and is not done."""
    heard = b""
    end = time.monotonic() + 0.7
    while (rest := end - time.monotonic()) > 0:
        session.socket.settimeout(rest)
        try:
            heard += session.socket.recv(65536)
        except TimeoutError:
            pass
    session.unread += heard
    assert b"DROP TABLE\0" not in heard


@pytest.mark.parametrize("name", GUARDED)
def test_guarded_statement_that_is_held_may_finish(cluster, launch, admin,
                                                   name):
    lockstep = launch(**LONG)
    with (cluster.connect(DATABASE, autocommit=False) as holder,
          bare_session(lockstep) as session):
        holder.execute("table parent")
        session.send(*GUARDED[name])
        assert_held(session)
        lockstep.process.send_signal(signal.SIGTERM)
        until_draining(lockstep)
        holder.commit()
        trace = session.read_all()
    assert ("C", ("DROP TABLE",)) in trace
    assert_last_words(trace)
    assert_ended_well(lockstep)
    assert not table_exists(admin)


def test_guarded_statement_that_is_held_ends_with_drain_timeout(
        cluster, launch, admin):
    """It has not begun; nothing is left of it."""
    lockstep = launch(drain_timeout="300ms")
    with (cluster.connect(DATABASE, autocommit=False) as holder,
          bare_session(lockstep) as session):
        holder.execute("table parent")
        session.send(*GUARDED["simple"])
        assert_held(session)
        lockstep.process.send_signal(signal.SIGTERM)
        trace = [m for m in session.read_all() if m[0] != "N"]
        assert_shut_down(trace)
        assert_ended_well(lockstep)
        until(lambda: admin.execute(
            "select count(*) from pg_locks where not pid in (%s, "
            "pg_backend_pid()) and relation = 'child'::regclass",
            (holder.info.backend_pid,)).fetchone() == (0,), "locks are left")
    assert table_exists(admin)


# -- stopping while a replication connection streams ------------------------

def stream_a_backup(session, label):
    """Begin one that fills more than the buffers on its way."""
    session.send(query(f"BASE_BACKUP (LABEL '{label}', CHECKPOINT 'fast', "
                       "WAIT false)"))
    assert session.read_until("H")[-1][0] == "H"


def test_base_backup_may_finish(launch):
    lockstep = launch(**LONG)
    with Bare(lockstep) as session:
        session.log_in(user="postgres", replication="true")
        stream_a_backup(session, "finishes")
        lockstep.process.send_signal(signal.SIGTERM)
        until_draining(lockstep)
        trace = session.read_until("Z")
        assert wire.errors(trace) == []
        session.send(wire.terminate())
        assert session.read_all() == [CLOSED]
    assert_ended_well(lockstep)


def test_base_backup_is_cut_without_a_word(launch):
    """An error within its data would be taken for data."""
    lockstep = launch(drain_timeout="200ms")
    with Bare(lockstep) as session:
        session.log_in(user="postgres", replication="true")
        stream_a_backup(session, "is cut")
        lockstep.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert wire.errors(session.read_all()) == []
    assert_ended_well(lockstep)


def begun_stream(lockstep):
    """A standby's connection that gets the log from here on."""
    session = Bare(lockstep)
    session.log_in(user="postgres", replication="true")
    session.send(query("IDENTIFY_SYSTEM"))
    (place,) = [fields[2] for kind, fields in session.read_until("Z")
                if kind == "D"]
    session.send(query(f"START_REPLICATION {place}"))
    assert session.read_until("W")[-1][0] == "W"
    return session


def test_stream_of_replication_is_not_waited_for(launch):
    lockstep = launch(**LONG)
    with begun_stream(lockstep) as stream:
        lockstep.process.send_signal(signal.SIGTERM)
        assert lockstep.process.wait(wire.HANG_BOUND_S) == 0
        assert wire.errors(stream.read_all()) == []  # would be taken for data
    lockstep.assert_clean()


def test_stream_of_replication_ends_behind_transactions(launch, admin):
    """A COMMIT may wait for a standby."""
    lockstep = launch(**LONG)
    with begun_stream(lockstep) as stream, bare_session(lockstep) as session:
        session.query("begin; insert into parent values (77)")
        lockstep.process.send_signal(signal.SIGTERM)
        until_draining(lockstep)
        time.sleep(0.3)
        session.send(query("commit"))
        trace = session.read_all()
        assert trace[0] == ("C", ("COMMIT",))
        streamed = stream.read_all()
        assert any(b"w" == body[:1] for kind, body in streamed[:-1]
                   if kind == "d")
    assert_ended_well(lockstep)


# -- what it says -----------------------------------------------------------

def test_text_log_tells_of_start_and_stop(launch, cluster):
    lockstep = launch()
    lockstep.stop()
    lines = lockstep.stderr().splitlines()
    assert all(map(parse_line, lines)), lines
    text = "\n".join(lines)
    assert version() in text
    assert place_text(lockstep) in text  # where it listens
    assert f"{cluster.port}" in text  # and for whom
    assert re.search("received .*[Tt]erminat", text)
    assert "stopped" in lines[-1]
    assert "password" not in text


def test_last_line_sums_up(launch, admin):
    lockstep = launch()
    with bare_session(lockstep) as session:
        session.query("select repeat('x', 10000)")
        for messages in GUARDED["simple"], [query("drop table parent")]:
            session.send(*messages)
            session.read_ready()
    Bare(lockstep).close()  # says nothing, and is no session
    lockstep.stop()
    last = parse_line(lockstep.stderr().splitlines()[-1])
    assert last["message"] == "stopped"
    assert last["sessions"] == "1"
    assert int(last["connections"]) >= 2  # start() has looked, too
    assert int(last["uptime_s"]) < wire.HANG_BOUND_S
    assert 0 < int(last["client_bytes"]) < 10000 < int(last["server_bytes"])
    outcomes = [int(value) for key, value in last.items()
                if key in ("unopposed", "protected", "unneeded")]
    assert int(last["guarded"]) == sum(outcomes) == 2


def test_json_log_is_json(launch):
    lockstep = launch(log_format="json", log_level="debug")
    bare_session_refused = Bare(lockstep)
    bare_session_refused.send(startup_packet(user="no\nbo\"dy\x01",
                                             database="\U0001f40e\\"))
    bare_session_refused.read_all()
    lockstep.stop()
    for line in lockstep.stderr().splitlines():
        assert {"time", "level", "message"} <= json.loads(line).keys()


def test_log_never_holds_a_password(launch):
    lockstep = launch(upstream_options={"password": "s3cr3t-word"},
                      log_level="debug")
    with bare_session(lockstep) as session:
        session.query("select 1")
    lockstep.stop()
    assert "s3cr3t" not in lockstep.stderr()


# -- the server is not there ------------------------------------------------

def refusal(lockstep, database=DATABASE):
    """The one FATAL with which a login ends."""
    with Bare(lockstep) as session:
        session.send(startup_packet(user="postgres", database=database))
        trace = session.read_all()
    errors = wire.errors(trace)
    assert len(errors) == 1 and trace[-1] is CLOSED, trace
    assert errors[0]["S"] == errors[0]["V"] == "FATAL"
    return errors[0]


def assert_unreachable(error, *parts):
    assert error["C"] == "57P03"
    text = f"{error['M']} {error.get('D', '')}"
    for part in parts:
        assert part in text, text


def test_server_that_is_down_is_named(launch):
    upstream = free_endpoint()
    error = refusal(launch(upstream))
    assert_unreachable(error, place_text(upstream),
                       "Connection refused")


def test_name_that_nobody_knows_is_named(launch):
    upstream = SimpleNamespace(host="no-such-host.invalid", port=5432)
    lockstep = launch(upstream, connect_timeout="3s")
    assert_unreachable(refusal(lockstep), "no-such-host.invalid")


def test_socket_that_is_not_there_is_named(launch, tmp_path):
    upstream = SimpleNamespace(host=str(tmp_path / "none"), port=5432)
    assert_unreachable(refusal(launch(upstream)), str(tmp_path / "none"),
                       "No such file")


@pytest.fixture
def black_hole():
    """Connections to it stay half open: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        host, port = listener.getsockname()
        fillers = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((host, port))
            fillers.append(filler)
        yield SimpleNamespace(host=host, port=port)
        for filler in fillers:
            filler.close()


def test_connect_timeout_ends_a_dial(launch, black_hole):
    lockstep = launch(black_hole, connect_timeout="300ms")
    error = refusal(lockstep)
    assert_unreachable(error, place_text(black_hole), "timed out")


def several(*upstreams):
    """They as one upstream, tried in this order."""
    return SimpleNamespace(host=",".join(u.host for u in upstreams),
                           port=",".join(str(u.port) for u in upstreams))


def test_second_server_is_used_when_the_first_is_down(launch, cluster, admin,
                                                      black_hole):
    unknown = SimpleNamespace(host="no-such-host.invalid", port=5432)
    lockstep = launch(several(free_endpoint(), black_hole, unknown, cluster),
                      connect_timeout="1s")
    with bare_session(lockstep) as session:
        assert wire.rows(session.query("select 1")) == [("1",)]
        session.send(query("select pg_sleep(60)"))
        until_sleeping(admin, session.pid)
        wire.cancel(lockstep, session)  # goes where the session went
        assert wire.sqlstates(session.read_ready()) == ["57014"]


def test_all_servers_that_are_down_are_named(launch, tmp_path):
    first, second = free_endpoint(), free_endpoint(str(tmp_path))
    assert_unreachable(refusal(launch(several(first, second))),
                       place_text(first), str(tmp_path))


def test_server_that_comes_later_is_found(launch, monkeypatch, request):
    place = free_endpoint()
    lockstep = launch(place)
    assert refusal(lockstep, "postgres")["C"] == "57P03"
    monkeypatch.setattr(cluster_module, "free_port", lambda: place.port)
    with Cluster(request.config.getoption("--pg-bin")):
        with Wire(lockstep) as session:
            assert wire.rows(session.query("select 1")) == [("1",)]
    assert refusal(lockstep, "postgres")["C"] == "57P03"


# -- the server goes --------------------------------------------------------

@pytest.fixture
def doomed(request):
    with Cluster(request.config.getoption("--pg-bin"),
                 {"restart_after_crash": "on"}) as cluster:
        yield cluster


def log_in(lockstep):
    session = Bare(lockstep)
    session.log_in(user="postgres", database="postgres")
    return session


def assert_lost(trace):
    """A FATAL that says whose fault it is."""
    last = wire.errors(trace)[-1]
    assert last["S"] == "FATAL", trace
    assert last["C"] in ("08006", "57P01", "57P02"), trace
    assert trace[-1] is CLOSED


@pytest.mark.parametrize("sql", ["select 1", "begin", "select pg_sleep(60)"])
def test_backend_that_is_killed_is_told(launch, doomed, sql):
    """Its own session, and the other that the server ends for it."""
    lockstep = launch(doomed)
    with log_in(lockstep) as session, log_in(lockstep) as other:
        session.send(query(sql))
        if "sleep" in sql:
            with doomed.connect() as admin:
                until_sleeping(admin, session.pid)
        else:
            session.read_ready()
        os.kill(session.pid, signal.SIGKILL)
        assert_lost(session.read_all())
        assert_lost(other.read_all())
    until(lambda: can_log_in(lockstep), "the server has recovered")
    lockstep.stop()


def can_log_in(lockstep):
    with Bare(lockstep) as session:
        session.send(startup_packet(user="postgres", database="postgres"))
        return session.read_until("Z")[-1][0] == "Z"


def test_backend_that_is_killed_while_it_answers(launch, doomed):
    """Within a message nothing can be said; but the connection ends."""
    lockstep = launch(doomed)
    with log_in(lockstep) as session:
        session.send(query("select repeat('x', 100000) "
                           "from generate_series(1, 10000)"))
        assert session.read()[0] == "T"
        os.kill(session.pid, signal.SIGKILL)
        assert session.read_all()[-1] is CLOSED
    lockstep.stop()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT,
                                 signal.SIGINT])
def test_server_that_stops_is_told(launch, doomed, how):
    lockstep = launch(doomed)
    with log_in(lockstep) as idle, log_in(lockstep) as busy:
        busy.query("begin")
        doomed.process.send_signal(how)
        assert_lost(idle.read_all())
        assert_lost(busy.read_all())
        doomed.process.wait(wire.HANG_BOUND_S)
        assert_unreachable(refusal(lockstep), "Connection refused")
    lockstep.stop()


def test_backend_that_is_killed_while_its_statement_is_held(launch, doomed):
    lockstep = launch(doomed)
    holder = doomed.connect(autocommit=False)
    with log_in(lockstep) as session:
        holder.execute("create table parent (id int primary key)")
        holder.execute("create table child (p int references parent)")
        holder.commit()
        holder.execute("table parent")
        session.send(query("drop table child"))
        assert_held(session)
        os.kill(session.pid, signal.SIGKILL)
        assert_lost(session.read_all())
    holder.close()  # it died with the server
    lockstep.stop()


# -- limits -----------------------------------------------------------------

def test_too_many_connections_are_refused(launch):
    lockstep = launch(max_connections="3")
    sessions = [bare_session(lockstep) for _ in range(3)]
    assert refusal(lockstep)["C"] == "53300"
    sessions.pop().close()
    until(lambda: can_log_in(lockstep), "the place is not free again")
    for session in sessions:
        assert wire.rows(session.query("select 1")) == [("1",)]
        session.close()
    lockstep.stop()


@pytest.mark.parametrize("said", [b"", b"\0", startup_packet()[:-1]],
                         ids=["nothing", "a byte", "nearly all"])
def test_login_timeout_ends_who_does_not_log_in(launch, said):
    lockstep = launch(login_timeout="1s")
    with bare_session(lockstep) as established, Bare(lockstep) as session:
        session.send(said)
        trace = session.read_all()
        assert [kind for kind, _fields in trace][-2:] == ["E", "closed"]
        assert wire.errors(trace)[0]["S"] == "FATAL"
        assert wire.rows(established.query("select 1")) == [("1",)]
    lockstep.stop()


# -- the command line -------------------------------------------------------

def version():
    cmake = (ROOT / "CMakeLists.txt").read_text()
    return re.search(r"project\(lockstep VERSION ([\d.]+)", cmake)[1]


def settings_in_help():
    settings = run("--help").stdout.split("Settings:")[1]
    return re.findall(r"^ +([a-z]+_[a-z_]+|listen|upstream|workers|policy) ",
                      settings, re.M)


def test_version_is_told():
    done = run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(f"lockstep {version()} "
                        r"\(grammar of PostgreSQL \d\d\)\n", done.stdout)


def test_a_command_that_there_is_not_is_named():
    done = run("drian")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ('lockstep: there is no command "drian"\n'
                           'Try "lockstep --help".\n')


def test_help_names_commands_and_settings():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("serve", "check", "--listen", "--upstream", "--set",
                 "listen", "upstream", "workers", "drain_timeout",
                 "lock_order", "hold_timeout"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_every_setting_is_in_the_example_and_the_manual():
    example = (ROOT / "conf/lockstep.conf").read_text()
    manual = (ROOT / "conf/lockstep.1").read_text()
    names = {name for name in settings_in_help() if name in manual}
    assert len(names) >= 15
    for name in names:
        assert re.search(rf"^#? ?{name} = ", example, re.M), name


@pytest.mark.parametrize("arguments", [
    ["nonsense"], ["--nonsense"], ["serve", "again"], ["check"],
    ["serve"], ["--set", "nonsense"], ["--listen"],
], ids=" ".join)
def test_bad_command_line_is_explained(arguments):
    done = run(*arguments)
    assert done.returncode not in (0, None) and done.returncode > 0
    assert done.stdout == ""
    assert 1 <= len(done.stderr.splitlines()) <= 5


def test_serve_is_the_default_and_settings_come_from_all_places(cluster,
                                                                tmp_path):
    place, other = free_endpoint(), free_endpoint()
    file = tmp_path / "lockstep.conf"
    file.write_text(f"listen = {listen_text(other)}\nworkers = 1\n"
                    f"upstream = {cluster.conninfo()}\n")
    with Program(place, "-c", str(file), settings={
            "LOCKSTEP_LISTEN": listen_text(place)}) as lockstep:
        assert can_log_in(lockstep)
        assert refuses(other)


MISTAKES = """# a comment
polcy = lock
workers = many

hold_timeout = 5 parsecs
lock_order
listen = 127.0.0.1
policy = maybe
"""


@pytest.mark.parametrize("command", ["check", "serve"])
def test_every_mistake_is_named_with_its_line(tmp_path, command):
    file = tmp_path / "wrong.conf"
    file.write_text(MISTAKES)
    done = run(command, "-c", str(file))
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    for number, parts in {2: ["polcy", "policy"], 3: ["workers"],
                          5: ["hold_timeout"], 6: [], 7: ["listen"],
                          8: ["policy", "lock", "hold", "pass",
                              "reject"]}.items():
        line = [text for text in lines if text.startswith(f"{file}:{number}:")]
        assert len(line) == 1, done.stderr
        assert all(part in line[0] for part in parts), line
    assert len(lines) == 6


def test_limit_that_is_too_low_comes_with_a_way_out(cluster):
    """What the warning proposes is enough."""
    class Limited(Lockstep):
        def program(self):
            return ["prlimit", "--nofile=264", *super().program()]

    def warnings(**settings):
        with Limited(cluster, settings) as lockstep:
            return [event["message"] for event in lockstep.events()
                    if "max_connections" in event["message"]]

    (warning,) = warnings(max_connections="500")
    assert "ulimit -Hn" in warning
    assert warning.endswith("set max_connections to 100")
    assert warnings(max_connections="100") == []


def test_check_accepts_what_is_right(tmp_path):
    file = tmp_path / "right.conf"
    file.write_text("policy = hold ; a comment\nhold_timeout = 10min\n"
                    "upstream = host=db\n")
    done = run("check", "-c", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    example = ROOT / "conf/lockstep.conf"
    assert run("check", "-c", str(example)).returncode == 0


def test_check_warns_that_nothing_can_be_served(tmp_path):
    file = tmp_path / "bare.conf"
    file.write_text("policy = hold\n")
    done = run("check", "-c", str(file))
    assert done.returncode == 0
    assert "warning: no upstream is set" in done.stderr
    assert run("serve", "-c", str(file)).returncode == 1


@pytest.mark.parametrize("command", ["check", "serve"])
def test_upstream_that_is_lockstep_itself_is_refused(tmp_path, command):
    file = tmp_path / "loop.conf"
    file.write_text("listen = *:7432\nupstream = host=localhost port=7432\n")
    done = run(command, "-c", str(file))
    assert done.returncode == 1
    assert f"{file}:2: upstream: this is Lockstep itself" in done.stderr


def test_upstream_that_leads_back_is_recognised():
    """By a name for it that tells nothing before it is looked up."""
    place = free_endpoint()
    upstream = f"host=127.1 port={place.port} sslmode=disable"
    with Program(place, "--listen", listen_text(place), "--upstream",
                 upstream) as lockstep:
        session = Bare(lockstep)
        session.send(startup_packet())
        trace = session.read_all()
        assert "this Lockstep itself" in wire.errors(trace)[-1]["M"], trace
        session.close()
        until(lambda: any(event.get("reason") == "upstream-loop"
                          for event in lockstep.events()), "it is not logged")
        warnings = [event for event in lockstep.events()
                    if event["level"] == "warn"
                    and "max_connections" not in event["message"]]
        assert len(warnings) == 1, warnings


def test_file_that_is_not_there_is_named(tmp_path):
    for command in ("check", "serve"):
        done = run(command, "-c", str(tmp_path / "none"))
        assert done.returncode == 1
        assert str(tmp_path / "none") in done.stderr
        assert "No such file" in done.stderr


def test_wrong_set_and_environment_are_named():
    done = run("serve", "--set", "workers=0", settings={
        "LOCKSTEP_POLICY": "maybe"})
    assert done.returncode == 1
    assert "--set workers:" in done.stderr
    assert "LOCKSTEP_POLICY:" in done.stderr


# -- places that cannot be listened at --------------------------------------

def assert_cannot_listen(cluster, place, *parts):
    done = run("--listen", listen_text(place), "--upstream",
               cluster.conninfo())
    assert done.returncode == 1
    for part in parts:
        assert part in done.stderr, done.stderr


def test_port_in_use_is_named(cluster, launch):
    lockstep = launch()
    assert_cannot_listen(cluster, lockstep, place_text(lockstep),
                         "in use")
    assert can_log_in(lockstep)
    lockstep.stop()


def test_socket_in_use_is_named(cluster, tmp_path):
    place = free_endpoint(str(tmp_path))
    with Program(place, "--listen", listen_text(place), "--upstream",
                 cluster.conninfo()) as lockstep:
        assert_cannot_listen(cluster, place, str(tmp_path), "in use")
        assert can_log_in(lockstep)


def test_folder_that_is_not_there_is_named(cluster, tmp_path):
    place = SimpleNamespace(host=str(tmp_path / "none"), port=5432)
    assert_cannot_listen(cluster, place, str(tmp_path / "none"),
                         "No such file")


def test_address_of_another_machine_is_named(cluster):
    place = SimpleNamespace(host="192.0.2.1", port=5432)
    assert_cannot_listen(cluster, place, place_text(place), "assign")
