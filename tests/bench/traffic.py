"""Clients that keep a database busy, all in one event loop, and what they saw.

They speak the protocol by themselves, since a driver written in Python takes
longer over a statement than the server does.  Whoever compares what they saw
should compare it with a run in which nothing else happened.
"""

import asyncio
import collections
import dataclasses
import itertools
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import program  # noqa: E402
import wire  # noqa: E402

DEADLOCK = "40P01"
PAUSE_S = 0.01  # at most, of a client behind each of its statements
LEAVE_BOUND_S = 30

PARENTS = ("parent_1", "parent_2", "parent_3")
IDS = 100


class Connection(asyncio.Protocol):
    """A session; ask() may be called once the one before has answered."""

    @classmethod
    async def open(cls, endpoint, name, database="postgres"):
        loop = asyncio.get_running_loop()
        _, self = await loop.create_connection(cls, endpoint.host,
                                               endpoint.port)
        await self.ask(program.startup_packet(
            user="postgres", database=database, application_name=name))
        return self

    def __init__(self):
        self.unread = b""
        self.errors = []
        self.answer = None
        self.transport = None
        self.pid = None
        self.secret = None

    def connection_made(self, transport):
        self.transport = transport

    def ask(self, *messages):
        """An awaitable of the SQLSTATEs that came before ReadyForQuery."""
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(b"".join(messages))
        return self.answer

    def query(self, sql):
        return self.ask(wire.query(sql))

    def data_received(self, data):
        self.unread += data
        at = 0
        while len(self.unread) >= at + 5:
            end = at + 1 + int.from_bytes(self.unread[at + 1:at + 5], "big")
            if len(self.unread) < end:
                break
            self.take(self.unread[at:at + 1], self.unread[at + 5:end])
            at = end
        self.unread = self.unread[at:]

    def take(self, kind, body):
        if kind == b"E":
            fields = dict(wire.decode("E", body)[1])
            self.errors.append(fields["C"])
        elif kind == b"K":
            self.pid = int.from_bytes(body[:4], "big")
            self.secret = body[4:]
        elif kind == b"Z":
            errors, self.errors = self.errors, []
            if not self.answer.done():
                self.answer.set_result(errors)

    def connection_lost(self, _problem):
        if self.answer and not self.answer.done():
            self.answer.set_exception(ConnectionError(
                f"closed: {self.errors}"))

    def close(self):
        self.transport.write(wire.terminate())
        self.transport.close()


@dataclasses.dataclass
class Tally:
    """What a set of clients saw; times are in seconds."""

    statements: list = dataclasses.field(default_factory=list)
    # A unit is a transaction with all that it took: its own pauses left out,
    # what had to be done again included.
    units: list = dataclasses.field(default_factory=list)
    errors: collections.Counter = dataclasses.field(
        default_factory=collections.Counter)
    begun: float = dataclasses.field(default_factory=time.perf_counter)
    ended: float = 0

    def end(self):
        self.ended = time.perf_counter()

    def victims(self):
        return self.errors[DEADLOCK]

    def others(self):
        return {state: count for state, count in self.errors.items()
                if state != DEADLOCK}

    def rate(self):
        return len(self.units) / (self.ended - self.begun)


def quantile(values, share):
    """The value that this share of them does not exceed; 0 for none."""
    if not values:
        return 0
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


# -- what a client does -----------------------------------------------------

