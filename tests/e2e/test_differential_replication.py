"""The same comparison for replication connections.

A logical slot by hand, and the programs that copy a server: what they write
is what they would have written direct.
"""

import hashlib
import os
import re
import signal
import socket
import struct
import subprocess

import pytest

import wire
from cluster import Cluster
from differential import DELIVERIES, Session, lines
from injection import PROBE_VIEW
from program import startup_packet
from proxy import Lockstep
from scene import wait_for
from wire import copy_data, copy_done, query

BOUND_S = 120

STAGE = """
drop schema public cascade;
create schema public;
create table parent (id int primary key);
create table other_parent (id int primary key);
create table doomed (p int references parent, o int references other_parent);
create table changed (id int primary key, t text);
""" + PROBE_VIEW
DROP = "drop table doomed"


@pytest.fixture(scope="module")
def cluster(request):
    settings = {"wal_level": "logical", "wal_keep_size": "256MB",
                "max_wal_senders": "20"}
    with Cluster(request.config.getoption("--pg-bin"), settings) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def lockstep(request, cluster):
    if request.config.getoption("--direct-only"):
        yield cluster
        return
    with Lockstep(cluster) as lockstep:
        yield lockstep


@pytest.fixture
def admin(cluster):
    with cluster.connect() as connection:
        connection.execute(STAGE)
        yield connection


# -- over the wire ----------------------------------------------------------

STATUS = struct.pack("!cQQQQB", b"r", 1, 1, 1, 0, 1)


def begun(endpoint, delivery):
    session = Session(endpoint, delivery)
    session.say(startup_packet(user="postgres", database="postgres",
                               replication="database"))
    assert wire.status(session.read_ready()) == "I"
    return session


def ask(session, *texts):
    """The answers, without places in the log, snapshots and timelines."""
    trace = []
    for text in texts:
        session.say(query(text))
        trace += session.read_ready()
    return [(kind, re.sub(rb"[0-9A-F]+/[0-9A-F]+|[0-9A-F]{8}-[0-9A-F-]+"
                          rb"|[0-9]{15,}", b"#", content)
             if kind == "D" else content) for kind, content in trace]


def sizeless(trace):
    """Places differ in length, and so do the sizes of what holds them."""
    return [(kind, re.sub(rb"\0\0\0.#", b"#", content)
             if kind == "D" else content) for kind, content in trace]


def changes(session, last):
    """The payloads of XLogData up to the one that ends so; no keepalives."""
    found = []
    while not found or not found[-1].endswith(last):
        kind, body = session.read()
        assert kind == "d", (kind, body)
        if body[:1] == b"w":
            found.append(re.sub(rb"(BEGIN|COMMIT) \d+", rb"\1 #", body[25:]))
        else:
            assert body[:1] == b"k", body
    return found


def keepalive(session):
    """What a status update that wants an answer gets."""
    session.say(copy_data(STATUS))
    while True:
        kind, body = session.read()
        assert kind == "d", (kind, body)
        if body[:1] == b"k":
            return kind, len(body)


def stream(endpoint, cluster, admin, delivery, guarded):
    """A slot's whole life; a guarded statement of another session amid it."""
    admin.execute(STAGE)
    with begun(endpoint, delivery) as session:
        trace = sizeless(ask(
            session, "IDENTIFY_SYSTEM", "SHOW wal_level", "TIMELINE_HISTORY 9",
            "nonsense", "READ_REPLICATION_SLOT e2e", "select 'by SQL'",
            "CREATE_REPLICATION_SLOT e2e TEMPORARY LOGICAL test_decoding"))
        session.say(query(
            "START_REPLICATION SLOT e2e LOGICAL 0/0 "
            "(\"include-xids\" 'off', \"skip-empty-xacts\" 'on')"))
        trace += session.read_until("WE")
        for text in ("insert into changed select i, repeat('ě', 500) "
                     "from generate_series(1, 20) i",
                     "begin; update changed set t = 'x' where id < 3; commit"):
            admin.execute(text)
            trace.append(("changes", changes(session, b"COMMIT")))
        if guarded:
            with wire.Wire(endpoint) as other:
                assert wire.errors(other.query(DROP)) == []
            admin.execute("delete from changed")
            trace.append(("changes", changes(session, b"COMMIT")))
        trace.append(keepalive(session))
        session.say(copy_done())
        rest = session.read_ready()
        trace += [m for m in rest if m[0] != "d"]
        trace += sizeless(ask(session, "DROP_REPLICATION_SLOT e2e",
                              "select 'still there'", "SHOW work_mem"))
    return trace


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_logical_slot_equals_direct(cluster, lockstep, admin, delivery,
                                      guarded):
    expected = stream(cluster, cluster, admin, DELIVERIES["packet"], guarded)
    seen = stream(lockstep, cluster, admin, DELIVERIES[delivery], guarded)
    assert lines(seen) == lines(expected)


