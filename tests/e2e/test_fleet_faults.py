"""A fleet that fails costs luck: sessions and drops go on, and it comes back.

And who is none of the fleet, or of it and out of its mind, shuts no gate for
longer than each process's own limits.
"""

import contextlib
import os
import re
import select
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.request
from unittest import mock

import pytest

import wire
from cluster import Cluster, free_port
from fake_server import GREETING, FakeServer
from fleet import (ALONE, CONNECTED, FOREIGN, KEEP, KEY, OPEN, RELEASE, SHUT,
                   Fleet, forge, key_file, lines, notify, report,
                   wait_connected, wait_line, wait_report, wake)
from prometheus import Page
from proxy import Lockstep, lockstep_bin
from scene import ask, wait_for
from wire import Wire, errors

HELD_S = 0.3  # long enough for what is not held
SOON_S = 10
GATE_S = 30  # gate_transaction, where nothing waits for its end
WINDOW_S = 0.3  # gate_window, the default
SHORT_S = 2  # gate_transaction, where something does
SLOW_S = 5  # a busy machine's share

TABLES = """
create table table_a(id int primary key);
create table table_c(a_id int references table_a);
"""
DROP = "drop table table_c"
READ = "select * from table_a"
KEY_DATA = re.compile(rb"K\0\0\0\x0c.{8}", re.DOTALL)

pytestmark = pytest.mark.needs_lockstep


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)


@pytest.fixture
def start(start_lockstep, tables):
    def start(settings, **more):
        return start_lockstep(**{"gate_transaction": f"{GATE_S}s",
                                 **settings, **more})

    return start


def run(session, *texts):
    for text in texts:
        assert errors(session.query(text)) == []


def assert_shared(migration, pod, connect):
    """A transaction of one holds the readers of the other."""
    d, reader = connect(migration), connect(pod)
    shut = report(pod)["shut"]
    run(d, "begin", DROP)
    wait_report(pod, "shut", shut + 1)
    asked = ask(reader, READ)
    assert not asked.is_answered(HELD_S)
    run(d, "rollback")
    assert asked.is_answered(SOON_S)
    assert errors(asked.answer()) == []


def assert_drops(proxy, connect, admin):
    """It works as one process does."""
    session = connect(proxy)
    run(session, READ, DROP)
    admin.execute("create table table_c(a_id int references table_a)")


# -- what cannot be had -----------------------------------------------------

def test_a_wrong_password_is_one_line_and_nothing_else(tmp_path):
    with Cluster() as cluster, Fleet(cluster, tmp_path) as fleet:
        with cluster.connect() as admin:
            admin.execute("create role fleet_role login password 'right'")
            admin.execute(TABLES)
        cluster.require_password("fleet_role")
        settings = fleet.settings(user="fleet_role", password="wrong")
        with Lockstep(cluster, settings) as proxy, \
                Wire(proxy, "postgres") as session:
            (line,) = wait_line(proxy, ALONE)
            assert "password authentication failed" in line["why"]
            run(session, DROP)
            time.sleep(5)  # two more tries at least
            assert len(lines(proxy, ALONE)) == 1
            assert report(proxy)["state"] in ("paused", "connecting")
            assert "wrong" not in proxy.stderr()
            with cluster.connect() as admin:
                admin.execute("alter role fleet_role password 'wrong'")
            wait_connected(proxy)


def test_no_such_database(start, fleet, connect, admin):
    settings = fleet.settings(dbname="nowhere")
    pod = start(settings)
    session = connect(pod)
    (line,) = wait_line(pod, ALONE)
    assert '"nowhere" does not exist' in line["why"]
    run(session, READ)
    assert_drops(pod, connect, admin)


def test_a_server_that_is_not_there(start, fleet, connect, admin):
    pod = start(fleet.settings(port=1))
    assert_drops(pod, connect, admin)
    wait_line(pod, ALONE)


