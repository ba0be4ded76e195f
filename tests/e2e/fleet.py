"""A fleet: Locksteps before one server that tell one another of windows.

    with Fleet(cluster, folder) as fleet:
        pod = start_lockstep(**fleet.settings())
        wait_connected(pod)
        report(pod) == {"state": "ready", "sent": ..., ...}

forge() makes messages as a process of the fleet would, or nearly.
"""

import base64
import hashlib
import hmac
import itertools
import os
import signal
import struct
import time

import wire
from wire import Wire

KEY = b"a secret that all of the fleet share"
CONNECTED = "fleet: connected, windows are shared"
ALONE = "fleet: no connection, windows are this process's own"
FOREIGN = "fleet: notifications that are not of this fleet"

HELLO, SHUT, OPEN, KEEP, RELEASE = range(1, 6)
EVERY_TABLE = 0xFFFF

names = itertools.count(1)


def key_file(folder, *keys, mode=0o600):
    path = folder / f"fleet_key_{next(names)}"
    path.write_bytes(b"".join(key + b"\n" for key in keys))
    path.chmod(mode)
    return str(path)


class Fleet:
    """with: a database of its own for the notifications, and a key."""

    def __init__(self, cluster, folder):
        self.cluster = cluster
        self.folder = folder
        self.database = f"fleet_{next(names)}"
        self.key_file = key_file(folder, KEY)

    def settings(self, **more):
        """More are keywords of the fleet's CONNINFO."""
        words = {"host": self.cluster.host, "port": self.cluster.port,
                 "dbname": self.database, "user": "postgres", **more}
        return {"fleet": " ".join(f"{k}={v}" for k, v in words.items()),
                "fleet_key_file": self.key_file}

    def create(self):
        with self.cluster.connect() as admin:
            admin.execute(f"create database {self.database}")

    def drop(self):
        with self.cluster.connect() as admin:
            admin.execute(f"drop database if exists {self.database} "
                          "with (force)")

    def connect(self):
        """A stranger's session in the fleet's database."""
        return self.cluster.connect(self.database)

    def __enter__(self):
        self.create()
        return self

    def __exit__(self, *exc):
        self.drop()


# -- what a process says of itself ------------------------------------------

def lines(proxy, message):
    return [event for event in proxy.events()
            if event["message"].startswith(message)]


def wait_line(proxy, message, count=1):
    """Until it has been logged so often; the lines."""
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while len(found := lines(proxy, message)) < count:
        assert time.monotonic() < deadline, proxy.tail()
        time.sleep(0.02)
    return found


def wait_connected(*proxies, count=1):
    for proxy in proxies:
        wait_line(proxy, CONNECTED, count)


def wake(proxy, database):
    """A first session, after which the process joins its fleet."""
    with Wire(proxy, database):
        wait_connected(proxy)


def report(proxy):
    """The line that SIGUSR1 brings, counters as numbers."""
    def reports():
        return [event for event in lines(proxy, "fleet")
                if event["message"] == "fleet"]

    before = len(reports())
    proxy.process.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while len(found := reports()) == before:
        assert time.monotonic() < deadline, proxy.tail()
        time.sleep(0.02)
    return {name: int(value) if value.isdigit() else value
            for name, value in found[-1].items()}


def wait_report(proxy, name, least):
    """Until a counter has come so far."""
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while (found := report(proxy))[name] < least:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


# -- messages ---------------------------------------------------------------

def forge(pid, kind=SHUT, process=None, sequence=1, maker=1, length_ms=60000,
          database="", key=KEY, version=1):
    """A message about every table of a database, for a session of this pid."""
    body = struct.pack("!BB16sQQIBB", version, kind,
                       process or os.urandom(16), sequence, maker, length_ms,
                       0, len(database))
    body += database.encode() + struct.pack("!H", EVERY_TABLE)
    mac = hmac.new(key, struct.pack("!I", pid) + body, hashlib.sha256)
    return base64.b64encode(body + mac.digest()).decode()


def notify(session, text):
    session.execute("select pg_notify('lockstep', %s)", [text])
