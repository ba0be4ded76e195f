"""Corners of the protocol in which a guarded statement must not differ.

A script is played direct and through Lockstep: what the client sees, what is
in the database and which locks the session has are the same.  Every wait is
bounded: what hangs fails.
"""

import re
import signal
import socket
import subprocess
import time
from types import SimpleNamespace

import pytest

import injection
import wire
from injection import Step, play
from scene import wait_asleep
from wire import (CLOSED, Wire, bind, close_statement, copy_data, copy_done,
                  describe_portal, errors, execute, extended, flush, parse,
                  query, sqlstates, sync)

# All that is said here of plans and attempts is behind the run ahead of them.
LOCKSTEP_SETTINGS = {"optimistic": "off"}

BOUND_S = 15
DROP = "drop table table_c"
BLOCK = ["begin", "lock table journal in access exclusive mode", DROP]

needs_lockstep = pytest.mark.needs_lockstep


@pytest.fixture(scope="module")
def owner(cluster):
    """A role that has nothing but what it is granted."""
    with cluster.connect() as server:
        server.execute("create role e2e_owner login")
        yield "e2e_owner"
        server.execute("drop role e2e_owner")


@pytest.fixture
def tables(admin):
    admin.execute(injection.SCHEMA)


@pytest.fixture
def reader(cluster, database, tables):
    """An idle transaction that has read table_b."""
    with cluster.connect(database, autocommit=False) as connection:
        connection.execute("select * from table_b")
        yield connection


def exists(admin, table="table_c"):
    return admin.execute("select to_regclass(%s) is not null",
                         [table]).fetchone()[0]


def until(condition, what, bound_s=BOUND_S):
    deadline = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def locks(admin, pid):
    return admin.execute("select locktype, mode, relation::regclass::text "
                         "from pg_locks where pid = %s", [pid]).fetchall()


def leaves_open(admin):
    """True if a Query behind a cycle that no Sync has ended does not commit:
    from 18 on the server then says that a transaction is open."""
    return admin.info.server_version >= 180000


def is_gone(admin, pid):
    return not admin.execute("select from pg_stat_activity where pid = %s",
                             [pid]).fetchall()


def masked(trace):
    """One message a line, without what is measured."""
    text = "\n".join(f"{kind} {fields}" for kind, fields in trace)
    return re.sub(r"duration: [0-9.]+", "duration: #", text)


def play_one(endpoint, database, admin, script, by, user):
    """A script is steps, or a function that returns the trace."""
    with Wire(endpoint, database, user) as session:
        if callable(script):
            trace = script(session)
        else:
            trace = play(session, script, by)
        left = None
        if trace[-1] is not CLOSED:
            left = sorted(lock[:2] for lock in locks(admin, session.pid)
                          if lock[0] != "virtualxid")
        pid = session.pid
    until(lambda: is_gone(admin, pid), "the backend stays")
    state = admin.execute(injection.STATE).fetchall()
    return SimpleNamespace(trace=trace, left=left, state=state)


def compare(direct, lockstep, database, admin, script, setup="",
            ways=("packet", "byte"), user="postgres"):
    """The trace, which is the same direct and through, however sent."""
    runs = []
    for endpoint, by in [(direct, "packet"), *((lockstep, by) for by in ways)]:
        admin.execute(injection.SCHEMA + setup)
        runs.append(play_one(endpoint, database, admin, script, by, user))
        assert masked(runs[0].trace) == masked(runs[-1].trace), by
        assert runs[0].state == runs[-1].state, by
        assert runs[0].left == runs[-1].left, by
    return runs[-1].trace


def in_block(steps, is_in_block):
    if not is_in_block:
        return steps
    return [Step([query("begin")]), *steps, Step([query("rollback")])]


def lines_of(lockstep, message, count=0):
    """The log lines with that message, once there are that many."""
    def found():
        return [event for event in lockstep.events()
                if event["message"] == message]

    deadline = time.monotonic() + 5
    while len(found()) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return found()


# -- what the server skips --------------------------------------------------

@pytest.mark.parametrize("is_in_block", [False, True])
def test_what_follows_an_error_is_skipped(cluster, lockstep, database, admin,
                                          is_in_block):
    trace = compare(cluster, lockstep, database, admin, in_block([
        Step([parse("selec bad", "s2"), parse(DROP, "s1"), bind("", "s1"),
              describe_portal(), execute(), sync()])], is_in_block))
    assert sqlstates(trace) == ["42601"]
    assert exists(admin)


