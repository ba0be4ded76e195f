"""Everything that is no guarded statement passes as if nobody stood between.

Each scenario is played with the server and through Lockstep, in packets and
byte by byte; the answers must be the same messages in the same order.
"""
import os
import socket
import struct
import subprocess
import threading
import time

import psycopg
import pytest

import wire
from cluster import Cluster
from differential_scripts import COPIES, COPY_IN, LINES, SCENARIOS, owed
from program import Bare
from proxy import Lockstep
from wire import (CLOSED, Wire, bind, copy_data, copy_done,
                  describe_statement, execute, extended, message, parse,
                  query, sync)

MIB = 1 << 20
DATABASE = "e2e_relay"
STAGE = """
    create table parent (id int primary key);
    create table child (id int, p int references parent);
    create table copied (n int, t text);
    insert into parent values (1), (2), (3);
    create function shout() returns void language plpgsql as
        $$ begin raise notice 'a notice'; end $$;
"""


@pytest.fixture(scope="module")
def stage(cluster):
    """The administrator's connection to a database that all cases share."""
    with cluster.connect() as admin:
        admin.execute(f"create database {DATABASE}")
        with cluster.connect(DATABASE) as connection:
            yield connection
        admin.execute(f"drop database {DATABASE} with (force)")


@pytest.fixture
def admin(stage):
    set_stage(stage)
    return stage


def set_stage(admin):
    admin.execute("drop schema public cascade; create schema public;" + STAGE)


@pytest.fixture
def exchange(direct, lockstep, admin):
    """Play a scenario with both; the traces must be equal."""
    def play(scenario):
        traces = []
        for endpoint in (direct, lockstep):
            set_stage(admin)
            with Wire(endpoint, DATABASE) as session:
                traces.append(scenario(session) + still_in_step(session))
        expected, seen = traces
        assert seen == expected
        return seen

    return play


@pytest.fixture
def exchange_ends(direct, lockstep, admin):
    """The same for sessions that end; meanwhile(session) may see to that."""
    def play(messages, meanwhile=lambda session: []):
        traces = []
        for endpoint in (direct, lockstep):
            with Bare(endpoint) as session:
                session.log_in(user="postgres", database=DATABASE)
                session.send(*messages)
                trace = meanwhile(session)
                traces.append(trace + session.read_all())
        assert traces[1] == traces[0]
        return traces[1]

    return play


def still_in_step(session):
    """A guarded statement is answered as well, if nothing got out of step."""
    return (session.query("rollback") + session.query("drop table child")
            + session.query("select count(*) from parent"))


# -- extended protocol ------------------------------------------------------

