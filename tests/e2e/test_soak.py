"""Mixed traffic, migrations every second or so, and random faults, through two
proxies of a fleet of which one is killed now and then.

All along: money is neither made nor lost, what was answered is there and there
once, a migration is done whole or not at all, nobody dies but of a fault, and
nobody stalls.  In the end nothing is left, and memory has not grown.
"""

import contextlib
import json
import os
import random
import signal
import threading
import time
from unittest import mock

import psycopg
import pytest

from effort import effort
from proxy import Lockstep
from scene import wait_for
from soak_world import (APPLICATION, MIGRATORS, READERS, TENANT, WRITERS,
                        Faults, Migrator, Reader, Record, Tenant, Writer,
                        make_world)

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("TLS changes nothing of it")]

SANITIZED = bool(os.environ.get("LOCKSTEP_SANITIZED"))
SOAK_S = int(os.environ.get("SOAK_S", effort(40, 3600)))
FAULT_S = 3  # between two, on average
FREEZE_S = 0.7
STALL_S = 12  # a gate is shut for two seconds at a time here, an attempt waits
QUIET_S = 10  # without a fault, at the end, before memory is looked at
GROWTH_BYTES = 6 << 20
SETTINGS = {"guard": "ddl", "gate_transaction": "1s", "hold_timeout": "20s"}