@pytest.mark.parametrize("first, behind, dropped", [
    ([parse("select 1")], [], True),
    ([parse(DROP)], [], True),
    ([parse("selec bad")], [sync()], False),
    ([*extended("selec bad")], [sync()], False),
    ([parse(DROP), bind(values=(1,))], [sync()], False),
], ids=["Parse", "guarded Parse", "bad Parse", "bad cycle", "bad Bind"])
def test_query_behind_an_open_cycle(cluster, lockstep, database, admin, first,
                                    behind, dropped):
    compare(cluster, lockstep, database, admin,
            [Step([*first, query(DROP), *behind], ready=1),
             Step([query("select 1")])])
    assert exists(admin) != dropped


# -- several at once --------------------------------------------------------

@pytest.mark.parametrize("has_reader", [False, True])
@pytest.mark.parametrize("names", [("table_c", "table_d"),
                                   ("table_c", "table_d", "table_q")])
def test_guarded_executes_in_one_cycle(request, cluster, lockstep, database,
                                       admin, names, has_reader):
    is_direct_only = request.config.getoption("--direct-only")
    before = 0 if is_direct_only else len(lockstep.guarded())
    cycle = [message for name in names
             for message in extended(f"drop table {name}")]

    def script(session):
        with cluster.connect(database, autocommit=False) as reader:
            if has_reader:
                reader.execute("select * from table_b")
            session.send(*cycle, sync())
            time.sleep(0.4 if has_reader else 0)
            reader.rollback()
            # What Lockstep tells about the wait is not the server's.
            return [m for m in session.read_ready() if m[0] != "N"]

    trace = compare(cluster, lockstep, database, admin, script,
                    ways=("packet",))
    assert errors(trace) == []
    assert [m for m in trace if m[0] == "C"] == [
        ("C", ("DROP TABLE",))] * len(names)
    if not is_direct_only:
        lines = lockstep.wait_guarded(before + len(names))[before:]
        assert len(lines) == len(names)


@pytest.mark.parametrize("count", [2, 3])
def test_guarded_executes_each_with_its_sync(cluster, lockstep, database,
                                             admin, count):
    names = ["table_c", "table_d", "table_q"][:count]
    messages = [message for name in names for message in
                [*extended(f"drop table {name}"), sync()]]
    compare(cluster, lockstep, database, admin, [Step(messages)])
    assert not any(exists(admin, name) for name in names)


@needs_lockstep
@pytest.mark.parametrize("is_in_block", [False, True])
def test_two_queries_refused_in_one_packet(start_lockstep, database, admin,
                                           tables, is_in_block):
    proxy = start_lockstep(policy="reject")
    with Wire(proxy, database) as session:
        if is_in_block:
            session.query("begin")
        trace = session.run(query(DROP), query("drop table table_d"))
        assert sqlstates(trace) == ["42501",
                                    "25P02" if is_in_block else "42501"]
        assert wire.status(trace) == ("E" if is_in_block else "I")
        assert wire.rows(session.run(query("rollback"), query("select 1"))) \
            == [("1",)]
    assert exists(admin) and exists(admin, "table_d")


# -- COPY -------------------------------------------------------------------

def test_a_query_behind_copy_from_stdin(cluster, lockstep, database, admin):
    trace = compare(cluster, lockstep, database, admin, [
        Step([query("copy journal from stdin"), query(DROP)])],
        ways=("packet",))
    assert sqlstates(trace)[-1] == "08P01"
    assert exists(admin)


@pytest.mark.parametrize("waits", [False, True])
def test_a_guarded_portal_during_copy_from_stdin(cluster, lockstep, database,
                                                 admin, waits):
    begin = [Step([query("begin")]),
             Step([parse(DROP, "s"), bind("p", "s"), sync()])]
    copy = [parse("copy journal from stdin"), bind(), execute()]
    rest = [execute("p"), copy_data(b"1\n"), copy_done(), sync()]
    if waits:
        steps = [*begin, Step([*copy, flush()], until="G"), Step(rest)]
    else:
        steps = [*begin, Step([*copy, *rest])]
    # Byte by byte the end would cut the sending off.
    compare(cluster, lockstep, database, admin, steps, ways=("packet",))
    assert exists(admin)


