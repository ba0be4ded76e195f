"""What a proxy costs: CPU time, latency, memory, side by side in one run.

Every workload is measured direct, through the floor (a relay that decodes
nothing), HAProxy, PgBouncer and Lockstep in turns, round after round; then
the same with TLS, which each of them but the floor ends.  tests/bench/run
installs, builds and calls this.
"""

import argparse
import contextlib
import os
import pathlib
import shlex
import sys
import tempfile
import time
from types import SimpleNamespace

import chart
import contestants
import load
import machine
import report
import workloads
from command import names
from results import CLEAR, ENCRYPTED, Results

import pki
from cluster import Cluster, default_pg_bin

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
MAX_CONNECTIONS = 1300
LEGS = {"clear": CLEAR, "tls": ENCRYPTED}
SETTINGS = {"log_statement": "none", "shared_buffers": "512MB",
            "max_wal_size": "4GB", "max_connections": MAX_CONNECTIONS}

FULL = SimpleNamespace(rounds=5, seconds=2, copy_bytes=1e9, sessions=1000)
QUICK = SimpleNamespace(rounds=1, seconds=1, copy_bytes=1e8, sessions=200)


def parse_options(arguments=None):
    parser = argparse.ArgumentParser(
        prog="tests/bench/run", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true",
                        help="one short round of less, to try it")
    parser.add_argument("--rounds", type=int, metavar="N",
                        help=f"of each workload ({FULL.rounds})")
    parser.add_argument("--seconds", type=int, metavar="N",
                        help=f"of each load ({FULL.seconds})")
    parser.add_argument("--only", type=names(workloads.BY_NAME),
                        metavar="WORKLOAD,...",
                        help=", ".join(workloads.BY_NAME))
    parser.add_argument("--contestants", type=names(contestants.BY_NAME),
                        metavar="NAME,...",
                        help=", ".join(contestants.BY_NAME))
    parser.add_argument("--legs", type=names(LEGS), metavar="LEG,...",
                        default=list(LEGS), help=", ".join(LEGS))
    parser.add_argument("--cpu", type=cpus, metavar="N|all", default="last",
                        help="where all of it runs (the last one): wakeups "
                        "from one CPU to another cost what they like")
    parser.add_argument("--clients", metavar="DIR", help="folder of the "
                        "pgbench and psql to use; HAProxy needs those of "
                        "version 17 or later for TLS")
    parser.add_argument("--output", metavar="DIR", default="build/bench",
                        help="where benchmark.json and benchmark.svg go "
                        "(%(default)s)")
    parser.add_argument("--write-docs", action="store_true",
                        help="bring docs/benchmark.* up to date as well")
    return parser.parse_args(arguments)


def cpus(text):
    """Of --cpu: those to run on."""
    known = sorted(os.sched_getaffinity(0))
    if text == "all":
        return known
    number = known[-1] if text == "last" else int(text)
    if number not in known:
        raise argparse.ArgumentTypeError(f"{text}: not one of {known}")
    return [number]


def effort(options):
    chosen = SimpleNamespace(**vars(QUICK if options.quick else FULL))
    chosen.rounds = options.rounds or chosen.rounds
    chosen.seconds = options.seconds or chosen.seconds
    return chosen


def chosen(everything, wanted):
    return [one for one in everything if not wanted or one.name in wanted]


def rotated(items, by):
    by %= len(items)
    return items[by:] + items[:by]


def command(options):
    """As it was called; where folders are is nobody else's business."""
    folders = options.clients, options.output
    return shlex.join(["tests/bench/run", *(
        "DIR" if argument in folders else argument
        for argument in sys.argv[1:])])


def write_files(results, folder):
    os.makedirs(folder, exist_ok=True)
    results.write(os.path.join(folder, "benchmark.json"))
    with open(os.path.join(folder, "benchmark.svg"), "w",
              encoding="utf-8") as out:
        out.write(chart.draw(results))


def described(options):
    used = ", ".join(map(str, options.cpu))
    return {**machine.describe(), "all of it runs on CPU": used}


class Run:
    def __init__(self, stage, options):
        self.stage = stage
        self.options = options
        self.results = Results(
            machine=described(options), effort=vars(stage.effort),
            command=command(options), clients=stage.clients.version(),
            contestants={}, ciphers={}, missing={}, failed=[])

        self.begun = time.monotonic()

    def save(self):
        minutes = (time.monotonic() - self.begun) / 60
        self.results.about["minutes"] = round(minutes, 1)
        write_files(self.results, self.options.output)

    def why_missing(self, kind, encryption):
        """None if it can take part."""
        if encryption and not kind.can_encrypt:
            return "decodes nothing"
        if (encryption and kind.needs_direct_tls
                and not self.stage.clients.can_begin_with_tls()):
            return ("does not answer SSLRequest; a pgbench of version 17 or "
                    "later can begin with TLS")
        return None

    def kinds(self, encryption):
        for kind in chosen(contestants.ALL, self.options.contestants):
            reason = self.why_missing(kind, encryption)
            if reason is None:
                yield kind
            else:
                self.results.about["missing"][kind.name] = reason

    def leg(self, encryption):
        with contextlib.ExitStack() as stack:
            everybody = [stack.enter_context(kind(self.stage.cluster,
                                                  encryption))
                         for kind in self.kinds(encryption)]
            self.note(everybody, encryption)
            for workload in chosen(workloads.ALL, self.options.only):
                self.workload(workload, everybody, encryption)
                self.save()  # what was found survives what comes

    def note(self, everybody, encryption):
        about = self.results.about
        for contestant in everybody:
            about["contestants"].setdefault(contestant.name, {
                "version": contestant.version(), "told": contestant.told})
            if encryption:
                about["ciphers"][contestant.name] = load.cipher(contestant)

    def workload(self, workload, everybody, encryption):
        count = min(self.stage.effort.rounds,
                    workload.rounds or self.stage.effort.rounds)
        for i in range(count):
            for contestant in rotated(everybody, i):
                self.measure(workload, contestant, encryption, i)

    def attempt(self, workload, contestant, encryption):
        """What was found; a load that fails is tried once more."""
        for _ in range(2):
            try:
                return workload.measure(self.stage, contestant, encryption)
            except load.Failed as failure:
                self.results.about["failed"].append(
                    f"{workload.name}, {contestant.name}: {failure}")
                print("failed:", self.results.about["failed"][-1],
                      file=sys.stderr)
        return None

    def measure(self, workload, contestant, encryption, i):
        found = self.attempt(workload, contestant, encryption)
        if found is None:
            return
        self.results.add(workload=workload.name, encrypted=encryption,
                         contestant=contestant.name, round=i, **found)
        shown = {name: round(value, 3) for name, value in found.items()
                 if value is not None}
        print("tls  " if encryption else "clear", workload.name,
              contestant.name, i, shown, file=sys.stderr, flush=True)


def run(options):
    contestants.raise_descriptor_limit()
    os.sched_setaffinity(0, options.cpu)  # and whoever is started
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lsb"))
        clients = load.Clients(options.clients or default_pg_bin(), folder)
        cluster = stack.enter_context(Cluster(
            settings=SETTINGS, certificate=pki.shared().server))
        stage = workloads.Stage(cluster, clients, effort(options))
        stage.prepare()
        this = Run(stage, options)
        for leg in options.legs:
            this.leg(LEGS[leg])
        return this.results


def main():
    options = parse_options()
    results = run(options)
    made = report.report(results)
    if options.write_docs:
        write_files(results, DOCS)
        report.update(os.path.join(DOCS, "benchmark.md"), made)
    print(made)


if __name__ == "__main__":
    main()
