"""The log: nobody waits for who reads it, and nobody suffers where none can;
where it goes, in which form, and what is left out of it."""
import fcntl
import json
import os
import re
import signal
import threading
import time

import pytest

import wire
from program import Bare, connect, free_endpoint
from proxy import LINE, Lockstep, parse_line

pytestmark = pytest.mark.needs_lockstep

PIPE_BYTES = 4096
GARBAGE_CONNECTS = 1000
SETTINGS = {"drain_timeout": "1s", "workers": "1"}
# Far more than what its end may take: drain_timeout, and a second.
END_BOUND_S = 20
GARBAGE = b"\x00\x00\x00\x08\x12\x34\x56\x78"


class Piped(Lockstep):
    """Its standard error is a small pipe, which is read when the test says."""

    def __init__(self, upstream, settings=None):
        super().__init__(upstream, {**SETTINGS, **(settings or {})})
        os.unlink(self.log_path)
        os.mkfifo(self.log_path)
        self.reader = os.open(self.log_path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self.reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(self.reader, True)
        self.text = b""

    def read_to_the_end(self):
        """Until all that write are gone."""
        while data := os.read(self.reader, 1 << 16):
            self.text += data

    def hang_up(self):
        os.close(self.reader)
        self.reader = None

    def remove(self):
        super().remove()
        if self.reader is not None:
            self.hang_up()

    def stderr(self):
        return self.text.decode(errors="replace")


class Full(Lockstep):
    """Its standard error is a disk with no room."""

    def __init__(self, upstream):
        super().__init__(upstream, SETTINGS)
        os.unlink(self.log_path)
        os.symlink("/dev/full", self.log_path)

    def stderr(self):
        return ""


def flood_log(lockstep):
    """Each of these is worth a line; their ports, in order."""
    ports = []
    for _ in range(GARBAGE_CONNECTS):
        with connect(lockstep) as garbage:
            ports.append(str(garbage.getsockname()[1]))
            garbage.settimeout(wire.HANG_BOUND_S)
            garbage.sendall(GARBAGE)
            try:
                garbage.recv(1000)
            except ConnectionResetError:
                pass
    return ports


def assert_serves(lockstep):
    session = Bare(lockstep)
    session.log_in(user="postgres", database="postgres")
    session.send(wire.query("select 1"))
    assert wire.status(session.read_ready()) == "I"
    session.close()


def assert_ends(lockstep):
    began = time.monotonic()
    lockstep.process.send_signal(signal.SIGTERM)
    assert lockstep.process.wait(END_BOUND_S) == 0
    assert time.monotonic() - began < END_BOUND_S


@pytest.fixture
def start(cluster):
    """start(kind): one of that kind, which is removed behind the test."""
    started = []

    def start(kind):
        started.append(kind(cluster))
        return started[-1].start()

    yield start
    for lockstep in started:
        lockstep.remove()


def test_reader_that_stalls_stops_neither_sessions_nor_the_end(start):
    lockstep = start(Piped)
    flood_log(lockstep)
    assert_serves(lockstep)
    assert_ends(lockstep)


def test_reader_that_stalled_gets_every_line_whole_and_in_order(start):
    lockstep = start(Piped)
    ports = flood_log(lockstep)
    reader = threading.Thread(target=lockstep.read_to_the_end)
    reader.start()
    assert_ends(lockstep)
    reader.join(wire.HANG_BOUND_S)
    lines = lockstep.stderr().splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    told = [port for line in lines
            for port in re.findall(r'client="127.0.0.1 port (\d+)"', line)]
    assert told == ports
    assert "lost" not in lockstep.stderr()
    assert parse_line(lines[-1])["message"] == "stopped"


def test_reader_that_has_gone_stops_nobody(start):
    lockstep = start(Piped)
    lockstep.hang_up()
    flood_log(lockstep)
    assert_serves(lockstep)
    assert_ends(lockstep)


def test_disk_without_room_stops_nobody(start):
    lockstep = start(Full)
    flood_log(lockstep)
    assert_serves(lockstep)
    assert_ends(lockstep)


# -- where it goes ----------------------------------------------------------

class Filed(Lockstep):
    """It writes to a file of its own; its standard error has the rest."""

    def __init__(self, upstream, file, settings=None):
        super().__init__(upstream, {**SETTINGS, "log_file": str(file),
                                    **(settings or {})})


def until(condition, what):
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def garbage_of(lockstep):
    with connect(lockstep) as garbage:
        garbage.sendall(GARBAGE)
        garbage.settimeout(wire.HANG_BOUND_S)
        try:
            garbage.recv(1000)
        except ConnectionResetError:
            pass
        return str(garbage.getsockname()[1])


def test_file_is_rotated_without_a_lost_line(cluster, tmp_path):
    """Under a flood, again and again."""
    file = tmp_path / "lockstep.log"
    ports = []
    with Filed(cluster, file) as lockstep:
        for i in range(10):
            ports += [garbage_of(lockstep) for _ in range(20)]
            file.rename(tmp_path / f"old.{i:02}")
            ports.append(garbage_of(lockstep))
            lockstep.process.send_signal(signal.SIGHUP)
            ports += [garbage_of(lockstep) for _ in range(20)]
            until(file.exists, "it is not opened anew")
        lockstep.stop()
        assert LINE.search(lockstep.stderr()) is None
    files = [*sorted(tmp_path.glob("old.*")), file]
    lines = [line for one in files for line in one.read_text().splitlines()]
    assert all(map(LINE.fullmatch, lines))
    told = [port for line in lines
            for port in re.findall(r'client="127.0.0.1 port (\d+)"', line)]
    assert told == ports
    assert parse_line(lines[-1])["message"] == "stopped"


def test_file_that_cannot_be_opened_anew_stays(cluster, tmp_path):
    folder = tmp_path / "log"
    folder.mkdir()
    file = folder / "lockstep.log"
    with Filed(cluster, file) as lockstep:
        folder.rename(tmp_path / "gone")
        lockstep.process.send_signal(signal.SIGHUP)
        old = tmp_path / "gone" / "lockstep.log"
        until(lambda: "not reloaded: log_file: No such file" in
              old.read_text(), "it says nothing")
        port = garbage_of(lockstep)
        until(lambda: f"port {port}" in old.read_text(), "it does not go on")


def test_file_that_cannot_be_opened_is_named_at_the_start(cluster):
    lockstep = Filed(cluster, "/nowhere/at/all")
    with pytest.raises(RuntimeError, match='cannot open "/nowhere/at/all": No '
                       'such file or directory .setting "log_file"'):
        lockstep.start()


def test_file_on_a_full_disk_stops_nobody(start):
    lockstep = start(lambda cluster: Filed(cluster, "/dev/full"))
    flood_log(lockstep)
    assert_serves(lockstep)
    assert_ends(lockstep)


def test_file_that_is_a_pipe_with_a_dead_reader_stops_nobody(start, tmp_path):
    name = tmp_path / "pipe"
    os.mkfifo(name)
    reader = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
    lockstep = start(lambda cluster: Filed(cluster, name))
    os.close(reader)
    flood_log(lockstep)
    assert_serves(lockstep)
    assert_ends(lockstep)


def test_journal_gets_priorities(cluster):
    lockstep = Lockstep(cluster, {"log_format": "otel"})
    file = os.stat(lockstep.log_path)
    lockstep.variables["JOURNAL_STREAM"] = f"{file.st_dev}:{file.st_ino}"
    with lockstep:
        garbage_of(lockstep)
        lockstep.stop()
        lines = [re.fullmatch(r"<(\d)>(.*)", line).groups()
                 for line in lockstep.stderr().splitlines()]
    told = {(priority, json.loads(rest)["severity_text"])
            for priority, rest in lines}
    assert told == {("6", "INFO"), ("4", "WARN")}


# -- traces -----------------------------------------------------------------

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
COMMENT = f"/*action='x',traceparent='00-{TRACE_ID}-{SPAN_ID}-01'*/"


def guarded_lines(lockstep):
    events = [json.loads(line) for line in lockstep.stderr().splitlines()]
    return [event for event in events
            if "outcome" in event.get("attributes", {})]


@pytest.mark.parametrize("protocol", ["simple", "extended"])
def test_trace_of_a_guarded_statement_is_told(cluster, protocol):
    with Lockstep(cluster, {"log_format": "otel"}) as lockstep:
        with wire.Wire(lockstep) as session:
            session.query("create table traced_parent (id int primary key);"
                          "create table traced (p int references "
                          "traced_parent)")
            sql = f"drop table traced {COMMENT}"
            if protocol == "simple":
                session.query(sql)
            else:
                session.send(*wire.extended(sql), wire.sync())
                session.read_ready()
            session.query("drop table traced_parent /*traceparent='00-x'*/")
            session.query("create table traced_parent (id int)")
            session.query("drop table traced_parent")
        lockstep.stop()
        event, *others = guarded_lines(lockstep)
    assert event["trace_id"] == TRACE_ID
    assert event["span_id"] == SPAN_ID
    assert event["attributes"]["statement"] == "DROP TABLE"
    assert event["attributes"]["result"] == "DROP TABLE"
    assert "traceparent" not in json.dumps(event)
    assert not any("trace_id" in other for other in others)


# -- what is left out -------------------------------------------------------

REPEATS = 10
FLOODED = "unsupported-protocol"
HEALTH_CHECKS = 200


def test_flood_leaves_a_few_lines_and_their_number(cluster):
    with Lockstep(cluster, {"log_repeats": str(REPEATS)}) as lockstep:
        began = time.monotonic()
        flood_log(lockstep)
        spans = (time.monotonic() - began) // 10 + 1
        lockstep.stop()
        events = lockstep.events()
    written = [e for e in events if e.get("reason") == FLOODED]
    left_out = [int(e["lines"]) for e in events
                if e.get("kind") == FLOODED]
    assert REPEATS <= len(written) <= REPEATS * spans
    assert len(written) + sum(left_out) == GARBAGE_CONNECTS
    assert len(left_out) <= spans + 1


def test_flood_of_one_kind_hides_no_other(cluster):
    with Lockstep(cluster, {"log_repeats": "1"}) as lockstep:
        for _ in range(50):
            garbage_of(lockstep)
        with Bare(lockstep) as session:
            session.send(b"\0\0\0\4")
            session.read_all()
        until(lambda: "startup-none" in lockstep.stderr(), "it is hidden")


def test_health_check_that_leaves_makes_no_noise(cluster):
    http = free_endpoint()
    with Lockstep(cluster, {"http_listen":
                            f"{http.host}:{http.port}"}) as lockstep:
        before = lockstep.stderr()
        for _ in range(HEALTH_CHECKS):
            connect(lockstep).close()
        until(lambda: ended(http) >= HEALTH_CHECKS, "they are not counted")
        assert lockstep.stderr() == before


def ended(http):
    """The clients that have left by themselves."""
    with connect(http) as s:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        text = b""
        while data := s.recv(65536):
            text += data
    return int(re.search(rb'session_ends_total{reason="client-left"} (\d+)',
                         text)[1])
