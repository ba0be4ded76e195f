"""The benchmark's tables: Markdown that reads well as text, too."""

import pathlib
import re

import contestants
import workloads
from results import CLEAR, ENCRYPTED, TARGETS, cpu_us, number, rate

BEGIN = "<!-- made by tests/bench/table -->"
END = "<!-- end -->"
REFERENCE = {CLEAR: "floor", ENCRYPTED: "pgbouncer"}
LEGS = {CLEAR: "In clear", ENCRYPTED: "With TLS on the client's leg"}


def title(contestant):
    return contestants.BY_NAME[contestant].title


def grid(header, rows):
    """The first column to the left, the others to the right."""
    lines = [header, *rows]
    widths = [max(3, *(len(line[i]) for line in lines))
              for i in range(len(header))]
    rule = ["-" * width + ("" if i == 0 else ":")
            for i, width in enumerate(widths)]

    def joined(cells):
        return "| " + " | ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width + 1)
            for i, (cell, width) in enumerate(zip(cells, widths))) + " |"

    return "\n".join([joined(header), joined(rule), *map(joined, rows)])


def significant(value):
    """Three figures, or the whole number."""
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"


def with_spread(spread):
    if spread.least == spread.most:
        return f"{spread.median:.2f}"
    return f"{spread.median:.2f} ({spread.least:.2f}-{spread.most:.2f})"


# -- what is met ------------------------------------------------------------

def bound(target):
    if target.reference:
        return f"{target.most:g} x {title(target.reference)}'s"
    return f"{target.most:g}"


def target_row(target, spread):
    name = workloads.BY_NAME[target.workload].title
    return [("TLS: " if target.encrypted else "") + name, target.title,
            bound(target), with_spread(spread),
            "met" if target.is_met(spread) else "MISSED"]


def targets(results):
    """Those of which something was measured."""
    measured = [(target, target.measured(results)) for target in TARGETS]
    return grid(["Lockstep", "what", "at most", "measured", ""],
                [target_row(*pair) for pair in measured if pair[1]])


# -- everybody's numbers ----------------------------------------------------

def matrix(results, encrypted, corner, cell, names, unit_in=None):
    """cell(workload, contestant) is text, or None for a dash.

    Nothing if there would be nothing but dashes.
    """
    rows = []
    for workload in results.workloads(encrypted):
        cells = [cell(workload.name, name) for name in names]
        if any(cells):
            unit = f" ({workload.unit})" if unit_in else ""
            rows.append([workload.title + unit,
                         *(text or "-" for text in cells)])
    return rows and grid([corner, *map(title, names)], rows)


def relative(results, encrypted):
    reference = REFERENCE[encrypted]

    def cell(workload, name):
        found = results.ratio(workload, encrypted, name, ratio_of, reference)
        return found and with_spread(found)

    names = [name for name in results.contestants(encrypted)
             if name not in ("direct", reference)]
    return matrix(results, encrypted,
                  f"CPU, times {title(reference)}'s", cell, names)


def ratio_of(row):
    """Idle sessions use memory, nothing else."""
    return cpu_us(row) if "cpu_s" in row else None


def absolute(results, encrypted):
    def cell(workload, name):
        found = results.value(workload, encrypted, name, ratio_of)
        return found and significant(found.median)

    names = [name for name in results.contestants(encrypted)
             if name != "direct"]
    return matrix(results, encrypted, "CPU, µs for each", cell, names, True)


def throughput(results, encrypted):
    def cell(workload, name):
        found = results.value(workload, encrypted, name,
                              lambda row: rate(row) if "cpu_s" in row
                              else None)
        return found and significant(found.median)

    return matrix(results, encrypted, "each second", cell,
                  results.contestants(encrypted), True)


def latency(results, encrypted):
    def cell(workload, name):
        found = [results.value(workload, encrypted, name,
                               number(f"p{share}_us"))
                 for share in (50, 95, 99)]
        if None in found:
            return None
        return " ".join(significant(one.median / 1000) for one in found)

    return matrix(results, encrypted, "ms: p50 p95 p99", cell,
                  results.contestants(encrypted))


def idle(results, encrypted):
    def cell(workload, name):
        found = results.value(workload, encrypted, name, number("kib"))
        return found and f"{found.median:.2f}"

    names = [name for name in results.contestants(encrypted)
             if name != "direct"]
    return matrix(results, encrypted, "KiB of memory for each", cell, names)


def leg(results, encrypted):
    if not results.workloads(encrypted):
        return []
    parts = [part(results, encrypted) for part in
             (relative, absolute, throughput, latency, idle)]
    return [f"### {LEGS[encrypted]}", *filter(None, parts)]


# -- what it was ------------------------------------------------------------

def about(results):
    said = results.about
    effort = said["effort"]
    lines = [f"- {name}: {value}" for name, value in said["machine"].items()]
    lines += [
        f"- command: `{said['command']}`, {said['minutes']} minutes",
        f"- at most {effort['rounds']} rounds, loads of {effort['seconds']} "
        f"s, COPY of {effort['copy_bytes'] / 1e6:,.0f} MB, "
        f"{effort['sessions']:,} idle sessions; pgbench and psql "
        f"{said['clients']}"]
    for name, contestant in said["contestants"].items():
        lines.append(f"- {title(name)}: {contestant['version']}; "
                     f"{contestant['told']}")
    for name, reason in said["missing"].items():
        lines.append(f"- not with TLS: {title(name)}, {reason}")
    lines += [f"- failed: {failure}" for failure in said["failed"]]
    for name, cipher in said["ciphers"].items():
        lines.append(f"- TLS of {title(name)}: {cipher}")
    return "\n".join(lines)


def report(results):
    """Parts that an empty line divides."""
    return "\n\n".join(["### Targets", targets(results),
                        *leg(results, CLEAR), *leg(results, ENCRYPTED),
                        "### The run", about(results)])


def update(path, made, begin=BEGIN):
    """Put it between the two marks in the file."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    marked = re.compile(f"(?<={begin}\n).*?(?={END})", re.S)
    assert marked.search(text), f"{path}: no line {begin}"
    pathlib.Path(path).write_text(
        marked.sub(lambda _found: f"\n{made}\n\n", text), encoding="utf-8")