def test_a_standby_is_found_out(start, fleet, connect, admin):
    with Cluster() as standby:
        standby.stop()
        signal_file = os.path.join(standby.data, "standby.signal")
        with open(signal_file, "w", encoding="utf-8"):
            pass
        standby.start()
        pod = start(fleet.settings(port=standby.port, dbname="postgres"))
        assert_drops(pod, connect, admin)
        (line,) = wait_line(pod, ALONE)
        assert "session is read-only" in line["why"]
        # Of several hosts the one that will do is found.
        both = start(fleet.settings(
            host=f"{standby.host},{fleet.cluster.host}",
            port=f"{standby.port},{fleet.cluster.port}", dbname="postgres"))
        wake(both, "postgres")


def test_a_host_that_is_away_is_passed_over(start, fleet, database):
    """Its packets are lost: nobody accepts, and nobody more can wait."""
    with contextlib.ExitStack() as stack:
        away = stack.enter_context(socket.create_server(("127.0.0.1", 0),
                                                        backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(away.getsockname())
        pod = start(fleet.settings(
            host=f"127.0.0.1,{fleet.cluster.host}",
            port=f"{away.getsockname()[1]},{fleet.cluster.port}"))
        wake(pod, database)
        assert lines(pod, ALONE) == []


def test_names_of_hosts_are_looked_up(start, fleet, database):
    """One that nobody knows is passed over; alone it is told."""
    port = fleet.cluster.port
    pod = start(fleet.settings(host="nobody.invalid,localhost",
                               port=f"1,{port}"))
    wake(pod, database)
    assert lines(pod, ALONE) == []
    alone = start(fleet.settings(host="nobody.invalid", port=port))
    with Wire(alone, database):
        (line,) = wait_line(alone, ALONE)
    assert line["why"]


def swallow(connection, server):
    """A transaction pooler: listens for nobody, and answers all the same."""
    def answer(*tags):
        for tag in tags:
            connection.sendall(tag)
        connection.sendall(wire.message("Z", b"I"))

    done = wire.message("C", b"LISTEN\0")
    head = connection.recv(8)
    if struct.unpack("!II", head)[1] == 80877103:  # SSLRequest
        connection.sendall(b"N")
        head = connection.recv(8)
    connection.recv(struct.unpack("!II", head)[0] - 8)
    connection.sendall(GREETING[:9])  # it is let in
    for name in b"in_hot_standby", b"default_transaction_read_only":
        connection.sendall(wire.message("S", name + b"\0off\0"))
    connection.sendall(GREETING[9:])
    while data := connection.recv(65536):
        server.seen.append(data)
        answer(done)


def test_a_pooler_is_found_out(start, fleet, connect, admin):
    with FakeServer(swallow) as pooler:
        pod = start(fleet.settings(host=pooler.host, port=pooler.port,
                                   gssencmode="disable"))
        assert_drops(pod, connect, admin)
        (line,) = wait_line(pod, ALONE)
        assert "pooler" in line["why"]


def test_a_fleet_without_sessions_connects_to_nothing(cluster, start, fleet,
                                                      database):
    pod = start(fleet.settings())

    def count():
        with cluster.connect() as admin:
            return admin.execute(
                "select count(*) from pg_stat_activity where "
                "application_name = 'lockstep fleet'").fetchone()[0]

    time.sleep(HELD_S)
    assert count() == 0
    assert report(pod)["state"] == "idle"
    wake(pod, database)
    assert count() == 1
    assert report(pod)["state"] == "ready"


def check(folder, **settings):
    file = folder / "lockstep.conf"
    file.write_text("".join(f"{name} = {value}\n"
                            for name, value in settings.items()))
    return subprocess.run([lockstep_bin(), "check", "-c", str(file)],
                          capture_output=True, text=True)


def test_check_reads_the_key_and_does_not_connect(tmp_path):
    fleet = {"fleet": "host=nowhere.invalid dbname=f"}
    key = key_file(tmp_path, KEY)
    done = check(tmp_path, **fleet, fleet_key_file=key)
    assert done.returncode == 0
    assert "fleet: the connection is not tried" in done.stdout
    for problem, settings in {
            "it needs fleet_key_file": fleet,
            "dbname is missing": {"fleet": "host=a", "fleet_key_file": key},
            "/none": {**fleet, "fleet_key_file": "/none"},
            "16 to 256 bytes": {**fleet, "fleet_key_file": key_file(
                tmp_path, b"short")},
            "group or world": {**fleet, "fleet_key_file": key_file(
                tmp_path, KEY, mode=0o644)}}.items():
        done = check(tmp_path, **settings)
        assert done.returncode == 1
        assert problem in done.stderr
    done = check(tmp_path, fleet_key_file=key)
    assert done.returncode == 0
    assert "fleet_key_file is not read" in done.stderr


# -- what is lost -----------------------------------------------------------

def test_postgresql_is_restarted(tmp_path):
    with Cluster() as cluster, Fleet(cluster, tmp_path) as fleet:
        with cluster.connect() as admin:
            admin.execute(TABLES)
        settings = {"gate_transaction": f"{GATE_S}s", **fleet.settings()}
        with Lockstep(cluster, settings) as migration, \
                Lockstep(cluster, settings) as pod:
            for proxy in migration, pod:
                wake(proxy, "postgres")
            port = cluster.port
            cluster.stop()
            for proxy in migration, pod:
                wait_line(proxy, ALONE)
            restart_at(cluster, port)
            wait_connected(migration, pod, count=2)
            with contextlib.ExitStack() as stack:
                assert_shared(migration, pod, lambda proxy: stack
                              .enter_context(Wire(proxy, "postgres")))


def restart_at(cluster, port):
    """start() would take another port."""
    with mock.patch("cluster.free_port", lambda: port):
        cluster.start()
    assert cluster.port == port


def test_the_fleets_database_is_dropped_and_made_again(start, fleet, connect,
                                                       database, admin):
    migration, pod = start(fleet.settings()), start(fleet.settings())
    for proxy in migration, pod:
        wake(proxy, database)
    assert_shared(migration, pod, connect)
    fleet.drop()
    for proxy in migration, pod:
        wait_line(proxy, ALONE)
        assert_drops(proxy, connect, admin)
    fleet.create()
    wait_connected(migration, pod, count=2)
    assert_shared(migration, pod, connect)


def listener(admin, database):
    """The pid of the server process of the fleet's only connection."""
    return admin.execute(
        "select pid from pg_stat_activity where datname = %s "
        "and application_name = 'lockstep fleet'", [database]).fetchone()[0]


def test_a_connection_that_stands_still_is_given_up(start, fleet, connect,
                                                    database, admin):
    """Within a look, of 18 s at most, and 5 s for its answer."""
    pod = start(fleet.settings())
    wake(pod, database)
    pid = listener(admin, fleet.database)
    os.kill(pid, signal.SIGSTOP)
    try:
        assert_drops(pod, connect, admin)
        (line,) = wait_line(pod, ALONE)
        assert line["why"] == "a question is not answered"
        wait_connected(pod, count=2)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_connection_that_comes_and_goes_is_told_once(start, fleet, database,
                                                       admin):
    """Until it has lasted for a minute."""
    pod = start(fleet.settings())
    wake(pod, database)
    for _ in range(3):
        pid = listener(admin, fleet.database)
        admin.execute("select pg_terminate_backend(%s)", [pid])
        wait_state(pod, "paused")
        wait_state(pod, "ready")
    assert len(lines(pod, ALONE)) == 1
    assert len(lines(pod, CONNECTED)) == 2


def wait_state(pod, state):
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while (found := report(pod))["state"] != state:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_a_notification_that_is_refused_ends_the_connection(start, fleet,
                                                            database, connect,
                                                            admin):
    """Then the log tells; or else nobody would know that nobody hears."""
    role = fleet.database
    admin.execute(f"create role {role} login")
    pod = start(fleet.settings(user=role))
    wake(pod, database)
    with fleet.connect() as owner:
        owner.execute("revoke execute on function pg_notify(text, text) "
                      "from public")
    run(connect(pod), "begin", DROP, "commit")
    (line,) = wait_line(pod, ALONE)
    assert "permission denied for function pg_notify" in line["why"]
    fleet.drop()
    admin.execute(f"drop role {role}")


def test_a_pooler_of_sessions_is_none_to_it(start, fleet, database, connect):
    """The pid in its greeting is of its own making."""
    with FakeServer(pool_sessions(fleet.cluster)) as pooler:
        migration = start(fleet.settings(host=pooler.host, port=pooler.port,
                                         gssencmode="disable",
                                         sslmode="disable"))
        pod = start(fleet.settings())
        for proxy in migration, pod:
            wake(proxy, database)
        assert_shared(migration, pod, connect)
        assert_shared(pod, migration, connect)


def pool_sessions(cluster):
    def script(connection, _server):
        with socket.create_connection((cluster.host, cluster.port)) as server:
            while True:
                ready, _, _ = select.select([connection, server], [], [])
                for one in ready:
                    data = one.recv(65536)
                    if not data:
                        return
                    if one is server:
                        connection.sendall(KEY_DATA.sub(
                            lambda m: m[0][:5] + b"\0\0\x10\0" + m[0][9:],
                            data))
                    else:
                        server.sendall(data)

    return script


def test_a_maker_that_is_killed_leaves_no_gate_shut(start_lockstep, tables,
                                                    fleet, connect, database):
    """Its transaction ends with it; each pod's gate by its own clock."""
    settings = {"gate_transaction": f"{SHORT_S}s", **fleet.settings()}
    pod = start_lockstep(**settings)
    migration = Lockstep(pod.upstream, settings).start()
    try:
        for proxy in migration, pod:
            wake(proxy, database)
        d, reader = connect(migration), connect(pod)
        run(d, "begin", DROP)
        wait_report(pod, "shut", 1)
        migration.process.kill()
        begun = time.monotonic()
        asked = ask(reader, READ)
        assert asked.is_answered(SOON_S)
        assert errors(asked.answer()) == []
        assert time.monotonic() - begun < SHORT_S + SLOW_S
    finally:
        migration.remove()


# -- amid a window ----------------------------------------------------------
#
# What the maker says at its end is lost: each gate opens by its own clock.

class Windowed:
    """A transaction of the maker's keeps the gate of a pod shut."""

    def __init__(self, migration, pod, connect):
        self.pod = pod
        self.d, self.reader = connect(migration), connect(pod)
        shut = report(pod)["shut"]
        run(self.d, "begin", DROP)
        self.begun = time.monotonic()
        wait_report(pod, "shut", shut + 1)
        self.asked = ask(self.reader, READ)
        assert not self.asked.is_answered(HELD_S)

    def assert_ends_in_time(self):
        assert self.asked.is_answered(SOON_S)
        assert errors(self.asked.answer()) == []
        assert time.monotonic() - self.begun < SHORT_S + SLOW_S


@contextlib.contextmanager
def freezing(cluster, frozen):
    """A way to the server on which nothing moves while this is set."""
    def script(connection, _server):
        with socket.create_connection((cluster.host, cluster.port)) as server:
            other = {connection: server, server: connection}
            while True:
                ready, _, _ = select.select(list(other), [], [], 0.05)
                if frozen.is_set():
                    time.sleep(0.02)
                    continue
                for one in ready:
                    data = one.recv(65536)
                    if not data:
                        return
                    other[one].sendall(data)

    with FakeServer(script) as link:
        yield {"host": link.host, "port": link.port, "gssencmode": "disable",
               "sslmode": "disable"}


def test_a_link_that_freezes_amid_a_window(start, fleet, connect, database,
                                           admin):
    frozen = threading.Event()
    with freezing(fleet.cluster, frozen) as link:
        settings = {"gate_transaction": f"{SHORT_S}s"}
        migration = start(fleet.settings(), **settings)
        pod = start(fleet.settings(**link), **settings)
        for proxy in migration, pod:
            wake(proxy, database)
        window = Windowed(migration, pod, connect)
        heard = report(pod)["heard"]
        frozen.set()
        run(window.d, "rollback")
        window.assert_ends_in_time()
        assert_drops(pod, connect, admin)
        assert_drops(migration, connect, admin)
        frozen.clear()
        wait_report(pod, "heard", heard + 1)
        wait_state(pod, "ready")


@pytest.mark.parametrize("fault", ["ended", "dropped"])
def test_a_link_that_is_lost_amid_a_window(start, fleet, connect, database,
                                           admin, fault):
    settings = {"gate_transaction": f"{SHORT_S}s"}
    migration, pod = [start(fleet.settings(), **settings) for _ in range(2)]
    for proxy in migration, pod:
        wake(proxy, database)
    window = Windowed(migration, pod, connect)
    if fault == "ended":
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity "
                      "where datname = %s", [fleet.database])
    else:
        fleet.drop()
    run(window.d, "rollback")
    window.assert_ends_in_time()
    wait_line(pod, ALONE)
    assert_drops(migration, connect, admin)
    if fault == "dropped":
        fleet.create()
    wait_connected(migration, pod, count=2)
    for proxy in migration, pod:
        assert report(proxy)["state"] == "ready"


def test_postgresql_is_restarted_amid_a_window(tmp_path):
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(Cluster())
        fleet = stack.enter_context(Fleet(cluster, tmp_path))
        with cluster.connect() as admin:
            admin.execute(TABLES)
        settings = {"gate_transaction": f"{SHORT_S}s", **fleet.settings()}
        migration, pod = [stack.enter_context(Lockstep(cluster, settings))
                          for _ in range(2)]

        def connect(proxy):
            return stack.enter_context(Wire(proxy, "postgres"))

        for proxy in migration, pod:
            wake(proxy, "postgres")
        window = Windowed(migration, pod, connect)
        port = cluster.port
        cluster.stop()
        restart_at(cluster, port)
        begun = time.monotonic()
        run(connect(pod), READ)
        assert time.monotonic() - begun < SHORT_S + SLOW_S
        assert errors(window.asked.answer()) != []  # its server has gone
        with cluster.connect() as admin:
            assert_drops(pod, connect, admin)
        wait_connected(migration, pod, count=2)
        assert report(pod)["state"] == report(migration)["state"] == "ready"


def test_a_maker_that_stands_still_amid_a_window(start, fleet, connect,
                                                 database, admin):
    """Its transaction keeps its locks: who waited in the pod goes on to the
    server, where the locks are what it waits for."""
    settings = {"gate_transaction": f"{SHORT_S}s"}
    migration, pod = [start(fleet.settings(), **settings) for _ in range(2)]
    for proxy in migration, pod:
        wake(proxy, database)
    window = Windowed(migration, pod, connect)
    migration.process.send_signal(signal.SIGSTOP)
    try:
        wait_for(admin, "exists (select from pg_locks where pid = %s and "
                 "not granted)", window.reader.pid)
        assert time.monotonic() - window.begun < SHORT_S + SLOW_S
        run(connect(pod), "select 1")
    finally:
        migration.process.send_signal(signal.SIGCONT)
    run(window.d, "rollback")
    assert window.asked.is_answered(SOON_S)
    assert errors(window.asked.answer()) == []
    assert_drops(pod, connect, admin)


def test_keys_are_rotated_amid_a_window(start, fleet, connect, database,
                                        tmp_path):
    """What ends it is signed by another key than what began it."""
    new = b"the key of the next year"
    files = [key_file(tmp_path, KEY, new) for _ in range(2)]
    migration, pod = [start(fleet.settings(), fleet_key_file=file)
                      for file in files]
    for proxy in migration, pod:
        wake(proxy, database)
    window = Windowed(migration, pod, connect)
    for proxy, file in zip((migration, pod), files):
        with open(file, "wb") as out:
            out.write(b"\n".join([new, KEY]))
        proxy.process.send_signal(signal.SIGHUP)
        wait_line(proxy, "configuration reloaded")
    run(window.d, "rollback")
    assert window.asked.is_answered(SOON_S)
    assert errors(window.asked.answer()) == []
    assert report(pod)["foreign"] == 0


def test_a_pod_that_stands_still_amid_a_window_goes_on(start, fleet, connect,
                                                       database, admin):
    migration, pod = start(fleet.settings()), start(fleet.settings())
    for proxy in migration, pod:
        wake(proxy, database)
    d, reader = connect(migration), connect(pod)
    run(d, "begin", DROP)
    wait_report(pod, "shut", 1)
    pod.process.send_signal(signal.SIGSTOP)
    try:
        asked = ask(reader, READ)
        run(d, "commit")
        time.sleep(HELD_S)
    finally:
        pod.process.send_signal(signal.SIGCONT)
    assert asked.is_answered(SOON_S)
    assert errors(asked.answer()) == []
    admin.execute("create table table_c(a_id int references table_a)")
    assert_shared(migration, pod, connect)


# -- keys -------------------------------------------------------------------

def test_another_key_shares_nothing_and_is_told(start, fleet, connect,
                                                database, tmp_path, admin):
    other = key_file(tmp_path, b"this is another key altogether")
    migration = start(fleet.settings())
    pod = start(fleet.settings(), fleet_key_file=other)
    for proxy in migration, pod:
        wake(proxy, database)
    d = connect(migration)
    run(d, "begin", DROP)
    found = wait_report(pod, "foreign", 1)
    run(d, "rollback")
    assert found["shut"] == found["heard"] == 0
    wait_line(pod, FOREIGN)
    assert_drops(migration, connect, admin)


def test_keys_are_rotated_process_by_process(start, fleet, connect, database,
                                             tmp_path):
    new = b"the key of the next year"
    files = [key_file(tmp_path, KEY) for _ in range(2)]
    proxies = [start(fleet.settings(), fleet_key_file=file) for file in files]
    migration, pod = proxies
    for proxy in proxies:
        wake(proxy, database)
    for keys in [KEY, new], [new, KEY], [new]:
        for number, (proxy, file) in enumerate(zip(proxies, files)):
            with open(file, "wb") as out:
                out.write(b"\n".join(keys))
            before = len(lines(proxy, "configuration reloaded"))
            proxy.process.send_signal(signal.SIGHUP)
            wait_line(proxy, "configuration reloaded", before + 1)
            assert_shared(migration, pod, connect)
            assert_shared(pod, migration, connect)
    assert report(pod)["foreign"] == 0


def test_a_key_that_others_can_read_is_refused(start, fleet, tmp_path,
                                               database, connect):
    with pytest.raises(RuntimeError, match="group or world access"):
        start(fleet.settings(),
              fleet_key_file=key_file(tmp_path, KEY, mode=0o644))
    pod = start(fleet.settings())
    os.chmod(fleet.key_file, 0o644)
    pod.process.send_signal(signal.SIGHUP)
    wait_line(pod, "configuration not reloaded: fleet_key_file")
    os.chmod(fleet.key_file, 0o600)
    pod.process.send_signal(signal.SIGHUP)
    wait_line(pod, "configuration reloaded (generation 2)")
    wake(pod, database)


# -- strangers, and members out of their minds ------------------------------

class Bystander:
    """A pod with a reader whose statements are never held."""

    def __init__(self, pod, session, http_port):
        self.pod = pod
        self.session = session
        self.url = f"http://127.0.0.1:{http_port}/metrics"

    def waits(self):
        """How many there were at the gate."""
        with urllib.request.urlopen(self.url) as answer:
            page = Page(answer.read().decode())
        return page.get("lockstep_gate_wait_seconds_count")

    def is_held(self):
        before = self.waits()
        run(self.session, READ)
        return self.waits() > before


@pytest.fixture
def bystander(start, fleet, connect, database):
    port = free_port()
    pod = start(fleet.settings(), http_listen=f"127.0.0.1:{port}")
    wake(pod, database)
    return Bystander(pod, connect(pod), port)


def test_what_is_forged_changes_nothing(bystander, fleet, database):
    with fleet.connect() as stranger:
        pid = stranger.info.backend_pid
        good = forge(pid, database=database)
        forged = ["", "x", "A" * 7996, good[:-4], good[4:], good + "AAAA",
                  forge(pid, database=database, key=b"not the fleet's"),
                  forge(pid + 1, database=database)]
        for number, text in enumerate(forged):
            notify(stranger, text)
            wait_report(bystander.pod, "foreign", number + 1)
            assert not bystander.is_held()
    found = report(bystander.pod)
    assert found["heard"] == found["shut"] == 0
    assert len(lines(bystander.pod, FOREIGN)) == 1


def test_another_version_is_passed_over(bystander, fleet, database):
    """While processes are replaced one by one."""
    with fleet.connect() as member:
        pid = member.info.backend_pid
        notify(member, forge(pid, database=database, version=2))
        notify(member, forge(pid, database=database, kind=6))
        wait_report(bystander.pod, "unknown", 2)
        assert not bystander.is_held()
        notify(member, forge(pid, database=database, sequence=3))
        assert wait_report(bystander.pod, "shut", 1)["foreign"] == 0


def test_versions_that_are_mixed_share_among_their_own(start, fleet, connect,
                                                       database, admin):
    """A newer one shuts and opens what these cannot read."""
    migration, pod = start(fleet.settings()), start(fleet.settings())
    for proxy in migration, pod:
        wake(proxy, database)
    with fleet.connect() as newer:
        pid = newer.info.backend_pid
        for sequence, kind in enumerate([SHUT, OPEN, KEEP, RELEASE], 1):
            notify(newer, forge(pid, database=database, version=2, kind=kind,
                                sequence=sequence))
            assert_shared(migration, pod, connect)
            assert_drops(pod, connect, admin)
    assert report(pod)["unknown"] == 4


def test_what_is_replayed_changes_nothing(bystander, fleet, database):
    with fleet.connect() as member, fleet.connect() as stranger:
        text = forge(member.info.backend_pid, database=database, length_ms=50)
        notify(member, text)
        wait_report(bystander.pod, "shut", 1)
        time.sleep(WINDOW_S)
        notify(member, text)
        wait_report(bystander.pod, "repeated", 1)
        assert not bystander.is_held()
        notify(stranger, text)
        wait_report(bystander.pod, "foreign", 1)
        assert not bystander.is_held()
    assert report(bystander.pod)["shut"] == 1


def test_a_flood_changes_nothing(bystander, fleet, database, start, connect):
    migration = start(fleet.settings())
    wake(migration, database)
    with fleet.connect() as stranger:
        stranger.execute("select count(pg_notify('lockstep', 'x' || i)) "
                         "from generate_series(1, 20000) i")
        assert not bystander.is_held()
        assert_shared(migration, bystander.pod, connect)
    assert wait_report(bystander.pod, "foreign", 20000)["state"] == "ready"


def test_a_member_out_of_its_mind_is_held_to_the_limits(bystander, fleet,
                                                        database):
    """It shuts everything for a minute, again and again."""
    process = os.urandom(16)
    held_s = longest_s = 0
    with fleet.connect() as member:
        pid = member.info.backend_pid
        begun = time.monotonic()
        sequence = 0
        while (at := time.monotonic()) < begun + 6:
            for maker in range(5):
                sequence += 1
                notify(member, forge(pid, process=process, maker=maker,
                                     sequence=sequence, database=database))
            run(bystander.session, READ)
            took_s = time.monotonic() - at
            held_s += took_s if took_s > 0.05 else 0
            longest_s = max(longest_s, took_s)
        took_s = time.monotonic() - begun
    # The allowance: a quarter of the time, and gate_transaction once; two windows
    # of a connection a second, sixteen at once.
    assert 0 < longest_s < 4 * WINDOW_S + SLOW_S
    assert held_s < took_s / 2 + GATE_S / 4
    assert report(bystander.pod)["refused"] > 0
