"""Why was this DDL held?  What `lockstep why` and /api/guarded tell."""
import contextlib
import itertools
import json
import os
import re
import threading
import time

import psycopg
import pytest

import wire
from program import run
from proxy import Lockstep
from scene import BOUND_S, Asked, Holder, ask, wait_for
from test_http import Served, until
from wire import Wire, errors, extended, query, sync

pytestmark = pytest.mark.needs_lockstep

TABLES = """
create table parent(id int primary key);
create table child(id int, p int references parent);
"""
DROP = "drop table child, parent"
# Guarded, done at once, and again.
BRIEF = "alter table child drop constraint if exists no_such_key"
KEPT = 1000
READERS = 100


@pytest.fixture
def served(cluster):
    with Served(cluster) as served:
        yield served


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)


def at(served):
    return {"LOCKSTEP_HTTP_LISTEN": f"127.0.0.1:{served.http_port}"}


def why(served, *arguments):
    done = run("why", *arguments, settings=at(served))
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def api(served, path="/api/guarded"):
    status, text = served.ask(path)
    assert status == 200, text
    return json.loads(text)


def guarded(served, **parameters):
    query_text = "&".join(f"{k}={v}" for k, v in parameters.items())
    return api(served, f"/api/guarded?{query_text}")["guarded"]


def newest(served):
    return guarded(served, limit=1)[0]


def steps(entry):
    return [step["step"] for step in entry["steps"]]


def steps_now(served):
    """Those of the newest, if there is one."""
    return [name for entry in guarded(served, limit=1)
            for name in steps(entry)]


def the_step(entry, name):
    return next(step for step in entry["steps"] if step["step"] == name)


# -- a statement that is held -----------------------------------------------

def test_who_held_it_and_for_how_long(served, cluster, database, tables):
    with Holder(cluster, database, "select * from parent") as holder, \
            Wire(served, database, application_name="deploy") as session:
        asked = Asked(session, query(DROP))
        until(lambda: "in-the-way" in steps_now(served))
        # The last look that has seen him.
        until(lambda: newest(served)["held_ms"] >= 300 and the_step(
            newest(served), "in-the-way")["last_ms"] >= 300)
        assert not asked.is_answered()
        now = newest(served)
        assert (now["state"], now["result"]) == ("held", None)
        assert "is held since" in why(served, str(now["id"]))
        holder.release()
        assert errors(asked.answer()) == []
    entry = newest(served)
    assert entry["id"] == now["id"]
    assert entry["state"] == "over" and entry["result"] == "DROP TABLE"
    assert entry["outcome"] == "protected" and entry["policy"] == "auto"
    assert entry["text"] == DROP and entry["statement"] == "DROP TABLE"
    assert entry["pid"] == session.pid
    assert entry["application_name"] == "deploy"
    assert set(entry["tables"].split(", ")) == {"public.child",
                                                "public.parent"}
    assert entry["held_ms"] >= now["held_ms"] >= 300
    way = the_step(entry, "in-the-way")
    assert (way["pid"], way["who"]) == (holder.session.pid, "e2e_holder")
    assert way["what"] == ("idle in transaction, AccessShareLock on "
                           "public.parent")
    assert way["last_ms"] >= 300
    assert steps(entry)[-3:] == ["locked", "ran", "done"]
    lost = the_step(entry, "attempt-lost")
    assert lost["what"] == "public.parent was in use"
    [line] = served.guarded()
    assert int(line["id"]) == entry["id"]
    story = why(served, "last")
    assert story == why(served, str(entry["id"]))
    assert f"in the way: pid {holder.session.pid} `e2e_holder` " in story
    assert re.search(r"lost attempt \d+: public.parent was in use", story)
    listed = why(served)
    assert DROP in listed and "lockstep why ID" in listed


def test_a_notice_tells_how_to_ask(served, cluster, database, tables):
    with Holder(cluster, database, "select * from parent") as holder, \
            Wire(served, database) as session:
        asked = Asked(session, query(DROP))
        until(lambda: steps_now(served) and newest(served)["held_ms"] > 1500)
        holder.release()
        trace = asked.answer()
    [notice] = [fields for kind, fields in trace if kind == "N"]
    assert dict(notice)["H"] == (
        f'"lockstep why {newest(served)["id"]}" has its story.')


