"""What the service manager is told: sd_notify(3), by a manager of our own."""
import ctypes
import os
import signal
import socket
import time

import pytest

import wire
from program import Bare
from proxy import Lockstep

pytestmark = pytest.mark.needs_lockstep

WATCHDOG_US = 400_000
SILENCE_S = 2.0  # far longer than the watchdog's patience
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


class Manager:
    """Its end of NOTIFY_SOCKET."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0"))
        self.address = address
        self.heard = []

    def hear(self, bound_s):
        """The next telling, as a dictionary; None if none comes in time."""
        self.socket.settimeout(bound_s)
        try:
            text = self.socket.recv(65536).decode()
        except TimeoutError:
            return None
        self.heard.append(dict(line.split("=", 1)
                               for line in text.splitlines()))
        return self.heard[-1]

    def hear_until(self, name):
        """The next telling that has this name, which must come."""
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while told := self.hear(max(0, deadline - time.monotonic())):
            if name in told:
                return told
        raise AssertionError(f"no {name} in {self.heard}")

    def forget(self):
        """What has come so far."""
        while self.hear(0.001):
            pass


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    address = str(tmp_path / "notify") if request.param == "path" \
        else f"@lockstep-{os.getpid()}-{request.node.name}"
    made = Manager(address)
    yield made
    made.socket.close()


def watched(cluster, manager, **settings):
    lockstep = Lockstep(cluster, settings)
    lockstep.variables = {"NOTIFY_SOCKET": manager.address,
                          "WATCHDOG_USEC": str(WATCHDOG_US)}
    return lockstep


def monotonic_us():
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def test_start_reload_and_stop_are_told(cluster, manager):
    with watched(cluster, manager) as lockstep:
        assert manager.hear(wire.HANG_BOUND_S) == {"READY": "1",
                                                   "STATUS": "Serving"}
        before = monotonic_us()
        lockstep.process.send_signal(signal.SIGHUP)
        told = manager.hear_until("RELOADING")
        assert told["RELOADING"] == "1"
        assert before <= int(told["MONOTONIC_USEC"]) <= monotonic_us()
        assert manager.hear_until("READY")["READY"] == "1"
        lockstep.process.send_signal(signal.SIGTERM)
        assert manager.hear_until("STOPPING")["STOPPING"] == "1"
        assert lockstep.process.wait(wire.HANG_BOUND_S) == 0


def test_status_tells_of_sessions(cluster, manager):
    with watched(cluster, manager) as lockstep, Bare(lockstep) as session:
        session.log_in(user="postgres", database="postgres")
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while "1 sessions" not in manager.hear_until("STATUS")["STATUS"]:
            assert time.monotonic() < deadline


def test_watchdog_is_fed_as_long_as_it_lives(cluster, manager):
    with watched(cluster, manager, drain_timeout="60s") as lockstep:
        for _ in range(5):
            manager.hear_until("WATCHDOG")
        with Bare(lockstep) as session:
            session.log_in(user="postgres", database="postgres")
            session.query("begin")
            lockstep.process.send_signal(signal.SIGTERM)
            manager.hear_until("STOPPING")
            for _ in range(5):  # one of the workers has ended by now
                assert "Draining" in manager.hear_until("WATCHDOG")["STATUS"]


class Stopped:
    """A thread that does not run meanwhile: its loop does not turn."""

    def __init__(self, thread):
        self.thread = thread
        self.libc = ctypes.CDLL(None, use_errno=True)

    def ask(self, request):
        if self.libc.ptrace(request, self.thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self.ask(PTRACE_SEIZE)
        self.ask(PTRACE_INTERRUPT)
        assert os.waitpid(self.thread, 0x40000000)[0] == self.thread  # __WALL

    def __exit__(self, *exc):
        self.ask(PTRACE_DETACH)


def workers(lockstep):
    """Its threads of that name."""
    folder = f"/proc/{lockstep.process.pid}/task"
    found = []
    for thread in os.listdir(folder):
        with open(f"{folder}/{thread}/comm", encoding="ascii") as comm:
            if comm.read() == "worker\n":
                found.append(int(thread))
    return found


def test_watchdog_is_not_fed_while_a_worker_hangs(cluster, manager):
    """One of two, and the main thread is well."""
    with watched(cluster, manager, core_dumps="on") as lockstep:
        manager.hear_until("WATCHDOG")
        threads = workers(lockstep)
        assert len(threads) == 2
        with Stopped(threads[0]):
            time.sleep(SILENCE_S / 2)
            manager.forget()
            assert manager.hear(SILENCE_S) is None
        manager.hear_until("WATCHDOG")


def test_watchdog_of_another_process_is_not_fed(cluster, manager):
    lockstep = watched(cluster, manager)
    lockstep.variables["WATCHDOG_PID"] = "1"
    with lockstep:
        manager.hear_until("READY")
        assert manager.hear(SILENCE_S) is None


def test_manager_that_does_not_listen_stops_nothing(cluster, manager):
    """First its queue is full, then it is gone."""
    with watched(cluster, manager) as lockstep:
        manager.hear_until("READY")
        for _ in range(50):
            lockstep.process.send_signal(signal.SIGHUP)
            time.sleep(0.02)
        manager.socket.close()
        lockstep.process.send_signal(signal.SIGHUP)
        with Bare(lockstep) as session:
            session.log_in(user="postgres", database="postgres")


def test_address_that_is_none_is_logged(cluster):
    lockstep = Lockstep(cluster)
    lockstep.variables = {"NOTIFY_SOCKET": "nowhere"}
    with lockstep:
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while "NOTIFY_SOCKET cannot be used: nowhere" not in lockstep.stderr():
            assert time.monotonic() < deadline
