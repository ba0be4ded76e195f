#!/usr/bin/python3
"""What the guard costs, measured: to whom it guards, and to all others.

    detection  ordinary traffic with guard = drops and with guard = off:
               instructions (callgrind), CPU time
    drops      that nobody contends: guarded, unguarded, direct
    statements  guarded and direct: CPU of the server, wall clock; idle and
               loaded, 100 and 10,000 tables, each --pg-bin
    suites     test runs of Django and of Rails, where they are installed
    plans      the catalog query before a drop, in catalogs of 100 to 10,000
               tables with five foreign keys each
    windows    64 clients of pgbench beside drops that keep others waiting
"""

import os
import pathlib

import command
import guarding
import report
import statements
import suites
from curve import Axis, Plot
from guarding import median

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = ("detection", "drops", "statements", "suites", "plans", "windows")


# -- tables -----------------------------------------------------------------

def added(before, after):
    return f"{after / before - 1:+.2%}"


def detection_tables(results):
    rows = results["detection"]
    counted = [[row["path"], f"{row['off']:,.0f}", f"{row['drops']:,.0f}",
                added(row["off"], row["drops"])]
               for row in rows if "path" in row]
    timed = [row for row in rows if "path" not in row]
    off, drops = median(timed, "off_us"), median(timed, "drops_us")
    ratio = guarding.statistics.median(
        row["drops_us"] / row["off_us"] for row in timed)
    return [report.grid(["instructions of", "guard = off", "drops", "added"],
                        counted),
            report.grid(["CPU, µs", "guard = off", "drops", "added"],
                        [["simple query", f"{off:.2f}", f"{drops:.2f}",
                          added(1, ratio)]])]


def drop_rows(rows):
    for kind in guarding.DROPS:
        for way in ("direct", "guard = off", "guarded"):
            of_way = [row for row in rows
                      if (row["kind"], row["way"]) == (kind, way)]
            yield [f"{kind}, {way}", *(f"{median(of_way, key):.2f}"
                                       for key in ("first_ms", "next_ms"))]


def drops_table(results):
    return report.grid(["median, ms", "a session's first", "later ones"],
                       list(drop_rows(results["drops"])))


STATEMENT_HEADER = ["CPU direct", "guarded", "ratio", "wall direct",
                    "guarded", "ratio", "guard = off", "ratio"]


def way_median(rows, way, key):
    return median([row for row in rows if row["way"] == way], key)


def compared(rows, key):
    """Direct, guarded, and how many times as much that is."""
    direct, guarded = (way_median(rows, way, key) for way in ("direct", "guarded"))
    return [f"{direct:.2f}", f"{guarded:.2f}", f"{guarded / direct:.2f}"]


def relayed(rows, key):
    """Through a Lockstep that guards nothing, and how many times as much that
    is as direct."""
    direct, off = (way_median(rows, way, key) for way in ("direct", "guard = off"))
    return [f"{off:.2f}", f"{off / direct:.2f}"]


def statement_rows(rows):
    for kind in statements.KINDS:
        of_kind = [row for row in rows if row["kind"] == kind]
        for what, prefix in (("a session's first", "first_"), ("later", "")):
            yield [f"{kind}, {what}", *compared(of_kind, prefix + "cpu_ms"),
                   *compared(of_kind, prefix + "wall_ms"),
                   *relayed(of_kind, prefix + "wall_ms")]


def statement_tables(results):
    rows = results["statements"]
    places = sorted({(row["server"], row["tables"], row["load"])
                     for row in rows})
    for server, tables, load in places:
        there = [row for row in rows if (row["server"], row["tables"],
                                         row["load"]) == (server, tables, load)]
        title = f"PostgreSQL {server}, {load}, {tables:,} tables; median, ms"
        yield report.grid([title, *STATEMENT_HEADER],
                          list(statement_rows(there)))


def suites_table(results):
    rows = results["suites"]
    names = sorted({row["suite"] for row in rows})
    return report.grid(["seconds", "direct", "guarded", "ratio"],
                       [[name, *compared([row for row in rows
                                          if row["suite"] == name],
                                         "seconds")] for name in names])


def plan_row(rows, statement, key, sizes):
    values = {row["tables"]: row for row in rows
              if row["statement"] == statement}
    return [f"{statement}, {values[sizes[-1]]['relations']} relations",
            *(f"{values[size][key]:.1f}" for size in sizes)]