def test_a_copy_that_ends_well_before_a_guarded_portal(cluster, lockstep,
                                                       database, admin):
    compare(cluster, lockstep, database, admin, [
        Step([parse("copy journal from stdin"), bind(), execute(), flush()],
             until="G"),
        Step([copy_data(b"1\n"), copy_done(), *extended(DROP), sync()])])
    # Direct, a failed cycle would have left the row out, too.
    assert admin.execute("select n from journal").fetchall() in ([(1,)], [])


@pytest.mark.parametrize("behind, ready", [
    ([query(DROP)], 2), (extended(DROP), 1)], ids=["simple", "extended"])
def test_a_copy_that_took_the_sync_before_a_guarded_one(
        cluster, lockstep, database, admin, behind, ready):
    """The Sync ends nothing, so that nothing makes the server answer."""
    trace = compare(cluster, lockstep, database, admin, [
        Step([*extended("copy journal from stdin"), sync(),
              copy_data(b"1\n"), copy_done(), *behind, sync()],
             ready=ready)], ways=("packet",))
    assert errors(trace) == []
    assert exists(admin) == (ready == 2 and leaves_open(admin))


# -- a cancel ---------------------------------------------------------------

@pytest.mark.parametrize("how", ["one cycle", "two cycles", "queries"])
def test_a_cancel_hits_what_runs_before_the_guarded_one(
        cluster, lockstep, database, admin, how):
    sleep = "select pg_sleep(60)"
    messages = {
        "one cycle": [*extended(sleep), *extended(DROP), sync()],
        "two cycles": [*extended(sleep), sync(), *extended(DROP), sync()],
        "queries": [query(sleep), query(DROP)],
    }[how]

    def script_for(endpoint):
        def script(session):
            session.send(*messages)
            wait_asleep(cluster, session)
            wire.cancel(endpoint, session)
            trace = session.read_ready()
            assert sqlstates(trace) == ["57014"]
            left = wire.ready_count(messages) - 1
            return trace + (session.read_ready(left) if left else [])
        return script

    def compare_runs():
        runs = []
        for endpoint in cluster, lockstep:
            admin.execute(injection.SCHEMA)
            runs.append(play_one(endpoint, database, admin,
                                 script_for(endpoint), "packet", "postgres"))
        assert masked(runs[0].trace) == masked(runs[1].trace)
        assert runs[0].state == runs[1].state
        assert runs[0].left == runs[1].left

    wire.despite_second_signal(compare_runs)


# -- how a held statement in a block ends -----------------------------------

FORMS = {
    "simple": [[query(text)] for text in BLOCK],
    "one message": [[query("; ".join(BLOCK))]],
    "extended": [[*extended(text), sync()] for text in BLOCK],
    "one cycle": [[message for text in BLOCK for message in extended(text)]
                  + [sync()]],
}


def failed_block(endpoint, database, admin, form, ended_by):
    """What is seen and locked after the error and before ROLLBACK."""
    with Wire(endpoint, database) as session:
        if ended_by == "lock_timeout":
            session.query("set lock_timeout = '500ms'")
        elif ended_by == "statement_timeout":
            session.query("set statement_timeout = '700ms'")
        *before, last = FORMS[form]
        for messages in before:
            assert errors(session.run(*messages)) == []
        session.send(*last)
        if ended_by == "cancel":
            time.sleep(0.4)
            wire.cancel(endpoint, session)
        trace = session.read_ready()
        left = locks(admin, session.pid)
        trace += session.query("select 1") + session.query("rollback")
        assert errors(session.query("select 1")) == []
    first = errors(trace)[0]
    return (sqlstates(trace), first["S"], first["M"].split(":")[0],
            [fields for kind, fields in trace if kind in "CZ"], left)


@pytest.mark.parametrize("ended_by", ["lock_timeout", "statement_timeout",
                                      "cancel"])
@pytest.mark.parametrize("form", FORMS)
def test_a_block_that_failed_held_has_no_locks(cluster, lockstep, database,
                                               admin, reader, form, ended_by):
    direct, proxied = [failed_block(endpoint, database, admin, form, ended_by)
                       for endpoint in (cluster, lockstep)]
    if form == "one message":
        direct[3].remove(("LOCK TABLE",))  # planned together with the DROP
    assert direct == proxied
    assert direct[-1] == []
    assert direct[0] == ["55P03" if ended_by == "lock_timeout" else "57014",
                         "25P02"]
    assert exists(admin)