@pytest.mark.parametrize("how", ["Terminate", "half-close", "killed"])
def test_how_a_stream_ends_equals_direct(cluster, lockstep, admin, how):
    traces = []
    for endpoint in cluster, lockstep:
        with begun(endpoint, DELIVERIES["packet"]) as session:
            pid = int(session.pid)
            ask(session, "CREATE_REPLICATION_SLOT e2e TEMPORARY LOGICAL "
                "test_decoding")
            session.say(query("START_REPLICATION SLOT e2e LOGICAL 0/0"))
            session.read_until("WE")
            if how == "Terminate":
                session.say(wire.terminate())
            elif how == "half-close":
                session.socket.shutdown(socket.SHUT_WR)
            else:
                admin.execute("select pg_terminate_backend(%s)", [pid])
            traces.append([m for m in session.read_all() if m[0] != "d"])
        wait_for(admin, "not exists (select from pg_stat_activity "
                 "where pid = %s)", pid)
    assert lines(traces[1]) == lines(traces[0])


def test_a_guarded_statement_of_a_walsender_passes(cluster, lockstep, admin):
    """Nothing is put into a replication connection."""
    traces = []
    for endpoint in cluster, lockstep:
        admin.execute(STAGE)
        with begun(endpoint, DELIVERIES["packet"]) as session:
            traces.append(ask(session, DROP, "begin", "drop table changed",
                              "rollback", "table changed", "IDENTIFY_SYSTEM",
                              "select 1/0", DROP))
    assert lines(sizeless(traces[1])) == lines(sizeless(traces[0]))


# -- the programs -----------------------------------------------------------

def run(cluster, program, *arguments):
    done = subprocess.run(
        [os.path.join(cluster.pg_bin, program), *arguments], text=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8",
             **{name: value for name, value in os.environ.items()
                if name == "PGSSLMODE"}},
        capture_output=True, stdin=subprocess.DEVNULL, timeout=BOUND_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


def at(endpoint):
    return ["-h", endpoint.host, "-p", str(endpoint.port), "-U", "postgres"]


# What differs from one backup to the next, wherever it is taken.
OF_THE_BACKUP = re.compile(r"backup_label|backup_manifest|pg_wal/|"
                           r"global/pg_control|pg_logical/|pg_xact/|"
                           r"pg_subtrans/|pg_stat|base\.tar|pg_wal\.tar")


def hashes(folder):
    """{path: hash of the content} of all that must not differ."""
    found = {}
    for root, _folders, files in os.walk(folder):
        for file in files:
            path = os.path.join(root, file)
            name = os.path.relpath(path, folder)
            if not OF_THE_BACKUP.match(name):
                with open(path, "rb") as data:
                    found[name] = hashlib.sha256(data.read()).hexdigest()
    return found


@pytest.mark.parametrize("method", ["stream", "fetch", "none"])
def test_a_base_backup_equals_direct(cluster, lockstep, admin, tmp_path,
                                     method):
    admin.execute("insert into changed select i, repeat('x', 500) "
                  "from generate_series(1, 20000) i")
    admin.execute("vacuum freeze")
    found = []
    for name, endpoint in ("direct", cluster), ("through", lockstep):
        admin.execute("checkpoint")
        folder = str(tmp_path / name)
        run(cluster, "pg_basebackup", *at(endpoint), "-X", method,
            "--checkpoint=fast", "--no-sync", "-D", folder)
        run(cluster, "pg_verifybackup", folder,
            *(["-n"] if method == "none" else []))
        found.append(hashes(folder))
        assert len(found[-1]) > 500
    assert found[1] == found[0]


def segments_of(folder):
    return {name for name in os.listdir(folder)
            if re.fullmatch(r"[0-9A-F]{24}", name)}


RECEIVED = """%s = (select count(*) from pg_stat_replication
where application_name = 'pg_receivewal' and write_lsn >= %s)"""


def write_much(admin, endpoint):
    """More than a segment, with a guarded statement amid."""
    rows = ("insert into changed select i, (select string_agg(md5(i::text "
            "|| j), '') from generate_series(1, 40) j) "
            "from generate_series({}) i")
    admin.execute(rows.format("1, 10000"))
    with wire.Wire(endpoint) as session:
        assert wire.errors(session.query(DROP)) == []
    admin.execute(rows.format("10001, 20000"))
    admin.execute("select pg_switch_wal()")
    admin.execute("insert into changed values (0, 'in the next')")


def test_received_wal_equals_direct(cluster, lockstep, admin, tmp_path):
    """By two slots at once; each segment is the server's own."""
    received, processes = {}, []
    try:
        for name, endpoint in ("direct", cluster), ("through", lockstep):
            received[name] = str(tmp_path / name)
            os.mkdir(received[name])
            run(cluster, "pg_receivewal", *at(endpoint), "--slot", name,
                "--create-slot")
            processes.append(subprocess.Popen(
                [os.path.join(cluster.pg_bin, "pg_receivewal"),
                 *at(endpoint), "--slot", name, "-D", received[name],
                 "--no-loop", "--no-sync"], stdin=subprocess.DEVNULL))
        wait_for(admin, RECEIVED, 2, "0/0")
        write_much(admin, lockstep)
        wait_for(admin, RECEIVED, 2, admin.execute(
            "select pg_current_wal_lsn()").fetchone()[0])
        for process in processes:
            process.send_signal(signal.SIGINT)
            assert process.wait(BOUND_S) == 0
    finally:
        for process in processes:
            process.kill()
            process.wait()
        for name in received:
            admin.execute("select pg_drop_replication_slot(%s)", [name])
    names = segments_of(received["through"])
    assert names == segments_of(received["direct"]) and len(names) >= 2
    for name in names:
        contents = {read(folder, name) for folder in
                    [*received.values(), os.path.join(cluster.data, "pg_wal")]}
        assert len(contents) == 1, name


def read(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
