#!/usr/bin/python3
"""Through how many files the program goes, and how often from one to another.

    journey.py [SOURCE...]

Builds each source tree (default: this one; others to compare it with) so that
every entered function is written down, in SOURCE/build/journey.  Counts for
one `select 1` and for one guarded, uncontended DROP TABLE of a table that
references two others, from the query's arrival until nothing is left to do
behind its ReadyForQuery.  Both are seen several times in a session that knows
its way; the median counts.

A change of file is an entered function that is in another file than the one
entered before it.  A call abroad is one of a function of another file; here
each counts once, however often it is made, as for somebody who reads along.
An inline function is in its header; "sources only" leaves headers out.

    --pairs N   print the N most frequent changes,
    --visits N  the functions that most often are all that is seen of a file,
    --calls N   and the pairs of files with the most different calls abroad
"""

import argparse
import collections
import dataclasses
import itertools
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import callgrind  # noqa: F401 (finds e2e's modules)
import guarding
import report
import proxy
import wire
from cluster import Cluster

HERE = pathlib.Path(__file__).resolve()
ROOT = HERE.parents[2]
HOOK = HERE.with_name("journey_hook.c")
HOOK_NAME = "__cyg_profile_func_enter"

FLAGS = "-O0 -g -finstrument-functions"
HEADER = struct.Struct("<QQQ")  # journey_hook.c: struct journal
ENTRY = struct.Struct("<QQ")
HAS_LEFT = 1 << 63
ROOM = 1 << 18  # entries
WARM_UP = 2
TIMES = 5
QUIET_S = 0.2  # for what is done behind the last answer

QUERY, DROP = "select 1", "guarded DROP TABLE"


# -- the program ------------------------------------------------------------

def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def build(source):
    """The program with the hook in it."""
    folder = source / "build" / "journey"
    folder.mkdir(parents=True, exist_ok=True)
    hook = folder / "journey_hook.o"
    run("gcc", "-std=gnu11", "-O2", "-fPIC", "-c", str(HOOK), "-o", str(hook))
    run("cmake", "-S", str(source), "-B", str(folder), "-G", "Ninja",
        "-DCMAKE_C_COMPILER=gcc", "-DCMAKE_BUILD_TYPE=Debug",
        "-DBUILD_TESTING=OFF", f"-DCMAKE_C_FLAGS_DEBUG={FLAGS}",
        f"-DCMAKE_EXE_LINKER_FLAGS={hook}")
    program = folder / "lockstep"
    program.unlink(missing_ok=True)  # it does not know of a newer hook
    run("cmake", "--build", str(folder), "--target", "lockstep")
    return program


