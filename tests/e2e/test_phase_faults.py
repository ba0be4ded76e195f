"""A table of phase x fault: the exchange stops where it enters the phase, by
name, something is killed, frozen, cut or delayed there, and it goes on.

What must hold behind each: the client has its answer or its end, and an answer
tells the truth; nothing has run twice; nothing is left, no lock, no server
process, no descriptor; and the next statement finds gate and turn free.
"""

import contextlib
import os
import pathlib
import re
import signal
import socket
import threading
import time

import psycopg
import pytest

import wire
from cluster import Cluster
from effort import effort
from network import Network
from phase_ways import SCHEMA, WAYS, phase_of, queue
from proxy import STOP_BOUND_S, Lockstep
from scene import wait_for
from wire import CLOSED, Wire, errors

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("its network is one in clear")]

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATABASE = "postgres"
NAME = "e2e_phase"  # the application_name of the session under test
FREEZE_S = 0.3
LATER_S = 0.1  # the exchange has gone on meanwhile, as far as it can
SLOW_S = 0.03  # each packet
REACH_S = 15
FAULTS_EACH = effort(3, None)  # of a way; None: all
NOTED = b"insert into journal"


class Stopped(Lockstep):
    """It stops where an exchange enters a phase, if that is wished."""

    def start(self):
        ours, theirs = socket.socketpair(socket.AF_UNIX,
                                         socket.SOCK_SEQPACKET)
        self.stops = ours
        self.stops.settimeout(REACH_S)
        self.stops_fd = theirs.fileno()
        self.inherited = [self.stops_fd]
        with theirs:
            return super().start()

    def program(self):
        return ["/usr/bin/env", f"EXCHANGE_STOPS={self.stops_fd}",
                *super().program()]

    def wish(self, phase):
        self.stops.send(phase.encode())

    def is_reached(self, phase):
        try:
            return self.stops.recv(100) == phase.encode()
        except TimeoutError:
            return False

    def go(self):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.stops.send(b"go")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Stage:
    """A server, a network, and a proxy that lasts until a fault ends it."""

    database = DATABASE

    def __init__(self, cluster, network):
        self.cluster = cluster
        self.network = network
        self.proxy = None
        self.admin = None

    def start(self):
        self.proxy = Stopped(self.network, {
            "guard": "ddl", "memory": "off", "drain_timeout": "500ms"}).start()
        with Wire(self.proxy, DATABASE):
            pass  # what a first session leaves is left

    def prepare(self):
        """Before each cell: a proxy, an administrator, new tables."""
        if self.admin is None:
            self.admin = self.cluster.connect(DATABASE)
        if self.proxy is None:
            self.start()
        self.admin.execute(SCHEMA)

    def await_crash(self):
        """Until it has ended all sessions, and is back."""
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while not self.admin.broken:
            assert time.monotonic() < deadline, "nobody was harmed"
            with contextlib.suppress(psycopg.OperationalError):
                self.admin.execute("select 1")
        while self.admin.broken:
            assert time.monotonic() < deadline, "the server stays away"
            with contextlib.suppress(psycopg.OperationalError):
                self.admin = self.cluster.connect(DATABASE)

    def give_up(self):
        """A cell has failed: the next one finds nothing of it."""
        self.admin.close()
        self.admin = None
        if self.proxy:
            self.forget_proxy()
        self.network.cut()

    def forget_proxy(self):
        self.proxy.remove()
        self.proxy.stops.close()
        self.proxy = None


@pytest.fixture(scope="module")
def stage(request):
    # A crash must take nothing that was answered.
    settings = {"autovacuum": "on", "autovacuum_naptime": "1s",
                "synchronous_commit": "on"}
    with Cluster(request.config.getoption("--pg-bin"), settings) as cluster, \
            Network(cluster) as network:
        stage = Stage(cluster, network)
        yield stage
        if stage.proxy:
            try:
                stage.proxy.stop()
            finally:
                stage.forget_proxy()


