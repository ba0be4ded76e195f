"""Peers that mean harm, or have lost their way: only they get hurt.

Parser bombs, frames that lie about their length, servers that are none.
"""
import os
import resource
import socket
import socketserver
import struct
import threading
import time
from types import SimpleNamespace

import pytest

import wire
from program import Bare, startup_packet
from proxy import Lockstep
from wire import (CLOSED, Wire, bind, copy_done, execute, message, parse,
                  query, sync)

TICK_S = 0.01  # of the kernel's clock of processor time
BOMB_BYTES = 1_000_000  # below query_limit: looked at, not streamed


# -- parser bombs -----------------------------------------------------------

def repeated(part, size=BOMB_BYTES):
    return part * (size // len(part))


def nested(begin, opening, closing, end=""):
    """Brackets to the middle of the text, and back."""
    depth = BOMB_BYTES // (len(opening) + len(closing))
    return begin + opening * depth + closing * depth + end


BOMBS = {
    "sum": "select 1" + repeated("+1"),
    "sum behind a drop": "drop table nix; select 1" + repeated("+1"),
    "sum in a drop's shadow": "select 1" + repeated("+1")
                              + "; drop table nix",
    "nested brackets": nested("select ", "(", ")"),
    "nested brackets in an alter": nested(
        "alter table nix drop column a, add check (", "(", ")", ")"),
    "nested brackets in a drop": nested("drop table ", "(", ")"),
    "unclosed brackets": "alter table nix drop column a, add check ("
                         + repeated("("),
    "nested arrays": nested("alter table nix alter a set default ", "array[",
                            "]", ", drop column b"),
    "nested not": "alter table nix drop column a, add check ("
                  + repeated("not ") + "true)",
    "nested minus": "truncate nix; select " + repeated("- ") + "1",
    "nested case": "drop view nix; select "
                   + repeated("case when true then ", 300_000),
    "nested selects": nested("drop table nix; ", "select (", ")"),
    # PostgreSQL's scanner takes quadratic time for these: seconds.
    # PostgreSQL's own scanner takes quadratic time for these: seconds.
    "unclosed comments": "drop table nix " + repeated("/*", 24_000),
    "comments in operators": "drop table nix " + repeated("/*+", 24_000),
    "plus signs": "drop table nix; select " + repeated("+", 24_000) + "1",
    "many drops": repeated("drop table nix;"),
    "many drops that work": repeated("drop table if exists nix;", 200_000),
    "many drops in a block": "begin;" + repeated("drop table nix;"),
    "many blocks": repeated("begin;drop table if exists nix;commit;",
                            200_000),
    "many names": "drop table " + repeated("nix,") + "nix",
    "many clauses": "alter table nix " + repeated("drop column a,")
                    + "drop column a",
    "many semicolons": "drop table nix" + repeated(";"),
    "many keywords": repeated("drop table alter truncate "),
    "an endless name": 'drop table "' + repeated("x") + '"',
    "an endless string": "drop table nix; select '" + repeated("drop ") + "'",
    "an endless dollar quote": "drop table nix; select $a$"
                               + repeated("drop $"),
    "an unclosed string": "drop table nix; select '" + repeated("drop "),
    "escapes": "drop table nix; select U&'" + repeated(r"\0041") + "'",
    "control bytes": "drop table nix" + repeated("\x01\x02\x1b\x7f"),
    "long UTF-8": "drop table nix; select '" + repeated("\U0001f40e") + "'",
}
# Inside parse_limit, so that they do reach the parser.
BOMBS |= {f"small, {name}": text for name, text in {
    "sum": "drop table nix; select 1" + "+1" * 7000,
    "brackets": "alter table nix drop column a, add check ("
                + "(" * 7900 + "1" + ")" * 7900 + ")",
    "unclosed": "alter table nix drop column a, add check (" + "(" * 16_000,
    "not": "alter table nix drop column a, add check ("
           + "not " * 4000 + "true)",
    "arrays": "alter table nix drop column a, alter b set default "
              + "array[" * 2200 + "1" + "]" * 2200,
    "subselects": "drop table nix; " + "select (" * 1700 + "1" + ")" * 1700,
    "unions": "drop table nix; select 1" + " union select 1" * 1000,
    "joins": "truncate nix; select from a" + " natural join a" * 1000,
    "types": "alter table nix drop column a, add b int" + "[]" * 7900,
    "names": "drop table " + "a." * 8000 + "a",
    "with": "drop table nix; " + "with a as (" * 1400 + "select 1"
            + ")" * 1400,
}.items()}


def as_query(text):
    return [query(text)]


def as_parse(text):
    return [parse(text), bind(), execute(), sync()]


class Pulse(threading.Thread):
    """Another session's life, and the longest it had to wait: for Lockstep,
    which has worked meanwhile, and not for what else the machine has to do."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.session = Wire(endpoint)
        self.works_s = getattr(endpoint, "processor_s", time.monotonic)
        self.done = threading.Event()
        self.worst_s = 0.0
        self.beats = 0

    def run(self):
        while not self.done.is_set():
            begin, works_s = time.monotonic(), self.works_s()
            self.session.query("select 1")
            self.worst_s = max(self.worst_s, min(
                time.monotonic() - begin,
                self.works_s() - works_s + TICK_S))
            self.beats += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.done.set()
        self.join(wire.HANG_BOUND_S)
        self.session.close()


def drop_bomb(endpoint, messages):
    """The answers to the bomb, and the worst wait of another session."""
    with Pulse(endpoint) as pulse, Wire(endpoint) as session:
        trace = session.run(*messages)
        trace += session.query("rollback") + session.query("select 1")
    return SimpleNamespace(trace=trace, worst_s=pulse.worst_s)


@pytest.fixture(scope="module")
def one_worker(request, cluster):
    """With one worker everybody waits if one waits."""
    if request.config.getoption("--direct-only"):
        yield cluster
        return
    with Lockstep(cluster, {"workers": "1"}) as lockstep:
        yield lockstep


@pytest.mark.parametrize("way", [as_query, as_parse],
                         ids=["simple", "extended"])
@pytest.mark.parametrize("name", BOMBS)
def test_parser_bomb_harms_nobody(direct, one_worker, name, way):
    """The server's own answers, and others wait little for it."""
    messages = way(BOMBS[name])
    expected = drop_bomb(direct, messages)
    seen = drop_bomb(one_worker, messages)
    assert seen.trace == expected.trace
    assert seen.worst_s < 1.0 + 3 * expected.worst_s


# -- hostile clients --------------------------------------------------------

def frame(kind, length, body=b""):
    return kind + struct.pack("!I", length & 0xFFFFFFFF) + body


HOSTILE_FRAMES = {
    "length 0": frame(b"Q", 0),
    "length 3": frame(b"Q", 3),
    "length -1": frame(b"Q", -1),
    "length 2^31": frame(b"Q", 1 << 31),
    "length 2^31 - 1": frame(b"Q", (1 << 31) - 1, b"x" * 100_000),
    "Sync of a gigabyte": frame(b"S", 1 << 30, b"x" * 100_000),
    "Sync with a body": frame(b"S", 8, b"body"),
    "zeros": bytes(100_000),
    "ones": b"\xff" * 100_000,
    "text": b"GET / HTTP/1.1\r\nHost: a.b\r\n\r\n" * 100,
    "Query without end": message("Q", b"select 1"),
    "Query with two ends": message("Q", b"select 1\0; drop table x\0"),
    "empty Query body": message("Q"),
    "empty Parse body": message("P"),
    "Parse without types": message("P", b"\0drop table x\0"),
    "Parse that lies about types": message("P", b"\0drop table x\0\xff\xff"),
    "empty Bind body": message("B"),
    "Bind that lies about values": message("B", b"\0\0\0\0\xff\xff"),
    "empty Execute body": message("E"),
    "Execute of an endless name": message("E", b"x" * 100_000),
    "empty Describe body": message("D"),
    "Describe of a thing": message("D", b"Zx\0"),
    "empty Close body": message("C"),
    "Close of a thing": message("C", b"Zx\0"),
    "function call without body": message("F"),
    "password again": message("p", b"secret\0"),
    "types unknown": message("j", b"x") + message("\x01", b"y"),
    "a backend's message": message("Z", b"I"),
    "stray copy messages": message("d", b"x") + copy_done(),
    "message cut": frame(b"Q", 1000, b"select"),
    "header cut": b"Q\0\0",
}


@pytest.mark.parametrize("name", HOSTILE_FRAMES)
def test_hostile_frame_harms_only_its_sender(lockstep, name):
    """Refused by the server or by Lockstep, in words or by the end."""
    with Wire(lockstep) as other, Bare(lockstep) as session:
        session.log_in()
        try:
            session.send(HOSTILE_FRAMES[name], sync())
            session.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        trace = session.read_all()
        assert set(kind for kind, _fields in trace) <= {
            "E", "N", "Z", "closed"}
        for error in wire.errors(trace):
            assert error["C"][:2] in ("08", "26", "34", "42", "54", "22")
        assert wire.rows(other.query("select 1")) == [("1",)]


@pytest.mark.parametrize("name", [
    "length 0", "length 3", "length -1", "length 2^31"])
@pytest.mark.needs_lockstep
def test_impossible_length_is_refused_in_words(lockstep, name):
    with Bare(lockstep) as session:
        session.log_in()
        session.send(HOSTILE_FRAMES[name])
        trace = session.read_all()
    assert wire.sqlstates(trace) == ["08P01"]
    assert wire.errors(trace)[0]["S"] == "FATAL"


def test_hostile_frames_before_the_login(lockstep):
    """Between the startup packet and the end of the authentication."""
    for junk in HOSTILE_FRAMES.values():
        with Bare(lockstep) as session:
            try:
                session.send(startup_packet(), junk)
                session.socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            assert session.read_all()[-1] is CLOSED
    with Wire(lockstep) as other:
        assert wire.rows(other.query("select 1")) == [("1",)]


@pytest.mark.needs_lockstep
def test_nothing_is_left_of_connections_that_went_wrong(cluster,
                                                        start_lockstep):
    """Descriptors here, backends there."""
    lockstep = start_lockstep()
    with cluster.connect() as admin, Wire(lockstep):
        before = traces_left(lockstep, admin)
        for junk in HOSTILE_FRAMES.values():
            for hello in (startup_packet()[:7], startup_packet()):
                session = Bare(lockstep)
                session.send(hello, junk)
                session.vanish(reset=len(junk) % 2 == 0)
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while traces_left(lockstep, admin) != before:
            assert time.monotonic() < deadline, traces_left(lockstep, admin)
            time.sleep(0.1)


def traces_left(lockstep, admin):
    return (len(os.listdir(f"/proc/{lockstep.process.pid}/fd")),
            admin.execute("select count(*) from pg_stat_activity where "
                          "backend_type = 'client backend'").fetchone()[0])


@pytest.mark.needs_lockstep
def test_running_out_of_descriptors_is_survived(start_lockstep):
    lockstep = start_lockstep()
    resource.prlimit(lockstep.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    sessions = [Bare(lockstep) for _ in range(30)]
    for session in sessions:
        session.send(startup_packet())
    for session in sessions:  # the last ones wait for the first to go
        assert session.read_until("ZE")[-1][0] in "ZE"
        session.close()
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while answer_of(lockstep) != [("1",)]:  # the last ones are being closed
        assert time.monotonic() < deadline


def answer_of(lockstep):
    with Wire(lockstep) as session:
        return wire.rows(session.query("select 1"))


# -- hostile servers --------------------------------------------------------

GREETING = (message("R", struct.pack("!I", 0))
            + message("K", struct.pack("!II", 4711, 42)) + message("Z", b"I"))
ANSWER = message("C", b"SELECT 0\0") + message("Z", b"I")

# What the server of that database says at the login, and to a message.
FAKES = {
    "good": (GREETING, ANSWER),
    "silent": (b"", b""),
    "closes": (None, b""),
    "web server": (b"HTTP/1.1 400 Bad Request\r\n\r\n", b""),
    "greets with zeros": (bytes(10_000), b""),
    "greets with ones": (b"\xff" * 10_000, b""),
    "greets with a short frame": (frame(b"R", 3), b""),
    "greets with a long frame": (frame(b"R", -1), b""),
    "never ready": (GREETING[:-6] * 3, b""),
    "short Z": (GREETING[:-6] + frame(b"Z", 4), b""),
    "unknown status": (GREETING[:-6] + message("Z", b"X"), b""),
    "answers with zeros": (GREETING, bytes(10_000)),
    "answers with a short frame": (GREETING, frame(b"D", 3)),
    "answers with a long frame": (GREETING, frame(b"D", -1)),
    "answers with a huge Z": (GREETING, frame(b"Z", 1 << 30, b"x" * 10_000)),
    "answers without end": (GREETING, frame(b"D", 100_000, b"x" * 1000)),
    "answers twice": (GREETING, ANSWER + ANSWER),
    "answers with an empty error": (GREETING, message("E") + ANSWER),
    "answers with an error cut": (GREETING, message("E", b"SERROR") + ANSWER),
    "answers as a client": (GREETING, query("drop table x")),
    "answers unknown types": (GREETING, message("\x01", b"x") + ANSWER),
    "ready for nothing": (GREETING + ANSWER, ANSWER),
    "copies for ever": (GREETING, message("G", b"\0\0\0") + message("Z", b"T")
                        + message("W", b"\0\0\0") + message("c")),
}


class FakeServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    class RequestHandlerClass(socketserver.BaseRequestHandler):
        def handle(self):
            packet = self.request.recv(10_000)
            greeting, answer = FAKES[packet.split(b"\0")[-3].decode()]
            try:
                if greeting is None:
                    return
                self.request.sendall(greeting)
                while self.request.recv(100_000):
                    self.request.sendall(answer)
                    if answer.startswith(b"D"):
                        return
            except OSError:
                pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.RequestHandlerClass)
        self.host, self.port = self.server_address


@pytest.fixture(scope="module")
def fake():
    with FakeServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def before_fake(request, fake):
    if request.config.getoption("--direct-only"):
        yield fake
        return
    with Lockstep(fake, {"workers": "1", "login_timeout": "1s"}) as lockstep:
        yield lockstep


def talk_to_fake(endpoint, database):
    """Log in, ask for something, leave; what was heard of it."""
    with Bare(endpoint) as session:
        session.send(startup_packet(user="postgres", database=database))
        heard = receive_until_quiet(session.socket)
        try:
            session.send(query("select 1"))
            heard += receive_until_quiet(session.socket)
        except OSError:
            pass
        return heard


def receive_until_quiet(s, quiet_s=0.2):
    heard = b""
    s.settimeout(quiet_s)
    try:
        while chunk := s.recv(65536):
            heard += chunk
    except (TimeoutError, ConnectionResetError):
        pass
    return heard


@pytest.mark.parametrize("name", FAKES)
def test_hostile_server_harms_only_its_client(before_fake, name):
    with Bare(before_fake) as other:
        other.log_in(user="postgres", database="good")
        talk_to_fake(before_fake, name)
        assert wire.status(other.query("select 1")) == "I"
        assert wire.status(other.query("select 2")) == "I"


NOT_POSTGRESQL = ["web server", "greets with ones",
                  "greets with a short frame", "greets with a long frame",
                  "answers with a short frame", "answers with a long frame"]


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("name", NOT_POSTGRESQL)
def test_bad_server_is_named_to_its_client(before_fake, name):
    """In a clear FATAL, not by silence."""
    heard = talk_to_fake(before_fake, name)
    assert b"SFATAL\0" in heard
    is_logged_in = name.startswith("answers")
    assert (b"C08P01\0" if is_logged_in else b"C57P03\0") in heard


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("name", ["silent", "never ready"])
def test_silent_server_ends_with_login_timeout(before_fake, name):
    with Bare(before_fake) as session:
        session.send(startup_packet(user="postgres", database=name))
        trace = session.read_all()
    assert wire.errors(trace)[-1]["S"] == "FATAL"


@pytest.mark.needs_lockstep
def test_server_that_closes_at_once_is_told(before_fake):
    heard = talk_to_fake(before_fake, "closes")
    assert b"SFATAL\0" in heard
    assert b"C57P03\0" in heard


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("name", ["answers twice", "ready for nothing"])
def test_answer_without_a_question_ends_the_session(before_fake, name):
    """Never guess: what does not match is logged, and the pair is closed."""
    heard = talk_to_fake(before_fake, name)
    assert b"SFATAL\0" in heard
    assert any(event.get("reason") == "out-of-step"
               for event in before_fake.events())
