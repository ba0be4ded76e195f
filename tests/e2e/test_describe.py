"""What a running Lockstep tells of itself: to SIGUSR1, at log level trace, and
to gdb.

A DROP is held behind somebody's transaction, another has the gate shut for
its transaction: what each session waits for must be told, and for whom.
"""

import os
import pathlib
import signal
import socket
import subprocess
import time
from types import SimpleNamespace

import pytest

from program import Bare, startup_packet
from scene import Asked, Holder
from wire import Wire, errors, query

TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key);
create table table_c(a_id int references table_a, b_id int references table_b);
create table table_d(a_id int references table_a);
"""
BOUND_S = 30
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.needs_lockstep


def described(proxy, workers=2):
    """The lines of one SIGUSR1: (of sessions, of workers)."""
    before = len(proxy.events())
    proxy.process.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + BOUND_S
    while time.monotonic() < deadline:
        events = proxy.events()[before:]
        ends = [event for event in events if event["message"] == "sessions"]
        if len(ends) == workers:
            return [event for event in events
                    if event["message"] == "session"], ends
        time.sleep(0.01)
    raise AssertionError("nothing was described:\n" + proxy.tail())


def passed(proxy):
    """The counters that the log has had so far, the last ones last."""
    return [{name: int(event[name]) for name in (
        "unplanned", "unparsed", "parse_limit", "query_limit", "memory")}
        for event in proxy.events() if event["message"] == "passed so far"]


def test_what_has_passed_is_counted(start_lockstep, database):
    """By SIGUSR1, and at a stop."""
    proxy = start_lockstep(guard="ddl")
    with Wire(proxy, database) as session:
        for text in ("drop cast (text as s.t)", "drop table", "drop table",
                     "drop table a --" + "x" * 100_000,
                     "drop table a /*" + "x" * 2_000_000 + "*/"):
            assert errors(session.query(text)) != []
        described(proxy)
    proxy.process.send_signal(signal.SIGTERM)
    proxy.process.wait(BOUND_S)
    expected = {"unplanned": 1, "unparsed": 2, "parse_limit": 1,
                "query_limit": 1, "memory": 0}
    assert passed(proxy) == [expected, expected]


@pytest.fixture
def held(start_lockstep, cluster, database, admin):
    """Lockstep, and a DROP that it holds."""
    admin.execute(TABLES)
    proxy = start_lockstep(policy="hold", workers="2")
    with Holder(cluster, database, "select * from table_b") as holder, \
            Wire(proxy, database, application_name="e2e_d") as session:
        drop = Asked(session, query("drop table table_c"))
        assert not drop.is_answered(0.5)
        yield proxy
        holder.release()
        drop.answer()


def test_a_held_statement_is_described(held, database):
    with Wire(held, database) as idle:
        sessions, workers = described(held)
        assert sum(int(worker["idle"]) for worker in workers) == 1
        idle.query("select 1")
    assert len(sessions) == 1
    told = sessions[0]
    assert told["state"] == "ready" and told["waits_for"] == "guard"
    assert told["phase"] in ("waiting", "looking")
    assert told["guard"] in ("wait", "look")
    assert told["context"] == "idle" and told["transaction"] == "I"
    assert told["statement"] == "DROP TABLE"
    for table in ("table_a", "table_b", "table_c"):
        assert table in told["tables"]
    assert int(told["statement_ms"]) >= 200 and int(told["waits"]) > 0
    assert int(told["injected"]) > 0
    assert told["database"] == database and told["user"] == "postgres"
    assert "keeps_gate" not in told and "keeps_turn" not in told


def test_who_waits_at_the_gate_is_described(start_lockstep, database, admin):
    admin.execute(TABLES)
    proxy = start_lockstep(optimistic="off")
    with Wire(proxy, database) as migration, \
            Wire(proxy, database) as reader:
        migration.query("begin")
        migration.query("drop table table_c")
        read = Asked(reader, query("select * from table_a"))
        assert not read.is_answered(0.2)
        sessions, workers = described(proxy)
        by_wait = {told["waits_for"]: told for told in sessions}
        assert set(by_wait) == {"client", "gate"}
        assert by_wait["client"]["keeps_gate"] == "for a transaction"
        assert by_wait["client"]["transaction"] == "T"
        assert by_wait["gate"]["gate_of"] == by_wait["client"]["session"]
        assert int(by_wait["gate"]["gate_ms"]) >= 100
        assert {worker["gate"] for worker in workers} == {"shut"}
        migration.query("commit")
        read.answer()
    sessions, workers = described(proxy)
    assert sessions == []
    assert {worker["gate"] for worker in workers} == {"open"}


def test_a_login_that_hangs_is_described(start_lockstep, fake_server):
    proxy = start_lockstep(upstream=fake_server)
    with Bare(proxy) as client:
        client.send(startup_packet(user="joe", database="db"))
        deadline = time.monotonic() + BOUND_S
        while time.monotonic() < deadline:
            sessions, _ = described(proxy)
            if sessions and sessions[0]["state"] == "auth":
                break
        assert sessions[0]["waits_for"] == "upstream"
        assert sessions[0]["user"] == "joe"


@pytest.fixture
def fake_server():
    """Accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield SimpleNamespace(host="127.0.0.1",
                              port=listener.getsockname()[1])


