#!/usr/bin/python3
"""check_layers.py - who may include whom.

A room is a folder of proxy/, a floor one of policy/: each has a row below
that names what it may include beside itself, protocol/ and (from proxy/)
policy/.

Within a room modules (a source and its header) include one another without a
circle; a header without a source is part of whoever includes it.  CIRCLES are
the modules that still stand in one; those that do not any more fail.

Everywhere: root-relative paths, and a source's own header first.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PURE = set("""assert ctype errno inttypes limits stdarg stdbool stddef stdint
setjmp stdio stdlib string strings""".split())

# Room: what it may include beside itself, and the libraries that it may see.
ROOMS = {
    "protocol": ("", ""),
    "policy/sql": ("", "pg_query"),
    "policy/catalog": ("sql", ""),
    "policy/guard": ("catalog sql", ""),
    "proxy/base": ("", "event2"),
    "proxy/config": ("base", "ini libpq-fe"),
    "proxy/history": ("base", ""),
    "proxy/tls": ("config base", "openssl"),
    "proxy/auth": ("tls config base", ""),
    "proxy/net": ("tls config base", "event2 libpq-fe"),
    "proxy/pair": ("history net tls config base", "event2"),
    "proxy/gate": ("history pair base", "event2"),
    "proxy/rescue": ("gate pair net config base", "event2"),
    "proxy/fleet": ("rescue gate pair net tls config base", "event2"),
    "proxy/guard": ("rescue gate history pair config base", ""),
    "proxy/console": ("fleet gate history pair auth net tls config base",
                      "event2"),
    "proxy/session": ("console guard rescue gate history pair auth net tls "
                      "config base", "event2"),
    "proxy/http": ("fleet rescue gate history pair net tls config base",
                   "event2"),
    "proxy/explain": ("config base", "libpq-fe"),
    "proxy/server": ("http explain session console guard fleet rescue gate "
                     "history pair auth net tls config base", "event2"),
}
LIBRARIES = set("event2 ini libpq-fe openssl pg_query protobuf-c".split())

# Modules of a room from which includes lead back to them.
CIRCLES = {
    # A DO block holds statements, and is one.
    "policy/sql/statement_do", "policy/sql/statement_tree",
    # One machine in four files: login and relay go on with the session that
    # calls them, and sessions with each of theirs.
    "proxy/session/login", "proxy/session/relay", "proxy/session/session",
    "proxy/session/sessions",
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def includes(path):
    """What a file includes: pairs of the delimiter and the name."""
    return INCLUDE.findall(path.read_text())


def room_of(name):
    """The room of a file named from the root; None: it is in none."""
    folder = str(pathlib.PurePath(name).parent)
    return folder if folder in ROOMS else None


def sources():
    """Every file of every room, named from the root."""
    for room in ROOMS:
        for path in sorted((ROOT / room).glob("*.[ch]")):
            yield room, str(path.relative_to(ROOT)), path


def allowed_rooms(room):
    """The rooms that files of a room may include."""
    top = room.split("/")[0]
    below, _ = ROOMS[room]
    allowed = {room} | {f"{top}/{name}" for name in below.split()}
    if top == "proxy":
        allowed |= {name for name in ROOMS if not name.startswith("proxy/")}
    return allowed


def arrows():
    """(from room, to room, from file, to file) of every include."""
    for room, name, path in sources():
        for mark, included in includes(path):
            if mark == '"' and room_of(included):
                yield room, room_of(included), name, included


class Report:
    """What is wrong, on standard output; is_clean tells that nothing is."""

    def __init__(self):
        self.is_clean = True

    def add(self, text):
        print(text)
        self.is_clean = False


def is_made_of_sql(room, included):
    """True for the header that the build makes of a folder of the room."""
    folder = ROOT / included.removesuffix(".h")
    return (folder.parent == ROOT / room and folder.name.endswith("_sql")
            and folder.is_dir())


def check_project_includes(report):
    """Includes of the project's own files follow the table."""
    for room, name, path in sources():
        for mark, included in includes(path):
            if mark != '"' or is_made_of_sql(room, included):
                continue
            if room_of(included) not in allowed_rooms(room):
                report.add(f"{name} may not include {included}")


def check_libraries(report):
    """A library is seen by the rooms that have it in their row, only."""
    for room, name, path in sources():
        _, own = ROOMS[room]
        for mark, included in includes(path):
            if mark != "<":
                continue
            library = included.removesuffix(".h").split("/")[0]
            if library.startswith("pg_query"):
                library = "pg_query"
            if library in own.split():
                is_ok = library != "pg_query" or "statement" in name
            elif room.startswith("proxy/"):
                is_ok = library not in LIBRARIES
            else:
                is_ok = library in PURE
            if not is_ok:
                report.add(f"{name} may not include <{included}>")


def check_tests(report):
    """Tests include by paths from the root, and only what is there."""
    for path in sorted((ROOT / "tests").rglob("*.[ch]")):
        if path.parts[len(ROOT.parts) + 1] in ("bench", "clients"):
            continue
        for mark, included in includes(path):
            if mark == '"' and not re.match(
                    "(protocol|policy|proxy|tests)/", included):
                report.add(f"{path.relative_to(ROOT)}: {included} is not "
                           "named from the root")


def check_own_headers(report):
    """A source includes its own header before anything else."""
    for _, name, path in sources():
        header = path.with_suffix(".h")
        if path.suffix != ".c" or not header.exists():
            continue
        own = str(header.relative_to(ROOT))
        if includes(path)[:1] != [('"', own)]:
            report.add(f'{name}: the first include is not "{own}"')


def module_of(name):
    """A source and its header are one module."""
    return name.rsplit(".", 1)[0]


def modules_behind(module, included):
    """The modules that an included name brings to one within its room."""
    path = ROOT / included
    if path.with_suffix(".c").exists():
        return {module_of(included)} - {module}
    behind = set()
    for mark, name in includes(path) if path.exists() else ():
        if mark == '"' and room_of(name) == room_of(included):
            behind |= modules_behind(module, name)
    return behind


def reachable(graph, start):
    """The modules to which includes lead from one, in one step or more."""
    found = set()
    ahead = [start]
    while ahead:
        for module in graph.get(ahead.pop(), ()):
            if module not in found:
                found.add(module)
                ahead.append(module)
    return found


def check_circles(report):
    """Modules of a room do not include one another in a circle."""
    graph = {}
    for room, to_room, name, included in arrows():
        module = module_of(name)
        if room == to_room and (ROOT / f"{module}.c").exists():
            graph.setdefault(module, set()).update(
                modules_behind(module, included))
    round_about = {m for m in graph if m in reachable(graph, m)}
    for module in sorted(round_about - CIRCLES):
        circle = sorted(m for m in reachable(graph, module)
                        if module in reachable(graph, m))
        report.add(f"{module} stands in a circle: {' '.join(circle)}")
    for module in sorted(CIRCLES - round_about):
        report.add(f"{module} stands in no circle: take it off CIRCLES")


def main():
    report = Report()
    check_project_includes(report)
    check_libraries(report)
    check_tests(report)
    check_own_headers(report)
    check_circles(report)
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
