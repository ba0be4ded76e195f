"""Lockstep with a console, and what is asked of it.

Over a Unix socket the kernel says who has come: the user that runs the tests
is an administrator.  Over TCP everybody proves what auth_file has.
"""
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from types import SimpleNamespace

import clients
import program
import scram
import wire
from cluster import free_port
from proxy import comes_and_goes, conninfo
from scene import BOUND_S
from wire import Wire, errors, rows

ME = pwd.getpwuid(os.getuid()).pw_name
ADMIN, VIEWER = "e2e_admin", "e2e_viewer"
PASSWORD = "of the tests"


class Consoled(program.Program):
    """Listens at TCP and in a folder of its own; .file is the latter."""

    def __init__(self, upstream, **settings):
        self.folder = tempfile.mkdtemp(prefix="lsc", dir="/tmp")
        port = free_port()
        self.file = SimpleNamespace(host=self.folder, port=port)
        settings = {"drain_timeout": "2s", "workers": "2",
                    "admin_users": f"{ME}, {ADMIN}", "stats_users": VIEWER,
                    "auth_file": self.auth_file(), **settings}
        sets = [word for name, value in settings.items() if value is not None
                for word in ("--set", f"{name}={value}")]
        super().__init__(SimpleNamespace(host="127.0.0.1", port=port),
                         "serve", "--listen",
                         f"127.0.0.1:{port},{self.folder}:{port}",
                         "--upstream", conninfo(host=upstream.host,
                                                port=upstream.port), *sets)

    def auth_file(self):
        path = os.path.join(self.folder, "users")
        with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600),
                  encoding="utf-8") as file:
            for user in ADMIN, VIEWER:
                file.write(f'"{user}" "{scram.verifier(PASSWORD)}"\n')
        return path

    def _accepts(self):
        """The file is the last place where it comes to listen."""
        return comes_and_goes(lambda: wire.connect(self.file))

    def remove(self):
        super().remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def console(self):
        return Wire(self.file, "lockstep", ME)

    def login(self, user, **more):
        """psycopg, over TCP."""
        return clients.libpq_connect(
            **{"host": self.host, "port": self.port, "user": user,
               "password": PASSWORD, "dbname": "lockstep",
               "sslmode": "disable", "passfile": "/dev/null", **more})


def columns(trace):
    return [column[0] for kind, fields in trace if kind == "T"
            for column in fields]


def show(console, what):
    """The rows of one SHOW, each a dictionary; without those of connections
    that say nothing."""
    trace = console.query(f"SHOW {what}")
    assert errors(trace) == [], trace
    shown = [dict(zip(columns(trace), row)) for row in rows(trace)]
    return [row for row in shown if row.get("user") != ""]


def id_of(console, session):
    """Of the session whose server process that is."""
    return next(row["id"] for row in show(console, "CLIENTS")
                if row["remote_pid"] == str(session.pid))


def psql_command(consoled):
    return ["psql", "-X", "-h", consoled.folder, "-p", str(consoled.port),
            "-U", ME, "-d", "lockstep"]


def psql(consoled, *arguments, text=None):
    return subprocess.run(
        [*psql_command(consoled), *arguments], input=text, text=True,
        capture_output=True, env=program.environment(),
        timeout=wire.HANG_BOUND_S)


def held_row(console):
    """Of the statement that is held, once it waits."""
    deadline = time.monotonic() + BOUND_S
    while time.monotonic() < deadline:
        found = show(console, "HELD")
        if found and int(found[0]["waits"]) > 0:
            return found[0]
        time.sleep(0.01)
    raise AssertionError("nothing is held")
