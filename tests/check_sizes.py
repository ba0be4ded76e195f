#!/usr/bin/python3
"""check_sizes.py - how long functions and files are, and circles of calls.

    check_sizes.py                     fails if one is too long
    check_sizes.py --table [SOURCE...] prints a table with a column for each
                                       source tree (default: this one)

Calls from file to file are read from the object files of --build in each
tree; one that is not built there has a dash.  Objects for link-time
optimization tell nothing.

A circle of calls: of its files, each can come back to itself by calls, or
callbacks given away, into other files.
"""

import argparse
import dataclasses
import functools
import json
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HOUSES = ("protocol", "policy", "proxy")
LONG_FUNCTION, LONG_FILE = 60, 600

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)


def sources(root):
    """Sources and headers of the program, named from the root."""
    return sorted(str(path.relative_to(root)) for house in HOUSES
                  for path in (root / house).rglob("*.[ch]"))


# -- functions and files ----------------------------------------------------

@dataclasses.dataclass
class Function:
    file: str
    name: str
    lines: int  # from the one with its name to its last


def functions(root, files):
    told = subprocess.run(
        ["ctags-universal", "--output-format=json", "--kinds-C=f",
         "--languages=C", "--langmap=C:.c.h", "--fields=+ne", "-f", "-",
         *files],
        cwd=root, check=True, text=True, stdout=subprocess.PIPE).stdout
    for tag in map(json.loads, told.splitlines()):
        yield Function(tag["path"], tag["name"],
                       tag["end"] - tag["line"] + 1)


def nine_tenths(values):
    return sorted(values)[int(len(values) * 0.9)]


def line_counts(root, files):
    return {name: len((root / name).read_text("utf-8").splitlines())
            for name in files}


# -- calls ------------------------------------------------------------------

