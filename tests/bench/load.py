"""What contestants are loaded with: pgbench, psql, and sessions that idle.

Each load is one call that returns a Load.  The client programs are those of
one folder; they are told where to connect by the environment.
"""

import contextlib
import dataclasses
import glob
import os
import re
import socket
import subprocess

import contestants  # noqa: F401, for the path
import program
import tls
import wire

END_BOUND_S = 60  # later than it should have ended
COPY_BOUND_S = 300
READY = b"Z\0\0\0\5I"


class Failed(Exception):
    """A load that did not run to its end; the argument is what it said."""


@dataclasses.dataclass
class Load:
    """units are what CPU time is divided by; latencies_us is sorted."""

    units: float
    seconds: float
    latencies_us: list = dataclasses.field(default_factory=list)

    def percentile(self, share):
        """The least latency that this share of them does not exceed."""
        return nearest_rank(self.latencies_us, share)


def nearest_rank(ordered, share):
    if not ordered:
        return None
    rank = -int(-share * len(ordered) // 1)  # rounded up
    return ordered[max(rank, 1) - 1]


def logged(line):
    """Of pgbench's log: when the transaction ended, and its latency in µs."""
    _client, _number, latency, _script, epoch, us = line.split()[:6]
    return int(epoch) + int(us) / 1e6, int(latency)


def load_since(transactions, begun):
    """The Load of those that ended after it began to be watched."""
    counted = [(end, latency) for end, latency in transactions
               if end >= begun]
    if not counted:
        raise Failed("no transaction ended")
    return Load(len(counted), max(counted)[0] - begun,
                sorted(latency for _end, latency in counted))


class Clients:
    """pgbench and psql of a folder; their files go to another one."""

    def __init__(self, pg_bin, folder):
        self.pg_bin = pg_bin
        self.folder = folder

    def version(self):
        said = contestants.output(f"{self.pg_bin}/pgbench", "--version")
        return re.search(r"\d+(\.\d+)?", said)[0]

    def can_begin_with_tls(self):
        return float(self.version()) >= 17

    def environment(self, endpoint, encryption):
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith("PG")}
        kept.update(PGHOST=endpoint.host, PGPORT=str(endpoint.port),
                    PGUSER="postgres", PGDATABASE="postgres",
                    PGGSSENCMODE="disable",
                    PGSSLMODE="require" if encryption else "disable")
        if encryption and endpoint.needs_direct_tls:
            kept["PGSSLNEGOTIATION"] = "direct"
        return kept

    def run(self, endpoint, encryption, name, *arguments, timeout, **options):
        """Its standard output."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        try:
            done = subprocess.run(
                [f"{self.pg_bin}/{name}", *arguments], text=True,
                stderr=subprocess.PIPE, timeout=timeout, cwd=self.folder,
                env=self.environment(endpoint, encryption), **options)
        except subprocess.TimeoutExpired as expired:
            raise Failed(f"{name}: not over in {timeout} s") from expired
        if done.returncode != 0:
            raise Failed(f"{name} {arguments}:\n{done.stderr[-2000:]}")
        return done.stdout

    def pgbench(self, endpoint, encryption, seconds, *arguments):
        """The transactions, as (when it ended, latency in µs)."""
        for log in self._logs():
            os.unlink(log)
        self.run(endpoint, encryption, "pgbench", "-n", "-T", str(seconds),
                 "-l", "--log-prefix=transactions", *arguments,
                 timeout=seconds + END_BOUND_S)
        found = [logged(line) for log in self._logs()
                 for line in open(log, encoding="ascii")]
        if not found:
            raise Failed("pgbench had no time for a transaction")
        return found

    def _logs(self):
        return glob.glob(os.path.join(self.folder, "transactions.*"))

    def psql(self, endpoint, encryption, sql, **options):
        self.run(endpoint, encryption, "psql", "-X", "-q", "-c", sql,
                 timeout=COPY_BOUND_S, **options)


def feed(line, count):
    """A process whose standard output is that line, that often."""
    return subprocess.Popen(
        ["sh", "-c", 'yes "$0" | head -n "$1"', line, str(count)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


# -- sessions of our own ----------------------------------------------------

def _receive_answer(connection):
    """How many bytes come up to ReadyForQuery."""
    count, tail = 0, b""
    while not tail.endswith(READY):
        chunk = connection.recv(1 << 18)
        if not chunk:
            raise Failed(f"closed after {tail[-200:]!r}")
        count += len(chunk)
        tail = (tail + chunk)[-200:]
    return count


def _open_session(endpoint, encryption):
    """Logged in, and one statement run."""
    connection = socket.create_connection((endpoint.host, endpoint.port),
                                          END_BOUND_S)
    if encryption:
        direct = endpoint.needs_direct_tls
        if not direct and tls.ask(connection) != b"S":
            raise Failed("no TLS")
        context = tls.context(alpn=[tls.ALPN] if direct else [])
        connection = context.wrap_socket(connection,
                                         server_hostname="localhost")
    connection.sendall(program.startup_packet())
    _receive_answer(connection)
    connection.sendall(wire.query("select 1"))
    _receive_answer(connection)
    return connection


@contextlib.contextmanager
def idle_sessions(endpoint, encryption, count):
    with contextlib.ExitStack() as sessions:
        for _ in range(count):
            sessions.enter_context(_open_session(endpoint, encryption))
        yield


def answer_bytes(endpoint, sql):
    """What the server sends in answer to a simple Query."""
    with _open_session(endpoint, False) as connection:
        connection.sendall(wire.query(sql))
        return _receive_answer(connection)


def cipher(endpoint):
    """What TLS comes to with it, as "TLSv1.3 TLS_AES_256_GCM_SHA384"."""
    with _open_session(endpoint, True) as connection:
        name, version, _bits = connection.cipher()
        return f"{version} {name}"
