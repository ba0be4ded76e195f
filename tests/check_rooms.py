#!/usr/bin/python3
"""check_rooms.py - the picture of the rooms is that of the includes.

    check_rooms.py          fails if docs/rooms.svg, or the table between its
                            marks in ARCHITECTURE.md, tells something else
                            than the sources
    check_rooms.py --renew  makes both of the sources

The rooms and who may include whom are check_layers.py's.  A room stands one
level above the highest that it includes; an include that runs up is red.
Lines of a room may be a tenth more or fewer than those told, so that not
every commit needs a new picture.
"""

import collections
import dataclasses
import html
import pathlib
import re
import sys

sys.dont_write_bytecode = True
import check_layers  # noqa: E402
from check_layers import ROOMS, ROOT  # noqa: E402

PICTURE = ROOT / "docs" / "rooms.svg"
PAGE = ROOT / "ARCHITECTURE.md"
BEGIN = "<!-- made by tests/check_rooms.py -->"
END = "<!-- end -->"
LINES_MAY_DIFFER = 0.1


# -- what the sources tell --------------------------------------------------

@dataclasses.dataclass
class Room:
    name: str
    files: int
    lines: int
    level: int = 0


@dataclasses.dataclass
class House:
    """rooms: from the top to the bottom; includes: {(from, to): how many}"""

    rooms: list
    includes: collections.Counter

    def runs_up(self, a, b):
        return b not in check_layers.allowed_rooms(a)

    def below(self, room):
        """{name: includes} of the rooms that it includes, the top first."""
        return {other.name: count for other in self.rooms
                if other.name != room.name
                and (count := self.includes[room.name, other.name])}

    def up(self, room):
        return sum(count for name, count in self.below(room).items()
                   if self.runs_up(room.name, name))


def level_of(name, includes, known):
    """Longest way down; includes that run up are not followed."""
    if name not in known:
        known[name] = max((1 + level_of(b, includes, known)
                           for a, b in includes if a == name != b
                           and b in check_layers.allowed_rooms(a)),
                          default=0)
    return known[name]


def read_house():
    rooms = {name: Room(name, 0, 0) for name in ROOMS}
    for name, _, path in check_layers.sources():
        rooms[name].files += 1
        rooms[name].lines += len(path.read_text().splitlines())
    includes = collections.Counter((a, b) for a, b, _, _ in
                                   check_layers.arrows())
    levels, order = {}, list(ROOMS)
    for room in rooms.values():
        room.level = level_of(room.name, includes, levels)
    return House(sorted(rooms.values(),
                        key=lambda r: (-r.level, -order.index(r.name))),
                 includes)


# -- the table --------------------------------------------------------------

HEADER = ["room", "level", "files", "lines", "includes of its own",
          "of rooms below", "of rooms above"]
ROW = re.compile(r"^\| `([\w/]+)` +\| +\d+ \| +\d+ \| +([\d,]+) \|", re.M)


def cells(house, room):
    below, up = house.below(room), house.up(room)
    return [f"`{room.name}`", str(room.level), str(room.files),
            f"{room.lines:,}", str(house.includes[room.name, room.name]),
            str(sum(below.values()) - up), str(up)]


def table(house):
    lines = [HEADER, *(cells(house, room) for room in house.rooms)]
    widths = [max(len(line[i]) for line in lines)
              for i in range(len(HEADER))]
    lines.insert(1, ["-" * widths[0],
                     *("-" * (width - 1) + ":" for width in widths[1:])])
    return "\n".join("| " + " | ".join(
        cell.rjust(width) if i else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(line, widths))) + " |"
        for line in lines)


def summary(house):
    others = [(a, b) for a, b in house.includes if a != b]
    up = [pair for pair in others if house.runs_up(*pair)]
    return (f"{len(house.rooms)} rooms, {len(others)} arrows between them, "
            f"{len(up)} of these run up.")


