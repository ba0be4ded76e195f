"""The scripts of test_differential.py, and the messages of test_relay.py.

What is not a guarded statement, in all forms of the protocol; AMID marks
where a guarded one may come between.  The tables are differential.STAGE's.
"""

import struct

import wire
from differential import (AMID, TO_THE_END, cancel, half_close, held,
                          one_step, others_run, script, stalled, way_is_free)
from injection import Step
from wire import (bind, close_portal, close_statement, copy_data, copy_done,
                  copy_fail, describe_portal, describe_statement, execute,
                  extended, flush, message, parse, query, sync)


# -- messages sent at once -------------------------------------------------

SCENARIOS = {
    "empty query": [query("")],
    "only blanks and semicolons": [query(" ; ;; "), query("-- nothing")],
    "several statements": [query("select 1; select 2 as b; table parent")],
    "error among several": [query("select 1; select 1/0; select 2")],
    "notice": [query("select shout()")],
    "parameter status": [query("set application_name = 'another'"),
                         query("set client_encoding = 'LATIN1'"),
                         query("begin; set timezone = 'UTC+3'"),
                         query("rollback")],
    "transaction statuses": [query("begin"), query("select 1/0"),
                             query("select 1"), query("rollback"),
                             query("commit")],
    "extended": [*extended("table parent"), sync()],
    "extended empty": [*extended(""), sync()],
    "named": [parse("select $1::int + 1", "s"), describe_statement("s"),
              bind("p", "s", [41]), describe_portal("p"), execute("p"),
              close_portal("p"), close_statement("s"), sync()],
    "types given": [parse("select $1", "s", [20]), describe_statement("s"),
                    bind("", "s", [7], [1]), execute(), sync()],
    "null parameter": [parse("select $1::text is null"),
                       bind(values=[None]), execute(), sync()],
    "two cycles in a packet": [*extended("select 1"), sync(),
                               *extended("select 2"), sync()],
    "only Sync": [sync(), sync()],
    "simple after extended": [*extended("select 1"), sync(),
                              query("select 2")],
    "portal suspended": [query("begin"), parse("table parent"), bind("p"),
                         execute("p", 2), execute("p", 2), execute("p", 2),
                         sync(), query("commit")],
    "portal over several cycles": [
        query("begin"), parse("table parent"), bind("p"), execute("p", 1),
        sync(), execute("p", 1), sync(), execute("p"), sync(),
        query("commit")],
    "error in Parse": [*extended("selec"), sync(), query("select 1")],
    "error in Bind": [parse("select $1::int"), bind(values=["x"]), execute(),
                      sync(), query("select 1")],
    "error in Execute": [*extended("select 1/0"), *extended("select 2"),
                         sync(), *extended("select 3"), sync()],
    "error in Describe": [describe_statement("none"), flush(), sync()],
    "error in Close is none": [close_statement("none"), sync()],
    "error within a pipeline": [
        *extended("insert into copied values (1)"), sync(),
        *extended("insert into copied values ('x')"),
        *extended("insert into copied values (2)"), sync(),
        *extended("select sum(n) from copied"), sync()],
    "a Query is skipped after an error": [
        *extended("select 1/0"), query("select 5"), sync()],
    "pipeline in a block": [
        *extended("begin"), *extended("insert into copied values (1)"),
        *extended("select 1/0"), sync(), *extended("rollback"), sync()],
    "implicit block undone": [
        *extended("insert into copied values (1)"), *extended("select 1/0"),
        sync(), query("table copied")],
    "flush": [parse("select 1"), flush(), bind(), flush(), execute(), flush(),
              sync()],
    "discard all": [parse("select 1", "s"), sync(), query("discard all"),
                    bind("", "s"), sync()],
    "function call": [message("F", struct.pack(
        "!IHHHi1si1sH", 177, 1, 0, 2, 1, b"2", 1, b"3", 0))],
    "function call, wrong OID": [message("F", struct.pack(
        "!IHHHH", 4, 1, 0, 0, 0))],
    "function call in a block": [query("begin"), message("F", struct.pack(
        "!IHHHi1sH", 177, 1, 0, 1, 1, b"2", 0)), query("rollback")],
    "listen and notify oneself": [
        query("listen here"), query("begin; notify here, 'one'"),
        query("notify here, 'two'; commit"), *extended("notify here"), sync()],
    "cursors": [query("begin"), query("declare c cursor for table parent"),
                query("fetch 2 from c"), query("move all in c"),
                query("close c; commit")],
    "prepared by SQL": [query("prepare s as select $1::int"),
                        query("execute s (1)"), query("deallocate s"),
                        query("execute s (1)")],
    "guarded words in harmless places": [
        query("select 'drop table child' as \"drop\""),
        query("/* drop table child */ select 1 -- truncate parent"),
        query("do $$ begin perform 'drop table child'; end $$"),
        *extended("select $x$alter table child drop column p$x$"), sync()],
}


