"""Nobody waits for who reads the log, and nobody suffers where none can."""
import fcntl
import os
import re
import signal
import threading
import time

import pytest

import wire
from program import Bare, connect
from proxy import LINE, Lockstep

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
    assert lines[-1].endswith(" stopped")


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