def test_trace_has_each_phase(start_lockstep, database, admin):
    admin.execute(TABLES)
    proxy = start_lockstep(log_level="trace", optimistic="off")
    with Wire(proxy, database) as session:
        session.query("drop table table_c")
    proxy.stop()
    phases = [(event["from"], event["to"]) for event in proxy.events()
              if event["message"] == "phase"]
    assert phases == [("fence", "planning"), ("planning", "attempting"),
                      ("attempting", "running"), ("running", "committing"),
                      ("committing", "done")]
    states = [event["state"] for event in proxy.events()
              if event["message"] == "guard"]
    assert states == ["plan", "turn", "attempt", "run-protected"]
    session = proxy.guarded()[0]["session"]
    states = [(event["from"], event["to"]) for event in proxy.events()
              if event["message"] == "state" and event["session"] == session]
    assert states[:3] == [("startup", "dialing"), ("dialing", "auth"),
                          ("auth", "ready")]


# -- gdb ----------------------------------------------------------------------

def gdb(proxy, *commands):
    """What gdb prints for commands of scripts/gdb.py."""
    scope = pathlib.Path("/proc/sys/kernel/yama/ptrace_scope")
    if os.geteuid() and scope.exists() and scope.read_text().strip() != "0":
        pytest.skip("a process may not look into another of the same user")
    arguments = ["gdb", "-nx", "-batch", "-p", str(proxy.process.pid),
                 "-x", str(ROOT / "scripts" / "gdb.py")]
    for command in commands:
        arguments += ["-ex", command]
    done = subprocess.run(arguments, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=120,
                          env={**os.environ, "DEBUGINFOD_URLS": ""})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_gdb_lists_sessions_and_prints_one(held, database):
    sessions, _ = described(held)
    number = sessions[0]["session"]
    told = gdb(held, "lockstep sessions", "lockstep exchanges",
               f"lockstep session {number}")
    lines = told.splitlines()
    assert "1 sessions" in lines
    listed = [line for line in lines if line.startswith(f"{number} ")]
    assert len(listed) == 1 and "DROP TABLE" in listed[0], told
    assert f"postgres@{database}" in listed[0] and "ready" in listed[0]
    under_way = [line for line in lines
                 if line.startswith(f"session {number}: ")]
    assert len(under_way) == 1, told
    assert "guard wait" in under_way[0] or "guard look" in under_way[0], told
    for first in ("client ", "server ", "pipeline ", "exchange "):
        assert any(line.startswith(first) for line in lines), told
