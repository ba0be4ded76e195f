"""A private PostgreSQL server for the tests: made once, stopped by its pid.

    with Cluster() as cluster:
        with cluster.connect() as conn: ...

It listens on a free port of 127.0.0.1 and on a Unix socket in a short path
under /tmp, trusts everybody, and keeps nothing: the folder goes at the end.
With a certificate it serves TLS, too.

initdb takes seconds of a core.  PG_TEMPLATE names a folder that it has filled,
which is copied instead; `cluster.py FOLDER` fills it.
"""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import psycopg

import pki
import tls

START_BOUND_S = 60
STOP_BOUND_S = 15
MADE_BY = "made_by"  # in a template, whose initdb

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "max_prepared_transactions": "10",
    # The server's log is evidence: who was sent what.  Process, then SQLSTATE.
    "log_statement": "all",
    "log_line_prefix": "%m [%p] %e ",
    "log_min_messages": "warning",
    "lc_messages": "C",
}


given_away = []  # sockets that nobody uses, one at each free port


def free_port(host="127.0.0.1"):
    """A port of host that nobody listens on, and nobody else is given.

    A socket is bound to it until this process ends, so that the kernel picks
    it for no other, nor for who connects; who comes to listen there has
    SO_REUSEADDR, as servers do.
    """
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    given_away.append(s)
    s.bind((host, 0))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return s.getsockname()[1]


def default_pg_bin():
    """The folder of initdb and postgres: $PG_BIN, else Debian's newest."""
    if os.environ.get("PG_BIN"):
        return os.environ["PG_BIN"]
    root = "/usr/lib/postgresql"
    names = os.listdir(root) if os.path.isdir(root) else []
    versions = sorted(names, key=float)
    for version in reversed(versions):
        pg_bin = os.path.join(root, version, "bin")
        if os.path.exists(os.path.join(pg_bin, "initdb")):
            return pg_bin
    raise RuntimeError("no PostgreSQL server found; set PG_BIN")


