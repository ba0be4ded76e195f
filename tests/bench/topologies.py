#!/usr/bin/python3
"""What drops do in each topology: which of Lockstep's promises hold where.

Clients read two of three parents in a transaction, or do what the kind says;
meanwhile tables that reference the parents are dropped, one after the other.

    one        application and migration through one Lockstep
    fleet      four pods with a Lockstep each, and the migration's: a fleet
    haproxy    two of Lockstep, a fleet, behind HAProxy
    plain      no Lockstep at all
    hand       no Lockstep: foreign keys dropped one by one with bounded LOCKs,
               then the table
    half       half of the clients as in `one`, half straight at the server
    pods       as `fleet`, without it
    direct     all clients straight at the server, the migration by Lockstep
    ..._on     the same with drop_in_steps = on: foreign keys go first
    ..._last   with drop_in_steps = last: when three quarters of hold_timeout
               were not enough, so a cell has one drop only, and all the time

One cell: `--only direct_on --kinds simple --orders random --clients 12`.

The clients' orders: fixed (all the same), opposite (half of them the reverse),
random.  Kinds: simple and prepared statements; autocommit, which joins the two
in one statement; mixed, of which a third writes.
"""

import asyncio
import contextlib
import gc
import os
import pathlib
import random
import shutil
import statistics
import sys
import tempfile
import time

import command
import contention
import report
import traffic
from migrations import Migration, Way, plain, until_locked
from traffic import BEGIN, COMMIT, PARENTS, Clients, Lag, Tally

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[1:1] = [str(TESTS / "e2e"), str(TESTS / "clients")]
from cluster import Cluster  # noqa: E402
from fleet import Fleet, wake  # noqa: E402
from poolers import HAProxy  # noqa: E402
from proxy import Lockstep  # noqa: E402

PODS = 4
WARM_UP_S = 0.5
BOUND_S = 0.1  # of a LOCK by hand
HOLD_S = 15  # hold_timeout, and the least budget of a cell

ORDERS = ("fixed", "opposite", "random")
KINDS = ("simple", "prepared", "autocommit", "mixed")
TOPOLOGIES = ("one", "fleet", "haproxy", "plain", "hand", "half", "pods",
              "direct", "pods_on", "direct_on", "pods_last", "direct_last")


# -- what clients do --------------------------------------------------------

def pair(order, number):
    """Two parents, in the order in which this client reads them."""
    if order == "random":
        return random.sample(PARENTS, 2)
    two = list(PARENTS[:2])
    return two[::-1] if order == "opposite" and number % 2 else two


def reader(order):
    def unit(number):
        some_id = traffic.any_id()
        return [BEGIN, *((f"select * from {table} where id = $1", some_id)
                         for table in pair(order, number)), COMMIT]
    return unit


def joiner(order):
    def unit(number):
        first, second = pair(order, number)
        return [(f"select * from {first} join {second} using (id) "
                 "where id = $1", traffic.any_id())]
    return unit