def test_a_statement_that_is_refused(cluster, database, tables):
    with Served(cluster, hold_timeout="300ms") as served, \
            Holder(cluster, database, "select * from parent") as holder, \
            Wire(served, database) as session:
        [error] = errors(session.query(DROP))
        entry = newest(served)
        assert error["C"] == entry["result"] == "55P03"
        assert f'lockstep why {entry["id"]}' in error["H"]
        assert entry["outcome"] == "timed-out"
        assert steps(entry)[-1] == "refused"
        assert the_step(entry, "in-the-way")["pid"] == holder.session.pid
        assert "refused by Lockstep: 55P03" in why(served, "last")


def test_whom_it_delayed(cluster, database, tables):
    """A transaction that keeps its locks keeps the gate shut, too."""
    with Served(cluster, gate_transaction="1min", guard="ddl",
                optimistic="off") as served, \
            Wire(served, database) as ddl, \
            Wire(served, database, application_name="shop") as other:
        for text in "begin", DROP:
            assert errors(ddl.query(text)) == []
        asked = Asked(other, query("select * from parent"))
        until(lambda: served.scrape().get("lockstep_gated_sessions") == 1)
        time.sleep(0.3)
        assert errors(ddl.query("rollback")) == []
        assert errors(asked.answer()) == []
        until(lambda: newest(served)["delayed"] == 1)
        entry = newest(served)
        [delayed] = entry["longest_delayed"]
        assert (delayed["pid"], delayed["application_name"]) == (
            other.pid, "shop")
        assert delayed["ms"] == entry["delayed_ms"] >= 300
        story = why(served, "last" if "in-the-way" in steps(entry)
                    else str(entry["id"]))
        assert "It delayed 1 transaction at the gate" in story
        assert f"pid {other.pid} `shop`" in story


def test_windows(cluster, database, tables):
    """Traffic that no gate keeps: windows are opened, and over in vain."""
    with Served(cluster, hold_timeout="3s") as served, \
            Traffic(cluster, database), Wire(served, database) as session:
        session.query(DROP)
        entry = newest(served)
        story = why(served, str(entry["id"]))
    assert entry["windows"] >= 1
    assert the_step(entry, "window-opened")["ms"] > 0
    assert the_step(entry, "drained")["number"] >= 0
    assert "window opened, for at most " in story


class Traffic(threading.Thread):
    """with: parent is read by transactions, each of which begins before the
    last one ends."""

    def __init__(self, cluster, database):
        super().__init__(daemon=True)
        self.sessions = [Wire(cluster, database) for _ in range(2)]
        self.ended = threading.Event()

    def run(self):
        for session, last in itertools.cycle([self.sessions,
                                              self.sessions[::-1]]):
            session.query("begin; select * from parent")
            last.query("commit")
            if self.ended.wait(0.2):
                return

    def __enter__(self):
        self.start()
        time.sleep(0.2)
        return self

    def __exit__(self, *exc):
        self.ended.set()
        self.join(BOUND_S)
        for session in self.sessions:
            session.close()


def test_one_that_fails_and_one_whose_session_ends(served, cluster, database,
                                                   tables):
    with Wire(served, database) as session:
        session.query("create view v as select * from parent")
        [error] = errors(session.query(DROP))
        entry = newest(served)
        assert error["C"] == entry["result"] == "2BP01"
        assert steps(entry)[-1] == "failed"
    with Holder(cluster, database, "select * from parent"):
        session = Wire(served, database)
        session.send(query(DROP + " cascade"))
        until(lambda: "in-the-way" in steps_now(served))
        session.vanish()
        until(lambda: newest(served)["state"] == "over")
        assert steps(newest(served))[-1] == "session-ended"


def test_pieces_of_a_text_and_prepared_statements(served, database, admin):
    for name in "a", "b", "c":
        admin.execute(TABLES.replace("parent", f"{name}_parent")
                      .replace("child", f"{name}_child"))
    with Wire(served, database) as session:
        assert errors(session.query(
            "drop table a_child, a_parent; select 1; "
            "create table x(i int); drop table b_child, b_parent")) == []
        assert errors(session.run(*extended("drop table c_child, c_parent"),
                                  sync())) == []
    texts = [entry["text"] for entry in guarded(served)]
    assert texts[0] == "drop table c_child, c_parent"
    assert all(entry["state"] == "over" for entry in guarded(served))
    assert any("b_parent" in text for text in texts[1:])