class Cluster:
    """host and port are TCP; socket_dir is the libpq host of the socket.

    certificate is shown to who asks for TLS, ca is the file of those whose
    clients are believed, crl of what is revoked.
    """

    host = "127.0.0.1"

    def __init__(self, pg_bin=None, settings=None, certificate=None, ca=None,
                 crl=None):
        self.pg_bin = pg_bin or default_pg_bin()
        self.settings = {**SETTINGS, **(settings or {})}
        self.process = None
        self.port = None
        # PostgreSQL refuses to run as root.
        self.user = "postgres" if os.getuid() == 0 else None
        self.folder = tempfile.mkdtemp(prefix="lse", dir="/tmp")
        self.socket_dir = self.folder
        self.data = os.path.join(self.folder, "data")
        self.log_path = os.path.join(self.folder, "log")
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        if certificate is None and tls.is_everywhere():
            certificate = pki.shared().server
        self.tls = certificate is not None
        if certificate:
            self.settings.update(self._tls_settings(certificate, ca, crl))

    def _tls_settings(self, certificate, ca, crl):
        """PostgreSQL reads its own copies: it is another user."""
        settings = {"ssl": "on"}
        for name, source in (("ssl_cert_file", certificate.cert),
                             ("ssl_key_file", certificate.key),
                             ("ssl_ca_file", ca), ("ssl_crl_file", crl)):
            if source:
                settings[name] = os.path.join(self.folder, f"{name}.pem")
                pki.install(source, settings[name], self.user)
        return settings

    def certify(self, certificate):
        """Show another certificate from now on."""
        self._tls_settings(certificate, None, None)
        with self.connect() as admin:
            admin.execute("select pg_reload_conf()")
        deadline = time.monotonic() + START_BOUND_S
        while not pki.is_same(tls.shown(self), certificate):
            assert time.monotonic() < deadline, "it shows the old one"
            time.sleep(0.01)

    def _popen(self, program, *args, **kwargs):
        if self.user:
            kwargs.update(user=self.user, group=self.user, extra_groups=[])
        return subprocess.Popen(
            [os.path.join(self.pg_bin, program), *args],
            cwd=self.folder, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL, **kwargs)

    def _initdb(self):
        process = self._popen(
            "initdb", "-D", self.data, "-U", "postgres", "-A", "trust",
            "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output, _ = process.communicate()
        if process.returncode != 0:
            raise RuntimeError("initdb failed:\n" + output)

    def _copy_template(self):
        """False if there is none that the same initdb has made."""
        template = os.environ.get("PG_TEMPLATE", "")
        made_by = os.path.join(template, MADE_BY)
        if not os.path.exists(made_by):
            return False
        with open(made_by, encoding="utf-8") as file:
            if file.read() != self.pg_bin:
                return False
        shutil.copytree(os.path.join(template, "data"), self.data)
        self._give_to_server(self.data)
        return True

    def _give_to_server(self, folder):
        if not self.user:
            return
        owner = pwd.getpwnam(self.user)
        for path, _, names in os.walk(folder):
            for name in ".", *names:
                os.chown(os.path.join(path, name), owner.pw_uid, owner.pw_gid)

    def _make(self):
        if not self._copy_template():
            self._initdb()
        if tls.is_everywhere():
            self._forbid_clear()

    def _forbid_clear(self):
        path = os.path.join(self.data, "pg_hba.conf")
        with open(path, encoding="utf-8") as hba:
            rules = hba.read()
        with open(path, "w", encoding="utf-8") as hba:
            hba.write(re.sub(r"^host\b", "hostssl", rules, flags=re.M))

    def require_password(self, role, database="all"):
        """Of a role that comes by TCP."""
        path = os.path.join(self.data, "pg_hba.conf")
        with open(path, encoding="utf-8") as hba:
            rules = hba.read()
        with open(path, "w", encoding="utf-8") as hba:
            hba.write(f"host {database} {role} 127.0.0.1/32 scram-sha-256\n"
                      + rules)
        with self.connect() as admin:
            admin.execute("select pg_reload_conf()")

    def start(self):
        """Make the cluster if it is not there; return when it accepts."""
        if not os.path.exists(self.data):
            self._make()
        for _ in range(3):  # the free port may be taken meanwhile
            self.port = free_port()
            args = ["-D", self.data, "-p", str(self.port),
                    "-c", "listen_addresses=127.0.0.1",
                    "-c", "unix_socket_directories=" + self.socket_dir]
            for name, value in self.settings.items():
                args += ["-c", f"{name}={value}"]
            with open(self.log_path, "ab") as log:
                self.process = self._popen("postgres", *args,
                                           stdout=log, stderr=log)
            if self._wait_ready():
                return self
        raise RuntimeError("PostgreSQL did not start:\n" + self.log())

    def _wait_ready(self):
        deadline = time.monotonic() + START_BOUND_S
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                self.connect().close()
                return True
            except psycopg.OperationalError:
                time.sleep(0.02)
        self.stop()
        return False

    def stop(self, how=signal.SIGINT):
        """SIGINT is a fast shutdown, SIGQUIT an immediate one.

        A backend deep in the parser hears neither; the postmaster kills such
        ones five seconds after SIGQUIT, so it must live that long itself.
        """
        for sign in (how, signal.SIGQUIT, signal.SIGKILL):
            if self.process is None or self.process.poll() is not None:
                break
            self.process.send_signal(sign)
            try:
                self.process.wait(STOP_BOUND_S)
            except subprocess.TimeoutExpired:
                pass
        self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *exc):
        self.remove()

    def conninfo(self, dbname="postgres", user="postgres"):
        return (f"host={self.host} port={self.port} dbname={dbname} "
                f"user={user}")

    def connect(self, dbname="postgres", user="postgres", **kwargs):
        """An administrator's own connection, autocommit."""
        kwargs.setdefault("autocommit", True)
        kwargs.setdefault("application_name", "e2e_admin")
        return psycopg.connect(host=self.host, port=self.port, dbname=dbname,
                               user=user, **kwargs)

    def log(self, offset=0):
        """The server's log from a byte offset on; see log_mark."""
        with open(self.log_path, "rb") as log:
            log.seek(offset)
            return log.read().decode("utf-8", "replace")

    def log_mark(self):
        return os.path.getsize(self.log_path)


def make_template(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    cluster = Cluster()
    try:
        cluster._initdb()
        shutil.copytree(cluster.data, os.path.join(folder, "data"))
    finally:
        cluster.remove()
    with open(os.path.join(folder, MADE_BY), "w", encoding="utf-8") as file:
        file.write(cluster.pg_bin)


if __name__ == "__main__":
    make_template(sys.argv[1])
