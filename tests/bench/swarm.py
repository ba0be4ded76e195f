"""Ten thousand sessions: a server and clients in C, one process each.

    with Stub() as stub, Swarm(endpoint) as swarm:
        swarm.open(10000)

BENCH_STUB and BENCH_SWARM name the programs; what is not named is compiled.
"""

import os
import pathlib
import resource
import select
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
BUILT = HERE.parents[1] / "build" / "bench"

ANSWER_BOUND_S = 600
STOP_BOUND_S = 15
INFLIGHT = 8

# A proxy needs two descriptors for a session, and some for itself.
SPARE_DESCRIPTORS = 200


def compiled(name):
    source, built = HERE / f"{name}.c", BUILT / name
    if not built.exists() or \
            built.stat().st_mtime < source.stat().st_mtime:
        BUILT.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", built, source],
                       check=True)
    return str(built)


def program(name):
    return os.environ.get(f"BENCH_{name.upper()}") or compiled(name)


def raise_descriptor_limit(wanted):
    """As far as it goes, for all that is started from now on: that limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (max(wanted, hard), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return limit
        except (ValueError, OSError):
            continue
    return soft


def most_sessions(wanted):
    """So many, or as many as one process can have descriptors for."""
    limit = raise_descriptor_limit(2 * wanted + SPARE_DESCRIPTORS)
    return min(wanted, (limit - SPARE_DESCRIPTORS) // 2)


class Process:
    """with: a program that ends when its standard input does."""

    def __init__(self, name, *arguments):
        self.name = name
        self.process = subprocess.Popen(
            [program(name), *map(str, arguments)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)

    def read_line(self, bound_s=ANSWER_BOUND_S):
        out = self.process.stdout
        if not select.select([out], [], [], bound_s)[0]:
            raise RuntimeError(f"{self.name} says nothing")
        line = out.readline()
        if not line:
            raise RuntimeError(f"{self.name} has ended")
        return line.strip()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        try:
            self.process.wait(STOP_BOUND_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Stub(Process):
    """A server with one answer, where a Cluster may stand."""

    host = "127.0.0.1"
    tls = False

    def __init__(self):
        super().__init__("stub")
        self.settings = {}
        self.port = int(self.read_line())


class Swarm(Process):
    """Clients of an endpoint; each command is back when it is done."""

    def __init__(self, endpoint):
        super().__init__("swarm", endpoint.port)

    def command(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        return [float(value) for value in self.read_line().split()]

    def open(self, count, inflight=INFLIGHT):
        """Hold so many sessions."""
        self.command("open", count, inflight)

    def run(self, active, count, inflight=INFLIGHT):
        """Queries by so many of them: seconds, p50 and p99 in us."""
        return self.command("run", active, inflight, count)

    def churn(self, count, inflight=INFLIGHT):
        """Seconds for so many that come and leave."""
        return self.command("churn", count, inflight)[0]

    def close(self):
        self.command("close")