@needs_lockstep
@pytest.mark.parametrize("settings, sqlstate", [
    ({"hold_timeout": "500ms"}, "55P03"),
    ({"in_transaction_timeout": "300ms"}, "55P03"),
    ({"hold_timeout": "500ms", "policy": "hold"}, "55P03"),
    ({"policy": "reject"}, "42501"),
], ids=["hold_timeout", "in_transaction_timeout", "policy hold", "reject"])
@pytest.mark.parametrize("form", FORMS)
def test_a_block_that_was_refused_has_no_locks(start_lockstep, database,
                                               admin, reader, form, settings,
                                               sqlstate):
    if form == "one message" and "in_transaction_timeout" in settings:
        pytest.skip("planned together with the LOCK TABLE: nothing is held")
    proxy = start_lockstep(**settings)
    states, *_, left = failed_block(proxy, database, admin, form, None)
    assert states == [sqlstate, "25P02"]
    assert left == []
    assert exists(admin)


@pytest.mark.parametrize("setting, sqlstate, text", [
    ("statement_timeout", "57014",
     "canceling statement due to statement timeout"),
    ("lock_timeout", "55P03", "canceling statement due to lock timeout")])
@pytest.mark.parametrize("is_extended", [False, True])
def test_the_sessions_timeout_ends_a_held_statement(
        lockstep, database, admin, reader, is_extended, setting, sqlstate,
        text):
    with Wire(lockstep, database) as session:
        session.query(f"set {setting} = '700ms'")
        start = time.monotonic()
        trace = session.run(*extended(DROP), sync()) if is_extended \
            else session.query(DROP)
        assert 0.5 < time.monotonic() - start < 5
        assert sqlstates(trace) == [sqlstate]
        assert errors(trace)[0]["M"].startswith(text)
        assert wire.status(trace) == "I" and exists(admin)
        assert locks(admin, session.pid) == []


# -- a role without the language --------------------------------------------

@pytest.mark.parametrize("how", ["one cycle", "simple", "one message",
                                 "extended", "block"])
@pytest.mark.parametrize("has_rights", [False, True])
def test_a_role_without_usage_on_plpgsql(cluster, lockstep, owner, database,
                                         admin, how, has_rights):
    setup = (f"revoke usage on language plpgsql from public;"
             f"alter table table_c owner to {owner};")
    if not has_rights:
        setup += "revoke all on table_a, table_b from public;"
    steps = {
        "one cycle": [Step([*extended("begin"), *extended(DROP),
                            *extended("commit"), sync()])],
        "simple": [Step([query(DROP)])],
        "one message": [Step([query(f"begin; {DROP}; commit")])],
        "extended": [Step([*extended(DROP), sync()])],
        "block": [Step([query(text)]) for text in ("begin", DROP, "commit")],
    }[how]
    trace = compare(cluster, lockstep, database, admin, steps, setup,
                    ("packet",), owner)
    assert errors(trace) == []
    assert not exists(admin)


# -- what the log says ------------------------------------------------------

FAILED = [Step([query("begin")]), Step([query("select 1/0")])]
LOGGED = {
    "behind ROLLBACK in a failed block": (
        [*FAILED, Step([query(f"rollback; {DROP}")])], True),
    "behind a Flush": (
        [Step([*extended("select 1"), flush()], until="C"),
         Step([query(DROP)])], False),
    "behind a guarded Parse": (
        [Step([parse(DROP), query(DROP)])], True),
    "behind a guarded Parse that was answered": (
        [Step([parse(DROP), flush()], until="1"), Step([query(DROP)])], True),
}


@pytest.mark.parametrize("name", LOGGED)
def test_the_log_says_whether_it_was_guarded(request, cluster, lockstep,
                                             database, admin, name):
    steps, is_guarded = LOGGED[name]
    is_direct_only = request.config.getoption("--direct-only")
    guarded, passed = "guarded statement", "statements passed unguarded"
    if not is_direct_only:
        before = {message: len(lines_of(lockstep, message))
                  for message in (guarded, passed)}
    compare(cluster, lockstep, database, admin, steps, ways=("packet",))
    assert exists(admin) == (name == "behind a Flush" and leaves_open(admin))
    if is_direct_only:
        return
    if is_guarded:
        lines = lines_of(lockstep, guarded, before[guarded] + 1)
        assert [line["outcome"] for line in lines[before[guarded]:]] == [
            "protected"]
        assert len(lines_of(lockstep, passed)) == before[passed]
    else:
        lines = lines_of(lockstep, passed, before[passed] + 1)
        assert len(lines) == before[passed] + 1
        assert len(lines_of(lockstep, guarded)) == before[guarded]