def owed(messages):
    """ReadyForQuery for these; what an error makes the server skip has none.

    The one scenario where that matters is counted by hand.
    """
    skipped = messages == SCENARIOS["a Query is skipped after an error"]
    return wire.ready_count(messages) - skipped


COPY_IN = "copy copied from stdin"
LINES = [copy_data(b"1\tone\n2\tt"), copy_data(b"wo\n"), copy_data(b"")]
BAD_LINES = [copy_data(b"1\tone\nx\ttwo\n"), *LINES]
COPY_FAIL = copy_fail("enough")
COPY_EXTENDED = [*extended(COPY_IN), sync()]  # as libpq, with the Sync

# name: messages that start it, what to wait for, the rest, ReadyForQuery owed
COPIES = {
    "in": ([query(COPY_IN)], "G", [*LINES, copy_done()], 1),
    "in, nothing": ([query(COPY_IN)], "G", [copy_done()], 1),
    "in, failed by the client": ([query(COPY_IN)], "G",
                                 [*LINES, COPY_FAIL], 1),
    "in, bad line": ([query(COPY_IN)], "G", [*BAD_LINES, copy_done()], 1),
    "in, bad line, then a query": (
        [query(COPY_IN)], "G", [*BAD_LINES, copy_done(), query("select 1")],
        2),
    "in, among statements": (
        [query(f"select 1; {COPY_IN}; select 2")], "G",
        [*LINES, copy_done()], 1),
    "in twice in a Query": (
        [query(f"{COPY_IN}; {COPY_IN}")], "G",
        [*LINES, copy_done(), *LINES, copy_done()], 1),
    "in, in a block": ([query("begin"), query(COPY_IN)], "G",
                       [*LINES, copy_done(), query("commit")], 2),
    "in, refused": ([query("copy nowhere from stdin")], "Z", [], 0),
    "extended in": (COPY_EXTENDED, "G", [*LINES, copy_done(), sync()], 1),
    "extended in, Sync and Flush in the midst": (
        COPY_EXTENDED, "G",
        [LINES[0], flush(), sync(), LINES[1], sync(), copy_done(), sync()],
        1),
    "extended in, failed by the client": (
        COPY_EXTENDED, "G", [LINES[0], COPY_FAIL, sync()], 1),
    "extended in, bad line": (
        COPY_EXTENDED, "G", [*BAD_LINES, copy_done(), sync()], 1),
    "extended in, without a Sync before": (
        [*extended(COPY_IN), flush()], "G", [*LINES, copy_done(), sync()], 1),
    "extended in, something behind it": (
        [*extended(COPY_IN), flush()], "G",
        [*LINES, copy_done(), *extended("select sum(n) from copied"),
         sync()], 1),
    "extended in, refused": (
        [*extended("copy nowhere from stdin"), sync()], "Z", [], 0),
    "out": ([query("copy parent to stdout")], "H", [], 1),
    "out, among statements": (
        [query("select 1; copy parent to stdout; select 2")], "H", [], 1),
    "out, failing": ([query("copy (select 1/(3-id) from parent) to stdout")],
                     "H", [], 1),
    "extended out": ([*extended("copy parent to stdout"), sync()], "H", [],
                     1),
    "stray copy messages": (
        [query("select 1")], "Z",
        [*LINES, copy_done(), COPY_FAIL, query("select 2")], 1),
}


