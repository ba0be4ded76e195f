"""Windows: the gate while a migration waits for those who are under way.

A table that is never free, since one transaction that reads it begins before
the other ends, is to be dropped.  Those two come straight to the server, where
no gate keeps them; what Lockstep's clients see meanwhile is what is tested.
"""

import contextlib
import itertools
import socket
import statistics
import threading
import time

import pytest

import wire
from scene import (BOUND_S, Loop, Watch, ask, state, tables_locked,
                   wait_gone, waits_for_lock)
from wire import Wire, errors, extended, query, sqlstates, sync

HELD_S = 0.2  # long enough for what is not held
LONG_S = 2  # gate_window, where a test wants to look around in one;
SHUT_S = 1  # it is cut to this: nobody shuts the gate for longer at a time
SOON_S = 10
WINDOW_S = 0.3  # the default
PAUSE_S = 1  # at least, from one window to the next
ATTEMPT_S = 0.2  # attempt_timeout
DUTY = 0.25  # the share of time that the gate may be shut

TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key);
create table table_c(a_id int references table_a, b_id int references table_b);
create table other(id int primary key);
insert into table_a values (1);
"""
DROP = "drop table table_c"
READ = "select * from table_a"

pytestmark = pytest.mark.needs_lockstep


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)


class Busy(threading.Thread):
    """with: table_a is read by transactions that last so long, each of which
    begins before the last one ends: there is no gap, whoever queues up."""

    def __init__(self, cluster, database, seconds):
        super().__init__(daemon=True)
        self.sessions = [Wire(cluster, database) for _ in range(2)]
        self.seconds = seconds
        self.ended = threading.Event()
        self.problems = []

    def run(self):
        for session, last in itertools.cycle([self.sessions,
                                              self.sessions[::-1]]):
            self.problems += errors(session.query(f"begin; {READ}"))
            self.problems += errors(last.query("commit"))
            if self.ended.wait(self.seconds):
                break
        self.problems += errors(session.query("commit"))

    def stop(self):
        self.ended.set()
        self.join(BOUND_S)

    def __enter__(self):
        self.start()
        time.sleep(self.seconds)
        return self

    def __exit__(self, *exc):
        self.stop()
        for session in self.sessions:
            session.close()
        assert self.problems == []


@pytest.fixture
def busy(direct, database, tables):
    with Busy(direct, database, 0.2) as busy:
        yield busy


@pytest.fixture(params=["auto", "hold"])
def proxy(request, start_lockstep):
    return start_lockstep(policy=request.param, gate_window=f"{LONG_S}s")


class Window:
    """with: the gate is shut for D, and waiter waits."""

    def __init__(self, proxy, database):
        self.session = Wire(proxy, database)
        self.d = Wire(proxy, database, application_name="e2e_d")
        self.drop = ask(self.d, DROP)
        deadline = time.monotonic() + BOUND_S
        while (waiter := ask(self.session, READ)).is_answered(HELD_S):
            assert time.monotonic() < deadline, "no window"
            assert not self.drop.is_answered(), "there was a free moment"
        self.waiter = waiter

    def was_cut_short(self):
        """The waiter went on, earlier than he would have by himself."""
        assert self.waiter.is_answered(SOON_S)
        assert errors(self.waiter.answer()) == []
        return self.waiter.took_s < 0.8 * SHUT_S

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.session.close()
        self.d.close()


def run(session, *texts):
    for text in texts:
        assert errors(session.query(text)) == []


def test_a_window_holds_who_begins_and_no_others(proxy, cluster, database,
                                                 admin, busy):
    # No gate stops the busy ones: policy auto also queues for them.
    presses = proxy.settings["policy"] == "auto"
    with Wire(proxy, database) as old, Wire(proxy, database) as reader, \
            Wire(proxy, database) as other:
        run(old, "begin", "select * from other")
        run(reader, "begin", READ)
        with Window(proxy, database) as window, \
                Watch(cluster, database, "e2e_d") as watch:
            pid = window.session.pid
            assert not waits_for_lock(admin, pid)
            assert tables_locked(admin, pid) == []
            assert state(admin, pid) == "idle"
            run(other, "select * from other")
            run(old, READ, "select * from table_b", "commit")
            # Nobody is held who has a table of the set.
            run(reader, READ, "select * from table_b", "commit")
            assert not window.waiter.is_answered()
            busy.stop()
            assert window.drop.is_answered(SOON_S)
            assert window.waiter.is_answered(SOON_S)
        assert errors(window.drop.answer() + window.waiter.answer()) == []
        assert presses or watch.queued == 0


def cancel(proxy, window, _admin):
    wire.cancel(proxy, window.d)


def vanish(_proxy, window, _admin):
    window.d.socket.shutdown(socket.SHUT_RDWR)  # a thread reads from it


def terminate(_proxy, window, admin):
    admin.execute("select pg_terminate_backend(%s)", [window.d.pid])


@pytest.mark.parametrize("end", [cancel, vanish, terminate],
                         ids=lambda end: end.__name__)
def test_a_window_ends_with_its_statement(proxy, database, admin, busy, end):
    with Window(proxy, database) as window:
        end(proxy, window, admin)
        # Who vanished may only have said his last: he has this one window.
        assert window.was_cut_short() or end is vanish
        if end is cancel:
            assert sqlstates(window.drop.answer()) == ["57014"]
            run(window.d, "select 1")
        else:
            wait_gone(admin, window.d.pid)
        assert tables_locked(admin, window.d.pid) == []


def test_a_window_ends_with_the_budget(start_lockstep, database, busy):
    proxy = start_lockstep(policy="hold", gate_window=f"{LONG_S}s",
                           hold_timeout="500ms")
    with Window(proxy, database) as window:
        assert window.was_cut_short()
        assert sqlstates(window.drop.answer()) == ["55P03"]


def test_cancel_of_who_waits_for_a_window(proxy, database, busy):
    with Window(proxy, database) as window:
        wire.cancel(proxy, window.session)
        trace = window.waiter.answer()
        assert window.waiter.took_s < 0.8 * SHUT_S
        assert sqlstates(trace) == ["57014"] and wire.status(trace) == "I"
        run(window.session, "select 1")
        assert not window.drop.is_answered()
        wire.cancel(proxy, window.d)


def test_who_waits_for_a_window_vanishes(proxy, database, admin, busy):
    with Window(proxy, database) as window:
        gone = Wire(proxy, database)
        gone.send(query(READ))
        gone.vanish()
        busy.stop()
        assert errors(window.drop.answer() + window.waiter.answer()) == []
        wait_gone(admin, gone.pid)


# -- how often and how long -------------------------------------------------

def windows(probe, longer_than_s):
    """(begun, seconds) of the waits that were no accident."""
    return [(begun, wait) for _text, begun, wait in probe.waits
            if wait > longer_than_s]


@pytest.mark.parametrize("busy_s", [0.2, 0.6])
def test_the_gate_is_shut_for_a_quarter_of_the_time(
        start_lockstep, direct, database, tables, busy_s):
    """The table stays busy, so that no window ever succeeds."""
    budget_s = 7
    proxy = start_lockstep(policy="hold", hold_timeout=f"{budget_s}s")
    with Loop(proxy, database, READ, "select * from other") as probe:
        time.sleep(0.5)
    usual_s = probe.longest_s
    with Busy(direct, database, busy_s), \
            Loop(proxy, database, READ) as probe, \
            Loop(proxy, database, "select * from other") as other, \
            Wire(proxy, database) as d:
        begun = time.monotonic()
        trace = d.query(DROP)
        took_s = time.monotonic() - begun
    assert sqlstates(trace) == ["55P03"]
    assert probe.problems == [] and other.problems == []
    # What else the machine has to do is shorter, or rare.
    shut = windows(probe, max(0.8 * WINDOW_S, 3 * usual_s))
    assert sum(wait for _begun, wait in shut) < (DUTY + 0.1) * took_s
    assert statistics.median(wait for _begun, wait in shut) \
        < WINDOW_S + 10 * usual_s + 0.1
    assert probe.longest_s < 2 * WINDOW_S + 10 * usual_s + 0.5
    for (first, wait), (second, _) in zip(shut, shut[1:]):
        assert second - first - wait > PAUSE_S * 0.8
    # Who wants other tables notices nothing of all that.
    others_s = sorted(wait for _text, _begun, wait in other.waits)
    assert others_s[len(others_s) * 99 // 100] < WINDOW_S / 2 + 10 * usual_s
    if busy_s < WINDOW_S:
        assert len(shut) > 1


# -- traffic that leaves no gap ---------------------------------------------

def prepared():
    """messages() of a session that prepares each statement once."""
    names = {}

    def messages(text):
        parse = []
        if text not in names:
            names[text] = f"s{len(names)}"
            parse = [wire.parse(text, names[text])]
        return [*parse, wire.bind("", names[text]), wire.execute(), sync()]
    return messages


FIRST, SECOND = "table table_a", "table table_b"


def transaction(number):
    """Its texts; half of the clients want the tables the other way round."""
    tables = [SECOND, FIRST] if number % 2 else [FIRST, SECOND]
    return ["begin", tables[0], "select pg_sleep(0.1)", tables[1], "commit"]


def simple():
    return lambda text: [query(text)]


def extended_protocol():
    return lambda text: [*extended(text), sync()]


def pipelined():
    return lambda text: [*(message for part in text.split("; ")
                           for message in extended(part)), sync()]


# name: what makes messages(text), whether the transaction is one text
TRAFFIC = {
    "simple": (simple, False),
    "one message": (simple, True),
    "extended": (extended_protocol, False),
    "prepared": (prepared, False),
    "pipelined": (pipelined, True),
}


@pytest.mark.parametrize("form", TRAFFIC)
@pytest.mark.parametrize("policy", ["auto", "hold"])
def test_a_drop_under_steady_traffic(start_lockstep, database, admin, tables,
                                     policy, form):
    """Each transaction sits on a table for a tenth of a second, and there is
    always one; all of them come through Lockstep."""
    make_messages, is_one = TRAFFIC[form]
    proxy = start_lockstep(policy=policy, hold_timeout="15s")
    loops = []
    for i in range(6):
        texts = transaction(i)
        loops.append(Loop(proxy, database,
                          *(["; ".join(texts)] if is_one else texts),
                          pause_s=0, messages=make_messages()))
    with Wire(proxy, database) as d:
        for loop in loops:
            loop.start()
            time.sleep(0.1 / len(loops))
        time.sleep(0.5)
        usual_s = max(loop.longest_s for loop in loops)
        trace = d.query(DROP)
        for loop in loops:
            loop.__exit__()
    assert errors(trace) == []
    assert [loop.problems for loop in loops] == [[]] * len(loops)
    longest_s = max(loop.longest_s for loop in loops)
    assert longest_s < WINDOW_S + ATTEMPT_S + 3 * usual_s + 0.5
    # Who is under way is not held when he wants his second table.
    for i, loop in enumerate(loops if not is_one else []):
        second = transaction(i)[3]
        waits = sorted(wait for of, _begun, wait in loop.waits if of == second)
        assert waits[len(waits) // 2] < WINDOW_S / 2 + usual_s
    assert admin.execute("select to_regclass('table_c') is null"
                         ).fetchone()[0]


IN_TRANSACTION = {"simple": ["begin", DROP, "commit"],
                  "one message": [f"begin; {DROP}; commit"],
                  "two drops": ["begin", DROP, "drop table other", "commit"]}


def windows_of(proxy, database, texts):
    """As the log tells of the drops of one session's transaction."""
    known = len(proxy.guarded())
    with Wire(proxy, database) as session:
        for text in texts:
            assert errors(session.query(text)) == []
    lines = proxy.wait_guarded(known + 1)[known:]
    assert lines
    return [int(line.get("windows", 0)) for line in lines]


@pytest.mark.parametrize("way", IN_TRANSACTION)
def test_in_a_transaction_nobody_in_the_way_means_no_window(
        start_lockstep, cluster, database, tables, way):
    """There is one where somebody is, as the log tells."""
    proxy = start_lockstep()
    assert not any(windows_of(proxy, database, IN_TRANSACTION[way]))
    with cluster.connect(database) as admin:
        admin.execute("drop schema public cascade; create schema public")
        admin.execute(TABLES)
    read = f"begin; {READ}; select pg_sleep(0.1); commit"
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(Loop(proxy, database, read, pause_s=0.01))
        time.sleep(0.2)
        assert any(windows_of(proxy, database, IN_TRANSACTION[way]))