def hook_address(program):
    names = subprocess.run(["nm", str(program)], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    for line in names.splitlines():
        if line.endswith(" " + HOOK_NAME):
            return int(line.split()[0], 16)
    raise RuntimeError(f"{program} has no {HOOK_NAME}")


@dataclasses.dataclass(frozen=True)
class Function:
    name: str
    file: str  # named from the root of its sources

    @property
    def is_in_header(self):
        return self.file.endswith(".h")


def functions_at(program, source, addresses):
    """{address of the linker's: Function}"""
    told = subprocess.run(
        ["addr2line", "-f", "-e", str(program)], check=True, text=True,
        input="".join(f"{address:#x}\n" for address in addresses),
        stdout=subprocess.PIPE).stdout.splitlines()
    found = {}
    for address, name, place in zip(addresses, told[::2], told[1::2]):
        path = os.path.relpath(place.rsplit(":", 1)[0], source)
        found[address] = Function(name, path)
    return found


# -- the journal ------------------------------------------------------------

class Journal:
    """The file that the hook writes; with: only what is entered meanwhile."""

    def __init__(self, path):
        self.file = open(path, "w+b", buffering=0)
        self.file.truncate(HEADER.size + ROOM * ENTRY.size)
        self.set(is_on=0)

    def set(self, is_on):
        os.pwrite(self.file.fileno(), struct.pack("<QQ", is_on, 0), 8)

    def __enter__(self):
        self.set(is_on=1)
        return self

    def __exit__(self, *exc):
        time.sleep(QUIET_S)
        os.pwrite(self.file.fileno(), struct.pack("<Q", 0), 8)

    def read(self):
        """The hook's own address, and the busiest thread's entries."""
        fd = self.file.fileno()
        hook, _on, count = HEADER.unpack(os.pread(fd, HEADER.size, 0))
        if count > ROOM:
            raise RuntimeError("the journal is full")
        data = os.pread(fd, count * ENTRY.size, HEADER.size)
        entries = list(ENTRY.iter_unpack(data))
        if not entries:
            raise RuntimeError("nothing was entered")
        threads = collections.Counter(thread for thread, _ in entries)
        (busiest, _), = threads.most_common(1)
        return hook, [address for thread, address in entries
                      if thread == busiest]


@dataclasses.dataclass
class Journey:
    """The functions entered, in their order; calls from one to another."""

    functions: list
    calls: collections.Counter = dataclasses.field(
        default_factory=collections.Counter)

    @classmethod
    def of(cls, entries, function_at):
        journey, stack = cls([]), []
        for address in entries:
            if address & HAS_LEFT:
                if stack:  # else it was entered before the journal began
                    stack.pop()
                continue
            function = function_at(address)
            if stack:
                journey.calls[stack[-1], function] += 1
            stack.append(function)
            journey.functions.append(function)
        return journey

    def sources_only(self):
        """Without the inline functions, and calls of these or by these."""
        return Journey(
            [f for f in self.functions if not f.is_in_header],
            collections.Counter({
                (a, b): count for (a, b), count in self.calls.items()
                if not a.is_in_header and not b.is_in_header}))

    def files(self):
        return {f.file for f in self.functions}

    def pairs(self):
        """How often from one file to another."""
        return collections.Counter(
            (a.file, b.file) for a, b in itertools.pairwise(self.functions)
            if a.file != b.file)

    def changes(self):
        return self.pairs().total()

    def calls_abroad(self):
        """How many different ones from one file to another."""
        return collections.Counter((a.file, b.file) for a, b in self.calls
                                   if a.file != b.file)

    def lone_visits(self):
        """Functions that are all that is entered of their file at a time."""
        visits = [list(group) for _, group in itertools.groupby(
            self.functions, lambda f: f.file)]
        return collections.Counter(visit[0] for visit in visits
                                   if len(set(visit)) == 1)


# -- the journeys -----------------------------------------------------------

def take_query(_admin, session, journal):
    with journal:
        guarding.ask(session, QUERY)


def take_drop(admin, session, journal):
    admin.execute(guarding.CHILD)
    with journal:
        guarding.ask(session, "drop table child")


TAKEN = {QUERY: take_query, DROP: take_drop}


def journeys(source, cluster):
    """{name: those seen of it}"""
    program = build(source)
    with tempfile.TemporaryDirectory(prefix="lsj", dir="/tmp") as folder:
        journal = Journal(os.path.join(folder, "journal"))
        os.environ["JOURNEY"] = journal.file.name
        os.environ["LOCKSTEP_BIN"] = str(program)
        addresses = {}
        with (proxy.Lockstep(cluster, {"workers": "1"}) as lockstep,
              cluster.connect() as admin):
            admin.execute("drop table if exists parent_1, parent_2")
            admin.execute(guarding.DROP_SCHEMA)
            session = wire.Wire(lockstep)
            for name, take in TAKEN.items():
                addresses[name] = []
                for i in range(WARM_UP + TIMES):
                    take(admin, session, journal)
                    if i >= WARM_UP:
                        addresses[name].append(journal.read())
            outcomes = [event["outcome"] for event in lockstep.guarded()]
            assert len(outcomes) == WARM_UP + TIMES, outcomes
            session.socket.close()
    return resolve(program, source, addresses)


def resolve(program, source, addresses):
    linked = hook_address(program)
    every = sorted({address - hook + linked
                    for seen in addresses.values()
                    for hook, entries in seen for address in entries
                    if not address & HAS_LEFT})
    functions = functions_at(program, source, every)
    return {name: [Journey.of(entries, lambda address, hook=hook:
                              functions[address - hook + linked])
                   for hook, entries in seen]
            for name, seen in addresses.items()}


def median(seen, count):
    return statistics.median_low([count(journey) for journey in seen])


def typical(seen):
    """The one in the middle by its changes of file."""
    return sorted(seen, key=Journey.changes)[len(seen) // 2]


# -- the report -------------------------------------------------------------

COUNTS = {
    "functions entered": lambda j: len(j.functions),
    "files": lambda j: len(j.files()),
    "changes of file": Journey.changes,
    "different calls abroad": lambda j: j.calls_abroad().total(),
    "files, sources only": lambda j: len(j.sources_only().files()),
    "changes, sources only": lambda j: j.sources_only().changes(),
    "calls, sources only": lambda j: j.sources_only().calls_abroad().total(),
}


def table(found):
    """found: {source: {name: journeys}}"""
    rows = [[f"{name}: {what}", *(str(median(seen[name], count))
                                  for seen in found.values())]
            for name in TAKEN for what, count in COUNTS.items()]
    return report.grid(["", *(source.name for source in found)], rows)


def print_pairs(pairs, most):
    for (a, b), count in pairs.most_common(most):
        print(f"{count:6} {a} -> {b}")


def print_visits(visits, most):
    for function, count in visits.most_common(most):
        print(f"{count:6} {function.name} ({function.file})")


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sources", metavar="SOURCE", nargs="*",
                        type=lambda name: pathlib.Path(name).resolve(),
                        default=[ROOT])
    for name in ("--pairs", "--visits", "--calls"):
        parser.add_argument(name, type=int, default=0, metavar="N")
    parser.add_argument("--list", metavar="FILE",
                        help="write there what the DROP enters, in its order")
    return parser.parse_args()


def print_details(source, seen, options):
    for name in TAKEN:
        journey = typical(seen[name])
        if options.pairs:
            print(f"\n{source.name}, {name}: changes of file")
            print_pairs(journey.pairs(), options.pairs)
        if options.visits:
            print(f"\n{source.name}, {name}: entered alone")
            print_visits(journey.lone_visits(), options.visits)
        if options.calls:
            print(f"\n{source.name}, {name}: different calls abroad")
            print_pairs(journey.calls_abroad(), options.calls)


def main():
    options = parse_options()
    with Cluster(settings={"log_statement": "none"}) as cluster:
        found = {source: journeys(source, cluster)
                 for source in options.sources}
    for source, seen in found.items():
        print_details(source, seen, options)
        if options.list:
            pathlib.Path(options.list).write_text("".join(
                f"{f.file} {f.name}\n"
                for f in typical(seen[DROP]).functions), encoding="utf-8")
    print(f"\n{table(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
