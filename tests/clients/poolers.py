"""PgBouncer and HAProxy as the tests run them: started and stopped by pid.

    with PgBouncer(upstream, "transaction") as pooler: ...
    with HAProxy(upstream, another) as balancer: ...

Each has host and port, as a Cluster and a Lockstep have, so that any of them
may stand before any other.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from cluster import free_port

START_BOUND_S = 15
STOP_BOUND_S = 15


class Process:
    """What writes its configuration into a folder of its own and listens."""

    host = "127.0.0.1"

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="lsp", dir="/tmp")
        self.port = free_port()
        self.process = None
        self.user = None

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def command(self):
        raise NotImplementedError

    def start(self):
        command = self.command()
        owner = {}
        if self.user:
            entry = pwd.getpwnam(self.user)
            for path in [self.folder, *map(self.path, os.listdir(self.folder))]:
                os.chown(path, entry.pw_uid, entry.pw_gid)
            owner = {"user": self.user, "group": entry.pw_gid,
                     "extra_groups": []}
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=self.folder, **owner)
        deadline = time.monotonic() + START_BOUND_S
        while not self.accepts():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.01)
        return self

    def path(self, name):
        return os.path.join(self.folder, name)

    def accepts(self):
        try:
            socket.create_connection((self.host, self.port), 1).close()
            return True
        except OSError:
            return False

    def log(self):
        with open(self.path("log"), encoding="utf-8") as log:
            return log.read()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_BOUND_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class PgBouncer(Process):
    """mode is session or transaction; one pool of this size for each
    database and user, and extra settings by name."""

    def __init__(self, upstream, mode, pool_size=50, **settings):
        super().__init__()
        self.upstream = upstream
        self.settings = {
            "listen_addr": self.host, "listen_port": self.port,
            "unix_socket_dir": "", "auth_type": "trust",
            "auth_file": self.path("users"), "pool_mode": mode,
            "default_pool_size": pool_size,
            "ignore_startup_parameters": "extra_float_digits", **settings}
        # It refuses to run as root.
        self.user = "postgres" if os.getuid() == 0 else None

    def command(self):
        self.write("users", '"postgres" ""\n')
        lines = "".join(f"{name} = {value}\n"
                        for name, value in self.settings.items())
        path = self.write(
            "ini", f"[databases]\n* = host={self.upstream.host} "
            f"port={self.upstream.port}\n\n[pgbouncer]\n{lines}")
        return ["pgbouncer", "-q", path]


class HAProxy(Process):
    """balance is how it chooses; checks are logins of its own."""

    def __init__(self, *upstreams, balance="roundrobin", checks=False):
        super().__init__()
        self.upstreams = upstreams
        self.balance = balance
        self.checks = checks

    def command(self):
        servers = "".join(
            f"    server s{i} {upstream.host}:{upstream.port}"
            f"{' check inter 100ms' if self.checks else ''}\n"
            for i, upstream in enumerate(self.upstreams))
        check = "    option pgsql-check user postgres\n" if self.checks else ""
        path = self.write("cfg", f"""
global
    stats socket {self.path('stats')} mode 600 level admin
defaults
    mode tcp
    timeout connect 5s
    timeout client 10m
    timeout server 10m
listen postgres
    bind {self.host}:{self.port}
    balance {self.balance}
{check}{servers}""")
        return ["haproxy", "-db", "-q", "-f", path]

    def status(self):
        """UP, DOWN or "no check" of each server."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path("stats"))
            s.sendall(b"show stat\n")
            answer = b""
            while chunk := s.recv(65536):
                answer += chunk
        rows = [line.split(",") for line in answer.decode().splitlines()]
        place = rows[0].index("status")
        return [row[place] for row in rows if len(row) > place
                and row[1].startswith("s") and row[1][1:].isdigit()]
