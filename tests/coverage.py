#!/usr/bin/python3
"""coverage.py - how much of each room is reached by units alone.

    coverage.py [--at-least PLACE=PERCENT...] [--missing FILE...]

Builds preset coverage, runs its tests of label unit and prints a table: lines
of code of each room and of each house, and how many of these ran.  A place is
a room or a house, which is protocol, policy or proxy.  With --at-least, only
units of these places; fails if less of one of them ran.  It fails if a test
does.  --missing names the lines of a source that did not run.
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


def house_of(room):
    return room.split("/")[0]


def rooms_in(places):
    """The rooms that these places are or have."""
    return [room for room in check_layers.ROOMS
            if room in places or house_of(room) in places]


def targets_of(rooms):
    """The programs of their units, and the one whose main() no unit runs, but
    which counts."""
    units = [f"{room.replace('/', '_')}_{path.stem}" for room in rooms
             for path in sorted((ROOT / "tests" / room).glob("*_test.c"))]
    return units + ["lockstep"] * ("proxy/server" in rooms)


def build(rooms):
    if not (BUILD / "build.ninja").exists():
        output("cmake", "--preset", "coverage")
    output("cmake", "--build", "--preset", "coverage", "--target",
           *targets_of(rooms))


def run_units(rooms):
    """Their wall time in seconds; what earlier runs counted is forgotten."""
    for path in BUILD.rglob("*.gcda"):
        path.unlink()
    begun = time.monotonic()
    output("ctest", "--preset", "coverage", "-L", "unit", "--no-tests=error",
           "-R", "|".join(f"^{room}/" for room in rooms))
    return time.monotonic() - begun


def objects(rooms):
    """The object files of these rooms, without those of tests."""
    for room in rooms:
        house, _, name = room.partition("/")
        yield from sorted((BUILD / house).rglob(f"{name or '*'}/*.gcno"))


def told_by_gcov(paths):
    """A document for each object."""
    told = output("gcov", "--json-format", "--stdout", *map(str, paths),
                  errors=subprocess.DEVNULL)
    return map(json.loads, filter(None, told.splitlines()))


def read_counts(rooms):
    """{file: {line: how often it ran}}, for each line that has code."""
    counts = collections.defaultdict(collections.Counter)
    paths = list(objects(rooms))
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


def by_place(counts):
    """{room or house: how often each of its lines ran}"""
    places = collections.defaultdict(list)
    for name, lines in counts.items():
        if room := check_layers.room_of(name):
            for place in {room, house_of(room)}:
                places[place] += lines.values()
    return places


def print_row(name, lines):
    print(f"{name:32} {len(lines):6} {share(lines):5.1f}%")


def print_table(counts, places, rooms):
    print(f"{'':32} {'lines':>6} {'ran':>6}")
    for room in rooms:
        print_row(room, places[room])
        for name, lines in sorted(counts.items()):
            if check_layers.room_of(name) == room and name.endswith(".c"):
                print_row("  " + pathlib.PurePath(name).name, lines.values())
    print()
    for house in dict.fromkeys(map(house_of, rooms)):
        print_row(house, places[house])


def print_missing(counts, name):
    source = (ROOT / name).read_text("utf-8").splitlines()
    for number, count in sorted(counts[name].items()):
        if not count:
            print(f"{name}:{number}: {source[number - 1]}")


def misses(places, at_least):
    """A line of text for each place below its bound."""
    for name, percent in at_least.items():
        if share(places[name]) < percent:
            yield (f"FAILED: {share(places[name]):.1f}% of {name} ran, not "
                   f"{percent:g}%")


def bound(text):
    """PLACE=PERCENT as a pair."""
    name, _, percent = text.partition("=")
    if not rooms_in([name]):
        raise argparse.ArgumentTypeError(f"no room or house is {name}")
    return name, float(percent)


def parse_options():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-least", nargs="+", type=bound, default=[],
                        metavar="PLACE=PERCENT")
    parser.add_argument("--missing", nargs="+", default=[], metavar="FILE")
    return parser.parse_args()


def main():
    options = parse_options()
    at_least = dict(options.at_least)
    rooms = rooms_in(at_least or set(map(house_of, check_layers.ROOMS)))
    build(rooms)
    took_s = run_units(rooms)
    counts = read_counts(rooms)
    places = by_place(counts)
    print_table(counts, places, rooms)
    for name in options.missing:
        print_missing(counts, name)
    print(f"units took {took_s:.1f} s")
    failed = list(misses(places, at_least))
    print(*failed, sep="\n", end="\n" if failed else "")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