class Cell:
    """One way with one fault."""

    def __init__(self, stage, way):
        self.stage = stage
        self.way = way
        self.session = None
        self.has_client = True  # whose answers are read
        self.has_proxy = True   # that goes on
        self.is_harmless = False  # the statement is to be done all the same
        self.undo = contextlib.ExitStack()
        self.trace = []
        self.is_committed = False

    # -- for the faults

    def go(self):
        self.stage.proxy.go()

    def kill_client(self):
        self.session.vanish(reset=True)
        self.has_client = False

    def cancel(self):
        """The request is on its way; what it meets is its own affair."""
        threading.Thread(target=self._cancel, daemon=True).start()

    def _cancel(self):
        with contextlib.suppress(OSError):
            wire.cancel(self.stage.proxy, self.session)

    def terminate_server(self):
        self.stage.admin.execute("select pg_terminate_backend(%s)",
                                 [self.session.pid])

    def signal_server(self, sign):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.session.pid, sign)

    @contextlib.contextmanager
    def frozen_server(self):
        """It goes on meanwhile, and the server does not answer."""
        self.signal_server(signal.SIGSTOP)
        try:
            self.go()
            time.sleep(LATER_S)
            yield
        finally:
            self.signal_server(signal.SIGCONT)

    @contextlib.contextmanager
    def held_network(self):
        self.stage.network.hold()
        try:
            self.go()
            time.sleep(LATER_S)
            yield
        finally:
            self.stage.network.release()

    # -- what is played

    def play(self, phase, fault):
        self.stage.prepare()
        self.rehearse()
        self.baseline = self.stage.proxy.descriptors()
        self.open()
        self.ask(self.way.before)
        with self.undo, contextlib.ExitStack() as beside:
            beside.enter_context(self.way.beside(self.stage))
            self.lead_to(phase)
            fault(self)
            if not self.way.is_refused:
                beside.close()
            self.finish()

    def lead_to(self, phase):
        proxy = self.stage.proxy
        proxy.wish(self.way.through or phase)
        self.session.send(*self.way.messages)
        if self.way.through:
            assert proxy.is_reached(self.way.through), proxy.tail()
            self.stage.admin.execute("select pg_current_xact_id()")
            proxy.wish(phase)
        assert proxy.is_reached(phase), proxy.tail()

    def rehearse(self):
        """What the way has the proxy remember."""
        if not self.way.rehearsal:
            return
        self.open()
        self.ask(self.way.rehearsal)
        self.session.close()
        self.await_end()

    def open(self):
        self.session = Wire(self.stage.proxy, DATABASE, application_name=NAME)
        self.ask([f"set lockstep.{name} = '{value}'"
                  for name, value in self.way.all_settings.items()])

    def ask(self, texts):
        for text in texts:
            assert errors(self.session.query(text)) == [], text

    def finish(self):
        """Read the answers, and go on as a client would."""
        if not self.has_client:
            return
        self.trace = self.session.read_ready(
            wire.ready_count(self.way.messages))
        for text in self.way.behind:
            if not self.is_over():
                self.trace += self.session.query(text)
        self.is_committed = errors(self.trace) == [] and not self.is_over()
        if wire.status(self.trace) in ("T", "E") and not self.is_over():
            self.session.query("rollback")

    def is_over(self):
        return CLOSED in self.trace

    # -- what must hold behind it

    def check(self):
        if self.has_client:
            self.session.close()
        self.check_server()
        if not self.has_proxy:
            self.stage.forget_proxy()
            self.stage.start()
        self.check_truth()
        self.check_next()
        self.stage.proxy.assert_clean()

    def await_end(self):
        wait_for(self.stage.admin, "not exists (select from pg_stat_activity "
                 "where application_name = %s)", NAME)

    def check_server(self):
        """No process of the session's is left, and no lock."""
        self.await_end()
        wait_for(self.stage.admin, "not exists (select from pg_locks l "
                 "join pg_class c on c.oid = l.relation "
                 "join pg_stat_activity a using (pid) where "
                 "c.relnamespace = 'public'::regnamespace "
                 "and a.backend_type = 'client backend' "
                 "and l.pid <> pg_backend_pid())")

    def check_truth(self):
        """An answer is true; and no statement of the way ran twice."""
        is_done, = self.stage.admin.execute(
            "select " + self.way.done).fetchone()
        notes, = self.stage.admin.execute(
            "select count(*) from journal").fetchone()
        told = self.notes_told()
        assert notes in (0, told)
        if self.is_committed:
            assert is_done and notes == told
        elif self.has_client and not self.is_over() and \
                self.way.done != "true":
            assert not is_done and notes == 0, self.trace
        if self.is_harmless and not self.way.is_refused:
            assert self.is_committed, self.trace
        if self.is_harmless and self.way.is_refused:
            assert not self.is_committed

    def notes_told(self):
        """How often the way writes to the journal."""
        texts = [text.encode() for text in self.way.before + self.way.behind]
        return b"".join(texts + self.way.messages).count(NOTED)

    def check_next(self):
        """Gate and turn are free, and nothing but one session is open."""
        proxy = self.stage.proxy
        with Wire(proxy, DATABASE) as reader, Wire(proxy, DATABASE) as other:
            for text in ("begin", "select from table_b, hot",
                         "commit"):
                assert errors(reader.query(text)) == []
            assert errors(other.query(
                "drop table if exists table_a, table_b, table_c, hot "
                "cascade")) == []
        if self.has_proxy:
            deadline = time.monotonic() + wire.HANG_BOUND_S
            while proxy.descriptors() > self.baseline:
                assert time.monotonic() < deadline, "descriptors are left"
                time.sleep(0.01)