def page_with(page, house):
    marked = re.compile(f"(?<={re.escape(BEGIN)}\n).*?(?={END})", re.S)
    if not marked.search(page):
        sys.exit(f"{PAGE.name} has no line {BEGIN}")
    made = f"\n{summary(house)}\n\n{table(house)}\n\n"
    return marked.sub(lambda _: made, page)


def keep_lines(house, page):
    """Where about as many lines are on record, these stand."""
    for name, told in ROW.findall(page):
        told = int(told.replace(",", ""))
        for room in house.rooms:
            if room.name == name and \
                    abs(room.lines - told) <= told * LINES_MAY_DIFFER:
                room.lines = told


# -- the picture ------------------------------------------------------------
#
# Rooms stand on a diagonal.  From each a line goes to the right, into each one
# comes down; where a room includes another, a disc on their crossing has the
# number of includes.  What runs up does so on the other side, in red.

STEP_X, STEP_Y = 86, 58
BOX_WIDTH, BOX_HEIGHT = 132, 38
LEFT, TOP, BOTTOM = 76, 64, 58
COLORS = {"proxy": "#1f6fb5", "policy": "#b7791f", "protocol": "#2f855a"}
TINTS = {"proxy": "#e8f1fa", "policy": "#fbf3e0", "protocol": "#e6f4ec"}
WAY = "#b4bcc6"
UP = "#c81e1e"
FONT = "font-family='system-ui, sans-serif'"


def text(x, y, said, size, color, weight="normal", anchor="middle"):
    return (f"<text x='{x:g}' y='{y:g}' font-size='{size}' {FONT} "
            f"text-anchor='{anchor}' fill='{color}' font-weight='{weight}'>"
            f"{html.escape(said)}</text>")


def line(x1, y1, x2, y2, color, width):
    return (f"<line x1='{x1:g}' y1='{y1:g}' x2='{x2:g}' y2='{y2:g}' "
            f"stroke='{color}' stroke-width='{width:g}'/>")


def tip(x, y, down, width, color):
    """At (x, y); down is 1, or -1 for one that points up."""
    half = 3.5 + width
    back = y - 9 * down
    return (f"<polygon points='{x:g},{y:g} {x - half:g},{back:g} "
            f"{x + half:g},{back:g}' fill='{color}'/>")


def disc(x, y, count, color):
    radius = 8 + min(count, 20) * 0.25
    return (f"<circle cx='{x:g}' cy='{y:g}' r='{radius:g}' fill='{color}'/>"
            + text(x, y + 4, str(count), 11, "white", "bold"))


def width_of(count):
    return round(1 + count / 8, 2)