# -- the same as scripts ----------------------------------------------------

SCRIPTS = {
    **{name: one_step(messages, owed(messages))
       for name, messages in SCENARIOS.items()},
    **{f"copy {name}": script(Step(begin, until=until),
                              Step(rest, ready=ready))
       for name, (begin, until, rest, ready) in COPIES.items()},
}


# -- pipelines, portals, statements -----------------------------------------

BEGIN, COMMIT, ROLLBACK = [query("begin")], [query("commit")], \
    [query("rollback")]
FETCHED = "select id, id * 2 as double from parent order by id"

SCRIPTS |= {
    "each answer awaited by Flush": script(
        Step([parse("select $1::int + 1 as next", "s"),
              describe_statement("s"), flush()], until="T"),
        Step([AMID, bind("p", "s", [1]), describe_portal("p"), flush()],
             until="T"),
        Step([execute("p"), flush()], until="C"),
        [close_portal("p"), close_statement("s"), sync()]),
    "a portal resumed between Flushes": script(
        Step([parse(FETCHED, "s"), bind("p", "s"), execute("p", 1), flush()],
             until="s"),
        Step([AMID, execute("p", 1), flush()], until="s"),
        Step([execute("p", 5), flush()], until="C"),
        [execute("p", 5), sync()]),
    "a portal resumed over Syncs in a block": script(
        BEGIN, [parse(FETCHED, "s"), bind("p", "s"), execute("p", 1), sync()],
        [AMID], [execute("p", 1), sync()],
        [*extended("select 'another'"), sync()], [execute("p"), sync()],
        COMMIT, [execute("p"), sync()]),
    "a portal is gone with its transaction": script(
        [parse(FETCHED, "s"), bind("p", "s"), execute("p", 1), sync(), AMID,
         execute("p", 1), sync()]),
    "the unnamed portal is replaced": script(
        [*extended(FETCHED, max_rows=1), AMID, *extended("select 'new'"),
         execute(), sync()]),
    "a portal by SQL and by message": script(
        BEGIN, [query("declare p cursor for table parent")],
        [describe_portal("p"), AMID, execute("p", 1), sync()],
        [query("fetch 1 from p")], [close_portal("p"), sync()],
        [query("fetch 1 from p")], ROLLBACK),
    "two portals by turns": script(
        [parse(FETCHED, "s"), bind("p", "s"), bind("q", "s"),
         execute("p", 1), execute("q", 2), AMID, execute("p", 1),
         execute("q", 2), execute("p", 1), sync()]),
    "results in binary": script(
        [parse("select $1::int, $2::float8, $3::text, now() > '-infinity'"),
         bind(values=[1, 2.5, "ěšč"], result_formats=[1]), describe_portal(),
         AMID, execute(), sync()]),
    "described, both kinds": script(
        [parse("select $1::int as a, $2::text as b", "s"),
         describe_statement("s"), bind("p", "s", [1, "x"]),
         describe_portal("p"), AMID, describe_statement("s"), sync()]),
    "described, nothing comes back": script(
        [parse("insert into journal values ($1)", "s"),
         describe_statement("s"), bind("p", "s", [4]), describe_portal("p"),
         AMID, execute("p"), sync()]),
    "described, there is none": script(
        [describe_statement("none"), sync(), AMID, describe_portal("none"),
         sync(), describe_statement(), sync()]),
    "closed twice, and used after": script(
        [parse("select 1", "s"), bind("p", "s"), close_portal("p"),
         close_portal("p"), AMID, execute("p"), sync()],
        [close_statement("s"), close_statement("s"), bind("p", "s"), sync()]),
    "a statement closed under its portal": script(
        [parse("select 1", "s"), bind("p", "s"), close_statement("s"), AMID,
         execute("p"), sync()]),
    "the unnamed statement over transactions": script(
        [parse("insert into journal values ($1)"), sync()],
        [bind(values=[1]), execute(), sync()], [*extended("begin", "b"),
                                               sync()],
        [parse("insert into journal values ($1)"), sync()],
        [bind(values=[2]), execute(), sync()], [AMID],
        [bind(values=[3]), execute(), sync()],
        [*extended("rollback", "r"), sync()],
        [bind(values=[4]), execute(), sync()]),
    "a named statement over transactions": script(
        [parse("insert into journal values ($1)", "s"), sync()],
        [bind("", "s", [1]), execute(), sync()], BEGIN,
        [bind("", "s", [2]), execute(), sync()], [AMID], ROLLBACK,
        [bind("", "s", [3]), execute(), sync()],
        [parse("select 1", "s"), sync()], BEGIN, [query("select 1/0")],
        [bind("", "s", [4]), execute(), sync()], ROLLBACK,
        [close_statement("s"), parse("select 'new'", "s"), bind("", "s"),
         execute(), sync()]),
    "named in a transaction that is rolled back": script(
        BEGIN, [parse("select 'stays'", "s"), sync()], [AMID], ROLLBACK,
        [bind("", "s"), execute(), sync()]),
    "a plan that becomes invalid": script(
        [parse("select * from copied", "s"), bind("", "s"), execute(),
         sync()], [AMID, query("alter table copied add column more int")],
        [bind("", "s"), execute(), sync()]),
    "a Query amid a cycle": script(
        [parse("insert into journal values (1)"), bind(), execute(), AMID,
         query("select 2"), *extended("select 3"), sync()]),
    "a Query amid a cycle takes what is unnamed": script(
        [parse("select 'gone'"), bind(), query("select 1"), AMID, execute(),
         sync()]),
    "a Query amid a cycle leaves what is named": script(
        [parse("select 'stays'", "s"), query("select 1"), bind("p", "s"),
         AMID, execute("p"), sync()]),
    "a failing Query amid a cycle": script(
        [parse("insert into journal values (1)", "s"), bind("", "s"),
         execute(), query("select 1/0"), AMID, bind("", "s"), execute(),
         sync()]),
    "a pipeline with errors here and there": script(
        [*extended("insert into journal values (1)"), sync(),
         *extended("selec"), *extended("insert into journal values (2)"),
         sync(), AMID, *extended("insert into journal values (3)"),
         *extended("select 1/0"), sync(), bind("p", "none"), sync(),
         *extended("select count(*) from journal"), sync()]),
    "a pipeline in a block with an error": script(
        [*extended("begin"), sync(), *extended("select 1"), sync(), AMID,
         *extended("select 1/0"), sync(), *extended("select 2"), sync(),
         *extended("rollback"), sync(), *extended("select 3"), sync()]),
    "an error told before Sync": script(
        Step([parse("selec"), flush()], until="E"),
        [AMID, bind(), execute(), sync()]),
    "what is skipped up to Sync": script(
        Step([*extended("select 1/0"), AMID, describe_statement("none"),
              close_portal("none"), flush(), parse("select 1", "s"),
              sync()]), [bind("", "s"), sync()]),
    "savepoints in a pipeline": script(
        [*extended("begin"), *extended("savepoint a"), AMID,
         *extended("insert into journal values (1)"), *extended("select 1/0"),
         sync(), *extended("rollback to a"),
         *extended("insert into journal values (2)"), *extended("commit"),
         sync()]),
    "rows in kilobytes": script(
        [query("select i, repeat(chr(64 + i), 2000) from "
               "generate_series(1, 20) i"), AMID,
         *extended("select repeat('x', 20000)"), sync()]),
}