def symbols(program_part):
    """Names that an object file has, and those that it wants."""
    told = subprocess.run(["nm", str(program_part)], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    has, wants = set(), set()
    for line in told.splitlines():
        *_, kind, name = line.split()
        if kind == "T":
            has.add(name)
        elif kind == "U":
            wants.add(name)
    return has, wants


def objects(root, build):
    """{source: its object file}"""
    found = {}
    for path in (root / build).rglob("*.c.o"):
        parts = path.relative_to(root / build).parts
        if parts[0] in HOUSES:  # <house>/CMakeFiles/<target>.dir/<rest>
            name = "/".join((parts[0], *parts[3:])).removesuffix(".o")
            found[name] = path
    return found


def calls(root, build):
    """{file: files that it calls}"""
    known = {name: symbols(path) for name, path in
             objects(root, build).items()}
    home = {symbol: name for name, (has, _) in known.items()
            for symbol in has}
    return {name: {home[symbol] for symbol in wants if symbol in home}
            for name, (_, wants) in known.items()}


def reached(graph, start):
    seen, todo = set(), [start]
    while todo:
        for node in graph.get(todo.pop(), ()):
            if node not in seen:
                seen.add(node)
                todo.append(node)
    return seen


def circles(graph):
    """Sets of files that reach each other, the largest first."""
    reach = {node: reached(graph, node) for node in graph}
    found = {frozenset(other for other in reach[node]
                       if node in reach.get(other, ()))
             for node in graph if node in reach[node]}
    return sorted(found, key=lambda files: (-len(files), sorted(files)))


# -- one header -------------------------------------------------------------

def included(root, files):
    """{file: headers of the project that it includes}"""
    return {name: set(INCLUDE.findall((root / name).read_text("utf-8")))
            & set(files) for name in files}


# -- the report -------------------------------------------------------------

@dataclasses.dataclass
class Tree:
    root: pathlib.Path
    build: str

    def __post_init__(self):
        self.files = sources(self.root)
        self.functions = list(functions(self.root, self.files))
        self.lines = line_counts(self.root, self.files)
        self.included = included(self.root, self.files)

    @functools.cached_property
    def circles(self):
        return circles(calls(self.root, self.build))

    def of_functions(self, house):
        sizes = [f.lines for f in self.functions
                 if f.file.startswith(house)]
        return (f"{len(sizes)}: {statistics.median(sizes):g}, "
                f"{nine_tenths(sizes)}, {max(sizes)}")

    def of_files(self, house):
        sizes = [lines for name, lines in self.lines.items()
                 if name.startswith(house)]
        return f"{len(sizes)}: {statistics.median(sizes):g}, {max(sizes)}"

    def folders(self):
        return {str(pathlib.PurePath(name).parent) for name in self.files}

    def circle(self):
        is_built = bool(objects(self.root, self.build))
        if not is_built:
            return "-"
        return str(len(self.circles[0]) if self.circles else 0)

    def header(self, short):
        """Named from the root."""
        name, = (name for name in self.files if name.endswith("/" + short))
        return name

    def includers(self, short):
        name = self.header(short)
        return str(sum(name in headers for headers in self.included.values()))

    def dragged(self, short):
        return str(len(reached(self.included, self.header(short))))

    def long_functions(self):
        return {f"{f.file}: {f.name}()": f.lines for f in self.functions
                if f.lines > LONG_FUNCTION}

    def long_files(self):
        return {name: lines for name, lines in self.lines.items()
                if lines > LONG_FILE}


def rows(trees):
    folders = sorted(set().union(*(tree.folders() for tree in trees)))

    def row(title, cell):
        return [title, *map(cell, trees)]

    yield row("functions, in lines: median, p90, longest",
              lambda t: t.of_functions(""))
    for folder in folders:
        yield row(f"- {folder}/", lambda t, name=folder:
                  t.of_functions(name + "/") if name in t.folders() else "-")
    yield row(f"functions above {LONG_FUNCTION} lines",
              lambda t: str(len(t.long_functions())))
    yield row("files, in lines: median, longest", lambda t: t.of_files(""))
    for folder in folders:
        yield row(f"- {folder}/", lambda t, name=folder:
                  t.of_files(name + "/") if name in t.folders() else "-")
    yield row(f"files above {LONG_FILE} lines",
              lambda t: str(len(t.long_files())))
    yield row("source files in the largest circle of calls", Tree.circle)
    yield row("files that include session.h",
              lambda t: t.includers("session.h"))
    yield row("headers that session.h brings along",
              lambda t: t.dragged("session.h"))


def grid(header, body):
    lines = [header, *body]
    widths = [max(len(line[i]) for line in lines)
              for i in range(len(header))]
    lines.insert(1, ["-" * widths[0],
                     *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join("| " + " | ".join(
        cell.rjust(width) if i else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(line, widths))) + " |"
        for line in lines)


def print_table(options):
    trees = [Tree(root, options.build) for root in options.sources]
    print(grid(["", *(tree.root.name for tree in trees)], rows(trees)))
    for tree in trees:
        for name, lines in {**tree.long_functions(),
                            **tree.long_files()}.items():
            print(f"{tree.root.name}: {name}: {lines} lines")
        for circle in tree.circles:
            print(f"{tree.root.name}: a circle of {len(circle)}: "
                  + " ".join(sorted(circle)))


def check(tree):
    """True if nothing is too long."""
    too_long = {**tree.long_functions(), **tree.long_files()}
    for name in sorted(too_long):
        print(f"{name} has {too_long[name]} lines")
    return not too_long


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sources", metavar="SOURCE", nargs="*",
                        type=lambda name: pathlib.Path(name).resolve(),
                        default=[ROOT])
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--build", default="build/asan", metavar="FOLDER",
                        help="of the object files (build/asan)")
    options = parser.parse_args()
    if options.table:
        print_table(options)
        return 0
    return 0 if check(Tree(ROOT, options.build)) else 1


if __name__ == "__main__":
    sys.exit(main())
