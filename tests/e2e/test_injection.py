"""A guarded statement looks the same through Lockstep as direct.

Each way a statement can come, with each outcome, is played direct and through
Lockstep, in one packet per step and byte by byte: the messages the client
sees, what the session looks like afterwards and what is in the database must
be the same.
"""

import re
import time
from dataclasses import dataclass

import pytest

import injection
import wire
from effort import effort
from injection import OUTCOMES, WAYS, Step, play
from wire import (CLOSED, Wire, bind, close_portal, copy_data, copy_done,
                  describe_portal, execute, extended, flush, in_order, parse,
                  query, sync)

DATABASE = "e2e_injection"
pristine = []  # fingerprints, one for each time the tables were made


@pytest.fixture(scope="module")
def stage(cluster):
    """The administrator's connection to a database that all cases share."""
    with cluster.connect() as admin:
        admin.execute(f"create database {DATABASE}")
        admin.execute("create role e2e_stranger login")
        with cluster.connect(DATABASE) as connection:
            yield connection
        admin.execute(f"drop database {DATABASE} with (force)")
        admin.execute("drop role e2e_stranger")


# What one case needed would be told in the next one; and it is about plans.
LOCKSTEP_SETTINGS = {"memory": "off", "optimistic": "off"}


@dataclass
class Played:
    trace: list
    aftermath: list  # the same session, asked afterwards
    state: list      # the database
    left: list       # locks that the idle session still has
    statements: str  # what the server logged for it


def no_sessions(stage):
    """Wait until the sessions of the case before are gone."""
    deadline = time.monotonic() + wire.HANG_BOUND_S
    while stage.execute(
            "select count(*) from pg_stat_activity where datname = "
            "current_database() and pid <> pg_backend_pid()").fetchone()[0]:
        assert time.monotonic() < deadline, "a session stays"
        time.sleep(0.002)


def server_log(cluster, mark, pid):
    """What the server logged for one process, statements and errors."""
    lines = []
    is_wanted = False
    for line in cluster.log(mark).splitlines():
        head = re.match(r"[-0-9]+ [0-9:.]+ \w+ \[(\d+)\] ", line)
        if head:
            is_wanted = int(head[1]) == pid
        if is_wanted:
            lines.append(line)
    return "\n".join(lines)


def reset(stage):
    """The tables as at the start; most outcomes leave them like that."""
    no_sessions(stage)
    if pristine and pristine[-1] == fingerprint(stage):
        return
    stage.execute(injection.SCHEMA)
    if len(pristine) % 50 == 0:
        stage.execute("vacuum")  # dead rows of the catalogs add up
    pristine.append(fingerprint(stage))


def fingerprint(stage):
    if not stage.execute("select to_regclass('late_child')").fetchone()[0]:
        return None
    return stage.execute(injection.FINGERPRINT + injection.STATE).fetchall()


def run_case(cluster, stage, endpoint, steps, by, user="postgres"):
    reset(stage)
    mark = cluster.log_mark()
    with Wire(endpoint, DATABASE, user) as session:
        trace = play(session, steps, by)
        aftermath = left = None
        if trace[-1] is not CLOSED:
            aftermath = session.query(injection.PROBE)
            if wire.status(aftermath) != "I":
                aftermath += session.query("rollback")
                aftermath += session.query(injection.PROBE)
            left = stage.execute("select locktype, mode from pg_locks "
                                 "where pid = %s", [session.pid]).fetchall()
        statements = server_log(cluster, mark, session.pid)
        state = stage.execute(injection.STATE).fetchall()
    return Played(trace, aftermath, state, left, statements)


def lines(trace):
    """One message a line: pytest's diff then shows the one that differs."""
    return "\n".join(f"{kind} {fields}" for kind, fields in trace)


def heads(statements):
    """Each entry's first line: what is injected can be long."""
    return "\n".join(line[:200] for line in statements.splitlines()
                     if not line.startswith("\t"))


def assert_same(direct, proxied, in_one_order=True):
    """in_one_order: what the server tells unasked comes where it did."""
    sent = "\n\nthe server was sent:\n" + heads(proxied.statements)
    if in_one_order:
        assert lines(direct.trace) == lines(proxied.trace), sent
    assert (lines(in_order(direct.trace))
            == lines(in_order(proxied.trace))), sent
    assert (wire.asynchronous(direct.trace)
            == wire.asynchronous(proxied.trace)), sent
    assert lines(direct.aftermath) == lines(proxied.aftermath), sent
    assert direct.state == proxied.state, sent
    assert proxied.left == [], sent


