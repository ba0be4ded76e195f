"""Probes and metrics, as a kubelet and a scraper come for them."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import resource
import signal
import socket
import threading
import time

import pytest

import wire
from cluster import free_port
from prometheus import Page
from program import Bare, connect, run
from proxy import Lockstep
from scene import BOUND_S, Asked, Holder
from wire import Wire, errors, query

pytestmark = pytest.mark.needs_lockstep

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLES = """
create table parent(id int primary key);
create table child(id int, p int references parent);
"""
DROP = "drop table child, parent"
LIVE = ["/live", "/liveness", "/livez", "/healthz"]
READY = ["/ready", "/readiness", "/readyz"]
MANY = 1000


class Served(Lockstep):
    """Serves HTTP, too."""

    def __init__(self, upstream, **settings):
        self.http_port = free_port()
        super().__init__(upstream, {
            "http_listen": f"127.0.0.1:{self.http_port}", **settings})

    def ask(self, path, method="GET", headers=None):
        """(status, body)"""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.http_port, timeout=wire.HANG_BOUND_S)
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def status(self, path, method="GET", headers=None):
        return self.ask(path, method, headers)[0]

    def scrape(self):
        status, text = self.ask("/metrics")
        assert status == 200
        return Page(text)

    def reach(self):
        """A bare connection to where it serves HTTP."""
        return socket.create_connection(("127.0.0.1", self.http_port),
                                        wire.HANG_BOUND_S)


@pytest.fixture
def served(cluster):
    with Served(cluster) as served:
        yield served


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)


def until(condition):
    deadline = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# -- probes -----------------------------------------------------------------

def listening_ports(pid):
    """Local ports on which sockets of the process listen."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    ports = set()
    for name in "tcp", "tcp6":
        for line in open(f"/proc/net/{name}").readlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
                ports.add(int(fields[1].rsplit(":")[-1], 16))
    return ports


def test_without_the_setting_there_is_no_port(cluster):
    with Lockstep(cluster, {"core_dumps": "on"}) as lockstep:
        assert listening_ports(lockstep.process.pid) == {lockstep.port}