class Soak:
    """The players, two proxies, and who does them harm."""

    def __init__(self, cluster, database, settings):
        self.cluster = cluster
        self.database = database
        self.settings = settings
        self.proxies = []
        self.is_over = threading.Event()
        self.faults = Faults()
        self.record = Record()
        self.admin = cluster.connect(database)
        self.admin_lock = threading.Lock()
        self.random = random.Random(16)
        self.samples = []  # (seconds, bytes, descriptors) of the first proxy
        self.players = []

    def start(self):
        self.proxies = [Lockstep(self.cluster, self.settings).start()
                        for _ in range(2)]
        make_world(self.admin)
        self.players = [
            *[Writer(self, APPLICATION, i) for i in range(WRITERS)],
            *[Reader(self, APPLICATION, i) for i in range(READERS)],
            Tenant(self, TENANT, 0),
            *[Migrator(self, role, i) for i, role in enumerate(MIGRATORS)]]
        for player in self.players:
            player.start()

    def ask_server(self, text, parameters):
        with self.admin_lock:
            return self.admin.execute(text, parameters).fetchall()

    # -- harm

    def hurt(self):
        fault = self.random.choice([
            self.kill_client, self.kill_backend, self.freeze_backend,
            self.kill_proxy, self.freeze_proxy])
        self.faults.note(fault.__name__)
        fault()
        self.faults.times[-1] = time.monotonic()

    def kill_client(self):
        session = self.random.choice(self.players).session
        if session:
            with contextlib.suppress(OSError):
                session.socket.shutdown(2)

    def backend(self):
        pids = [pid for pid, in self.ask_server(
            "select pid from pg_stat_activity where datname = %s and "
            "backend_type = 'client backend' and pid <> pg_backend_pid()",
            [self.database])]
        return self.random.choice(pids) if pids else None

    def kill_backend(self):
        self.ask_server("select pg_terminate_backend(%s)", [self.backend()])

    def freeze_backend(self):
        self.freeze(self.backend())

    def freeze(self, pid):
        with contextlib.suppress(ProcessLookupError, TypeError):
            os.kill(pid, signal.SIGSTOP)
            try:
                time.sleep(FREEZE_S)
            finally:
                os.kill(pid, signal.SIGCONT)

    def freeze_proxy(self):
        self.freeze(self.random.choice(self.proxies).process.pid)

    def kill_proxy(self):
        """The second; another takes its place."""
        killed = self.proxies[1]
        killed.process.kill()
        killed.process.wait()
        killed.assert_clean()
        with mock.patch("proxy.free_port", lambda: killed.port):
            self.proxies[1] = Lockstep(self.cluster, self.settings).start()
        killed.remove()

    # -- the time

    def sample(self):
        pid = self.proxies[0].process.pid
        self.samples.append((time.monotonic(), self.proxies[0].rss(),
                             len(os.listdir(f"/proc/{pid}/fd"))))

    def last(self, seconds):
        end = time.monotonic() + seconds
        hurt_next = time.monotonic() + FAULT_S
        while time.monotonic() < end and not self.record.problems:
            time.sleep(0.2)
            self.sample()
            assert all(proxy.is_alive() for proxy in self.proxies)
            if end - QUIET_S > time.monotonic() > hurt_next:
                self.hurt()
                hurt_next = time.monotonic() + self.random.uniform(
                    0.5 * FAULT_S, 1.5 * FAULT_S)

    def stop(self):
        self.is_over.set()
        for player in self.players:
            player.join(60)
            assert not player.is_alive(), f"{player.name} is stuck"

    # -- what must hold

    def check(self):
        assert self.record.problems == []
        assert self.record.longest_s < STALL_S
        for kind in Writer, Reader, Tenant, Migrator:
            assert self.record.done[kind.__name__] > 0, kind
        self.check_server()
        self.check_ledger()
        for player in self.players:
            if isinstance(player, Migrator):
                player.compare("in the end")
        assert self.record.problems == []

    def check_server(self):
        wait_for(self.admin, "not exists (select from pg_stat_activity where "
                 "datname = %s and pid <> pg_backend_pid() "
                 "and application_name not like 'lockstep%%')", self.database)
        wait_for(self.admin, "not exists (select from pg_locks where "
                 "locktype = 'relation' and relation >= 16384 and "
                 "pid <> pg_backend_pid())")

    def check_ledger(self):
        for player in self.players:
            if not isinstance(player, Writer):
                continue
            found = {n for n, in self.ask_server(
                "select n from ledger where writer = %s", [player.number])}
            lost = player.answered - found
            assert not lost, f"{player.name}: answered, and not there: {lost}"
            assert found <= set(range(1, player.sent + 1))

    def check_memory(self):
        """Of the proxy that was never killed: from the first third on."""
        third = len(self.samples) // 3
        before = max(sample[1] for sample in self.samples[:third])
        behind = max(sample[1] for sample in self.samples[-third:])
        assert behind - before < GROWTH_BYTES, self.samples[::third]

    def check_descriptors(self, at_first):
        pid = self.proxies[0].process.pid
        deadline = time.monotonic() + 30
        while len(os.listdir(f"/proc/{pid}/fd")) > at_first:
            assert time.monotonic() < deadline, "descriptors are left"
            time.sleep(0.1)

    def summary(self):
        first, last = self.samples[0], self.samples[-1]
        return {"seconds": round(last[0] - first[0]),
                "done": dict(self.record.done),
                "faults": dict(self.faults.counts),
                "states": dict(self.record.states),
                "victims_of_faults": self.record.victims_of_faults,
                "longest_s": round(self.record.longest_s, 2),
                "longest_with_fault_s":
                    round(self.record.longest_with_fault_s, 2),
                "rss_kib": [sample[1] >> 10 for sample in self.samples[
                    ::max(1, len(self.samples) // 6)]],
                "descriptors_max": max(s[2] for s in self.samples)}


@pytest.fixture
def soak(cluster, database, fleet):
    soak = Soak(cluster, database, {**SETTINGS, **fleet.settings()})
    try:
        soak.start()
        yield soak
    finally:
        soak.is_over.set()
        for player in soak.players:
            player.join(60)
        soak.admin.close()
        for proxy in soak.proxies:
            proxy.remove()


def test_soak(soak, record_property):
    soak.sample()
    at_first = soak.samples[0][2]
    soak.last(SOAK_S)
    soak.stop()
    record_property("soak", summary := json.dumps(soak.summary()))
    print(summary)
    soak.check()
    soak.check_descriptors(at_first + len(soak.players) // 4)
    if not SANITIZED:  # a sanitizer keeps what is freed
        soak.check_memory()
    for proxy in soak.proxies:
        proxy.stop()
