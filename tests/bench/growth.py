#!/usr/bin/python3
"""How Lockstep grows, measured: a table and a curve for each way to grow.

    sessions  10 to 10,000 at once: CPU time of a transaction, memory
    connects  a million that come and leave: memory after each 100,000
    held      1 to 100 DDL statements held at once behind an idle
              transaction: CPU time, and what others notice

A proxy needs two descriptors for a session.  Where the limit cannot be
raised to that, as many sessions are measured as fit.
"""

import statistics

import chart
import command
import growing
import report
from curve import Axis, Plot

PARTS = ("sessions", "connects", "held")

KIB, MIB = 1 << 10, 1 << 20
COLORS = {**chart.COLORS, "lockstep-1": "#1f6fb5", "lockstep-2": "#7fb2dd"}


# -- from rows --------------------------------------------------------------

def titles(results):
    return {name: about["title"]
            for name, about in results["contestants"].items()}


def numbers(rows, key):
    """What there is of it, each once, in order."""
    return sorted({row[key] for row in rows})


def cpu(results, name, count, active):
    """The median of the rounds; None if there are none."""
    found = [row["cpu_us"] for row in results["sessions"]
             if (row["contestant"], row["sessions"], row.get("active"))
             == (name, count, active)]
    return statistics.median(found) if found else None


def session_kib(results, name, count):
    """What those cost that came after the first few; None without any."""
    used = {row["sessions"]: row["memory_bytes"]
            for row in results["sessions"]
            if row["contestant"] == name and "memory_bytes" in row}
    if count not in used or count == growing.FEW:
        return None
    return ((used[count] - used[growing.FEW]) / KIB
            / (count - growing.FEW))


def series(results, value):
    """{title: [(sessions, value(name, sessions))]}"""
    counts = numbers(results["sessions"], "sessions")
    found = {title: [(count, value(name, count)) for count in counts]
             for name, title in titles(results).items()}
    return {title: kept for title, points in found.items()
            if (kept := [point for point in points if point[1]])}


def cpu_of_all(results):
    return series(results, lambda name, n: cpu(results, name, n, n))


def cpu_of_few(results):
    return series(results, lambda name, n: cpu(results, name, n,
                                               growing.FEW))


def kib(results):
    """With less than a hundred sessions a page more or less decides."""
    return series(results, lambda name, n: n >= 100 and session_kib(
        results, name, n))


# -- tables -----------------------------------------------------------------

def curves_table(corner, curves):
    counts = sorted({x for points in curves.values() for x, _y in points})
    rows = []
    for title, points in curves.items():
        values = dict(points)
        rows.append([title, *(report.significant(values[n]) if n in values
                              else "-" for n in counts)])
    return report.grid([corner, *(f"{n:,}" for n in counts)], rows)


def sessions_tables(results):
    return [curves_table("CPU, µs for each query; sessions in turn",
                         cpu_of_all(results)),
            curves_table(f"the same; {growing.FEW} of the sessions",
                         cpu_of_few(results)),
            curves_table("memory, KiB for each session",
                         kib(results))]


def connects_table(results):
    rows = [[f"{row['connects']:,}", f"{row['memory_bytes'] / KIB:,.0f}",
             f"{row['resident_bytes'] / KIB:,.0f}",
             f"{row['seconds']:,.1f}"] for row in results["connects"]]
    return report.grid(["connects", "memory, KiB", "resident, KiB",
                        "seconds"], rows)


HELD_TITLES = {"own": "a table each", "same": "one table"}


def held_row(row):
    return [f"{row['held']}, {HELD_TITLES[row['tables']]}",
            f"{row['cpu_share']:.2%}", f"{row['server_share']:.1%}",
            *(f"{row[f'{when}_p{share}_us'] / 1000:.2f}"
              for share in (50, 99) for when in ("without", "with")),
            f"{row['done_s'] * 1000:,.0f}", str(row["failed"])]


def held_table(results):
    header = ["held", "CPU", "server's CPU", "p50 without", "with",
              "p99 without", "with", "all done after, ms", "failed"]
    return report.grid(header, [held_row(row) for row in results["held"]])


def tables(results):
    made = []
    if "sessions" in results:
        made += ["### Sessions", *sessions_tables(results)]
    if "connects" in results:
        made += ["### Connections", connects_table(results)]
    if "held" in results:
        made += ["### Held statements", held_table(results)]
    return "\n\n".join([*made, "### The run", about(results)])


def about(results):
    lines = [f"- {name}: {value}"
             for name, value in results["machine"].items()]
    lines.append(f"- command: `{results['command']}`, "
                 f"{results['minutes']} minutes")
    for contestant in results["contestants"].values():
        lines.append(f"- {contestant['title']}: {contestant['version']}; "
                     f"{contestant['told']}")
    return "\n".join(lines)


# -- curves -----------------------------------------------------------------

def colors(results):
    """As in the charts of the benchmark."""
    return {title: COLORS[name] for name, title in titles(results).items()}


def sessions_plots(results):
    for title, curves in (
            ("CPU time of a query, sessions in turn", cpu_of_all(results)),
            (f"CPU time of a query, {growing.FEW} of the sessions",
             cpu_of_few(results))):
        yield Plot(title, Axis("sessions", is_log=True), Axis("µs"), curves,
                   colors(results))
    yield Plot("Memory of a session", Axis("sessions", is_log=True),
               Axis("KiB"), kib(results), colors(results))


def connects_plot(results):
    rows = results["connects"]
    return Plot("Memory over connections", Axis("connections so far"),
                Axis("MiB"), {
                    title: [(row["connects"], row[key] / MIB)
                            for row in rows]
                    for title, key in (("resident", "resident_bytes"),
                                       ("its own", "memory_bytes"))})


def held_plot(results, title, unit, kinds):
    """kinds: {what it is: value(row)}, a curve for each kind of tables."""
    return Plot(title, Axis("held at once", is_log=True),
                Axis(unit, is_log=True), {
                    f"{what}{HELD_TITLES[how]}": [
                        (row["held"], value(row)) for row in results["held"]
                        if row["tables"] == how]
                    for what, value in kinds.items()
                    for how in HELD_TITLES})


def held_plots(results):
    yield held_plot(
        results, "CPU while statements are held", "% of a core", {
            "server, ": lambda row: row["server_share"] * 100,
            "Lockstep, ": lambda row: row["cpu_share"] * 100})
    yield held_plot(
        results, "From the end of what was in the way until all are done",
        "ms", {"": lambda row: row["done_s"] * 1000})


def plots(results):
    if "sessions" in results:
        yield from sessions_plots(results)
    if "connects" in results:
        yield connects_plot(results)
    if "held" in results:
        yield from held_plots(results)


# -- the command ------------------------------------------------------------

def measure(options):
    growing.prepare(options.lockstep)
    effort = growing.QUICK if options.quick else growing.FULL
    results = {**command.begin("growth.py", options), "contestants": {}}
    return command.measure(results, {
        "sessions": lambda: growing.with_sessions(
            effort, results["contestants"].update),
        "connects": lambda: growing.with_connections(effort),
        "held": lambda: growing.with_held(effort)}, options.only)


def main():
    options = command.parse(command.parser_of_parts(
        __doc__, PARTS, "a minute instead of half an hour", "growth"), PARTS)
    results = (command.read(options.source) if options.source
               else measure(options))
    command.finish(results, options, "growth", tables(results),
                   list(plots(results)))


if __name__ == "__main__":
    main()