@pytest.mark.parametrize("by", ["packet", "byte"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_messages_pass(exchange, name, by):
    messages = SCENARIOS[name]

    def scenario(session):
        session.send(*messages, by=by)
        return session.read_ready(owed(messages))

    exchange(scenario)


@pytest.mark.parametrize("name", SCENARIOS)
def test_messages_pass_one_after_the_other(exchange, name):
    """Flushed after each, so that every answer stands alone."""
    def scenario(session):
        trace = []
        for one in SCENARIOS[name]:
            session.send(one)
            if one[:1] in b"SF" or (one[:1] == b"Q" and "skipped" not in name):
                trace += session.read_ready()
        return trace

    exchange(scenario)


def test_unknown_message_type_is_the_servers_to_refuse(exchange_ends):
    trace = exchange_ends([message("y", b"whatever")])
    assert wire.sqlstates(trace) == ["08P01"]


def test_terminate_ends_the_session(exchange_ends):
    assert exchange_ends([wire.terminate()]) == [CLOSED]


# -- COPY -------------------------------------------------------------------

@pytest.mark.parametrize("by", ["packet", "byte"])
@pytest.mark.parametrize("name", COPIES)
def test_copy_passes(exchange, name, by):
    begin, until, rest, ready = COPIES[name]

    def scenario(session):
        session.send(*begin, by=by)
        trace = session.read_until(until)
        session.send(*rest, by=by)
        return (trace + session.read_ready(ready)
                + session.query("select count(*), sum(n) from copied"))

    exchange(scenario)


def test_copy_interrupted_by_a_query_ends_the_session(exchange_ends):
    trace = exchange_ends([query(COPY_IN), LINES[0], query("select 1")])
    assert wire.errors(trace)[-1]["S"] == "FATAL"


def test_psycopg_copies(lockstep, admin):
    """A client library's own COPY, both ways, within a transaction."""
    with psycopg.connect(host=lockstep.host, port=lockstep.port,
                         user="postgres", dbname=DATABASE) as connection:
        cursor = connection.cursor()
        with cursor.copy("copy copied (n, t) from stdin") as copy:
            for n in range(10_000):
                copy.write_row((n, f"row {n}"))
        with cursor.copy("copy copied to stdout") as copy:
            assert sum(1 for _row in copy.rows()) == 10_000
        with pytest.raises(psycopg.errors.BadCopyFileFormat):
            with cursor.copy("copy copied from stdin") as copy:
                copy.write("too\tmany\tcolumns\n")
        connection.rollback()
        assert cursor.execute("select 1").fetchone() == (1,)


# -- large messages ---------------------------------------------------------

@pytest.mark.parametrize("size", [
    8191, 16_384, 65_535, 65_536, MIB - 64, MIB, 3 * MIB])
def test_large_messages_pass(exchange, size):
    """Around the sizes at which something may be buffered or streamed."""
    text = f"select length('{'x' * size}')"

    def scenario(session):
        return (session.run(query(text)) + session.run(
            *extended(text), *extended(f"select repeat('y', {size})"),
            sync()) + session.run(query(text), query("select 1")))

    exchange(scenario)


def test_many_small_messages_pass(exchange):
    """A pipeline that is longer than any queue that somebody may keep."""
    cycles = [*extended("select 1"), sync()] * 5000

    def scenario(session):
        sender = threading.Thread(target=session.send, args=cycles)
        sender.start()
        trace = session.read_ready(5000)
        sender.join()
        return trace

    exchange(scenario)


def test_pipeline_without_a_sync_for_long(exchange):
    cycle = [*extended("select 1")] * 5000

    def scenario(session):
        sender = threading.Thread(target=session.send,
                                  args=[*cycle, sync()])
        sender.start()
        trace = session.read_ready()
        sender.join()
        return trace

    exchange(scenario)


def test_guarded_cycle_of_many_messages_passes(exchange):
    """It is kept back up to its Execute, however many there are."""
    cycle = [parse("drop table child"),
             *[describe_statement()] * 120_000, bind(), execute(), sync()]

    def scenario(session):
        sender = threading.Thread(target=session.send, args=cycle)
        sender.start()
        trace = session.read_ready()
        sender.join()
        return trace

    exchange(scenario)


def test_what_comes_behind_a_held_statement_waits(cluster, lockstep, admin):
    """However much it is; others go on meanwhile."""
    behind = 50_000
    with (cluster.connect(DATABASE, autocommit=False) as holder,
          Wire(lockstep, DATABASE) as session):
        holder.execute("table parent")
        sender = threading.Thread(target=session.send, args=[
            query("drop table child"), *[query("select 1")] * behind])
        sender.start()
        time.sleep(0.5)
        with Wire(lockstep, DATABASE) as other:
            assert wire.rows(other.query("select 2")) == [("2",)]
        holder.commit()
        trace = session.read_ready(1 + behind)
        sender.join()
    assert wire.errors(trace) == []
    assert trace.index(("C", ("DROP TABLE",))) < trace.index(("D", ("1",)))
    assert wire.rows(trace) == [("1",)] * behind


# -- cancel -----------------------------------------------------------------

def wait_until_sleeping(admin, pid):
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while admin.execute("select wait_event from pg_stat_activity "
                        "where pid = %s", (pid,)).fetchone() != ("PgSleep",):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_cancel_reaches_the_right_backend(lockstep, admin):
    with Wire(lockstep) as cancelled, Wire(lockstep) as other:
        for session, sleep_s in (cancelled, 60), (other, 3):
            session.send(query(f"select pg_sleep({sleep_s})"))
            wait_until_sleeping(admin, session.pid)
        wire.cancel(lockstep, cancelled)
        assert wire.sqlstates(cancelled.read_ready()) == ["57014"]
        assert wire.sqlstates(other.read_ready()) == []
        assert wire.rows(cancelled.query("select 1")) == [("1",)]


def test_cancel_in_a_block_and_a_pipeline(lockstep, admin):
    with Wire(lockstep) as session:
        session.query("begin")
        session.send(*extended("select pg_sleep(60)"), *extended("select 1"),
                     sync())
        wait_until_sleeping(admin, session.pid)
        wire.cancel(lockstep, session)
        trace = session.read_ready()
        assert wire.sqlstates(trace) == ["57014"]
        assert wire.status(trace) == "E"


@pytest.mark.parametrize("spoil", [
    lambda pid, secret: (pid, bytes(4)),
    lambda pid, secret: (pid ^ 1, secret),
    lambda pid, secret: (pid, secret + bytes(28)),
    lambda pid, secret: (0, b"\xff" * 256),
], ids=["secret", "process", "longer secret", "longest secret"])
def test_cancel_with_a_wrong_key_is_harmless(lockstep, admin, spoil):
    with Wire(lockstep) as session:
        session.send(query("select pg_sleep(3)"))
        wait_until_sleeping(admin, session.pid)
        pid, secret = spoil(session.pid, session.secret)
        with Bare(lockstep) as canceller:
            canceller.send(struct.pack("!III", 12 + len(secret), 80877102,
                                       pid) + secret)
            assert canceller.read_all()[-1] is CLOSED
        assert wire.sqlstates(session.read_ready()) == []


def test_cancel_by_a_client_library(lockstep, admin):
    with psycopg.connect(host=lockstep.host, port=lockstep.port,
                         user="postgres", dbname="postgres") as connection:
        pid = connection.info.backend_pid

        def cancel():
            wait_until_sleeping(admin, pid)
            connection.cancel()

        canceller = threading.Thread(target=cancel)
        canceller.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("select pg_sleep(60)")
        canceller.join()


# -- what comes unasked -----------------------------------------------------

def test_notifications_reach_an_idle_session(lockstep, admin):
    with Wire(lockstep, DATABASE) as session:
        session.query("listen news")
        assert session.is_silent(0.1)
        admin.execute("notify news, 'hello'")
        assert session.read() == ("A", ("#", "news", "hello"))
        admin.execute("notify news, 'again'")
        assert session.read() == ("A", ("#", "news", "again"))


@pytest.mark.parametrize("before", ["select 1", "begin; table parent"],
                         ids=["idle", "in a block"])
def test_termination_reaches_a_session(exchange_ends, admin, before):
    def terminate(session):
        trace = session.read_ready()
        admin.execute("select pg_terminate_backend(%s)", (session.pid,))
        return trace

    trace = exchange_ends([query(before)], terminate)
    assert wire.sqlstates(trace) == ["57P01"]


# -- endings ----------------------------------------------------------------

def test_half_closed_client_gets_its_answers(direct, lockstep):
    """It has sent all it had to say, and reads on."""
    for endpoint in (direct, lockstep):
        with Bare(endpoint) as session:
            session.log_in()
            session.send(query("select pg_sleep(0.5)"), query("select 1"),
                         wire.terminate())
            session.socket.shutdown(socket.SHUT_WR)
            trace = session.read_all()
            assert wire.rows(trace) == [("",), ("1",)]
            assert trace[-1] is CLOSED


def test_last_words_follow_a_large_result(exchange_ends):
    """The server has gone when its slow client begins to read."""
    def wait(_session):
        time.sleep(1.5)
        return []

    trace = exchange_ends([
        query("select repeat('x', 1000) from generate_series(1, 20000)"),
        query("select pg_terminate_backend(pg_backend_pid())")], wait)
    assert len(wire.rows(trace)) == 20_001
    assert wire.sqlstates(trace) == ["57P01"]


def test_data_before_the_goodbye_arrives(direct, lockstep, admin):
    """The client is gone when its last megabytes are still on their way."""
    for endpoint in (direct, lockstep):
        with Bare(endpoint) as session:
            session.log_in(user="postgres", database=DATABASE)
            session.send(query(COPY_IN))
            session.read_until("G")
            session.send(*[copy_data(b"1\t" + b"x" * 8000 + b"\n")] * 1000,
                         copy_done())
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while admin.execute("select count(*) from copied").fetchone() == (0,):
            assert time.monotonic() < deadline, "nothing was committed"
            time.sleep(0.05)
        assert admin.execute("select count(*) from copied").fetchone() == (
            1000,)
        admin.execute("truncate copied")


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_client_that_vanishes_frees_its_backend(lockstep, admin,
                                                  reset):
    """What it had locked is soon free again."""
    session = Wire(lockstep, DATABASE)
    session.query("begin; lock table parent")
    session.vanish(reset)
    admin.execute("set statement_timeout = '30s'")
    admin.execute("select id from parent")


# -- replication ------------------------------------------------------------

def test_replication_commands_pass(direct, lockstep):
    """The walsender speaks its own language on the same messages."""
    traces = []
    for endpoint in (direct, lockstep):
        with Bare(endpoint) as session:
            greeting = session.log_in(user="postgres", database=DATABASE,
                                      replication="database")
            trace = session.query("IDENTIFY_SYSTEM")
            assert wire.rows(trace)[0][3] == DATABASE
            traces.append([kind for kind, _fields in greeting + trace]
                          + session.query("SHOW work_mem")
                          + session.query("select 'drop table parent, child'"))
    assert traces[1] == traces[0]


def test_base_backup_passes(cluster, lockstep, tmp_path):
    done = subprocess.run(
        [os.path.join(cluster.pg_bin, "pg_basebackup"), "-h", lockstep.host,
         "-p", str(lockstep.port), "-U", "postgres", "-X", "stream",
         "--checkpoint=fast", "--no-sync", "-D", str(tmp_path / "backup")],
        capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "backup" / "PG_VERSION").exists()


@pytest.fixture(scope="module")
def logical_cluster(request):
    with Cluster(request.config.getoption("--pg-bin"),
                 {"wal_level": "logical"}) as cluster:
        yield cluster


def test_logical_replication_streams(request, logical_cluster):
    """CopyBoth: both sides send at once, and either may end it."""
    if request.config.getoption("--direct-only"):
        stream_changes(logical_cluster, logical_cluster)
        return
    with Lockstep(logical_cluster) as lockstep:
        stream_changes(logical_cluster, lockstep)


def stream_changes(cluster, endpoint):
    with cluster.connect() as admin, Bare(endpoint) as session:
        admin.execute("create table if not exists changed (id int)")
        session.log_in(user="postgres", database="postgres",
                       replication="database")
        session.query("CREATE_REPLICATION_SLOT s TEMPORARY LOGICAL "
                      "test_decoding")
        session.send(query("START_REPLICATION SLOT s LOGICAL 0/0"))
        assert session.read_until("W")[-1][0] == "W"
        admin.execute("insert into changed values (12345)")
        while b"12345" not in bytes(session.read()[1]):
            pass
        status = struct.pack("!cQQQQB", b"r", 1, 1, 1, 0, 1)
        session.send(copy_data(status))
        while bytes(session.read()[1])[:1] != b"k":  # the keepalive asked for
            pass
        session.send(copy_done())
        assert wire.status(session.read_ready()) == "I"
        assert wire.rows(session.query("SHOW server_version_num"))