def test_what_http_may_have_is_asked_of_the_system(cluster):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        with Served(cluster, max_connections="200") as served:
            limit, _ = resource.prlimit(served.process.pid,
                                        resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert limit >= 2 * 200 + 64 + 128


def test_probes(served):
    until(lambda: served.status("/ready") == 200)
    for path in [*LIVE, *READY, "/startup"]:
        assert served.ask(path) == (200, "ok\n")
        assert served.ask(path, "HEAD") == (200, "")
    assert served.status("/nothing") == 404
    assert served.status("/live", "POST") == 405


def test_live_asks_no_server(cluster):
    nowhere = type("Nowhere", (), {"host": "127.0.0.1", "port": free_port()})
    with Served(nowhere) as served:
        assert served.status("/live") == served.status("/startup") == 200
        assert served.ask("/ready") == (
            503, "the upstream was not reached lately\n")


def test_not_ready_when_it_is_full(cluster, database):
    with Served(cluster, max_connections="1") as served:
        until(lambda: served.status("/ready") == 200)
        with Wire(served, database):
            assert served.ask("/ready") == (503,
                                            "max_connections is reached\n")
            assert served.status("/live") == 200
        until(lambda: served.status("/ready") == 200)


def test_draining_is_not_ready_and_still_alive(cluster, database):
    with Served(cluster, drain_timeout="60s") as served:
        until(lambda: served.status("/ready") == 200)
        with Wire(served, database) as session:
            assert errors(session.query("begin")) == []
            served.process.send_signal(signal.SIGTERM)
            until(lambda: served.status("/ready") == 503)
            assert served.ask("/live") == (200, "ok\n")
            assert served.status("/startup") == 200
            assert served.scrape().get("lockstep_draining") == 1
            assert served.is_alive()
            session.query("commit")
        assert served.process.wait(BOUND_S) == 0


def test_min_drain_time_lets_clients_in(cluster, database):
    with Served(cluster, min_drain_time="1min") as served:
        until(lambda: served.status("/ready") == 200)
        served.process.send_signal(signal.SIGTERM)
        until(lambda: served.status("/ready") == 503)
        with Wire(served, database) as session:
            assert errors(session.query("select 1")) == []
        served.process.send_signal(signal.SIGTERM)  # now it ends at once
        assert served.process.wait(BOUND_S) == 0


# -- orders -----------------------------------------------------------------

def test_orders_need_the_setting(served):
    for path in "/drain", "/quitquitquit":
        assert served.status(path, "POST") == 403
        assert served.status(path) == 405
    assert served.status("/startup") == 200


def test_drain_and_quit(cluster, database):
    with Served(cluster, http_admin="on") as served:
        until(lambda: served.status("/ready") == 200)
        for header in "Origin", "Sec-Fetch-Site":
            assert served.status("/quitquitquit", "POST",
                                 {header: "http://page.example"}) == 403
        assert served.status("/drain", "POST") == 200
        assert served.ask("/ready") == (503, "draining\n")
        with Wire(served, database) as session:  # all else goes on
            assert errors(session.query("select 1")) == []
        assert served.status("/quitquitquit", "POST") == 200
        assert served.process.wait(BOUND_S) == 0


SHUT = ["/", "/api/status", "/api/held", "/api/windows", "/api/guarded",
        "/api/deadlocks", "/api/sessions", "/api/why"]


@pytest.mark.parametrize("host", ["page.example", "127.0.0.1.nip.io:7433",
                                  "localhost.page.example", "[x]"])
def test_a_name_of_a_strangers_reads_nothing(cluster, host):
    """As a browser asks whom DNS has led here."""
    with Served(cluster, http_admin="on") as served:
        for path in SHUT:
            status, text = served.ask(path, headers={"Host": host})
            assert status == 403 and "http_hosts" in text and len(text) < 60
            assert served.status(path) == 200
        for path in "/drain", "/quitquitquit":
            assert served.status(path, "POST", {"Host": host}) == 403
        assert served.is_alive()


@pytest.mark.parametrize("host", [
    "10.0.0.7:7433", "[fd00::7]:7433", "localhost", "lockstep",
    "lockstep.shop.svc:7433", "lockstep.shop.svc.cluster.local",
    "lockstep.example.com:7433", "a.example.org"])
def test_names_that_people_have_are_answered(cluster, host):
    with Served(cluster, http_admin="on",
                http_hosts="lockstep.example.com, .example.org") as served:
        for path in SHUT:
            assert served.status(path, headers={"Host": host}) == 200
        assert served.status("/drain", "POST", {"Host": host}) == 200


def test_probes_and_metrics_answer_by_any_name(served):
    until(lambda: served.status("/ready") == 200)
    for path in ["/startup", "/metrics", *LIVE, *READY]:
        for host in "lockstep.prod.example.com:7433", "page.example", "":
            assert served.status(path, headers={"Host": host}) == 200


def test_a_signal_behind_quit_does_not_hurry(cluster, database):
    """So do a preStop hook and a service manager; the next signal does."""
    with Served(cluster, http_admin="on", drain_timeout="1min") as served:
        until(lambda: served.status("/ready") == 200)
        with Wire(served, database) as session:
            session.query("begin")
            for _ in range(2):
                assert served.status("/quitquitquit", "POST") == 200
                until(lambda: served.status("/ready") == 503)
            served.process.send_signal(signal.SIGTERM)
            until(lambda: any("Terminated" in event["message"]
                              for event in served.events()))
            assert errors(session.query("select 1")) == []
            assert errors(session.query("commit")) == []
        assert served.process.wait(BOUND_S) == 0


# -- hostile clients --------------------------------------------------------

def test_huge_requests_are_refused(served):
    headers = {f"X-{i}": "x" * 1000 for i in range(20)}
    with contextlib.suppress(ConnectionError):  # it may hang up amid it
        assert served.status("/live", headers=headers) >= 400
    with served.reach() as client, contextlib.suppress(ConnectionError):
        client.sendall(b"POST /drain HTTP/1.1\r\nContent-Length: "
                       b"99999999\r\n\r\n" + b"x" * 5000)
        assert not client.recv(100).startswith(b"HTTP/1.1 200")
    for garbage in b"\0" * 100, b"GET\r\n\r\n", b"\x16\x03\x01\x02\0\x01":
        with served.reach() as client, contextlib.suppress(ConnectionError):
            client.sendall(garbage)
            client.shutdown(socket.SHUT_WR)
            client.recv(100)
    assert served.status("/live") == 200


def test_silent_clients_keep_no_probe_out_and_cost_no_session(
        served, database):
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(Wire(served, database))
        silent = [stack.enter_context(served.reach()) for _ in range(150)]
        slow = [stack.enter_context(served.reach()) for _ in range(20)]
        for _ in range(10):
            for client in slow:
                with contextlib.suppress(OSError):
                    client.sendall(b"G")
            assert served.status("/live") == 200
            assert errors(session.query("select 1")) == []
        for client in silent + slow:  # each of them is hung up on
            with contextlib.suppress(ConnectionError):
                assert client.recv(1) == b""


def test_a_thousand_probes(served, database):
    """At a time, while a session works; each has its answer."""
    answers = []

    def probe():
        for _ in range(MANY // 20):
            answers.append(served.status("/live"))

    probers = [threading.Thread(target=probe) for _ in range(20)]
    with Wire(served, database) as session:
        for prober in probers:
            prober.start()
        while any(prober.is_alive() for prober in probers):
            assert errors(session.query("select 1")) == []
        for prober in probers:
            prober.join()
    assert answers == [200] * MANY


# -- metrics ----------------------------------------------------------------

def test_every_label_is_of_a_closed_set(served, database, tables):
    with Wire(served, database) as session:
        session.query(DROP)
    status, text = served.ask("/metrics")
    assert status == 200
    Page(text)
    for secret in database, "parent", "child", "postgres":
        assert secret not in text


def test_sessions_and_bytes(served, database):
    before = served.scrape()
    with Wire(served, database) as session:
        session.query("select repeat('x', 5000)")
        now = served.scrape()
        assert now.get("lockstep_sessions", state="ready") == 1
        assert now.get("lockstep_connections") == 1
        assert now.get("lockstep_logins_total") == 1
        grown = (now.get("lockstep_received_bytes_total", **{"from": "server"})
                 - before.get("lockstep_received_bytes_total",
                              **{"from": "server"}))
        assert grown > 5000
    until(lambda: served.scrape().get("lockstep_connections") == 0)
    after = served.scrape()
    assert after.get("lockstep_sessions") == 0
    assert after.get("lockstep_session_ends_total", reason="client-left") == 1
    assert after.get("lockstep_upstream_connects_total",
                     result="connected") == 1


def test_refused_logins(served):
    with Bare(served) as session:
        session.log_in(user="nobody_of_this_name", database="postgres")
    until(lambda: served.scrape().get("lockstep_connections") == 0)
    now = served.scrape()
    assert now.get("lockstep_errors_seen_total", sqlstate="28000") == 1
    assert now.get("lockstep_logins_total") == 0


def test_an_upstream_that_is_not_there():
    nowhere = type("Nowhere", (), {"host": "127.0.0.1", "port": free_port()})
    with Served(nowhere) as served:
        with Bare(served) as session:
            session.log_in(user="postgres", database="postgres")
        until(lambda: served.scrape().get(
            "lockstep_session_ends_total", reason="upstream-unreachable") == 1)
        now = served.scrape()
        assert now.get("lockstep_upstream_connects_total",
                       result="failed") == 1
        assert now.get("lockstep_ready") == 0


def test_a_guarded_drop(served, database, tables):
    before = served.scrape()
    with Wire(served, database) as session:
        assert errors(session.query(DROP)) == []
        assert errors(session.query("select 1/0"))
    now = served.scrape()
    assert before.get("lockstep_guarded_statements_total") == 0
    assert now.get("lockstep_guarded_statements_total", kind="DROP TABLE",
                   policy="auto") == 1
    for page, drops in ((before, 0), (now, 1)):
        outcomes = [page.get("lockstep_guarded_outcomes_total", outcome=o)
                    for o in ("protected", "unopposed", "unneeded")]
        assert sum(outcomes) == drops
        assert [value for _sample, labels, value in page.families[
            "lockstep_guarded_outcomes_total"].samples
                if labels == {"outcome": "timed-out"}] == [0]
    assert now.get("lockstep_guarded_seconds_count") == 1
    assert now.get("lockstep_held_statements") == 0
    assert now.get("lockstep_errors_seen_total", sqlstate="other") == 1


def test_held_statements(served, cluster, database, tables):
    with Holder(cluster, database, "select * from parent") as holder, \
            Wire(served, database) as session:
        asked = Asked(session, query(DROP))
        until(lambda: served.scrape().get("lockstep_held_statements") == 1)
        assert served.scrape().get("lockstep_hold_seconds_count") == 0
        time.sleep(0.5)
        holder.release()
        assert errors(asked.answer()) == []
    now = served.scrape()
    assert now.get("lockstep_held_statements") == 0
    assert now.get("lockstep_hold_seconds_count") == 1
    assert now.get("lockstep_hold_seconds_sum") >= 0.4
    assert now.get("lockstep_attempts_sum") >= 1


def test_sessions_at_the_gate(cluster, database, tables):
    """A transaction that keeps its locks keeps the gate shut, too."""
    with Served(cluster, gate_transaction="1min", guard="ddl",
                optimistic="off") as served, \
            Wire(served, database) as ddl, Wire(served, database) as other:
        for text in "begin", "drop table child, parent":
            assert errors(ddl.query(text)) == []
        asked = Asked(other, query("select * from parent"))
        until(lambda: served.scrape().get("lockstep_gated_sessions") == 1)
        assert errors(ddl.query("rollback")) == []
        assert errors(asked.answer()) == []
        now = served.scrape()
        assert now.get("lockstep_gated_sessions") == 0
        assert now.get("lockstep_gate_wait_seconds_count") == 1
        assert now.get("lockstep_gate_windows_total", result="kept") >= 1


def test_deadlocks_that_pass_by(served, database, admin):
    admin.execute("create table t(id int primary key, n int);"
                  "insert into t values (1), (2)")
    with Wire(served, database) as one, Wire(served, database) as two:
        for session, row in (one, 1), (two, 2):
            for text in "begin", f"update t set n = 0 where id = {row}":
                assert errors(session.query(text)) == []
        asked = Asked(one, query("update t set n = 0 where id = 2"))
        failed = errors(two.query("update t set n = 0 where id = 1"))
        failed += errors(asked.answer())
        assert [error["C"] for error in failed] == ["40P01"]
        assert served.scrape().get("lockstep_deadlocks_seen_total") == 1


def test_statements_that_pass_unguarded(served, database, tables):
    with Wire(served, database) as session:
        session.query("drop table " + ", ".join(
            f"no_such_table_{i}" for i in range(2000)))
    assert served.scrape().get("lockstep_unparsed_statements_total") == 1


# -- what is made of them ---------------------------------------------------

NAMES = re.compile(r"\blockstep_[a-z_]+")


# -- sessions ---------------------------------------------------------------

def sessions(served, **parameters):
    query_of = "&".join(f"{key}={value}" for key, value in parameters.items())
    status, text = served.ask(f"/api/sessions?{query_of}")
    assert status == 200, text
    return json.loads(text)


def fresh(served, condition, **parameters):
    """An answer for which it is true; one may be a quarter of a second old."""
    found = []
    until(lambda: found.append(sessions(served, **parameters))
          or condition(found[-1]))
    return found[-1]


def test_sessions_are_told(served, cluster, database, tables):
    assert sessions(served) == {"count": 0, "silent_workers": 0,
                                "sessions": []}
    with Wire(served, database, application_name="<a>\"b") as one:
        told = fresh(served, lambda told: told["count"] == 1)
        [entry] = told["sessions"]
        assert entry["application_name"] == "<a>\"b"
        assert (entry["user"], entry["database"]) == ("postgres", database)
        assert entry["pid"] == one.pid and entry["host"] == "127.0.0.1"
        assert entry["port"] == one.socket.getsockname()[1]
        assert (entry["state"], entry["transaction"]) == ("idle", "I")
        assert not entry["is_busy"] and entry["waits_for"] == "client"
        one.query("begin; select 1")
        [entry] = fresh(served, lambda told: told["sessions"][0]["is_busy"])[
            "sessions"]
        assert (entry["state"], entry["transaction"]) == ("active", "T")
        assert entry["waits_for"] == "client" and not entry["is_exact"]


def test_a_transaction_ages_and_another_is_young(served, database):
    with Wire(served, database) as one:
        one.query("begin; select 1")
        fresh(served, lambda told: told["sessions"][0]["is_busy"])
        before = fresh(served, lambda told:
                       told["sessions"][0]["for_ms"] >= 700)
        assert before["sessions"][0]["transaction"] == "T"
        # Statements of the same transaction make it no younger.
        one.query("select 2")
        after = fresh(served, lambda told: told["sessions"][0]["for_ms"] >
                      before["sessions"][0]["for_ms"])
        assert after["sessions"][0]["for_ms"] >= 700
        one.query("commit")
        one.query("begin; select 1")
        fresh(served, lambda told: told["sessions"][0]["for_ms"] < 700)


def test_a_held_session_is_first_and_its_wait_exact(
        served, cluster, database, tables):
    with Holder(cluster, database, "select * from child") as holder, \
            Wire(served, database) as idle, \
            Wire(served, database, application_name="deploy") as session:
        asked = Asked(session, query(DROP))
        told = fresh(served, lambda told: told["sessions"] and
                     told["sessions"][0]["state"] == "held")
        first, last = told["sessions"]
        assert first["application_name"] == "deploy" and first["is_exact"]
        assert first["waits_for"] == "guard"
        assert last["pid"] == idle.pid
        [one] = sessions(served, limit=1)["sessions"]
        assert one["id"] == first["id"]
        holder.release()
        assert errors(asked.answer()) == []


def test_many_ask_for_sessions_at_a_time(served, database):
    """All get an answer, and nobody else waits."""
    answers = []

    def ask():
        for _ in range(10):
            answers.append(served.ask("/api/sessions?limit=200")[0])

    with Wire(served, database) as session:
        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        assert errors(session.query("select 1")) == []
        for thread in threads:
            thread.join(wire.HANG_BOUND_S)
        assert answers == [200] * 200
        assert served.status("/live") == 200


def test_who_asks_for_sessions_may_leave(served, database):
    with Wire(served, database) as session:
        for _ in range(200):
            with served.reach() as gone:
                gone.sendall(b"GET /api/sessions HTTP/1.1\r\n\r\n")
        assert errors(session.query("select 1")) == []
        assert sessions(served)["count"] == 1


def names_of(text):
    return set(NAMES.findall(text))


def test_dashboard_alerts_and_page_name_what_is_served(served):
    served_names = served.scrape().series()
    for path in ("conf/grafana/lockstep.json", "conf/prometheus/alerts.yml",
                 "docs/metrics.md"):
        named = names_of((ROOT / path).read_text())
        assert named and named <= served_names, (path, named - served_names)
    families = set(served.scrape().families)
    documented = names_of((ROOT / "docs/metrics.md").read_text())
    assert families <= documented, families - documented


def test_dashboard_is_one_of_grafana(served):
    board = json.loads((ROOT / "conf/grafana/lockstep.json").read_text())
    panels = board["panels"]
    assert board["title"] and len({p["id"] for p in panels}) == len(panels)
    for panel in panels:
        assert panel["title"] and panel["gridPos"] and panel["targets"]
        for target in panel["targets"]:
            assert target["expr"].count("(") == target["expr"].count(")")


# -- commands ---------------------------------------------------------------

def test_wait_and_shutdown(cluster):
    with Served(cluster, http_admin="on") as served:
        at = {"LOCKSTEP_HTTP_LISTEN": f"127.0.0.1:{served.http_port}"}
        assert run("wait", "--max", "30s", settings=at).returncode == 0
        assert run("shutdown", settings=at).returncode == 0
        assert served.process.wait(BOUND_S) == 0
        failed = run("wait", "--max", "200ms", settings=at)
        assert failed.returncode == 1 and "not" in failed.stderr


def test_wait_without_http(cluster):
    with Lockstep(cluster) as lockstep:
        at = {"LOCKSTEP_LISTEN": f"127.0.0.1:{lockstep.port}"}
        assert run("wait", settings=at).returncode == 0
        failed = run("shutdown", settings=at)
        assert failed.returncode == 1 and "http_listen" in failed.stderr
        connect(lockstep).close()
