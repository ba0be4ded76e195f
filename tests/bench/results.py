"""What a run of the benchmark found, and what its targets make of that.

A row is one measurement: workload, encrypted, contestant, round, and numbers
(see workloads).  Contestants are compared within a round, since a machine's
speed changes from one to the next; what counts is the median of the rounds.
"""

import dataclasses
import json
import statistics

import workloads

CLEAR, ENCRYPTED = False, True


@dataclasses.dataclass
class Spread:
    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values):
        values = [value for value in values if value is not None]
        if not values:
            return None
        return cls(statistics.median(values), min(values), max(values))


def cpu_us(row):
    return row["cpu_s"] * 1e6 / row["units"]


def rate(row):
    return row["units"] / row["seconds"]


def number(name):
    """Of a row, by name; None where it has no such."""
    return lambda row: row.get(name)


class Results:
    """about has all that is not a row."""

    def __init__(self, rows=(), **about):
        self.rows = list(rows)
        self.about = about

    def add(self, **row):
        self.rows.append(row)

    # -- a file has a line for each row

    def write(self, path):
        with open(path, "w", encoding="utf-8") as out:
            about = json.dumps(self.about, indent=1)
            rows = ",\n".join(json.dumps(row) for row in self.rows)
            out.write(f'{about[:-2]},\n "rows": [\n{rows}\n]}}\n')

    @classmethod
    def read(cls, path):
        with open(path, encoding="utf-8") as source:
            return cls(**json.load(source))

    # -- questions

    def workloads(self, encrypted):
        seen = {row["workload"] for row in self.rows
                if row["encrypted"] == encrypted}
        return [workload for workload in workloads.ALL
                if workload.name in seen]

    def contestants(self, encrypted):
        """In the order of their first rows."""
        return list(dict.fromkeys(row["contestant"] for row in self.rows
                                  if row["encrypted"] == encrypted))

    def of(self, workload, encrypted, contestant):
        """Its rows by round."""
        return {row["round"]: row for row in self.rows
                if (row["workload"], row["encrypted"], row["contestant"])
                == (workload, encrypted, contestant)}

    def value(self, workload, encrypted, contestant, what):
        """A Spread of what(row); None if there is nothing."""
        rows = self.of(workload, encrypted, contestant).values()
        return Spread.of([what(row) for row in rows])

    def ratio(self, workload, encrypted, contestant, what, reference):
        """The same relative to another contestant's in the same round."""
        own = self.of(workload, encrypted, contestant)
        others = self.of(workload, encrypted, reference)
        return Spread.of([what(own[i]) / what(others[i])
                          for i in own if i in others and what(others[i])])


@dataclasses.dataclass
class Target:
    """Of Lockstep: at most so much, or so many times the reference's."""

    workload: str
    encrypted: bool
    title: str
    what: object
    most: float
    reference: str = None

    def measured(self, results):
        arguments = self.workload, self.encrypted, "lockstep", self.what
        if self.reference:
            return results.ratio(*arguments, self.reference)
        return results.value(*arguments)

    def is_met(self, spread):
        return round(spread.median, 2) <= self.most


def cpu_target(workload, most):
    unit = workloads.BY_NAME[workload].unit
    return Target(workload, CLEAR, f"CPU per {unit}", cpu_us, most, "floor")


def latency_target(workload):
    return Target(workload, CLEAR, "median latency", number("p50_us"), 1.0,
                  "haproxy")


def encrypted_target(workload):
    return Target(workload.name, ENCRYPTED, f"CPU per {workload.unit}",
                  cpu_us, 0.9, "pgbouncer")


# Connecting is not among them: PgBouncer's pool saves it the server's side.
TARGETS = [
    cpu_target("simple-c1", 1.1),
    cpu_target("simple-c16", 1.0),
    cpu_target("prepared-c1", 1.1),
    cpu_target("prepared-c16", 1.0),
    cpu_target("copy-out", 0.75),
    cpu_target("wide", 0.9),
    Target("idle", CLEAR, "KiB per session", number("kib"), 2.5),
    *map(latency_target, ("simple-c1", "extended-c1", "prepared-c1")),
    *(encrypted_target(workload) for workload in workloads.ALL
      if workload.name not in ("connect", "idle")),
]