def tables(order, number):
    """Two or three of them for the client of that number, or a new choice."""
    chosen = list(PARENTS) if number % 2 else random.sample(PARENTS, 2)
    if order == "random":
        random.shuffle(chosen)
    elif order == "reverse" or (order == "opposite" and number // 2 % 2):
        chosen.sort(reverse=True)
    else:
        chosen.sort()
    return chosen


ORDERS = ("fixed", "reverse", "opposite", "random")


# A unit is a list of (text, value of its $1 or None).
BEGIN, COMMIT = ("begin", None), ("commit", None)


def any_id():
    return random.randint(1, IDS)


def reader(order):
    def unit(number):
        some_id = any_id()
        return [BEGIN, *((f"select * from {table} where id = $1", some_id)
                         for table in tables(order, number)), COMMIT]
    return unit


def joiner(_number):
    """One statement that locks three tables, one by one."""
    return [("select * from parent_1 a join parent_2 b using (id) "
             "join parent_3 c using (id) where id = $1", any_id())]


def writer(number):
    """A row of a parent, then one that references it."""
    i = number // 3 % len(PARENTS) + 1
    return [BEGIN, (f"insert into parent_{i} default values", None),
            (f"insert into entry_{i} values (lastval())", None), COMMIT]


def stranger(number):
    """Touches nothing that a migration here will touch."""
    return [BEGIN, ("select * from other_1 where id = $1", any_id()),
            ("update other_2 set n = n + 1 where id = $1", number), COMMIT]


class Client:
    """One session, one unit after the other until stop is set.

    unit(number) is the next one; prepares: each statement is prepared once
    and then executed by its name.
    """

    def __init__(self, number, connection, unit, prepares, tally):
        self.number = number
        self.connection = connection
        self.unit = unit
        self.prepares = prepares
        self.names = {}  # of what is prepared, by its text
        self.name_numbers = itertools.count()
        self.tally = tally
        self.stop = False

    def messages(self, text, value):
        if not self.prepares:
            return [wire.query(text.replace("$1", str(value)))]
        values = () if value is None else (value,)
        parse = []
        if text not in self.names:
            self.names[text] = f"s{next(self.name_numbers)}"
            parse = [wire.parse(text, self.names[text])]
        return [*parse, wire.bind(name=self.names[text], values=values),
                wire.execute(), wire.sync()]

    async def run(self):
        try:
            while not self.stop:
                await self.run_unit(self.unit(self.number))
        except ConnectionError as problem:
            self.tally.errors[str(problem)] += 1

    async def run_unit(self, unit):
        waited = 0
        done = False
        while not done and not self.stop:
            done, took = await self.run_once(unit)
            waited += took
        if done:
            self.tally.units.append(waited)

    async def run_once(self, unit):
        """Whether it went through, and the time that its answers took."""
        waited = 0
        for text, value in unit:
            begun = time.perf_counter()
            errors = await self.connection.ask(*self.messages(text, value))
            took = time.perf_counter() - begun
            self.tally.statements.append(took)
            waited += took
            if errors:
                self.tally.errors.update(errors)
                self.names.pop(text, None)
                if len(unit) > 1:
                    await self.connection.query("rollback")
                return False, waited
            await asyncio.sleep(random.uniform(0, PAUSE_S))
        return True, waited


class Clients:
    """async with: they run meanwhile, and have all gone home at the end.

    members: (unit, prepares) for each; tally is what they see.  endpoint is
    one for all, or a list of which each takes the next.
    """

    def __init__(self, endpoint, members):
        self.endpoints = endpoint if isinstance(endpoint, list) else [endpoint]
        self.members = members
        self.tally = Tally()
        self.clients = []
        self.tasks = []

    async def __aenter__(self):
        for number, (unit, prepares) in enumerate(self.members):
            endpoint = self.endpoints[number % len(self.endpoints)]
            connection = await Connection.open(endpoint, "bench_app")
            self.clients.append(Client(number, connection, unit, prepares,
                                       self.tally))
        self.tasks = [asyncio.create_task(client.run())
                      for client in self.clients]
        return self

    def count_into(self, tally):
        """What they see from now on."""
        self.tally = tally
        for client in self.clients:
            client.tally = tally

    async def __aexit__(self, *exc):
        for client in self.clients:
            client.stop = True
        _, late = await asyncio.wait(self.tasks, timeout=LEAVE_BOUND_S)
        for client, task in zip(self.clients, self.tasks):
            if task in late:
                task.cancel()
                client.tally.errors["hangs"] += 1
            client.connection.close()


class Lag:
    """async with: how late the loop itself was, at worst, in seconds."""

    STEP_S = 0.005

    def __init__(self):
        self.worst = 0
        self.task = None

    async def watch(self):
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(self.STEP_S)
            late = time.perf_counter() - begun - self.STEP_S
            self.worst = max(self.worst, late)

    async def __aenter__(self):
        self.task = asyncio.create_task(self.watch())
        return self

    async def __aexit__(self, *exc):
        self.task.cancel()