def plan_tables(results):
    rows = results["plans"]
    keys = {row["tables"]: row["keys"] for row in rows}
    sizes = sorted(keys)
    for key, title in (("first_ms", "ms, a session's first"),
                       ("next_ms", "ms, later ones")):
        yield report.grid(
            [title, *(f"{size:,} tables, {keys[size]:,} keys"
                      for size in sizes)],
            [plan_row(rows, statement, key, sizes)
             for statement in guarding.PLANNED])


WHEN = {"without": "no drops", "no windows": "drops, nobody in the way",
        "windows": "drops that open windows"}


def window_row(rows, when):
    of_when = [row for row in rows if row["when"] == when]
    return [WHEN[when], f"{median(of_when, 'tps'):,.0f}",
            f"{median(of_when, 'p50_us') / 1000:.2f}",
            f"{median(of_when, 'p99_us') / 1000:.2f}",
            *(f"{sum(row[key] for row in of_when):,}"
              for key in ("drops", "windows", "gate_ms", "delayed"))]


def windows_table(results):
    header = ["64 clients", "tps", "p50, ms", "p99, ms", "drops", "windows",
              "gate shut, ms", "delayed"]
    return report.grid(header, [window_row(results["windows"], when)
                                for when in WHEN])


TABLES = {
    "detection": ("Detection", detection_tables),
    "drops": ("Drops that nobody contends",
              lambda results: [drops_table(results)]),
    "statements": ("Statements that nobody contends", statement_tables),
    "suites": ("Test runs", lambda results: [suites_table(results)]),
    "plans": ("Plans", plan_tables),
    "windows": ("Windows", lambda results: [windows_table(results)]),
}


def tables(results):
    made = []
    for part in PARTS:
        if part in results:
            heading, make = TABLES[part]
            made += [f"### {heading}", *make(results)]
    return "\n\n".join([*made, "### The run", about(results)])


def about(results):
    return "\n".join(f"- {name}: {value}" for name, value in {
        **results["machine"],
        "command": f"`{results['command']}`, {results['minutes']} minutes",
    }.items())


# -- curves -----------------------------------------------------------------

def plots(results):
    """How plans grow; all else is no curve."""
    if "plans" not in results:
        return
    for key, title in (("first_ms", "Planning a session's first statement"),
                       ("next_ms", "Planning a later one")):
        yield Plot(title, Axis("tables, with five foreign keys each",
                               is_log=True), Axis("ms"), {
            statement: [(row["tables"], row[key])
                        for row in results["plans"]
                        if row["statement"] == statement]
            for statement in guarding.PLANNED})


# -- the command ------------------------------------------------------------

def built_plan_tool():
    """Of any build that has the tests."""
    built = sorted(ROOT.glob("build/*/tests/plan_tool"))
    return str(built[0]) if built else None


def parse_options():
    parser = command.parser_of_parts(
        __doc__, PARTS, "a minute instead of twenty", "guard-costs")
    parser.add_argument("--plan-tool", default=os.environ.get(
        "PLAN_TOOL", built_plan_tool()), help="of a build with tests")
    parser.add_argument("--pg-bin", action="append", help="folder of initdb "
                        "and postgres: another version, for statements")
    options = command.parse(parser, PARTS)
    if "plans" in options.only and not options.source \
            and options.plan_tool is None:
        parser.error("no plan_tool: build the tests, or give --plan-tool")
    return options


def measure(options):
    guarding.prepare(options.lockstep)
    effort = guarding.QUICK if options.quick else guarding.FULL
    return command.measure(command.begin("guard_costs.py", options), {
        "detection": lambda: guarding.of_detection(effort),
        "drops": lambda: guarding.of_drops(effort),
        "statements": lambda: statements.rows(
            [None, *(options.pg_bin or [])], effort.sizes,
            effort.statements),
        "suites": lambda: suites.rows(effort.suites),
        "plans": lambda: guarding.of_plans(effort, options.plan_tool),
        "windows": lambda: guarding.of_windows(effort)}, options.only)


def main():
    options = parse_options()
    results = (command.read(options.source) if options.source
               else measure(options))
    command.finish(results, options, "guard-costs", tables(results),
                   list(plots(results)))


if __name__ == "__main__":
    main()
