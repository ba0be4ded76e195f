#!/usr/bin/python3
"""How many instructions a transaction costs, against those on record.

Sends the same messages through Lockstep under callgrind, once so often and
once twice as often: the difference is what they cost, start and login left
out.  Fails if one of the paths costs over 3 % more than in instructions.json,
and names the functions that grew; if an idle Lockstep does anything; or if
the search for statements to guard (guard = drops against guard = off) adds
1 % to any path, or to one where more is on record, more than that.

Compilers and libraries make counts of their own: those on record are Debian
12's.  After a change that is meant, or an improvement:

    instructions.py --renew build/release/lockstep
"""

import argparse
import collections
import dataclasses
import json
import os
import pathlib
import platform
import re
import sys
import time

import callgrind
from callgrind import proxy, wire

RECORD = pathlib.Path(__file__).with_name("instructions.json")

GROWTH_BOUND = 0.03
SHRINK_NOTE = 0.03
DETECTION_TARGET = 0.01
DETECTION_NOISE = 0.005
IDLE_S = 12
# One wakeup a second takes more.  Less take a session, whose start is one of a
# loop or two, and at whose end the log's thread is woken once or twice; and the
# look each ten seconds at what was left out of the log.
IDLE_BOUND = 6000
IDLE_TRIES = 4
FUNCTIONS_KEPT = 30  # of each path, in the record
FUNCTIONS_SHOWN = 12

MIB = 1 << 20
CHUNK_BYTES = 32 * 1024  # that are on the way at a time


# -- what is sent -----------------------------------------------------------

READY = wire.message("Z", b"I")
IN_BLOCK = wire.message("Z", b"T")
PARSED, BOUND = wire.message("1"), wire.message("2")

SHORT_SQL = "SELECT abalance FROM pgbench_accounts WHERE aid = 12345;"
LONG_SQL = ("SELECT " + ", ".join(f'"t0"."column_{i}" AS "t0_column_{i}"'
                                  for i in range(24))
            + ' FROM "orders" "t0" WHERE "t0"."customer" = $1'
            + " AND \"t0\".\"state\" IN ('open', 'paid') LIMIT 20")


def complete(tag):
    return wire.message("C", tag.encode() + b"\0")


def described(*names):
    return wire.message("T", len(names).to_bytes(2, "big") + b"".join(
        name.encode() + b"\0" + bytes(6) + (23).to_bytes(4, "big")
        + b"\0\4\xff\xff\xff\xff\0\0" for name in names))


def row(*values):
    return wire.message("D", len(values).to_bytes(2, "big") + b"".join(
        len(value).to_bytes(4, "big") + value for value in values))


ONE_ROW = row(b"-4711")
SELECTED = complete("SELECT 1")
RESULT = described("abalance") + ONE_ROW + SELECTED


def in_chunks(send, data):
    for at in range(0, len(data), CHUNK_BYTES):
        send(data[at:at + CHUNK_BYTES])