# -- prepared statements that stay, or go -----------------------------------

PREPARE = Step([parse(DROP, "s1"), sync()])
RUN = Step([bind("", "s1"), execute(), sync()])
OTHER = "truncate journal, table_b"
PREPARED = {
    "Close was skipped": [
        PREPARE, Step([parse("selec bad"), close_statement("s1"), sync()]),
        RUN],
    "Parse was refused": [
        PREPARE, Step([parse("select 1", "s1"), sync()]), RUN],
    "Parse was skipped": [
        PREPARE, Step([parse("selec bad"), close_statement("s1"),
                       parse("select 1", "s1"), sync()]), RUN],
    "another Parse was skipped": [
        PREPARE, Step([parse("selec bad"), close_statement("s1"),
                       parse(OTHER, "s1"), sync()]), RUN],
    "another unnamed Parse was skipped": [
        Step([parse(DROP), sync()]),
        Step([parse("selec bad", "bad"), parse(OTHER), sync()]),
        Step([bind(), execute(), sync()])],
    "two others were skipped": [
        PREPARE, Step([parse("selec bad"), close_statement("s1"),
                       parse(OTHER, "s1"), close_statement("s1"),
                       parse("select 1", "s1"), sync()]), RUN],
    "Parse was refused in the packet": [
        PREPARE, Step([parse("select 1", "s1"), sync(), bind("", "s1"),
                       execute(), sync()])],
}


@pytest.mark.parametrize("name", PREPARED)
def test_a_prepared_statement_stays_guarded(request, cluster, lockstep,
                                            database, admin, name):
    is_direct_only = request.config.getoption("--direct-only")
    before = 0 if is_direct_only else len(lockstep.guarded())
    trace = compare(cluster, lockstep, database, admin, PREPARED[name],
                    ways=("packet",))
    assert len(errors(trace)) == 1
    assert not exists(admin)
    if not is_direct_only:
        lines = lockstep.wait_guarded(before + 1)[before:]
        assert [line["outcome"] for line in lines] == ["protected"]
        assert [line["statement"] for line in lines] == ["DROP TABLE"]


SKIPPED = {
    "Parse": [Step([parse("selec bad"), parse(DROP, "s1"), sync()]),
              Step([parse("select 42", "s1"), sync()])],
    "unnamed Parse": [Step([parse("select 42"), sync()]),
                      Step([parse("selec bad", "bad"), parse(DROP), sync()])],
}


@pytest.mark.parametrize("name", SKIPPED)
def test_a_skipped_statement_locks_nothing(cluster, lockstep, database, admin,
                                           name):
    statement = "" if name == "unnamed Parse" else "s1"

    def script(session):
        trace = play(session, [
            *SKIPPED[name], Step([query("begin")]),
            Step([parse("select 42", "s2"), bind("", "s2"), execute(),
                  sync()])])
        return trace + session.query("rollback")

    trace = compare(cluster, lockstep, database, admin, script,
                    ways=("packet",))
    assert len(errors(trace)) == 1


@pytest.mark.parametrize("forget", ["discard all", "deallocate all",
                                    "deallocate s1"])
def test_a_forgotten_statement_locks_nothing(cluster, lockstep, database,
                                             admin, forget):
    def script(session):
        trace = play(session, [
            PREPARE, Step([query(forget)]),
            Step([parse("select 42", "s1"), sync()]), Step([query("begin")]),
            RUN])
        modes = {lock[1] for lock in locks(admin, session.pid)}
        assert "AccessExclusiveLock" not in modes
        return trace + session.query("rollback")

    trace = compare(cluster, lockstep, database, admin, script,
                    ways=("packet",))
    assert wire.rows(trace) == [("42",)]
    assert exists(admin)


# -- what the client's session shows of it ----------------------------------

@pytest.mark.parametrize("how", ["simple", "one message", "extended", "block",
                                 "one cycle"])