def test_what_is_not_guarded_is_not_kept(served, database, admin):
    admin.execute("create table alone(i int)")
    with Wire(served, database) as session:
        assert errors(session.query("select 1; create table t(i int)")) == []
        assert errors(session.query("drop table alone")) == []
    assert [e["outcome"] for e in guarded(served)
            if e["outcome"] in ("unneeded", "out-of-scope")] == []


# -- texts of anybody's making ----------------------------------------------

HOSTILE = 'x"}],\\u0000 <script>alert(1)</script>\x1b[2J\u202e'


def test_hostile_names(served, cluster, database, admin):
    table = 'p"}],\x1b]0;\u202e<b>'
    quoted = '"' + table.replace('"', '""') + '"'
    admin.execute(f"create table {quoted}(id int primary key);"
                  f"create table child(p int references {quoted})")
    with Holder(cluster, database, f"select * from {quoted}") as holder, \
            Wire(served, database, application_name=HOSTILE) as session:
        holder.session.query("set application_name = '" + HOSTILE + "'")
        asked = Asked(session, query(f"drop table child, {quoted}"))
        until(lambda: "in-the-way" in steps_now(served))
        status, raw = served.ask("/api/guarded")
        assert status == 200 and json.loads(raw)
        for text in raw, why(served, "last"), why(served):
            assert re.search("[\x00-\x09\x0b-\x1f\x7f\u202e]", text) is None
        holder.release()
        assert errors(asked.answer()) == []


def test_literals_are_not_kept(served, database, admin, tables):
    with Wire(served, database) as session:
        session.query("create role r_secret password 'hunter2'; "
                      f"{DROP} /* hunter2 */; "
                      "select 'hunter2', $a$hunter2$a$, 4711")
        session.query("drop role r_secret")
    for path in "/api/guarded", "/api/why", "/api/why?id=last":
        text = served.ask(path)[1]
        assert "hunter2" not in text and "4711" not in text
    assert any("drop table" in entry["text"] for entry in guarded(served))


@pytest.mark.parametrize("parameters", [
    "limit=0", "limit=201", "limit=x", "limit=", "id=0", "id=1x", "nothing=1",
    "before=99999999999999999999", "limit=1&", "id=%31"])
def test_parameters_are_bounded(served, parameters):
    assert served.status(f"/api/guarded?{parameters}") == 400
    assert served.status("/api/guarded", "POST") == 405


def test_one_that_is_not_kept(served):
    for path in "/api/guarded?id=4711", "/api/deadlocks?id=1", "/api/why?id=9":
        assert served.status(path) == 404
    assert api(served) == {"guarded": []}
    assert api(served, "/api/deadlocks") == {"deadlocks": []}


# -- many -------------------------------------------------------------------

def test_the_last_thousand_are_kept_in_flat_memory(
        cluster, database, tables, monkeypatch):
    """The ring is full behind the first thousand."""
    # Memory that is freed is to be given back.
    options = os.environ.get("ASAN_OPTIONS", "")
    monkeypatch.setenv("ASAN_OPTIONS", f"{options}:quarantine_size_mb=1")
    with Served(cluster) as served, Wire(served, database) as session:
        for _ in range(KEPT):
            assert errors(session.query(BRIEF)) == []
        first = newest(served)["id"]
        assert len(all_of(served)) == KEPT
        served.settle()
        before = served.rss()
        for _ in range(KEPT):
            assert errors(session.query(BRIEF)) == []
        served.settle()
        assert served.rss() < before + 4 * 1024 * 1024
        ids = [entry["id"] for entry in all_of(served)]
        assert len(ids) == KEPT and ids == sorted(ids, reverse=True)
        assert min(ids) > first
        assert served.status(f"/api/guarded?id={first}") == 404


def all_of(served):
    """By pages, as the newest may be followed by others meanwhile."""
    entries = []
    page = guarded(served, limit=200)
    while page:
        entries += page
        page = guarded(served, limit=200, before=page[-1]["id"])
    return entries