# -- empty queries, functions, notices, parameters --------------------------

def function_call(oid, *values):
    body = struct.pack("!IHH", oid, 0, len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else \
            struct.pack("!i", len(value)) + value
    return message("F", body + struct.pack("!H", 0))


INT4PL, INT4DIV = 177, 154

SCRIPTS |= {
    "empty in all forms": script(
        [query(""), *extended(""), sync(), AMID, query(";"),
         parse("", "s"), describe_statement("s"), bind("p", "s"),
         describe_portal("p"), execute("p"), execute("p"), sync()]),
    "functions in a row": script(
        [function_call(INT4PL, b"2", b"3"), function_call(INT4PL, None, b"3"),
         AMID, function_call(INT4DIV, b"2", b"0"),
         function_call(INT4PL, b"x", b"3"), function_call(INT4PL, b"2")]),
    "a function amid a cycle": script(
        [*extended("insert into journal values (1)"), AMID,
         function_call(INT4PL, b"2", b"3"), *extended("select 1"), sync()]),
    "a function in a failed block": script(
        [query("begin"), function_call(INT4DIV, b"2", b"0"),
         function_call(INT4PL, b"2", b"3"), AMID, query("rollback")]),
    "notices and warnings": script(
        [query("select shout(), warn(1)"), query("commit"),
         *extended("select warn(2)"), sync(), AMID,
         query("begin; begin; select warn(3); commit"),
         query("do $$ begin raise debug 'unseen'; raise log 'unseen'; "
               "end $$")]),
    "notices of all levels": script(
        [query("set client_min_messages = debug1")],
        [query("do $$ begin raise debug 'seen'; raise notice 'seen'; end $$"),
         *extended("select shout()"), sync()],
        [query("reset client_min_messages"), AMID]),
    "parameters by all ways": script(
        [*extended("set datestyle = 'German'"), sync(),
         query("select set_config('timezone', 'Asia/Tokyo', false)"), AMID,
         query("begin; set local intervalstyle = 'iso_8601'; commit"),
         query("set session authorization default"),
         query("set application_name = 'x'; set application_name = 'y'"),
         query("reset all")]),
    "parameters come back with a rollback": script(
        [*extended("begin"), *extended("set timezone = 'UTC+3'"), sync(),
         AMID, *extended("select 1/0"), sync(), *extended("rollback"),
         sync()]),
}


# -- notifications of others ------------------------------------------------

LISTEN = [query("listen news")]

SCRIPTS |= {
    "notified while idle": script(
        LISTEN, others_run("notify news, 'one'"), Step([], until="A"), [AMID],
        others_run("notify news, 'two'"), Step([], until="A"),
        [query("select 1")]),
    "notified in a block": script(
        LISTEN, BEGIN, others_run("notify news, 'later'"),
        [query("select 1"), AMID], Step(COMMIT, ready=1),
        [query("unlisten *")], others_run("notify news, 'unheard'"),
        [query("select 2")]),
    "notified in a failed block": script(
        LISTEN, BEGIN, [query("select 1/0")],
        others_run("notify news, 'later'"), [query("select 1"), AMID],
        ROLLBACK),
    "notified between Flush and Sync": script(
        LISTEN, Step([*extended("select 1"), flush()], until="C"),
        others_run("notify news, 'later'"),
        [AMID, *extended("select 2"), sync()]),
    "notified during COPY": script(
        LISTEN, Step([query("copy copied from stdin")], until="G"),
        others_run("notify news, 'later'"),
        Step([copy_data(b"1\tx\n"), copy_done()], ready=1), [AMID]),
    "notifies itself in a pipeline": script(
        [*extended("listen news"), sync(), *extended("notify news, 'a'"),
         sync(), AMID, *extended("begin"), *extended("notify news, 'b'"),
         *extended("commit"), sync()]),
}


# -- COPY -------------------------------------------------------------------

COPY = extended("copy copied from stdin")
BINARY = "copy journal from stdin binary"

SCRIPTS |= {
    "copy in a packet": script(
        [query(COPY_IN), *LINES, copy_done(), AMID, query("table copied")]),
    "copy in a pipeline": script(
        [*extended("insert into journal values (1)"), *COPY, *LINES,
         copy_done(), AMID, *extended("table copied"), sync(),
         *extended("select 2"), sync()]),
    "copy in a pipeline, bad row": script(
        Step([*extended("insert into journal values (1)"), *COPY,
              *BAD_LINES, copy_done(), AMID, *extended("select 1"), sync(),
              *extended("table journal"), sync()])),
    "copy in a pipeline, failed by the client": script(
        [*COPY, LINES[0], copy_fail(""), AMID, *extended("select 1"), sync(),
         *extended("table copied"), sync()]),
    "copy with Sync and Flush, in a Query": script(
        Step([query(COPY_IN)], until="G"),
        Step([LINES[0], sync(), flush(), LINES[1], flush(), sync(),
              copy_done()], ready=1), [AMID]),
    "copy with Sync and Flush, all in a packet": script(
        Step([*COPY, flush(), sync(), LINES[0], sync(), flush(), LINES[1],
              copy_done(), AMID, sync()], ready=1)),
    "copy of a bad row, then Sync and Flush": script(
        Step([*COPY, sync()], until="G"),
        Step([BAD_LINES[0], flush(), LINES[0], copy_done(), sync()],
             ready=1), [AMID]),
    "copy in a block that fails": script(
        [query("begin"), AMID], Step([query(COPY_IN)], until="G"),
        Step([LINES[0], copy_fail("no more")], ready=1),
        [query("select 1")], ROLLBACK),
    "copy of bad binary": script(
        Step([query(BINARY)], until="G"),
        Step([copy_data(b"PGCOPY\n"), copy_data(bytes(20)), copy_done()],
             ready=1), [AMID]),
    "copy of binary": script(
        Step([query(BINARY)], until="G"),
        Step([copy_data(b"PGCOPY\n\xff\r\n\0" + bytes(8)), copy_data(
            struct.pack("!HiI", 1, 4, 77)), copy_data(b"\xff\xff"),
            copy_done()], ready=1), [AMID]),
    "copy out in a pipeline": script(
        [*extended("copy parent to stdout"), AMID,
         *extended("copy (select repeat('y', 3000) from parent) to stdout"),
         *extended("select 1"), sync()]),
    "copy out fails in a pipeline": script(
        [*extended("copy (select 1/(3-id) from parent) to stdout"), AMID,
         *extended("select 1"), sync(), *extended("select 2"), sync()]),
    "copy out and in": script(
        Step([query("copy parent to stdout; copy copied from stdin; "
                    "copy parent to stdout (format binary)")], until="G"),
        Step([*LINES, copy_done()], ready=1), [AMID]),
    "stray copy messages in a cycle": script(
        [parse("select 1"), *LINES, copy_done(), bind(), AMID,
         copy_fail("what"), execute(), sync()]),
    "a Query during COPY": script(
        Step([query(COPY_IN)], until="G"),
        Step([LINES[0], query("select 1")], until=TO_THE_END), ends=True),
    "a message nobody knows": script(
        Step([query("select 1"), message("y", b"what")], until=TO_THE_END),
        ends=True),
}


# -- states, and what may come in them --------------------------------------

INSERT = "insert into other_parent values (7)"
STALL = "select stall()"
COPY_STALLS = ("copy (select i, repeat('y', 9000), case when i = 3 then "
               "stall() end from generate_series(1, 4) i) to stdout")
SELECT = [query("select 'goes on'")]
SYNC = [sync()]
GO_ON_COPYING = Step([copy_data(b"2\ty\n"), copy_done()], ready=1)


def sent(*messages):
    """Sent; the answer is not waited for."""
    return Step(list(messages), ready=0)


LOCK = "select pg_advisory_xact_lock(5)"
READ = "table other_parent"
DROP = "drop table doomed"

# name: what somebody who is in the way has run in his transaction, the steps
# to get there, and how many ReadyForQuery are still owed then
STATES = {
    "idle": (None, [], 0),
    "idle in a block": (None, [Step(BEGIN)], 0),
    "in a failed block": (None, [Step(BEGIN), Step([query("select 1/0")])],
                          0),
    "running": (LOCK, [sent(query(STALL)), stalled], 1),
    "running in a block": (
        LOCK, [Step([query("begin; insert into journal values (1)")]),
                 sent(query(STALL)), stalled], 1),
    "running, extended": (LOCK, [sent(*extended(STALL), sync()), stalled],
                          1),
    "running amid a pipeline": (
        LOCK, [sent(*extended("insert into journal values (1)"), sync(),
                      *extended(STALL), *extended("select 2"), sync(),
                      *extended("insert into journal values (2)"), sync()),
                 stalled], 3),
    "running amid Queries": (
        LOCK, [sent(query("insert into journal values (1)"), query(STALL),
                      query("insert into journal values (2)")), stalled], 3),
    "amid a cycle": (
        None, [Step([parse("insert into journal values (1)"), bind(),
                     execute(), flush()], until="C")], 0),
    "skipping to Sync": (None, [Step([parse("selec"), flush()], until="E")],
                         0),
    "COPY in": (None, [Step([query(COPY_IN)], until="G"),
                       sent(copy_data(b"1\tx\n"))], 0),
    "COPY in, extended": (
        None, [Step([*COPY, flush()], until="G"),
               sent(copy_data(b"1\tx\n"))], 0),
    "COPY out": (LOCK, [sent(query(COPY_STALLS)), stalled], 1),
    "COPY out, extended": (LOCK, [sent(*extended(COPY_STALLS), sync()),
                                    stalled], 1),
    "held": (READ, [sent(query(DROP)), held], 1),
    "held, extended": (
        READ, [sent(*extended(DROP), sync()), held], 1),
    "held in a block": (
        READ, [Step([query("begin; insert into journal values (1)")]),
                   sent(query(DROP)), held], 1),
    "held amid a pipeline": (
        READ, [sent(*extended("insert into journal values (1)"), sync(),
                        *extended(DROP), sync(),
                        *extended("insert into journal values (2)"), sync()),
                   Step([], ready=1), held], 2),
    "at the gate": (DROP, [sent(query(INSERT)), held], 1),
    "at the gate, extended": (DROP, [sent(*extended(INSERT), sync()),
                                          held], 1),
    "at the gate amid a pipeline": (
        DROP, [sent(*extended("insert into journal values (1)"), sync(),
                         *extended(INSERT), sync(),
                         *extended("insert into journal values (2)"),
                         sync()), Step([], ready=1), held], 2),
}

# How a state goes on after a cancel that did not end it.
AFTER_CANCEL = {
    "idle": [Step(SELECT)],
    "idle in a block": [Step(SELECT), Step(COMMIT)],
    "in a failed block": [Step(SELECT), Step(ROLLBACK)],
    "amid a cycle": [Step(SYNC)],
    "skipping to Sync": [Step(SYNC)],
    "COPY in": [GO_ON_COPYING],
    "COPY in, extended": [Step([copy_data(b"2\ty\n"), copy_done(), sync()])],
}


def canceled(name):
    """The cancel ends what is in the way of; nobody goes before."""
    _who, steps, owed = STATES[name]
    return [*steps, cancel, Step([], ready=owed),
            *AFTER_CANCEL.get(name, [])]


def terminated(name):
    _who, steps, _owed = STATES[name]
    return [*steps, sent(wire.terminate()), way_is_free,
            Step([], until=TO_THE_END)]


def half_closed(name):
    _who, steps, _owed = STATES[name]
    return [*steps, half_close, way_is_free, Step([], until=TO_THE_END)]


ENDINGS = {"cancel": canceled, "Terminate": terminated,
           "half-close": half_closed}

# A held client that says no more is taken for gone.
UNLIKE = {(name, "half-close") for name in STATES if name.startswith("held")}