# -- the faults -----------------------------------------------------------------

def nothing(cell):
    cell.is_harmless = True
    cell.go()


def client_resets(cell):
    cell.kill_client()
    cell.go()


def client_leaves(cell):
    cell.session.close()
    cell.has_client = False
    cell.go()


def client_resets_under_way(cell):
    with cell.frozen_server():
        cell.kill_client()
        time.sleep(LATER_S)


def client_is_frozen(cell):
    """It reads late."""
    cell.is_harmless = True
    cell.go()
    time.sleep(FREEZE_S)


def client_cancels(cell):
    cell.cancel()
    time.sleep(LATER_S)
    cell.go()


def client_cancels_under_way(cell):
    with cell.frozen_server():
        cell.cancel()
        time.sleep(LATER_S)


def server_is_terminated(cell):
    cell.terminate_server()
    cell.go()


def server_is_terminated_under_way(cell):
    with cell.frozen_server():
        cell.terminate_server()


def server_is_frozen(cell):
    cell.is_harmless = True
    with cell.frozen_server():
        time.sleep(FREEZE_S)


def network_is_cut(cell):
    cell.stage.network.cut()
    cell.go()


def network_is_cut_under_way(cell):
    with cell.held_network():
        cell.stage.network.cut()


def network_is_slow(cell):
    cell.is_harmless = True
    cell.undo.callback(setattr, cell.stage.network, "delay_s", 0)
    cell.stage.network.delay_s = SLOW_S
    cell.go()


def network_is_torn(cell):
    """Packets come in pieces of a few bytes."""
    cell.is_harmless = True
    cell.undo.callback(setattr, cell.stage.network, "is_torn", False)
    cell.stage.network.is_torn = True
    cell.go()


def proxy_is_frozen(cell):
    cell.is_harmless = True
    cell.stage.proxy.process.send_signal(signal.SIGSTOP)
    cell.go()
    time.sleep(FREEZE_S)
    cell.stage.proxy.process.send_signal(signal.SIGCONT)


def proxy_is_killed(cell):
    cell.has_proxy = False
    cell.stage.proxy.process.kill()
    cell.stage.proxy.process.wait()


def proxy_is_killed_under_way(cell):
    with cell.frozen_server():
        proxy_is_killed(cell)


def proxy_is_stopped(cell):
    """It may finish what is under way."""
    cell.has_proxy = False
    cell.stage.proxy.process.terminate()
    cell.go()
    cell.undo.callback(assert_ended, cell.stage.proxy)


def assert_ended(proxy):
    assert proxy.process.wait(STOP_BOUND_S) == 0, proxy.tail()
    proxy.assert_clean()


def server_crashes(cell):
    """All sessions end with it, and it recovers."""
    cell.signal_server(signal.SIGKILL)
    cell.stage.await_crash()
    cell.go()


FAULTS = [
    nothing, client_resets, client_leaves, client_resets_under_way,
    client_is_frozen, client_cancels, client_cancels_under_way,
    server_is_terminated, server_is_terminated_under_way, server_is_frozen,
    network_is_cut, network_is_cut_under_way, network_is_slow,
    network_is_torn, proxy_is_frozen, proxy_is_killed,
    proxy_is_killed_under_way, proxy_is_stopped, server_crashes,
]


def cells():
    """Pairs of a way's name and a fault; without effort some of each."""
    for i, (name, way) in enumerate(WAYS.items()):
        faults = FAULTS
        if FAULTS_EACH:
            faults = [FAULTS[(FAULTS_EACH * i + k) % len(FAULTS)]
                      for k in range(FAULTS_EACH)]
        for fault in faults:
            # Who plays beside does not live through a crash.
            if fault is server_crashes and way.beside is queue:
                continue
            yield pytest.param(name, fault,
                               id=f"{name}-{fault.__name__}".replace(" ", "_"))


def test_there_is_a_way_to_each_phase():
    header = (ROOT / "proxy/guard/exchange_state.h").read_text()
    phases = re.findall(r'X\([A-Z]+, "([a-z]+)"\)', header.split(
        "EXCHANGE_CONTEXTS")[0])
    assert len(phases) > 20
    assert {phase_of(name) for name in WAYS} == set(phases)


@pytest.mark.parametrize("name, fault", cells())
def test_cell(stage, name, fault):
    cell = Cell(stage, WAYS[name])
    try:
        cell.play(phase_of(name), fault)
        cell.check()
    except BaseException:
        stage.give_up()
        raise