def members(kind, order, count):
    if kind == "mixed":
        kinds = [traffic.writer, reader(order), joiner(order)]
        return [(kinds[i % 3], bool(i // 3 % 2)) for i in range(count)]
    unit = joiner(order) if kind == "autocommit" else reader(order)
    return [(unit, kind == "prepared")] * count


# -- by hand ----------------------------------------------------------------

async def bounded(connection, text):
    return await until_locked(connection, text, f"{int(BOUND_S * 1000)}ms",
                              BOUND_S)


async def by_hand(connection, table):
    for column, parent in zip("abc", PARENTS):
        errors = await bounded(
            connection, f"lock table {parent}, {table} in access exclusive "
            f"mode; alter table {table} drop constraint "
            f"{table}_{column}_fkey")
        if errors:
            return errors
    return await bounded(connection, f"drop table {table}")


# -- topologies -------------------------------------------------------------

class Topology:
    """with: application is a list of endpoints, migration is one."""

    def __init__(self, name, world):
        self.place, _, steps = name.partition("_")
        self.name = name
        self.steps = steps or "off"
        self.world = world
        self.stack = contextlib.ExitStack()
        self.application = []
        self.migration = None
        self.way = Way(name, by_hand if name == "hand" else plain)

    def lockstep(self, **settings):
        proxy = Lockstep(self.world.cluster, {
            "log_level": "info", "hold_timeout": f"{HOLD_S}s",
            "drop_in_steps": self.steps, **settings})
        self.stack.callback(proxy.remove)
        self.stack.callback(proxy.stop)
        return proxy.start()

    def fleet(self, count):
        folder = tempfile.mkdtemp(prefix="lst", dir="/tmp")
        self.stack.callback(shutil.rmtree, folder)
        fleet = self.stack.enter_context(
            Fleet(self.world.cluster, pathlib.Path(folder)))
        proxies = [self.lockstep(**fleet.settings()) for _ in range(count)]
        for proxy in proxies:
            wake(proxy, "postgres")
        return proxies

    def __enter__(self):
        cluster = self.world.cluster
        if self.place in ("plain", "hand"):
            self.application, self.migration = [cluster], cluster
        elif self.place == "haproxy":
            balancer = self.stack.enter_context(HAProxy(*self.fleet(2)))
            self.application, self.migration = [balancer], balancer
        elif self.place == "fleet":
            *self.application, self.migration = self.fleet(PODS + 1)
        elif self.place == "pods":
            *self.application, self.migration = [
                self.lockstep() for _ in range(PODS + 1)]
        else:
            self.migration = self.lockstep()
            self.application = {"one": [self.migration],
                                "half": [self.migration, cluster],
                                "direct": [cluster]}[self.place]
        return self

    def __exit__(self, *exc):
        self.stack.close()


# -- cells ------------------------------------------------------------------

async def measure_cell(topology, options, cell):
    kind, order, count = cell
    is_last = topology.steps == "last"
    budget_s = HOLD_S + 5 if is_last else options.budget
    tables = topology.world.make_tables(1 if is_last else options.drops)
    async with Clients(topology.application, members(kind, order, count)) \
            as clients, Lag() as lag:
        await asyncio.sleep(WARM_UP_S)
        clients.count_into(Tally())
        async with Migration(topology.way, topology.migration) as migration:
            await migration.drop_all(tables, budget_s)
        clients.tally.end()
    return {"topology": topology.name, "kind": kind, "order": order,
            "clients": count,
            **contention.migration_values(migration, len(tables)),
            **contention.application_values(clients.tally, lag)}


def cells(options):
    return [(kind, order, count) for count in options.clients
            for kind in options.kinds for order in options.orders]


def rows_of(options, name, deadline):
    """Those of a topology, as far as there is time."""
    with Cluster(settings={"log_statement": "none"}) as cluster:
        world = contention.World(cluster)
        for cell in cells(options):
            if time.monotonic() > deadline:
                return
            world.make_tables(0)
            with Topology(name, world) as topology:
                gc.collect()
                gc.disable()  # a collection would look like a stall
                row = asyncio.run(measure_cell(topology, options, cell))
                gc.enable()
            yield row


# -- the tables -------------------------------------------------------------

def merged(rows):
    """Cells of several kinds as one."""
    done = sum(row["drops_done"] for row in rows)
    medians = [row["drop_median_s"] for row in rows if row["drops_done"]]
    return {
        "done": done, "asked": sum(row["drops_asked"] for row in rows),
        "victims": sum(row["application_victims"] for row in rows),
        "ddl_victims": sum(row["migration_victims"] for row in rows),
        "median_s": statistics.median(medians) if medians else None,
        "worst_s": max((row["drop_worst_s"] for row in rows
                        if row["drops_done"]), default=None),
        "stall_s": max(row["worst_stall_s"] for row in rows),
        "others": sum(sum(row["application_errors"].values())
                      for row in rows),
    }


def text_of(m):
    """done, median, worst, stall; what hurt somebody in bold."""
    text = [f"{m['done']} of {m['asked']}"]
    if m["done"]:
        text += [contention.milliseconds(m["median_s"]),
                 contention.milliseconds(m["worst_s"])]
    text.append(f"stall {contention.milliseconds(m['stall_s'])}")
    for name, count in (("application", m["victims"]),
                        ("migration", m["ddl_victims"])):
        if count:
            text.append(f"**victims: {count} {name}**")
    if m["others"]:
        text.append(f"**{m['others']} other errors**")
    return ", ".join(text)


def grid(rows, kinds):
    """A line a topology, a column an order."""
    lines = []
    for name in TOPOLOGIES:
        line = [name]
        for order in ORDERS:
            of_cell = [row for row in rows if row["topology"] == name
                       and row["order"] == order and row["kind"] in kinds]
            line.append(text_of(merged(of_cell)) if of_cell else "")
        if any(line[1:]):
            lines.append(line)
    return report.grid(["", *ORDERS], lines)


def tables(results):
    rows = [row for name in TOPOLOGIES for row in results.get(name, [])]
    made = []
    for count in sorted({row["clients"] for row in rows}):
        of_count = [row for row in rows if row["clients"] == count]
        for kind in KINDS:
            if any(row["kind"] == kind for row in of_count):
                made += [f"### {count} clients, {kind}",
                         grid([row for row in of_count], [kind])]
    about = "\n".join(f"- {name}: {value}" for name, value in {
        **results["machine"],
        "command": f"`{results['command']}`, {results['minutes']} minutes",
    }.items())
    return "\n\n".join([*made, "### The run", about])


# -- the command ------------------------------------------------------------

def parse_options():
    parser = command.parser_of_parts(
        __doc__, TOPOLOGIES, "simple statements of 12 clients, two drops each: "
        "four minutes at most", "topologies")
    parser.add_argument("--kinds", type=command.names(KINDS), default=KINDS)
    parser.add_argument("--orders", type=command.names(ORDERS), default=ORDERS)
    parser.add_argument("--clients", type=command.names(("12", "64")),
                        default=("12", "64"))
    parser.add_argument("--drops", type=int, default=4, help="of a cell")
    parser.add_argument("--minutes", type=float, default=60,
                        help="cells that come later are left out")
    options = command.parse(parser, TOPOLOGIES)
    options.budget = HOLD_S + 5
    if options.quick:
        options.kinds, options.clients = ("simple",), ("12",)
        options.drops, options.budget, options.minutes = 2, 5, 4
    options.clients = tuple(map(int, options.clients))
    return options


def measure(options):
    os.environ["LOCKSTEP_BIN"] = options.lockstep
    deadline = time.monotonic() + 60 * options.minutes
    return command.measure(command.begin("topologies.py", options), {
        name: lambda name=name: rows_of(options, name, deadline)
        for name in TOPOLOGIES}, options.only)


def main():
    options = parse_options()
    results = (command.read(options.source) if options.source
               else measure(options))
    command.finish(results, options, "topologies", tables(results), None)


if __name__ == "__main__":
    main()
