"""reuse_port: a new process takes over while the old one drains."""
import os
import signal
import socket
import stat
import time

import pytest

import proxy
import wire
from effort import effort
from program import Program, connect, free_endpoint, listen_text, run

pytestmark = pytest.mark.needs_lockstep

ROUNDS = effort(2, 60)
# Far more than a connect and a transaction take, on a busy machine, too.
GRACE = "5s"
SETTLE_S = 0.5


class Taker(Program):
    """It listens where others may, and is ready when it says so."""

    def __init__(self, cluster, endpoint, *more):
        super().__init__(endpoint, "--listen", listen_text(endpoint),
                         "--upstream", cluster.conninfo(),
                         "--set", "reuse_port=on", "--set",
                         f"min_drain_time={GRACE}", "--set", "workers=1",
                         "--set", "drain_timeout=2s", *more)

    def _accepts(self):
        return " is ready, " in self.stderr()

    def leave(self):
        self.process.send_signal(signal.SIGTERM)

    def ended_well(self):
        assert self.process.wait(wire.HANG_BOUND_S) == 0, self.stderr()
        self.assert_clean()


@pytest.fixture
def take(cluster):
    """take(endpoint): one more there; what is left is killed."""
    taken = []

    def take(endpoint, *more):
        taken.append(Taker(cluster, endpoint, *more))
        return taken[-1].start()

    yield take
    for one in taken:
        one.remove()


@pytest.fixture(params=["IPv4", "IPv6", "Unix"])
def endpoint(request, tmp_path):
    return free_endpoint({"IPv4": "127.0.0.1", "IPv6": "::1",
                          "Unix": str(tmp_path)}[request.param])


def assert_goes_on(program):
    """A pgbench ends when one of its clients could not go on."""
    if program.poll() is not None:
        raise AssertionError(program.stdout.read())


def test_no_connect_fails(take, endpoint, bench):
    old = take(endpoint)
    traffic = bench(endpoint, "-C")
    for _ in range(ROUNDS):
        time.sleep(SETTLE_S)
        new = take(endpoint)
        old.leave()
        old.ended_well()
        assert_goes_on(traffic)
        assert_served(old)
        old = new
    traffic.send_signal(signal.SIGINT)
    traffic.wait(wire.HANG_BOUND_S)
    old.stop()


def test_no_connect_fails_when_the_new_one_leaves_again(take, endpoint,
                                                        bench):
    """It is the younger one, whose place among the sockets is another."""
    if endpoint.host.startswith("/"):
        pytest.skip("the younger one has the name")
    old = take(endpoint)
    traffic = bench(endpoint, "-C")
    for _ in range(ROUNDS):
        time.sleep(SETTLE_S)
        new = take(endpoint)
        time.sleep(SETTLE_S)
        new.leave()
        new.ended_well()
        assert_goes_on(traffic)
    assert_goes_on(traffic)


def assert_served(lockstep):
    """Its last line has what it did."""
    last = proxy.parse_line(lockstep.stderr().splitlines()[-1])
    assert last["message"] == "stopped"
    assert int(last["sessions"]) > 0
    assert int(last["connections"]) >= int(last["sessions"])


def test_session_of_the_old_one_goes_on_meanwhile(take, endpoint):
    old = take(endpoint)
    with wire.Wire(endpoint) as session:
        session.query("begin")
        take(endpoint)
        old.leave()
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while "another process's" not in old.stderr():
            assert time.monotonic() < deadline, old.stderr()
            time.sleep(0.01)
        assert wire.rows(session.query("select 7")) == [("7",)]
        session.query("commit")
    old.ended_well()


def test_without_another_it_ends_as_well(take, endpoint):
    only = take(endpoint)
    only.leave()
    only.ended_well()
    if endpoint.host.startswith("/"):
        assert not os.listdir(endpoint.host)


def test_second_signal_ends_it_while_it_leaves(take, endpoint):
    only = take(endpoint)
    with wire.Wire(endpoint) as session:
        session.query("begin")
        only.leave()
        only.process.send_signal(signal.SIGINT)
        assert wire.errors([session.read()])[0]["C"] == "57P01"
        only.ended_well()


def test_file_is_the_last_ones(take, tmp_path):
    endpoint = free_endpoint(str(tmp_path))
    name = f"{endpoint.host}/.s.PGSQL.{endpoint.port}"
    old = take(endpoint, "--set", "unix_socket_mode=0700")
    first = os.stat(name).st_ino
    new = take(endpoint, "--set", "unix_socket_mode=0770")
    assert os.stat(name).st_ino != first
    assert stat.S_IMODE(os.stat(name).st_mode) == 0o770
    old.leave()
    old.ended_well()
    connect(endpoint).close()
    assert os.listdir(tmp_path) == [os.path.basename(name)]
    new.leave()
    new.ended_well()
    assert not os.listdir(tmp_path)


def test_who_cannot_start_leaves_the_file_alone(take, cluster, tmp_path):
    endpoint = free_endpoint(str(tmp_path))
    old = take(endpoint)
    done = run("serve", "--listen",
               f"{listen_text(endpoint)},nowhere.invalid:{endpoint.port}",
               "--upstream", cluster.conninfo(), "--set", "reuse_port=on")
    assert done.returncode == 1
    connect(endpoint).close()
    old.leave()
    old.ended_well()
    assert not os.listdir(tmp_path)


def test_second_signal_ends_it_when_it_has_left(take, endpoint):
    only = take(endpoint, "--set", "min_drain_time=1h")
    only.leave()
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while " ms more" not in only.stderr():  # the listeners are gone by then
        assert time.monotonic() < deadline
        time.sleep(0.01)
    only.process.send_signal(signal.SIGINT)
    only.ended_well()


def test_without_the_setting_a_port_is_one_process_alone(take, cluster):
    endpoint = free_endpoint()
    take(endpoint)
    done = run("serve", "--listen", listen_text(endpoint), "--upstream",
               cluster.conninfo())
    assert done.returncode == 1
    assert "in use" in done.stderr


def asked(place, path):
    with socket.create_connection((place.host, place.port)) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = b""
        while data := s.recv(65536):
            answer += data
    return answer


def test_probes_are_the_new_ones(take):
    """Both serve them, until the old one leaves."""
    endpoint, http = free_endpoint(), free_endpoint()
    more = ("--set", f"http_listen={http.host}:{http.port}")
    old = take(endpoint, *more)
    take(endpoint, *more)
    old.leave()
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while "another process's" not in old.stderr():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for _ in range(50):
        assert b" 200 OK" in asked(http, "/startup")
        assert b"draining" not in asked(http, "/ready")
    old.ended_well()