class Picture:
    def __init__(self, house):
        self.house = house
        self.at = {room.name: i for i, room in enumerate(house.rooms)}
        last = len(house.rooms) - 1
        self.width = LEFT + STEP_X * last + BOX_WIDTH + 24
        self.height = TOP + STEP_Y * last + BOX_HEIGHT + BOTTOM

    def x(self, name):
        """The middle of a room."""
        return LEFT + STEP_X * self.at[name] + BOX_WIDTH / 2

    def y(self, name):
        return TOP + STEP_Y * self.at[name] + BOX_HEIGHT / 2

    def color(self, name):
        return COLORS[name.split("/")[0]]

    def includers(self, name, is_up):
        """[(room, includes)] of those that include it, the farthest first."""
        found = [(room.name, self.house.includes[room.name, name])
                 for room in self.house.rooms
                 if room.name != name and self.house.includes[room.name, name]
                 and self.house.runs_up(room.name, name) == is_up]
        return found[::-1] if is_up else found

    def bands(self):
        """A strip behind each second level."""
        for level in {room.level for room in self.house.rooms}:
            names = [r.name for r in self.house.rooms if r.level == level]
            top = self.y(names[0]) - STEP_Y / 2
            height = STEP_Y * len(names)
            if level % 2 == 0:
                yield (f"<rect x='0' y='{top:g}' width='{self.width:g}' "
                       f"height='{height:g}' fill='#f6f7f9'/>")
            yield text(24, top + height / 2 + 5, str(level), 14, "#8a94a0")

    def ways_out(self):
        """From each room to the farthest that it includes."""
        for room in self.house.rooms:
            ends = {False: [], True: []}
            for name in self.house.below(room):
                ends[self.house.runs_up(room.name, name)].append(self.x(name))
            y = self.y(room.name)
            if ends[False]:
                yield line(self.x(room.name), y, max(ends[False]), y, WAY, 1)
            if ends[True]:
                yield line(self.x(room.name), y, min(ends[True]), y, UP, 1)

    def ways_in(self, is_up):
        """Into each room: the wider, the more includes have joined."""
        for room in self.house.rooms:
            includers = self.includers(room.name, is_up)
            x = self.x(room.name)
            end = self.y(room.name) + BOX_HEIGHT / 2 * (1 if is_up else -1)
            color = UP if is_up else self.color(room.name)
            joined = 0
            for i, (name, count) in enumerate(includers):
                joined += count
                until = self.y(includers[i + 1][0]) \
                    if i + 1 < len(includers) else end + (4 if is_up else -4)
                yield line(x, self.y(name), x, until, color, width_of(joined))
            if includers:
                yield tip(x, end, -1 if is_up else 1, width_of(joined), color)
            for name, count in includers:
                yield disc(x, self.y(name), count, color)

    def boxes(self):
        for room in self.house.rooms:
            house, _, short = room.name.partition("/")
            x = self.x(room.name) - BOX_WIDTH / 2
            y = self.y(room.name) - BOX_HEIGHT / 2
            yield (f"<rect x='{x:g}' y='{y:g}' width='{BOX_WIDTH}' "
                   f"height='{BOX_HEIGHT}' rx='5' fill='{TINTS[house]}' "
                   f"stroke='{COLORS[house]}' stroke-width='1.5'/>")
            yield text(self.x(room.name), y + 16, room.name, 13, "#1a202c",
                       "bold")
            yield text(self.x(room.name), y + 31,
                       f"{room.files} files, {room.lines:,} lines", 10.5,
                       "#4a5568")

    def captions(self):
        yield text(24, 26, "Who includes whom", 17, "#1a202c", "bold",
                   "start")
        yield text(24, 46, "level", 11, "#8a94a0")
        y = self.height - 18
        yield text(24, y - 16, summary(self.house), 12, "#1a202c", "bold",
                   "start")
        up = any(self.house.up(room) for room in self.house.rooms)
        yield text(24, y, "Go right from a room, down into those that it "
                   "includes; the number is that of the includes.  What "
                   f"{'runs up is' if up else 'ran up would be'} red, on the "
                   "left.", 12, "#4a5568", anchor="start")

    def draw(self):
        return "\n".join([
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{self.width:g}' "
            f"height='{self.height:g}' "
            f"viewBox='0 0 {self.width:g} {self.height:g}'>",
            f"<rect width='{self.width:g}' height='{self.height:g}' "
            "fill='white'/>",
            *self.bands(), *self.ways_out(), *self.ways_in(False),
            *self.ways_in(True), *self.boxes(), *self.captions(),
            "</svg>"]) + "\n"


# -- the command ------------------------------------------------------------

def main():
    house, page = read_house(), PAGE.read_text(encoding="utf-8")
    is_renewed = sys.argv[1:] == ["--renew"]
    if not is_renewed:
        keep_lines(house, page)
    made = {PAGE: page_with(page, house), PICTURE: Picture(house).draw()}
    status = 0
    for path, content in made.items():
        if is_renewed:
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text("utf-8") != content:
            print(f"{path.relative_to(ROOT)} is stale: "
                  "tests/check_rooms.py --renew")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