def assert_guarded(played, wanted):
    """The server's own log tells whether tables were locked beforehand."""
    is_locked = re.search(r"\block table\b", played.statements, re.I)
    assert bool(is_locked) == wanted, heads(played.statements)


def savepoints_of_ours(played):
    """The names of the savepoints in the server's log."""
    return set(re.findall(r'\bsavepoint ("[^"]+"|\w+)', played.statements,
                          re.I)) - {"s"}


def compare(cluster, stage, lockstep, steps, user="postgres",
            ways=("packet", "byte"), in_one_order=True):
    """Play direct and through; returns the proxied runs."""
    direct = run_case(cluster, stage, cluster, steps, "packet", user)
    assert direct.left == []
    runs = []
    for by in ways:
        runs.append(run_case(cluster, stage, lockstep, steps, by, user))
        assert_same(direct, runs[-1], in_one_order)
    return runs


@pytest.fixture
def is_direct_only(request):
    return request.config.getoption("--direct-only")


def plays(way_name, outcome_name):
    """Byte by byte, each way with one outcome, unless there is time."""
    if not OUTCOMES[outcome_name].by_bytes:
        return ("packet",)
    by_bytes = [name for name in OUTCOMES if OUTCOMES[name].by_bytes]
    number = list(WAYS).index(way_name) + by_bytes.index(outcome_name)
    is_turn = number % len(by_bytes) == 0
    return effort(("packet", "byte") if is_turn else ("packet",),
                  ("packet", "byte"))


@pytest.mark.parametrize("outcome_name", OUTCOMES)
@pytest.mark.parametrize("way_name", WAYS)
def test_visible_sequence_equals_direct(cluster, stage, lockstep,
                                        is_direct_only, way_name,
                                        outcome_name):
    way = WAYS[way_name]
    outcome = OUTCOMES[outcome_name]
    steps = way.make(outcome.statements())
    runs = compare(cluster, stage, lockstep, steps, outcome.user,
                   plays(way_name, outcome_name))
    if is_direct_only:
        return
    if not way.is_guarded:
        for run in runs:
            assert_guarded(run, False)
    elif outcome.is_guarded and outcome_name not in way.unguarded_in:
        for run in runs:
            assert_guarded(run, True)


# -- one message, in detail -------------------------------------------------