def filled(message):
    """At least a mebibyte of it."""
    return message * -(-MIB // len(message))


COPIED = filled(wire.copy_data(b"12345\t1\t-4711\t" + b"x" * 84 + b"\n"))
WIDE_ROWS = filled(row(*[b"y" * 500] * 16))


def simple(c):
    c.ask(wire.query(SHORT_SQL))
    c.answer(RESULT + READY)


def long_text(c):
    c.ask(wire.query(LONG_SQL))
    c.answer(RESULT + READY)


def block(c):
    """As pgbench's own transaction, in fewer statements."""
    for sql, answer in (
            ("BEGIN;", complete("BEGIN") + IN_BLOCK),
            ("UPDATE pgbench_accounts SET abalance = abalance + 17 "
             "WHERE aid = 12345;", complete("UPDATE 1") + IN_BLOCK),
            (SHORT_SQL, RESULT + IN_BLOCK),
            ("END;", complete("COMMIT") + READY)):
        c.ask(wire.query(sql))
        c.answer(answer)


def prepare(c):
    c.ask(wire.parse(SHORT_SQL.replace("12345", "$1"), "s0") + wire.sync())
    c.answer(PARSED + READY)


def prepared(c):
    c.ask(wire.bind(name="s0", values=[12345]) + wire.execute()
          + wire.sync())
    c.answer(BOUND + ONE_ROW + SELECTED + READY)


def extended(c):
    c.ask(wire.parse(SHORT_SQL.replace("12345", "$1"))
          + wire.bind(values=[12345]) + wire.describe_portal()
          + wire.execute() + wire.sync())
    c.answer(PARSED + BOUND + RESULT + READY)


def pipeline(c):
    """Twenty statements behind one another."""
    c.ask((wire.bind(name="s0", values=[12345]) + wire.execute()) * 20
          + wire.sync())
    c.answer((BOUND + ONE_ROW + SELECTED) * 20 + READY)


def copy_out(c):
    c.ask(wire.query("COPY pgbench_accounts TO STDOUT"))
    c.answer(wire.message("H", b"\0\0\4" + bytes(8)))
    in_chunks(c.answer, COPIED)
    c.answer(wire.copy_done() + complete("COPY 1") + READY)


def copy_in(c):
    c.ask(wire.query("COPY pgbench_accounts FROM STDIN"))
    c.answer(wire.message("G", b"\0\0\4" + bytes(8)))
    in_chunks(c.ask, COPIED)
    c.ask(wire.copy_done())
    c.answer(complete("COPY 1") + READY)


def wide_rows(c):
    c.ask(wire.query("SELECT * FROM wide"))
    c.answer(described(*[f"column_{i}" for i in range(16)]))
    in_chunks(c.answer, WIDE_ROWS)
    c.answer(SELECTED + READY)


def idle(_conversation):
    time.sleep(IDLE_S)


@dataclasses.dataclass
class Path:
    """A transaction; times: how often in the shorter of two sessions."""

    name: str
    transact: object
    times: int
    prepare: object = None


PATHS = [
    Path("simple query", simple, 400),
    Path("simple query of 1 kB", long_text, 400),
    Path("BEGIN, two queries, END", block, 200),
    Path("Bind, Execute, Sync", prepared, 400, prepare),
    Path("Parse, Bind, Describe, Execute, Sync", extended, 400),
    Path("20 times Bind, Execute, then Sync", pipeline, 100, prepare),
    Path("COPY out, 1 MiB", copy_out, 4),
    Path("COPY in, 1 MiB", copy_in, 4),
    Path("rows of 8 kB, 1 MiB", wide_rows, 20),
]
IDLE = Path("twelve seconds without traffic", idle, 1)


# -- counting ---------------------------------------------------------------

def converse(lockstep, stub, path, times):
    """The number of the session."""
    with callgrind.Conversation(lockstep, stub) as conversation:
        if path.prepare:
            path.prepare(conversation)
        for _ in range(times):
            path.transact(conversation)
        return conversation.number


def between(lockstep, path, few, many):
    """Instructions of each function, for one transaction."""
    cost = lockstep.functions(many)
    cost.subtract(lockstep.functions(few))
    return {name: count / path.times for name, count in cost.items()
            if count}


def count(paths, **settings):
    """{path's name: {function: instructions}}"""
    with (callgrind.Stub() as stub,
          callgrind.Counted(stub, settings) as lockstep):
        converse(lockstep, stub, paths[0], 1)  # does what is done only once
        sessions = [[converse(lockstep, stub, path, path.times * i)
                     for i in (1, 2)] for path in paths]
        with callgrind.Conversation(lockstep, stub):
            pass  # makes the last cut
        return {path.name: between(lockstep, path, *numbers)
                for path, numbers in zip(paths, sessions)}


def total(functions):
    return sum(functions.values())


def toolchain(program):
    """What else the counts depend on."""
    compiler = re.search(rb"GCC: \([^)]*\) [0-9.]+|clang version [0-9.]+",
                         pathlib.Path(program).read_bytes())
    return {"compiler": compiler[0].decode() if compiler else "unknown",
            "libc": os.confstr("CS_GNU_LIBC_VERSION"),
            "machine": platform.machine()}


# -- the record -------------------------------------------------------------

def largest(functions):
    common = collections.Counter(functions).most_common(FUNCTIONS_KEPT)
    return {name: round(cost, 1) for name, cost in common}


def added(guarded, free):
    """By detection, as a share of what there is without."""
    return total(guarded) / total(free) - 1


def write_record(options, counted, free):
    record = {"counted_with": toolchain(options.lockstep), "paths": {
        name: {"instructions": round(total(functions), 1),
               "detection": round(added(functions, free[name]), 3),
               "functions": largest(functions)}
        for name, functions in counted.items()}}
    options.record.write_text(json.dumps(record, indent=1) + "\n",
                              encoding="utf-8")


def grown(functions, before, unknown=0):
    """The functions that cost more than before, worst first.

    unknown is what those had at most that are not told.
    """
    changes = {name: cost - before.get(name, unknown)
               for name, cost in functions.items()}
    return sorted((item for item in changes.items() if item[1] > 0.5),
                  key=lambda item: -item[1])[:FUNCTIONS_SHOWN]


# -- the report -------------------------------------------------------------

def compare(counted, on_record):
    """Print a line for each path; those that grew and those that shrank."""
    more, less = [], []
    print(f"{'instructions of':40} {'on record':>10} {'now':>10} {'':>7}")
    for name, functions in counted.items():
        now = total(functions)
        before = on_record[name]["instructions"]
        change = now / before - 1
        print(f"{name:40} {before:10,.0f} {now:10,.0f} {change:+7.1%}")
        if change > GROWTH_BOUND:
            more.append(name)
        elif change < -SHRINK_NOTE:
            less.append(name)
    return more, less


def compare_detection(counted, free, on_record):
    """Print what detection adds; where it is too much."""
    costly = []
    print(f"\n{'instructions of':40} {'guard=off':>10} {'drops':>10} "
          f"{'added':>7}")
    for name, functions in counted.items():
        share = added(functions, free[name])
        is_missed = share >= DETECTION_TARGET
        print(f"{name:40} {total(free[name]):10,.0f} "
              f"{total(functions):10,.0f} {share:+7.2%}"
              + " above the target" * is_missed)
        if is_missed and \
                share > on_record[name]["detection"] + DETECTION_NOISE:
            costly.append(name)
    return costly


def explain(what, functions, before, unknown=0):
    print(f"\n{what}")
    for function, change in grown(functions, before, unknown):
        print(f"  {change:+10,.1f} of {functions[function]:10,.1f}  "
              f"{function}")


def explain_misses(more, costly, counted, free, on_record):
    for name in more:
        before = on_record[name]["functions"]
        explain(f"{name}: what grew", counted[name], before,
                min(before.values()))
    for name in costly:
        explain(f"{name}: what detection adds", counted[name], free[name])
    print()
    for name in more:
        print(f"FAILED: {name} costs over {GROWTH_BOUND:.0%} more")
    for name in costly:
        print(f"FAILED: {name}: detection adds too much")


def judge(options, counted, idle_cost, free):
    """True if all is well."""
    record = json.loads(options.record.read_text(encoding="utf-8"))
    on_record, here = record["paths"], toolchain(options.lockstep)
    print(f"on record: {record['counted_with']}\nhere:      {here}\n")
    more, less = [], []
    if here["machine"] == record["counted_with"]["machine"]:
        more, less = compare(counted, on_record)
    costly = compare_detection(counted, free, on_record)
    print(f"\n{IDLE.name}: {idle_cost:,.0f}, give or take {IDLE_BOUND:,}")
    explain_misses(more, costly, counted, free, on_record)
    for name in less:
        print(f"{name} is cheaper by more than {SHRINK_NOTE:.0%}: --renew")
    is_idle = abs(idle_cost) < IDLE_BOUND
    if not is_idle:
        print("FAILED: Lockstep does something that nobody asked for")
    return not more and not costly and is_idle


def count_idle():
    for _ in range(IDLE_TRIES):
        cost = total(count([IDLE], guard="drops")[IDLE.name])
        if abs(cost) < IDLE_BOUND:
            break
    return cost


# -- the command ------------------------------------------------------------

def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("lockstep", help="the program; a release build")
    parser.add_argument("--renew", action="store_true",
                        help="write the record instead of judging")
    parser.add_argument("--record", type=pathlib.Path, default=RECORD)
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path,
                        help="write there what each function takes")
    return parser.parse_args()


def main():
    options = parse_options()
    os.environ["LOCKSTEP_BIN"] = options.lockstep
    counted = count(PATHS, guard="drops")
    idle_cost = count_idle()
    free = count(PATHS, guard="off")
    if options.json:
        options.json.write_text(json.dumps({"drops": counted, "off": free}),
                                encoding="utf-8")
    if options.renew:
        write_record(options, counted, free)
        return 0
    return 0 if judge(options, counted, idle_cost, free) else 1


if __name__ == "__main__":
    sys.exit(main())
