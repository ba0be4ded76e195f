"""Curves as an SVG: axes that can be logarithmic, lines, points, labels."""

import dataclasses
import math

from chart import line, rectangle, text

WIDTH, HEIGHT = 680, 330  # of a plot, all that belongs to it included
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 46, 48  # kept around it
COLORS = ["#1f6fb5", "#b5461f", "#444444", "#9aa3ad", "#d9a441", "#3a8f4d"]
GRAY, GRID = "#666", "#ddd"


@dataclasses.dataclass
class Axis:
    title: str
    is_log: bool = False
    least: float = None  # of a linear one 0
    most: float = None

    def fit(self, values):
        """Bounds that are round and hold all values."""
        self.most = self.most or max(values)
        if not self.is_log:
            self.least = 0
            self.most = nice(self.most)
        else:
            self.least = 10 ** math.floor(math.log10(min(values)))
            self.most = max(10 * self.least, 10 ** math.ceil(
                math.log10(self.most) - 1e-9))

    def place(self, value):
        """Between 0 and 1."""
        if self.is_log:
            return (math.log10(value / self.least)
                    / math.log10(self.most / self.least))
        return value / self.most

    def ticks(self):
        if self.is_log:
            first, last = (round(math.log10(end))
                           for end in (self.least, self.most))
            return [10 ** n for n in range(first, last + 1)]
        return [self.most * i / 5 for i in range(6)]


def nice(most):
    """The first of 1, 2, 2.5, 5, 10, ... that is not below it."""
    size = 10 ** math.floor(math.log10(most)) if most > 0 else 1
    return next(step * size for step in (1, 2, 2.5, 5, 10)
                if step * size >= most * 0.999)


def label(value):
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


@dataclasses.dataclass
class Plot:
    """curves: {name: [(x, y)]}; those of a name in colors have that one."""

    title: str
    x: Axis
    y: Axis
    curves: dict
    colors: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for i, name in enumerate(self.curves):
            self.colors.setdefault(name, COLORS[i % len(COLORS)])
        points = [point for curve in self.curves.values() for point in curve]
        self.x.fit([x for x, _y in points])
        self.y.fit([y for _x, y in points])

    def at(self, x, y):
        return (LEFT + self.x.place(x) * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - self.y.place(y) * (HEIGHT - TOP - BOTTOM))

    def frame(self):
        left, right = LEFT, WIDTH - RIGHT
        for value in self.y.ticks():
            _x, y = self.at(self.x.most, value)
            yield line(left, y, right, y, GRID)
            yield text(left - 6, y + 4, label(value), 10, "end", GRAY)
        for value in self.x.ticks():
            x, _y = self.at(value, self.y.most)
            yield line(x, TOP, x, HEIGHT - BOTTOM, GRID)
            yield text(x, HEIGHT - BOTTOM + 15, label(value), 10, "middle",
                       GRAY)
        yield text((left + right) / 2, HEIGHT - 12, self.x.title, 11,
                   "middle", GRAY)
        yield text(12, TOP - 10, self.y.title, 11, "start", GRAY)
        yield text(12, 18, self.title, 14, weight="bold")

    def curve(self, points, color):
        placed = [self.at(*point) for point in sorted(points)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        yield (f"<polyline points='{path}' fill='none' stroke='{color}' "
               "stroke-width='2'/>")
        for x, y in placed:
            yield f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{color}'/>"

    def labels(self):
        """In the order in which the curves end, none on another."""
        ends = sorted((self.at(*max(curve))[1], name)
                      for name, curve in self.curves.items())
        lowest = 0
        for y, name in ends:
            lowest = max(y + 4, lowest + 14)
            yield text(WIDTH - RIGHT + 10, lowest, name, 12,
                       color=self.colors[name])

    def draw(self):
        yield from self.frame()
        for name, points in self.curves.items():
            yield from self.curve(points, self.colors[name])
        yield from self.labels()


def draw(plots):
    """One under the other."""
    height = HEIGHT * len(plots)
    parts = [f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' "
             f"height='{height}' viewBox='0 0 {WIDTH} {height}'>",
             rectangle(0, 0, WIDTH, height, "white")]
    for i, plot in enumerate(plots):
        parts += [f"<g transform='translate(0 {i * HEIGHT})'>",
                  *plot.draw(), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"