MESSAGES = [
    "begin; drop table table_c; commit",
    "begin;drop table table_c;commit;",
    "  /* ěšč ; drop table table_x */ begin ;; DROP /**/ TABLE\ttable_c\n;"
    "-- drop table table_d\n COMMIT ; -- end",
    "start transaction; drop table table_c; end",
    "begin; drop table table_c",
    "begin; drop table table_c; rollback",
    "begin; drop table table_c; drop table table_d; commit",
    "drop table table_c; drop table table_d",
    "drop table table_c, table_d",
    "begin; drop table table_c; commit; begin; drop table table_d; commit",
    "begin; drop table table_c; commit; drop table table_d",
    "drop table table_c; begin; drop table table_d; commit",
    "insert into journal values (1); begin; drop table table_c; commit",
    "insert into journal values (1); begin; drop table table_c; rollback; "
    "insert into journal values (2)",
    "begin; drop table table_c; commit; insert into journal values (1); "
    "select 1/0",
    "begin; insert into journal values (1); drop table table_c; rollback; "
    "drop table table_d",
    "begin; drop table table_c; select 'kůň', nix from table_a; commit",
    "begin; select 'kůň', nix from table_a; drop table table_c; commit",
    "begin; select 1/0; drop table table_c; commit",
    "begin; drop table table_x; drop table table_c; commit",
    "begin; drop table table_c; selec; commit",
    "begin; savepoint s; drop table table_c; rollback to s; "
    "drop table table_d; commit",
    "begin; drop table table_c; commit and chain; drop table table_d; "
    "rollback",
    "begin; drop table table_c; rollback and chain; drop table table_d; "
    "commit",
    "begin; begin; drop table table_c; commit; commit",
    "begin read only; drop table table_c; commit",
    "begin isolation level serializable; drop table table_c; commit",
    "begin; set transaction isolation level repeatable read; "
    "drop table table_c; commit",
    "begin; drop table table_c; set transaction isolation level repeatable "
    "read; commit",
    "set lock_timeout = '5s'; drop table table_c; show lock_timeout",
    "begin; set local lock_timeout = '5s'; set local statement_timeout = "
    "'1min'; drop table table_c; show lock_timeout; show statement_timeout; "
    "commit; show lock_timeout",
    "begin; drop table table_c; create table table_c(id int primary key, "
    "a_id int references table_a); insert into table_c values (1, 1); "
    "alter table table_c drop column a_id; commit",
    "begin; create table table_n(a_id int references table_a); "
    "drop table table_n; commit",
    "select 'drop table table_c'; select $$; drop table table_c; $$",
    "begin; select $x$; drop table table_c; $x$; drop table table_d; commit",
    "set timezone = 'Asia/Tokyo'; begin; drop table table_c; commit",
    "begin; drop table table_c; set timezone = 'Asia/Tokyo'; commit",
    "begin; drop table table_c; prepare transaction 'e2e'",
    "truncate table_d, table_c; select count(*) from table_d",
    "begin; listen e2e; drop table table_c; notify e2e, 'x'; commit",
    "begin; drop table if exists table_x; drop table if exists table_c; "
    "drop table if exists table_c; commit",
    "alter table table_c drop column a_id, drop column nix",
    "alter table if exists table_c drop column if exists nix, "
    "drop constraint if exists nix",
    "drop view if exists table_c",
    "begin; drop table table_c cascade; drop table table_p cascade; commit",
    "drop table table_p cascade",
    "",
    " ; ",
]

NO_STANDARD_STRINGS = [
    # With standard_conforming_strings off a backslash hides the quote: what
    # looks like a drop is inside a string.
    r"begin; select 'a\'; drop table table_c; --'; commit",
    r"select 'a\'; drop table table_c; --'",
    r"begin; select 'a\'', 1; drop table table_c; select '\'; commit; --'",
]


def finish(texts):
    """Each text a message; then the transaction is ended, if one is open."""
    return [*(Step([query(text)]) for text in texts),
            Step([query("rollback prepared 'e2e'")])]


# The server tells of a parameter when it is done with a message: behind the
# first piece of a text that is cut, and not behind all of it.
TOLD_EARLY = {"set timezone = 'Asia/Tokyo'; begin; drop table table_c; commit"}


@pytest.mark.parametrize("text", MESSAGES)
def test_one_message_equals_direct(cluster, stage, lockstep, text):
    compare(cluster, stage, lockstep, finish([text]),
            in_one_order=text not in TOLD_EARLY)


@pytest.mark.parametrize("text", NO_STANDARD_STRINGS)
def test_nonstandard_strings_equal_direct(cluster, stage, lockstep, text):
    compare(cluster, stage, lockstep, finish(
        ["set escape_string_warning = off",
         "set standard_conforming_strings = off", text]))


def test_one_message_left_open_keeps_the_block(cluster, stage, lockstep):
    steps = [Step([query("begin; insert into journal values (1); "
                         "drop table table_c")]),
             injection.probe(), Step([query("commit")])]
    compare(cluster, stage, lockstep, steps)


def test_copy_before_it_in_one_message(cluster, stage, lockstep):
    compare(cluster, stage, lockstep, [
        Step([query("begin; copy journal from stdin; drop table table_c; "
                    "commit")], until="G"),
        Step([copy_data(b"1\n2\n"), copy_data(b"3\n"), copy_done()],
             ready=1)])


def test_copy_behind_it_in_one_message(cluster, stage, lockstep):
    compare(cluster, stage, lockstep, [
        Step([query("begin; drop table table_c; copy journal from stdin; "
                    "commit")], until="G"),
        Step([copy_data(b"1\n2\n"), copy_done()], ready=1)])


def test_copy_out_around_it_in_one_message(cluster, stage, lockstep):
    compare(cluster, stage, lockstep, finish(
        ["begin; copy table_a to stdout; drop table table_c; "
         "copy table_b to stdout; commit"]))