def test_many_read_while_statements_run(served, database, tables):
    problems, answered = [], []

    def ask_again(path):
        """More than can be connected may be hung up on, if they are slow."""
        deadline = time.monotonic() + BOUND_S
        while True:
            try:
                return served.ask(path)
            except ConnectionError:
                assert time.monotonic() < deadline

    def read():
        for path in "/api/guarded", "/api/why", "/api/guarded?limit=7":
            status, text = ask_again(path)
            answered.append(path)
            if status != 200 or ("api/guarded" in path
                                 and "guarded" not in json.loads(text)):
                problems.append((path, status))

    readers = [threading.Thread(target=read) for _ in range(READERS)]
    with Wire(served, database) as session:
        for reader in readers:
            reader.start()
        while any(reader.is_alive() for reader in readers):
            assert errors(session.query(BRIEF)) == []
        for reader in readers:
            reader.join(BOUND_S)
    assert problems == [] and len(answered) == 3 * READERS


# -- deadlocks that pass by -------------------------------------------------

@pytest.fixture
def rows(admin):
    admin.execute("create table t(id int primary key, n int);"
                  "insert into t values (1), (2)")


def update(row):
    return f"update t set n = 4711 where id = {row}"


def deadlock(one, two, admin):
    """one waits for two, and then they for each other; the victim."""
    for session, row in (one, 1), (two, 2):
        for text in "begin", update(row):
            assert errors(session.query(text)) == []
    asked = Asked(one, query(update(2)))
    wait_for(admin, "exists (select from pg_locks where pid = %s "
             "and not granted)", one.pid)
    failed = errors(two.query(update(1)))
    victim = two if failed else one
    failed += errors(asked.answer()) if not failed else []
    assert [error["C"] for error in failed] == ["40P01"]
    victim.query("rollback")
    return victim


def test_both_sides_of_a_deadlock(served, database, admin, rows):
    with Wire(served, database, application_name="one") as one, \
            Wire(served, database, application_name="two") as two:
        victim = deadlock(one, two, admin)
        survivor = two if victim is one else one

        def sides():
            [found] = api(served, "/api/deadlocks")["deadlocks"]
            return found["sides"]

        until(lambda: sides()[1]["user"] is not None)
        first, second = sides()
        assert (first["pid"], second["pid"]) == (victim.pid, survivor.pid)
        assert first["is_victim"] and not second["is_victim"]
        assert first["blocked_by"] == survivor.pid
        assert second["blocked_by"] == victim.pid
        assert {first["application_name"], second["application_name"]} == {
            "one", "two"}
        assert first["waits_for"].startswith("ShareLock on transaction")
        assert [side["text"] for side in (first, second)] == [
            "update t set n = ? where id = ?"] * 2
        assert [side["tables"] for side in (first, second)] == ["t", "t"]
        listed = why(served)
        [found] = api(served, "/api/deadlocks")["deadlocks"]
        assert "deadlock" in listed and str(victim.pid) in listed
        story = why(served, str(found["id"]))
        assert "its statement was ended" in story
        assert "4711" not in story


def test_a_side_that_is_not_ours(served, cluster, database, admin, rows):
    """The client of ours loses: it asks last, with the shorter patience."""
    with Wire(served, database) as ours, Wire(cluster, database) as other:
        assert errors(other.query("set deadlock_timeout = '1min'")) == []
        assert errors(ours.query("set deadlock_timeout = '100ms'")) == []
        assert deadlock(other, ours, admin) is ours
        [found] = api(served, "/api/deadlocks")["deadlocks"]
        assert [side["session"] is None for side in found["sides"]] == [
            False, True]
        assert "not through this Lockstep" in why(served, str(found["id"]))


