"""Floods an endpoint, as a process of its own that leaves the cores to others.

    with Flood("connects", endpoint) as flood:
        ...
    flood.count is how many of what it does it has done

The process is this file run with kind and options as JSON.  It says "ready"
once it is at it, and the count when its standard input ends.
"""

import contextlib
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import wire
from program import startup_packet
from wire import Wire

LEAST_NICE = 19
LORIS = 100  # connections in each phase
LORIS_S = 0.1  # from one byte to the next
BOMBS = 100
SALVO_S = 1  # from one to the next
READERS = 20
CANCELERS = 4
SMALL_BYTES = 4096
# Within parse_limit, so that they do reach the parser.
BOMB_TEXTS = [
    "alter table nix drop column a, add check ("
    + "(" * 7900 + "1" + ")" * 7900 + ")",
    "drop table nix; select 1" + "+1" * 7000,
    "drop table nix; select 1" + " union select 1" * 1000,
]


class Flood:
    def __init__(self, kind, endpoint, **options):
        self.options = {"kind": kind, "host": endpoint.host,
                        "port": endpoint.port, **options}
        self.count = None
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__),
             json.dumps(self.options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline().strip() == "ready"
        return self

    def __exit__(self, *exc):
        output, _ = self.process.communicate(timeout=2 * wire.HANG_BOUND_S)
        self.count = int(output)


# -- in that process ------------------------------------------------------------

class Counter:
    def __init__(self):
        self.lock = threading.Lock()
        self.value = 0

    def add(self):
        with self.lock:
            self.value += 1


def connect(to):
    return socket.create_connection((to.host, to.port), wire.HANG_BOUND_S)


def connects(to, counter, is_over):
    """As many as a core can make; each is reset at once."""
    place = to.host, to.port
    at_once = struct.pack("ii", 1, 0)
    while not is_over.is_set():
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            connection.connect(place)
        counter.add()


def junk(to, counter, is_over):
    """Each says something that is no login, and reads the answer."""
    while not is_over.is_set():
        with connect(to) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with contextlib.suppress(OSError):
                connection.recv(1000)
        counter.add()


def handshakes(to, counter, is_over):
    """Each has the other side sign, and leaves."""
    hello = bytes.fromhex(to.hello)
    while not is_over.is_set():
        with connect(to) as connection:
            connection.sendall(struct.pack("!II", 8, 80877103))
            with contextlib.suppress(OSError):
                connection.recv(1)
                connection.sendall(hello)
                connection.recv(1)
        counter.add()


def bombs(to, counter, is_over):
    """A salvo of all sessions at once, every now and then."""
    sessions = [Wire(to) for _ in range(BOMBS)]
    messages = [wire.query(text) for text in BOMB_TEXTS]
    while not is_over.is_set():
        begun = time.monotonic()
        for i, session in enumerate(sessions):
            session.send(messages[i % len(messages)])
        for session in sessions:
            session.read_ready()
            counter.add()
        is_over.wait(begun + SALVO_S - time.monotonic())


def cancels(to, counter, is_over):
    """Every other one has the right key, of a session that does nothing."""
    victim = Wire(to)
    bodies = [struct.pack("!II", 80877102, victim.pid) + secret
              for secret in (victim.secret, bytes(len(victim.secret)))]
    while not is_over.is_set():
        for body in bodies:
            with connect(to) as connection:
                connection.sendall(struct.pack("!I", len(body) + 4) + body)
                with contextlib.suppress(OSError):
                    connection.recv(1)
            counter.add()


def trickle(connections, texts, counter, is_over):
    """A byte to each, now and then; a closed one is made anew by nobody."""
    at = 0
    while not is_over.is_set():
        for connection, text in zip(connections, texts):
            with contextlib.suppress(OSError):
                connection.send(text[at % len(text):][:1])
                counter.add()
        at += 1
        time.sleep(LORIS_S)


def loris(to, counter, is_over):
    """In a login, in a handshake, and amid a message of a session."""
    login = startup_packet(user="postgres", database="postgres",
                           application_name="x" * 5000)
    hello = bytes.fromhex(to.hello)
    half = wire.query("select '" + "x" * 5000 + "'")
    connections, texts = [], []
    for _ in range(LORIS):
        for text in login, hello:
            connections.append(connect(to))
            texts.append(text)
    for _ in range(LORIS // 2):
        connections.append(Wire(to).socket)
        texts.append(half)
    trickle(connections, texts, counter, is_over)


def never_reading(to, counter, is_over):
    """Answers without end, to who has no room for them."""
    sessions = []
    for _ in range(READERS):
        sessions.append(Wire(to))
        sessions[-1].socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                       SMALL_BYTES)
        sessions[-1].send(wire.query("select repeat('x', 10000) "
                                     "from generate_series(1, 1000000)"))
        counter.add()
    is_over.wait()
    for session in sessions:
        session.vanish(reset=True)


KINDS = {function.__name__: function for function in (
    connects, junk, handshakes, bombs, cancels, loris, never_reading)}


def main():
    os.nice(LEAST_NICE)
    options = json.loads(sys.argv[1])
    kind = options.pop("kind")
    to = SimpleNamespace(**{"tls": False, **options})
    counter, is_over = Counter(), threading.Event()
    thread = threading.Thread(target=KINDS[kind], args=[to, counter, is_over],
                              daemon=True)
    thread.start()
    while counter.value == 0 and thread.is_alive():
        time.sleep(0.005)
    print("ready", flush=True)
    select.select([sys.stdin], [], [])
    count = counter.value
    is_over.set()
    thread.join(wire.HANG_BOUND_S)
    print(count)
    os._exit(0)  # some still wait for an answer


if __name__ == "__main__":
    main()
