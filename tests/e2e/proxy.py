"""Lockstep as the tests run it: started, watched and stopped by its pid."""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time

import tls
from cluster import free_port

START_BOUND_S = 30
STOP_BOUND_S = 60
LOG_BOUND_S = 5
SETTLE_S = 0.01  # a thread writes the log
HANDED_ON = 3  # from a worker to another, and to who writes the log

REPORT = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error:"
                    r"|Assertion .* failed")
LINE = re.compile(r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC) "
                  r"(?P<level>[A-Z]+) +(?P<rest>.*)")
FIELD = re.compile(r'(?P<key>[a-z_]+)=(?P<value>"(?:[^"\\]|\\.)*"|[^\s"]*)'
                   r'(?:\s|$)')

# Sessions that a failed test forgot must not hold the shutdown up, and tests
# count lines.
SETTINGS = {"drain_timeout": "2s", "workers": "2", "log_repeats": "0"}


def parse_line(line):
    """A line of the text log as {"time", "level", "message", key: value}."""
    match = LINE.fullmatch(line)
    if not match:
        return None
    first = FIELD.search(match["rest"])
    text = match["rest"][:first.start()] if first else match["rest"]
    event = {"time": match["time"], "level": match["level"].lower(),
             "message": text.strip()}
    for field in FIELD.finditer(match["rest"], len(text)):
        value = field["value"]
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        event[field["key"]] = value
    return event


def lockstep_bin():
    return os.environ.get("LOCKSTEP_BIN")


def conninfo(**parameters):
    """As libpq reads it, each value in quotes."""
    def quoted(value):
        return "'" + re.sub(r"([\\'])", r"\\\1", str(value)) + "'"

    return " ".join(f"{name}={quoted(value)}"
                    for name, value in parameters.items())


def comes_and_goes(connect):
    """True if somebody accepts, and has seen that the connection ended: it
    counts among no others any more, once all threads rest."""
    try:
        with connect() as s:
            s.shutdown(socket.SHUT_WR)
            return s.recv(1) == b""
    except OSError:
        return False


class Lockstep:
    """upstream has host and port; settings become --set NAME=VALUE.

    upstream_options are more of the upstream's CONNINFO.
    """

    host = "127.0.0.1"

    def __init__(self, upstream, settings=None, upstream_options=None):
        self.upstream = upstream
        self.settings = {**SETTINGS, **(settings or {})}
        self.upstream_options = upstream_options or {}
        if tls.is_everywhere():
            self.settings = {**tls.listener_settings(), **self.settings}
            if getattr(upstream, "tls", False):
                self.upstream_options = {**tls.upstream_options(),
                                         **self.upstream_options}
        self.tls = self.settings.get("tls_mode", "disable") != "disable"
        self.process = None
        self.port = None
        self.inherited = []  # descriptors that it gets
        self.variables = {}  # more of its environment
        fd, self.log_path = tempfile.mkstemp(prefix="lsl", dir="/tmp")
        os.close(fd)

    def program(self):
        """The command that the arguments follow."""
        return [lockstep_bin()]

    def start(self):
        """Return when it accepts connections."""
        self.port = free_port()
        command = [*self.program(), "serve",
                   "--listen", f"{self.host}:{self.port}",
                   "--upstream", conninfo(host=self.upstream.host,
                                          port=self.upstream.port,
                                          **self.upstream_options)]
        for name, value in self.settings.items():
            command += ["--set", f"{name}={value}"]
        # LOCKSTEP_... of the environment are settings, LOCKSTEP_BIN is ours.
        env = {name: value for name, value in os.environ.items()
               if not name.startswith("LOCKSTEP_")}
        env.update(self.variables)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=env,
                                            pass_fds=self.inherited)
        deadline = time.monotonic() + START_BOUND_S
        while not self._accepts():
            if not self.is_alive() or time.monotonic() > deadline:
                text = self.stderr()
                self.remove()
                raise RuntimeError("lockstep does not accept:\n" + text)
            time.sleep(0.01)
        self.rest()
        return self

    def _accepts(self):
        return comes_and_goes(lambda: socket.create_connection(
            (self.host, self.port), 1))

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, how=signal.SIGTERM):
        """Stop it and check its end: exit code 0 and no complaint."""
        if self.is_alive():
            self.process.send_signal(how)
        try:
            code = self.process.wait(STOP_BOUND_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "none: it had to be killed"
        self.assert_clean()
        assert code == 0, f"exit code {code}\n{self.tail()}"

    def remove(self):
        if self.is_alive():
            self.process.kill()
            self.process.wait()
        if os.path.exists(self.log_path):
            os.unlink(self.log_path)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *exc):
        try:
            if kind is None:
                self.stop()
        finally:
            self.remove()

    def rss(self):
        """Resident memory in bytes."""
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def processor_s(self):
        """What it has taken of the machine's processors, so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            words = file.read().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    # -- what it wrote on standard error

    def settle(self):
        """Until its thread has written what there is to write."""
        size = -1
        while self.process.poll() is None and \
                (now := os.path.getsize(self.log_path)) != size:
            size = now
            time.sleep(SETTLE_S)
            self.rest()

    def rest(self):
        """Until each of its threads has had nothing to do, and again: what one
        leaves to another is done, too.  On a busy machine one that has may
        not come to it for long."""
        deadline = time.monotonic() + LOG_BOUND_S
        for _ in range(HANDED_ON):
            for thread in self._threads():
                while self._is_at_work(thread) and \
                        time.monotonic() < deadline:
                    time.sleep(0.001)

    def _threads(self):
        try:
            return os.listdir(f"/proc/{self.process.pid}/task")
        except FileNotFoundError:
            return []

    def _is_at_work(self, thread):
        """It runs, waits for a core or for a disk."""
        try:
            with open(f"/proc/{self.process.pid}/task/{thread}/stat",
                      encoding="ascii", errors="replace") as stat:
                return stat.read().rpartition(")")[2].split()[0] in "RD"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def stderr(self):
        if self.process:
            self.settle()
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def tail(self, lines=20):
        return "\n".join(self.stderr().splitlines()[-lines:])

    def events(self):
        """The log lines, parsed; what is not a log line is left out."""
        parsed = map(parse_line, self.stderr().splitlines())
        return [event for event in parsed if event]

    def guarded(self):
        """The lines about guarded statements: one for each, at its end."""
        return [event for event in self.events() if "outcome" in event]

    def wait_guarded(self, count):
        """The guarded lines, once there are that many (or time is up)."""
        deadline = time.monotonic() + LOG_BOUND_S
        while len(lines := self.guarded()) < count:
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        return lines

    def started_over(self):
        """The lines about transactions that were started over."""
        return [event for event in self.events()
                if event["message"] == "transaction started over"]

    def assert_clean(self):
        """No sanitizer report, no failed assertion."""
        report = REPORT.search(text := self.stderr())
        assert not report, text[max(0, report.start() - 500):][:8000]