@pytest.mark.parametrize("is_block", [False, True])
@pytest.mark.parametrize("before", ["", "select 1; "])
def test_an_error_that_the_guard_shows_is_noted_once(
        cluster, database, admin, is_block, before):
    """Of a guarded statement's own, alone and as a later piece of a text."""
    admin.execute("create function f() returns int volatile language sql as "
                  "'select 1 from pg_advisory_xact_lock(1)'")
    admin.execute("create table p (id int primary key); "
                  "create table g (id int references p); "
                  "insert into p values (1); insert into g values (1)")
    with Served(cluster, guard="ddl") as served, \
            Wire(cluster, database) as one, Wire(served, database) as two:
        one.query("set deadlock_timeout = '1min'")
        one.query("begin; select pg_advisory_xact_lock(1)")
        two.query("set deadlock_timeout = '1s'")
        if is_block:
            two.query("begin")
        two.query("select pg_advisory_lock(2)")
        asked = ask(two, f"{before}alter table g add column c int "
                    "default f()")
        wait_for(admin, "exists (select from pg_locks where pid = %s and "
                 "locktype = 'advisory' and not granted)", two.pid)
        other = ask(one, "select pg_advisory_xact_lock(2)")
        assert [error["C"] for error in errors(asked.answer())] == ["40P01"]
        two.query("rollback")
        two.query("select pg_advisory_unlock(2)")
        assert errors(other.answer()) == []
        assert len(api(served, "/api/deadlocks")["deadlocks"]) == 1
        assert 'lockstep_errors_seen_total{sqlstate="40P01"} 1\n' in \
            served.ask("/metrics")[1]


def test_no_deadlock_but_its_code(served, database):
    with Wire(served, database) as session:
        [error] = errors(session.query(
            "do $$begin raise 'no' using errcode = '40P01', "
            "detail = 'Process 1 is blocked by process 2.'; end$$"))
        assert error["C"] == "40P01"
    assert api(served, "/api/deadlocks") == {"deadlocks": []}


def test_tables_of_a_deadlock_in_the_order_of_each_side(
        served, database, admin):
    """By drivers, whose statements are prepared; no text but the gist's."""
    admin.execute("create table a(id int); insert into a values (4711);"
                  "create table b(id int); insert into b values (4711)")
    told = {"one": ("a", "b"), "two": ("b", "a")}
    with contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(psycopg.connect(
            host=served.host, port=served.port, dbname=database,
            user="postgres", application_name=name))
            for name in told]
        for session, (first, _) in zip(sessions, told.values()):
            session.execute(f"delete from {first} where id = %s", [4711])
        pid = sessions[0].info.backend_pid
        waits = threading.Thread(target=outcome_of, args=(
            sessions[0], "delete from b where id = %s"))
        waits.start()
        wait_for(admin, "exists (select from pg_locks where pid = %s "
                 "and not granted)", pid)
        outcome_of(sessions[1], "delete from a where id = %s")
        waits.join(wire.HANG_BOUND_S)
        until(lambda: all(
            side["tables"] for side in
            api(served, "/api/deadlocks")["deadlocks"][0]["sides"]))
        [found] = api(served, "/api/deadlocks")["deadlocks"]
    sides = {side["application_name"]: side for side in found["sides"]}
    for name, (first, then) in told.items():
        assert sides[name]["text"] == f"delete from {then} where id = ?"
        assert sides[name]["tables"] == f"{first}, {then}"


def outcome_of(session, text):
    """It is done, or loses."""
    with contextlib.suppress(psycopg.errors.DeadlockDetected):
        session.execute(text, [4711])


# -- the command ------------------------------------------------------------

def test_without_http_the_command_says_what_to_do(cluster):
    done = run("why")
    assert done.returncode == 1
    assert "http_listen" in done.stderr and "Hint:" in done.stderr


def test_nobody_answers(cluster):
    done = run("why", settings={"LOCKSTEP_HTTP_LISTEN": "127.0.0.1:1"})
    assert done.returncode == 1 and "does not answer" in done.stderr


def test_nothing_to_tell(served):
    assert why(served) == "No statement was guarded so far.\n"
    for id_text, words in ("last", "no statement had to wait"), (
            "17", "no such statement"):
        done = run("why", id_text, settings=at(served))
        assert done.returncode == 1 and words in done.stderr
    for wrong in ["x"], ["1", "2"], ["-1"], ["1&limit=2"]:
        done = run("why", *wrong, settings=at(served))
        assert done.returncode != 0 and done.stdout == ""


def test_lockstep_that_serves_no_http_keeps_on(cluster, database, tables):
    with Lockstep(cluster) as lockstep, Wire(lockstep, database) as session:
        assert errors(session.query(DROP)) == []
        [line] = lockstep.guarded()
        assert int(line["id"]) > 0
