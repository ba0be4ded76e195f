"""Lockstep by its bare command line, and connections by their bare bytes.

For the tests that look at what proxy.Lockstep and wire.Wire do by
themselves: arguments, listeners, the packets that open a connection.
"""
import os
import shutil
import socket
import struct
import subprocess
import time
from types import SimpleNamespace

import proxy
import tls
import wire
from cluster import free_port

PROTOCOL_3_0 = 3 << 16
SSL_REQUEST = tls.SSL_REQUEST
GSSENC_REQUEST = struct.pack("!II", 8, 80877104)


# -- the program ------------------------------------------------------------

def environment(settings=None):
    """Nothing of the caller's own LOCKSTEP_ settings, then these."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(("LOCKSTEP_", "PG"))}
    return {**clean, **(settings or {})}


def run(*arguments, settings=None, **options):
    """A command that ends by itself: .returncode, .stdout, .stderr."""
    return subprocess.run([proxy.lockstep_bin(), *arguments], text=True,
                          env=environment(settings), capture_output=True,
                          stdin=subprocess.DEVNULL,
                          timeout=wire.HANG_BOUND_S, **options)


def run_as(user, folder, *arguments):
    """run() as user, who may enter folder, but not perhaps the checkout."""
    program = shutil.copy(proxy.lockstep_bin(), folder)
    return run(*arguments, executable=program, cwd=folder, user=user,
               group=user, extra_groups=[])


class Program(proxy.Lockstep):
    """`lockstep` with exactly these arguments; a with statement as usual.

    endpoint is where it will accept; others may be among the arguments.
    """

    def __init__(self, endpoint, *arguments, settings=None):
        super().__init__(upstream=None)
        self.host = endpoint.host
        self.port = endpoint.port
        self.arguments = arguments
        if tls.is_everywhere():
            settings = {**{f"LOCKSTEP_{name.upper()}": value for name, value
                           in tls.listener_settings().items()},
                        **(settings or {})}
        self.environment = environment(settings)

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [proxy.lockstep_bin(), *self.arguments], stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, env=self.environment)
        deadline = time.monotonic() + proxy.START_BOUND_S
        while not self._accepts():
            assert self.is_alive(), "it ended at start:\n" + self.stderr()
            assert time.monotonic() < deadline, self.stderr()
            time.sleep(0.01)
        self.rest()
        return self

    def _accepts(self):
        return proxy.comes_and_goes(lambda: connect(self))


def free_endpoint(host="127.0.0.1"):
    """A place to listen at that is free now; a host with / is a folder."""
    if host.startswith("/"):
        return SimpleNamespace(host=host, port=5432)
    return SimpleNamespace(host=host, port=free_port(host))


def listen_text(*endpoints):
    """The endpoints as setting `listen` has them."""
    return ", ".join(f"[{e.host}]:{e.port}" if ":" in e.host
                     else f"{e.host}:{e.port}" for e in endpoints)


# -- connections ------------------------------------------------------------

def connect(endpoint):
    """A connected socket, in clear."""
    return wire.connect(endpoint, encryption=False)


def startup_packet(version=PROTOCOL_3_0, **parameters):
    if not parameters:
        parameters = {"user": "postgres", "database": "postgres"}
    body = struct.pack("!I", version)
    for name, value in parameters.items():
        body += name.encode() + b"\0" + value.encode() + b"\0"
    body += b"\0"
    return struct.pack("!I", len(body) + 4) + body


class Bare(wire.Wire):
    """Connected, with nothing said yet: send() and read() as in Wire.

    Over a socket of the caller's own, if one is given.
    """

    def __init__(self, endpoint, encryption=None, direct=False, over=None,
                 receive_bytes=None):
        self.socket = over or wire.connect(endpoint, encryption, direct,
                                           receive_bytes)
        self.unread = b""
        self.pid = None
        self.secret = None
        self.parameters = {}

    def read_byte(self):
        """One byte that is no message, as the answer to SSLRequest."""
        self.socket.settimeout(wire.HANG_BOUND_S)
        return self.socket.recv(1)

    def read_all(self):
        """Every message up to the end of the connection, CLOSED included."""
        trace = [self.read()]
        while trace[-1] is not wire.CLOSED:
            trace.append(self.read())
        return trace

    def log_in(self, **parameters):
        self.send(startup_packet(**parameters))
        return self.read_ready()