# -- extended protocol, in detail -------------------------------------------

def cycles(*groups):
    return [Step([*group, sync()]) for group in groups]


TRUNCATE = "truncate table_d, table_c"
SCRIPTS = {
    "two guarded in one cycle": cycles(
        [*extended("drop table table_c"), *extended("drop table table_d")]),
    "two guarded in one cycle, the second fails": cycles(
        [*extended("drop table table_c"), *extended("drop table table_p"),
         *extended("select 1")]),
    "two guarded behind BEGIN": cycles(
        [*extended("begin"), *extended("drop table table_c"),
         *extended("drop table table_d"), *extended("commit")]),
    "BEGIN and COMMIT in the packet": cycles(
        [*extended("begin"), *extended("drop table table_c"),
         *extended("commit"), *extended("insert into journal values (1)")]),
    "a named statement twice": cycles(
        [parse(TRUNCATE, "s")], [bind("", "s"), execute()],
        [bind("", "s"), execute()]),
    "the unnamed statement stays": cycles(
        [parse(TRUNCATE)], [bind(), execute()], [bind(), execute()],
        [bind(), describe_portal()]),
    "the drop's unnamed statement stays": cycles(
        extended("drop table table_c"), [bind(), execute()]),
    "the unnamed statement of another stays": cycles(
        [parse("select 1 as stays")],
        [parse("drop table table_c", "s"), bind("p", "s"), execute("p")],
        [bind(), execute()]),
    "a portal executed twice": cycles(
        [parse(TRUNCATE, "s"), bind("p", "s"), execute("p"), execute("p")]),
    "a portal executed after another statement": cycles(
        [parse("drop table table_c", "s"), bind("p", "s"),
         *extended("insert into journal values (1)"), execute("p")]),
    "an open portal in the block goes on": [
        Step([query("begin")]),
        *cycles([parse("select * from table_a order by id", "q"),
                 bind("q", "q"), execute("q", 1)],
                extended("drop table table_c"),
                [execute("q", 1)], [execute("q", 5), close_portal("q")]),
        Step([query("commit")])],
    "an open portal of the same cycle goes on": cycles(
        [*extended("begin"), parse("select * from table_a order by id", "q"),
         bind("q", "q"), execute("q", 1), *extended("drop table table_c"),
         execute("q", 1), *extended("commit")]),
    "only bound": cycles([parse("drop table table_c"), bind()]),
    "only described": cycles([parse("drop table table_c", "s"),
                              wire.describe_statement("s")]),
    "Parse fails, then Sync": cycles(
        [*extended("selec"), *extended("drop table table_c")],
        extended("drop table table_d")),
    "an error, then a simple Query before Sync": [
        Step([parse("selec"), query("drop table table_c"), sync()], ready=1),
        Step([query("drop table table_d")])],
    "a simple Query behind an open cycle": [
        Step([parse("insert into journal values (1)"), bind(), execute(),
              query("drop table table_c")]),
        Step([sync()])],
    "Parse, then a simple guarded Query": [
        Step([parse("select 2 as gone"), query("drop table table_c")]),
        Step([bind(), execute(), sync()])],
    "Bind with a value it does not want": cycles(
        [parse("drop table table_c"), bind(values=(1,)), execute()]),
    "Execute of an unknown portal": cycles(
        [parse("drop table table_c"), bind(), execute("nix")]),
    "several texts in one Parse": cycles(
        extended("drop table table_c; drop table table_d")),
    "an empty Parse before it": cycles(
        [*extended(""), *extended("drop table table_c")]),
    "many Syncs": [Step([*extended("drop table table_c"), sync(), sync(),
                         sync(), query("select 1"), sync()])],
    "Flush and no Sync yet": [
        Step([*extended("drop table table_c"), flush()], until="C"),
        Step([*extended("insert into journal values (1)"), flush()],
             until="C"),
        Step([sync()])],
    "rolled back by the cycle's error": cycles(
        [*extended("drop table table_c"), *extended("select 1/0")]),
    "a cycle in a failed block": [
        Step([query("begin")]), Step([query("select 1/0")]),
        *cycles(extended("drop table table_c")), Step([query("rollback")])],
    "a savepoint in the packet": cycles(
        [*extended("begin"), *extended("savepoint s"),
         *extended("drop table table_c"), *extended("rollback to s"),
         *extended("drop table table_d"), *extended("commit")]),
    "ROLLBACK in the packet": cycles(
        [*extended("begin"), *extended("drop table table_c"),
         *extended("rollback"), *extended("drop table table_d")]),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_extended_script_equals_direct(cluster, stage, lockstep, name):
    compare(cluster, stage, lockstep, SCRIPTS[name])


# -- what is left behind ----------------------------------------------------

@pytest.mark.needs_lockstep
@pytest.mark.parametrize("way_name", ["simple, in a block",
                                      "extended, in a block",
                                      "extended, BEGIN in the packet"])
def test_no_savepoint_is_left(cluster, stage, lockstep, way_name):
    steps = WAYS[way_name].make(["drop table table_c"])[:-1]
    reset(stage)
    mark = cluster.log_mark()
    with Wire(lockstep, DATABASE) as session:
        trace = play(session, steps)
        assert wire.errors(trace) == [] and wire.status(trace) == "T"
        names = savepoints_of_ours(Played(
            [], [], [], [], server_log(cluster, mark, session.pid)))
        for name in names:
            trace = session.query(f"rollback to savepoint {name}")
            assert wire.sqlstates(trace) in (["3B001"], ["25P02"])


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("way_name", [
    name for name, way in WAYS.items() if way.is_guarded])
def test_there_is_one_log_line_for_it(stage, lockstep, way_name):
    reset(stage)
    before = len(lockstep.guarded())
    with Wire(lockstep, DATABASE) as session:
        trace = play(session, WAYS[way_name].make(["drop table table_c"]))
        assert wire.errors(trace) == []
    events = lockstep.wait_guarded(before + 1)[before:]
    assert len(events) == 1
    text = " ".join(events[0].values())
    for table in "table_a", "table_b", "table_c":
        assert table in text


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("name, count", [
    ("two guarded in one cycle", 2), ("two guarded behind BEGIN", 2),
    ("BEGIN and COMMIT in the packet", 1), ("only bound", 0),
    ("many Syncs", 1)])
def test_there_is_one_log_line_for_each(stage, lockstep, name, count):
    reset(stage)
    before = len(lockstep.guarded())
    with Wire(lockstep, DATABASE) as session:
        play(session, SCRIPTS[name])
        session.query("select 1")
    assert len(lockstep.wait_guarded(before + count)) == before + count


# -- what arrives meanwhile -------------------------------------------------

@pytest.fixture
def held(stage, cluster, lockstep):
    """A drop that waits for a holder; returns its session and a release."""
    reset(stage)
    with cluster.connect(DATABASE, autocommit=False) as holder, \
            Wire(lockstep, DATABASE) as session:
        holder.execute("select * from table_b")
        session.query("listen e2e")
        session.send(query("drop table table_c"))
        session.read_unanswered(0.2)
        yield session, holder.rollback


def test_a_notification_arrives_meanwhile(stage, held):
    session, release = held
    stage.execute("notify e2e, 'meanwhile'")
    time.sleep(0.2)
    release()
    trace = session.read_ready() + session.query("select 1")
    assert wire.errors(trace) == []
    assert ("A", ("#", "e2e", "meanwhile")) in trace
    assert ("C", ("DROP TABLE",)) in trace


def test_a_parameter_status_arrives_meanwhile(stage, held):
    session, release = held
    stage.execute("alter system set timezone = 'Asia/Tokyo'")
    stage.execute("select pg_reload_conf()")
    try:
        time.sleep(0.2)
        release()
        trace = session.read_ready() + session.query("select 1")
    finally:
        stage.execute("alter system reset timezone")
        stage.execute("select pg_reload_conf()")
    assert wire.errors(trace) == []
    assert ("S", ("TimeZone", "Asia/Tokyo")) in trace
    assert ("C", ("DROP TABLE",)) in trace


def test_what_comes_behind_it_waits_its_turn(stage, held):
    session, release = held
    session.send(query("select 1 as behind"), *extended("select 2"), sync())
    session.read_unanswered(0.2)
    release()
    trace = session.read_ready(3)
    tags = [fields[0] for kind, fields in trace if kind == "C"]
    assert tags == ["DROP TABLE", "SELECT 1", "SELECT 1"]
