"""A chart of the benchmark: what each proxy uses, relative to one of them.

An SVG without anything but rectangles, lines and text.
"""

from html import escape

import report
from results import CLEAR, ENCRYPTED, TARGETS, cpu_us, number

WIDTH = 860
LEFT = 230  # of the bars; titles stand before them
RIGHT = 60  # kept for the number behind the longest bar
BAR = 11
GAP = 10  # between workloads
NUMBER = 32  # the width of one
HEAD = 54  # of a panel: heading and scale
MOST = 3.0  # longer bars are cut
COLORS = {"floor": "#444444", "haproxy": "#9aa3ad", "pgbouncer": "#d9a441",
          "lockstep": "#1f6fb5"}
TARGET_COLOR = "#c0392b"
HALO = "stroke='white' stroke-width='3' paint-order='stroke'"
FONT = "font-family='system-ui, sans-serif'"


def text(x, y, said, size=12, anchor="start", color="#222", weight="normal"):
    return (f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' {FONT} "
            f"text-anchor='{anchor}' fill='{color}' font-weight='{weight}' "
            f"{HALO}>{escape(said)}</text>")


def rectangle(x, y, width, height, color):
    return (f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' "
            f"height='{height:.1f}' fill='{color}'/>")


def line(x1, y1, x2, y2, color, width=1.0, dashes=""):
    return (f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' "
            f"stroke='{color}' stroke-width='{width}' "
            f"stroke-dasharray='{dashes}'/>")


class Panel:
    """heading; groups are (title, {contestant: value}, Lockstep's target).

    most is the value at the right edge; at reference stands a line.
    """

    def __init__(self, heading, groups, most, reference=None):
        self.heading = heading
        self.groups = groups
        self.most = most
        self.reference = reference

    def x(self, value):
        return LEFT + min(value, self.most) / self.most * (
            WIDTH - LEFT - RIGHT)

    def height(self):
        return HEAD + sum(len(values) * BAR + GAP
                          for _title, values, _target in self.groups)

    def scale(self, top, bottom):
        step = self.most / (6 if self.most == MOST else 4)
        for i in range(int(self.most / step) + 1):
            x = self.x(i * step)
            is_reference = i * step == self.reference
            yield line(x, top, x, bottom, "#444" if is_reference else "#ddd")
            yield text(x, top - 5, f"{i * step:g}", 10, "middle", "#666")

    def group(self, top, title, values, target):
        yield text(LEFT - 8, top + (len(values) * BAR) / 2 + 4, title, 12,
                   "end")
        for i, (name, value) in enumerate(values.items()):
            yield from self.bar(top + i * BAR, name, value,
                                target if name == "lockstep" else None)

    def bar(self, y, name, value, target):
        end = self.x(value)
        yield rectangle(LEFT, y, end - LEFT, BAR - 1, COLORS[name])
        if target is not None:
            x = self.x(target)
            yield line(x, y - 2, x, y + BAR + 1, TARGET_COLOR, 2)
            if end < x < end + NUMBER:
                end = x
        yield text(end + 4, y + BAR - 2, f"{value:.2f}", 9, "start", "#444")

    def draw(self, top):
        yield text(12, top + 16, self.heading, 14, weight="bold")
        y = top + HEAD
        yield from self.scale(y - 8, top + self.height() - GAP / 2)
        for title, values, target in self.groups:
            yield from self.group(y, title, values, target)
            y += len(values) * BAR + GAP


# -- from results -----------------------------------------------------------

def target_of(workload, encrypted, what):
    for target in TARGETS:
        if (target.workload, target.encrypted, target.what) == (
                workload, encrypted, what):
            return target.most
    return None


def relative_panel(results, encrypted):
    reference = report.REFERENCE[encrypted]
    groups = []
    for workload in results.workloads(encrypted):
        spreads = {name: results.ratio(workload.name, encrypted, name,
                                       report.ratio_of, reference)
                   for name in results.contestants(encrypted)
                   if name not in ("direct", reference)}
        values = {name: spread.median for name, spread in spreads.items()
                  if spread}
        if values:
            groups.append((workload.title, values, target_of(
                workload.name, encrypted, cpu_us)))
    return Panel(f"{report.LEGS[encrypted]}: CPU time of the proxy, "
                 f"{report.title(reference)} = 1", groups, MOST, 1)


def idle_panel(results):
    groups = []
    for encrypted, title in ((CLEAR, "idle session"),
                             (ENCRYPTED, "idle session, TLS")):
        spreads = {name: results.value("idle", encrypted, name, number("kib"))
                   for name in results.contestants(encrypted)}
        values = {name: spread.median for name, spread in spreads.items()
                  if spread}
        if values:
            targets = [target.most for target in TARGETS
                       if (target.workload, target.encrypted)
                       == ("idle", encrypted)]
            groups.append((title, values, targets[0] if targets else None))
    most = max((value for _title, values, _target in groups
                for value in values.values()), default=1)
    return Panel("Memory of the proxy, KiB", groups, nice(most))


def nice(most):
    """The scale's end: a number that has few steps below it."""
    for end in (4, 8, 16, 32, 64, 128, 256):
        if most <= end:
            return end
    return most


def legend(y):
    x = LEFT
    for name, color in COLORS.items():
        yield rectangle(x, y - 9, 10, 10, color)
        yield text(x + 14, y, report.title(name))
        x += 95
    yield line(x + 5, y - 11, x + 5, y + 2, TARGET_COLOR, 2)
    yield text(x + 14, y, "target of Lockstep")


def draw(results):
    panels = [relative_panel(results, CLEAR),
              relative_panel(results, ENCRYPTED), idle_panel(results)]
    panels = [panel for panel in panels if panel.groups]
    height = 40 + sum(panel.height() + 16 for panel in panels)
    parts = [f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' "
             f"height='{height}' viewBox='0 0 {WIDTH} {height}'>",
             rectangle(0, 0, WIDTH, height, "white"), *legend(24)]
    y = 40
    for panel in panels:
        parts += panel.draw(y)
        y += panel.height() + 16
    return "\n".join([*parts, "</svg>"]) + "\n"