def test_log_messages_tell_nothing_of_ours(cluster, lockstep, database, admin,
                                           how):
    settings = "set client_min_messages = log; set log_duration = on"
    steps = {
        "simple": [Step([query(DROP)])],
        "one message": [Step([query(f"begin; {DROP}; commit")])],
        "extended": [Step([*extended(DROP), sync()])],
        "block": [Step([query(text)]) for text in ("begin", DROP, "commit")],
        "one cycle": [Step([*extended("begin"), *extended(DROP),
                            *extended("commit"), sync()])],
    }[how]
    steps = [Step([query(text)]) for text in settings.split("; ")] + steps

    def script(session):
        trace = play(session, steps)
        if how != "one message":
            return trace
        # It is sent in pieces, and the server tells of each.
        notices.extend(m for m in trace if m[0] == "N")
        return [m for m in trace if m[0] != "N"]

    notices = []
    trace = compare(cluster, lockstep, database, admin, script,
                    ways=("packet",))
    notices += [m for m in trace if m[0] == "N"]
    assert notices
    assert not [m for m in notices
                if re.search("lockstep|pg_catalog", str(m))]


# -- the client goes --------------------------------------------------------

@pytest.mark.parametrize("messages", [
    [query(DROP)], [*extended(DROP), sync()],
    [query("begin"), query(DROP), query("commit")]],
    ids=["simple", "extended", "block"])
def test_a_half_closed_client_gets_its_answer(cluster, lockstep, database,
                                              admin, messages):
    def script(session):
        session.send(*messages)
        session.socket.shutdown(socket.SHUT_WR)
        return session.read_until("")

    trace = compare(cluster, lockstep, database, admin, script,
                    ways=("packet",))
    assert ("C", ("DROP TABLE",)) in trace and wire.status(trace) == "I"
    assert trace[-1] is CLOSED
    assert not exists(admin)


@pytest.mark.parametrize("is_extended", [False, True])
@pytest.mark.parametrize("through", [False, True])
def test_a_client_that_terminates_at_once_is_served(
        cluster, lockstep, database, admin, tables, through, is_extended):
    for _ in range(5):
        admin.execute(injection.SCHEMA)
        session = Wire(lockstep if through else cluster, database)
        messages = [*extended(DROP), sync()] if is_extended else [query(DROP)]
        session.send(*messages, wire.terminate())
        session.socket.close()
        until(lambda: not exists(admin), "it was not dropped", 5)
        until(lambda: is_gone(admin, session.pid), "the backend stays")


@needs_lockstep
@pytest.mark.parametrize("behind", [
    [query("insert into journal values (1)")] * 4000,
    [query(f"select '{'x' * 200_000}'")],
    [*extended("select 1"), sync()] * 4000,
], ids=["many Queries", "a long Query", "many cycles"])
@pytest.mark.parametrize("ends", ["reader goes", "hold_timeout"])
@pytest.mark.parametrize("reset", [False, True])
def test_a_pipeline_behind_a_held_one_leaves_nothing(
        start_lockstep, database, admin, reader, behind, ends, reset):
    proxy = start_lockstep(
        hold_timeout="1s" if ends == "hold_timeout" else "60s")
    session = Wire(proxy, database)
    session.send(query(DROP))
    session.read_unanswered(0.3)
    session.send(*behind)
    time.sleep(0.2)
    session.vanish(reset)
    if ends == "reader goes":
        reader.rollback()
    until(lambda: is_gone(admin, session.pid), "the backend stays")
    assert locks(admin, session.pid) == []
    with Wire(proxy, database) as other:
        assert errors(other.query("drop table if exists table_d")) == [] \
            or ends == "hold_timeout"


# -- Lockstep goes ----------------------------------------------------------

@needs_lockstep
@pytest.mark.parametrize("text", [None, "select pg_sleep(20)"])
@pytest.mark.parametrize("is_extended", [False, True])
def test_drain_timeout_ends_a_block_with_a_guarded_one(
        start_lockstep, cluster, database, admin, tables, is_extended, text):
    proxy = start_lockstep(drain_timeout="1s")
    with Wire(proxy, database) as session:
        session.query("begin")
        trace = session.run(*extended(DROP), sync()) if is_extended \
            else session.query(DROP)
        assert errors(trace) == [] and wire.status(trace) == "T"
        if text:
            session.send(*([*extended(text), sync()] if is_extended
                           else [query(text)]))
            wait_asleep(cluster, session)
        start = time.monotonic()
        proxy.process.send_signal(signal.SIGTERM)
        try:
            proxy.process.wait(BOUND_S)
        except subprocess.TimeoutExpired:
            pytest.fail("it does not end\n" + proxy.tail())
        assert time.monotonic() - start < 10
        assert session.read_until("")[-1] is CLOSED
    if not text:
        until(lambda: is_gone(admin, session.pid), "the backend stays")
        assert exists(admin)
