"""Lockstep under callgrind, and a client and a server that wait for it.

Client and server are one thread: each sends only after the other has read
all that was sent to it.  So Lockstep is woken as often, and reads and writes
as much at a time, in every run, whatever else the machine does; and since
instructions are counted rather than timed, so is what it costs.

The counts are cut wherever a session opens.
"""

import collections
import os
import pathlib
import shutil
import socket
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import fake_server  # noqa: E402
import program  # noqa: E402
import proxy  # noqa: E402
import wire  # noqa: E402,F401

CUT_AT = "worker_handle_mail"  # called for each session, and by a pointer only
QUIET_S = 0.05  # for what Lockstep does after its last write

# The C library chooses its string functions by the processor.
TUNABLES = "glibc.cpu.hwcaps=-AVX2,-AVX,-AVX512F,-AVX512VL,-ERMS,-FSRM"


def named(function, library):
    """Libraries have functions without a name: they go by their address."""
    if function.startswith("0x"):
        return f"{library.split('.so')[0]}:{int(function, 16):#x}"
    return function


def read_functions(path):
    """Instructions of each function, those of its callees left out."""
    functions = collections.Counter()
    library = function = None
    is_of_callee = False
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("ob="):
                library = os.path.basename(line[3:].strip())
            elif line.startswith("fn="):
                function = named(line[3:].strip(), library)
            elif line.startswith("calls="):
                is_of_callee = True
            elif line[0].isdigit():
                if not is_of_callee:
                    functions[function] += int(line.split()[1])
                is_of_callee = False
    return functions


class Counted(proxy.Lockstep):
    """Lockstep with one worker, under callgrind."""

    def __init__(self, upstream, settings):
        super().__init__(upstream, {"workers": "1", "log_level": "error",
                                    **settings}, {"sslmode": "disable"})
        self.folder = tempfile.mkdtemp(prefix="lsc", dir="/tmp")
        self.output = os.path.join(self.folder, "out")
        self.sessions = 1  # start() connects

    def program(self):
        return ["env", f"GLIBC_TUNABLES={TUNABLES}", "valgrind", "-q",
                "--tool=callgrind", "--compress-strings=no",
                "--compress-pos=no", f"--dump-before={CUT_AT}",
                f"--callgrind-out-file={self.output}", *super().program()]

    def functions(self, session):
        """Instructions of each from that session's opening to the next."""
        path = f"{self.output}.{session + 1}"
        if not os.path.exists(path):
            raise RuntimeError(f"callgrind did not cut at {CUT_AT}()")
        return read_functions(path)

    def remove(self):
        super().remove()
        shutil.rmtree(self.folder, ignore_errors=True)


class Stub:
    """A listener whose connections a Conversation takes."""

    host = "127.0.0.1"

    def __init__(self):
        self.socket = socket.create_server((self.host, 0))
        self.socket.settimeout(proxy.START_BOUND_S)
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()


class Conversation:
    """with: a session through Lockstep, both of whose ends are here."""

    def __init__(self, lockstep, stub):
        lockstep.sessions += 1
        self.number = lockstep.sessions
        self.client = program.connect(lockstep)
        self.client.sendall(program.startup_packet())
        self.server, _ = stub.socket.accept()
        self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.settimeout(proxy.START_BOUND_S)
        fake_server.read_packet(self.server)
        self.answer(fake_server.GREETING)

    def ask(self, data):
        self.client.sendall(data)
        expect(self.server, data)

    def answer(self, data):
        self.server.sendall(data)
        expect(self.client, data)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        """Back when Lockstep has nothing left to do."""
        self.client.close()
        while self.server.recv(65536):
            pass
        self.server.close()
        time.sleep(QUIET_S)


def expect(connection, data):
    got = b""
    while len(got) < len(data):
        chunk = connection.recv(len(data) - len(got))
        if not chunk:
            break
        got += chunk
    if got != data:
        raise RuntimeError(f"{data[:80]} became {got[:80]}")
