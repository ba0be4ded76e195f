"""Who is measured: started in front of one server, watched, stopped by pid.

    for kind in contestants.ALL:
        with kind(cluster, encryption=False) as contestant:
            contestant.host, contestant.port, contestant.pid

Each listens on 127.0.0.1, relays to the cluster over TCP in clear, has one
thread that does so, and logs nothing for a session.  What else is set is
`told` to the reader of a report; all the rest is everybody's own default.

With encryption it ends TLS with its clients; all show the same certificate.
"""

import os
import pathlib
import re
import resource
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / "e2e"), str(TESTS / "clients")]
import pki  # noqa: E402
import poolers  # noqa: E402
import proxy  # noqa: E402

SESSIONS = 20000  # at most; no limit of a contestant's own should be met


def raise_descriptor_limit():
    """For this process and all that it starts: two for each session."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def output(*command):
    return subprocess.run(command, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL).stdout


def told(settings):
    return ", ".join(f"{name} = {value}" for name, value in settings.items())


class Watched:
    """needs_direct_tls: clients must begin with TLS, not with SSLRequest."""

    can_encrypt = True
    needs_direct_tls = False

    @property
    def pid(self):
        return self.process.pid


class Direct(Watched):
    """The server by itself; what it uses is nobody's overhead."""

    name = "direct"
    title = "direct"
    pid = None
    TOLD = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum",
            "shared_buffers", "max_wal_size", "max_connections")

    def __init__(self, cluster, encryption=False):
        self.cluster = cluster
        self.host, self.port = cluster.host, cluster.port
        self.encryption = encryption
        self.told = told({name: value for name, value
                          in cluster.settings.items() if name in self.TOLD})

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def version(self):
        return output(f"{self.cluster.pg_bin}/postgres", "--version").strip()


class Floor(Watched, poolers.Process):
    """The least that a proxy can do; FLOOR_BIN names the program."""

    name = "floor"
    title = "floor"
    can_encrypt = False
    told = "one thread, one buffer of 16 kB"

    def __init__(self, cluster, encryption=False):
        assert not encryption
        super().__init__()
        self.cluster = cluster

    def command(self):
        return [os.environ["FLOOR_BIN"], str(self.port),
                str(self.cluster.port)]

    def version(self):
        return "tests/bench/floor.c"


class HAProxy(Watched, poolers.Process):
    """It cannot answer SSLRequest: its clients have to begin with TLS."""

    name = "haproxy"
    title = "HAProxy"
    needs_direct_tls = True
    told = "mode tcp, nbthread 1, no log"

    def __init__(self, cluster, encryption=False):
        super().__init__()
        self.cluster = cluster
        self.encryption = encryption

    def command(self):
        encrypted = ""
        if self.encryption:
            own = pki.shared().lockstep
            pem = self.write("pem", "".join(
                open(path, encoding="ascii").read()
                for path in (own.cert, own.key)))
            encrypted = f" ssl crt {pem} alpn postgresql"
        path = self.write("cfg", f"""
global
    nbthread 1
    maxconn {SESSIONS // 4}
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen postgres
    bind {self.host}:{self.port}{encrypted}
    server s0 {self.cluster.host}:{self.cluster.port}
""")
        return ["haproxy", "-db", "-q", "-f", path]

    def version(self):
        return re.match(r"\S+ \S+ \S+", output("haproxy", "-v"))[0]


class PgBouncer(Watched, poolers.PgBouncer):
    """A pool that is never exhausted, so that nobody waits for a server."""

    name = "pgbouncer"
    title = "PgBouncer"

    def __init__(self, cluster, encryption=False):
        own = {"max_client_conn": SESSIONS // 2, "log_connections": 0,
               "log_disconnections": 0, "log_stats": 0,
               "server_tls_sslmode": "disable"}
        self.told = told({"pool_mode": "session",
                          "default_pool_size": SESSIONS // 2} | own)
        super().__init__(cluster, "session", SESSIONS // 2, **own)
        if encryption:
            self._encrypt()

    def _encrypt(self):
        """It runs as another user, who has copies of the files."""
        own = pki.shared().lockstep
        self.settings["client_tls_sslmode"] = "require"
        for name, path in (("cert", own.cert), ("key", own.key)):
            copy = self.path(name)
            pki.install(path, copy)
            self.settings[f"client_tls_{name}_file"] = copy

    def version(self):
        return output("pgbouncer", "-V").splitlines()[0]


class Lockstep(Watched, proxy.Lockstep):
    """LOCKSTEP_BIN names the program."""

    name = "lockstep"
    title = "Lockstep"

    def __init__(self, cluster, encryption=False):
        settings = {"workers": 1, "log_level": "warning",
                    "max_connections": SESSIONS}
        self.told = told(settings)
        if encryption:
            own = pki.shared().lockstep
            settings |= {"tls_mode": "require", "tls_cert": own.cert,
                         "tls_key": own.key}
        super().__init__(cluster, settings, {"sslmode": "disable"})

    def version(self):
        return output(proxy.lockstep_bin(), "--version").strip()


ALL = [Direct, Floor, HAProxy, PgBouncer, Lockstep]
BY_NAME = {kind.name: kind for kind in ALL}
