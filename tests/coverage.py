#!/usr/bin/python3
"""coverage.py - how much of each room is reached by units alone.

    coverage.py [--at-least PERCENT ROOM...] [--missing FILE]

Builds preset coverage, runs its tests of label unit and prints a table: lines
of code of each room, and how many of these ran.  With --at-least, only units
of the named rooms; fails if less of one of them ran.  It fails if a test does.
--missing names the lines of a source that did not run.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import check_layers  # noqa: E402
from check_layers import ROOT  # noqa: E402

BUILD = ROOT / "build" / "coverage"
OBJECTS_AT_A_TIME = 50


def output(*command, errors=subprocess.STDOUT):
    """Ends with it all if the command fails."""
    ran = subprocess.run(command, cwd=ROOT, check=False, text=True,
                         stdout=subprocess.PIPE, stderr=errors)
    if ran.returncode:
        sys.exit(ran.stdout)
    return ran.stdout


def targets_of(rooms):
    """The programs of their units."""
    return [f"{room.replace('/', '_')}_{path.stem}" for room in rooms
            for path in sorted((ROOT / "tests" / room).glob("*_test.c"))]


def build(rooms):
    if not (BUILD / "build.ninja").exists():
        output("cmake", "--preset", "coverage")
    output("cmake", "--build", "--preset", "coverage", "--target",
           *(targets_of(rooms) if rooms else ["unit_tests"]))


def run_units(rooms):
    """Their wall time in seconds; what earlier runs counted is forgotten."""
    for path in BUILD.rglob("*.gcda"):
        path.unlink()
    begun = time.monotonic()
    output("ctest", "--preset", "coverage", "-L", "unit", "-R",
           "|".join(f"^{room}/" for room in rooms))
    return time.monotonic() - begun


def objects(rooms):
    """The object files of these rooms, or of all, without those of tests."""
    for room in rooms or sorted({room.split("/")[0]
                                 for room in check_layers.ROOMS}):
        house, _, name = room.partition("/")
        yield from sorted((BUILD / house).rglob(f"{name or '*'}/*.gcno"))


def told_by_gcov(paths):
    """A document for each object."""
    told = output("gcov", "--json-format", "--stdout", *map(str, paths),
                  errors=subprocess.DEVNULL)
    return map(json.loads, filter(None, told.splitlines()))


def read_counts(chosen):
    """{file: {line: how often it ran}}, for each line that has code."""
    counts = collections.defaultdict(collections.Counter)
    paths = list(objects(chosen))
    for at in range(0, len(paths), OBJECTS_AT_A_TIME):
        for document in told_by_gcov(paths[at:at + OBJECTS_AT_A_TIME]):
            for file in document["files"]:
                path = pathlib.Path(document["current_working_directory"],
                                    file["file"]).resolve()
                if not path.is_relative_to(ROOT):
                    continue
                lines = counts[str(path.relative_to(ROOT))]
                for line in file["lines"]:
                    lines[line["line_number"]] += line["count"]
    return counts


def share(lines):
    """Percent of them that ran."""
    return 100 * sum(map(bool, lines)) / len(lines)


def by_room(counts):
    rooms = collections.defaultdict(list)
    for name, lines in counts.items():
        if room := check_layers.room_of(name):
            rooms[room] += lines.values()
    return rooms


def print_table(counts, rooms):
    print(f"{'':32} {'lines':>6} {'ran':>6}")
    for room in check_layers.ROOMS:
        if room not in rooms:
            continue
        print(f"{room:32} {len(rooms[room]):6} {share(rooms[room]):5.1f}%")
        for name, lines in sorted(counts.items()):
            if check_layers.room_of(name) == room and name.endswith(".c"):
                print(f"  {pathlib.PurePath(name).name:30} {len(lines):6} "
                      f"{share(lines.values()):5.1f}%")


def print_missing(counts, name):
    source = (ROOT / name).read_text("utf-8").splitlines()
    for number, count in sorted(counts[name].items()):
        if not count:
            print(f"{name}:{number}: {source[number - 1]}")


def misses(rooms, at_least):
    """A line of text for each room below the bound."""
    percent, *names = at_least or ["0"]
    for name in names:
        if share(rooms[name]) < float(percent):
            yield (f"FAILED: {share(rooms[name]):.1f}% of {name} ran, not "
                   f"{percent}%")


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--at-least", nargs="+", metavar="PERCENT ROOM")
    parser.add_argument("--missing", metavar="FILE")
    options = parser.parse_args()
    for name in (options.at_least or [])[1:]:
        if name not in check_layers.ROOMS:
            parser.error(f"no room is {name}")
    return options


def main():
    options = parse_options()
    chosen = (options.at_least or [])[1:]
    build(chosen)
    took_s = run_units(chosen)
    counts = read_counts(chosen)
    rooms = by_room(counts)
    print_table(counts, rooms)
    if options.missing:
        print_missing(counts, options.missing)
    print(f"units took {took_s:.1f} s")
    failed = list(misses(rooms, options.at_least))
    print(*failed, sep="\n", end="\n" if failed else "")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
