"""What a soak consists of: players, each with sessions of its own through one
proxy or another, that go on whatever happens to them, and know what must hold.
"""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import wire
from wire import CLOSED, Wire, errors, extended, rows, sync

ACCOUNTS = 20
BALANCE = 100
WRITERS = 4
READERS = 4
MIGRATORS = ["soak_migrator_1", "soak_migrator_2"]
APPLICATION = "soak_application"
TENANT = "soak_tenant"
DEADLOCK = "40P01"
LOST = {"57P01", "57P02", "57P03", "08006", "57014", "25P02"}
GONE = {"42P01", "42703", "XX000"}  # what was read has just been dropped
REFUSED = {DEADLOCK, "55P03"}  # what a migration tries again behind
AWAY_S = 30  # a proxy, at most
PAUSE_S = 0.02
MIGRATION_PAUSE_S = 1
TABLES = 4  # of a migrator

WORLD = f"""
create table accounts(id int primary key, balance int not null);
insert into accounts select i, {BALANCE} from generate_series(1, {ACCOUNTS}) i;
create table ledger(writer int, n int, primary key (writer, n));
create table owners(id int primary key);
insert into owners select generate_series(1, {ACCOUNTS});
grant all on accounts, ledger, owners to public;
"""


def make_world(admin):
    for role in [*MIGRATORS, APPLICATION, TENANT]:
        admin.execute(f"do $$begin create role {role} login; exception when "
                      "duplicate_object then null; end$$")
    for role in MIGRATORS:
        admin.execute(f"create schema {role} authorization {role}; "
                      f"grant usage on schema {role} to public; alter default "
                      f"privileges for role {role} grant select on tables "
                      "to public")
    admin.execute(WORLD)


class Lost(Exception):
    """The session is gone, or what it did was undone with it."""


class Faults:
    """What was done to whom, and when: for a while all is forgiven."""

    LASTS_S = 8

    def __init__(self):
        self.counts = Counter()
        self.times = []

    def note(self, name):
        self.counts[name] += 1
        self.times.append(time.monotonic())

    def excuse(self, begun):
        """True if one was at work between `begun` and now."""
        return any(at > begun - self.LASTS_S for at in self.times[-3:])


@dataclass
class Record:
    """All players write into it, under its lock."""
    done: Counter = field(default_factory=Counter)
    states: Counter = field(default_factory=Counter)
    problems: list = field(default_factory=list)
    victims_of_faults: int = 0
    longest_s: float = 0        # of an ordinary statement, without a fault
    longest_with_fault_s: float = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Player(threading.Thread):
    """Plays rounds until told to stop; loses its session and takes another."""

    pause_s = PAUSE_S
    may_fail = set()  # SQLSTATEs that are no problem

    def __init__(self, soak, user, number):
        super().__init__(daemon=True)
        self.soak = soak
        self.user = user
        self.number = number
        self.name = f"{type(self).__name__} {number}"
        self.session = None
        self.random = random.Random(self.name)

    def run(self):
        try:
            while not self.soak.is_over.is_set():
                self.play_once()
                self.soak.is_over.wait(self.random.random() * self.pause_s)
        except Exception as problem:  # a thread tells nobody else
            self.complain(f"{type(problem).__name__}: {problem}")
            raise
        finally:
            if self.session:
                self.session.close()

    def play_once(self):
        try:
            if self.session is None:
                self.session = self.connect()
            self.play()
            with self.soak.record.lock:
                self.soak.record.done[type(self).__name__] += 1
        except (Lost, OSError):
            self.drop()

    def connect(self):
        """To any proxy that lets it in."""
        deadline = time.monotonic() + AWAY_S
        while time.monotonic() < deadline:
            proxy = self.random.choice(self.soak.proxies)
            try:
                session = Wire(proxy, self.soak.database, self.user,
                               application_name=self.name)
            except OSError:
                session = None
            if session and session.greeting[-1][0] == "Z":
                return session
            time.sleep(0.05)
        raise RuntimeError("nobody lets it in")

    def drop(self):
        if self.session:
            self.session.vanish()
        self.session = None

    def ask(self, *messages):
        """The trace of messages that end with one ReadyForQuery."""
        begun = time.monotonic()
        try:
            trace = self.session.run(*messages)
        except TimeoutError:
            self.complain("no answer at all")
            raise
        self.note_time(begun)
        self.judge(trace, begun)
        return trace

    def query(self, text):
        return self.ask(wire.query(text))

    def note_time(self, begun):
        took_s = time.monotonic() - begun
        record = self.soak.record
        with record.lock:
            if self.soak.faults.excuse(begun):
                record.longest_with_fault_s = max(
                    record.longest_with_fault_s, took_s)
            else:
                record.longest_s = max(record.longest_s, took_s)

    def judge(self, trace, begun):
        """Raises Lost if the transaction is."""
        states = [error["C"] for error in errors(trace)]
        with self.soak.record.lock:
            self.soak.record.states.update(states)
        for state in states:
            if state in LOST or state in self.may_fail:
                continue
            if state == DEADLOCK and self.soak.faults.excuse(begun):
                with self.soak.record.lock:
                    self.soak.record.victims_of_faults += 1
                continue
            self.complain(str(errors(trace)))
        if trace[-1] is CLOSED or states:
            raise Lost(states)

    def complain(self, text):
        with self.soak.record.lock:
            self.soak.record.problems.append(f"{self.name}: {text}")


class Writer(Player):
    """Moves money between accounts, and notes each move under a number that is
    its own: what was answered is there, once."""

    def __init__(self, soak, user, number):
        super().__init__(soak, user, number)
        self.sent = 0
        self.answered = set()
        self.is_prepared = False

    def connect(self):
        self.is_prepared = False
        return super().connect()

    def play(self):
        self.sent += 1
        # In order of the ids, so that writers wait for one another at most.
        low, high = sorted(self.random.sample(range(1, ACCOUNTS + 1), 2))
        amount = self.random.randint(-5, 5)
        how = self.random.choice([self.by_query, self.by_cycle,
                                  self.by_prepared, self.by_text])
        how(low, high, amount)
        self.answered.add(self.sent)

    def texts(self, low, high, amount):
        move = "update accounts set balance = balance + {} where id = {}"
        texts = [move.format(amount, low), move.format(-amount, high),
                 f"insert into ledger values ({self.number}, {self.sent})"]
        # The tables in any order: that is what drops die of, directly.
        if self.random.random() < 0.5:
            texts = texts[2:] + texts[:2]
        return texts

    def by_query(self, *move):
        for text in ["begin", *self.texts(*move), "commit"]:
            self.query(text)

    def by_text(self, *move):
        self.query("; ".join(self.texts(*move)))

    def by_cycle(self, *move):
        self.ask(*[message for text in self.texts(*move)
                   for message in extended(text)], sync())

    def by_prepared(self, low, high, amount):
        if not self.is_prepared:
            self.ask(wire.parse("update accounts set balance = balance + $1 "
                                "where id = $2", "move"),
                     wire.parse("insert into ledger values ($1, $2)", "note"),
                     sync())
            self.is_prepared = True
        bound = [("move", [amount, low]), ("move", [-amount, high]),
                 ("note", [self.number, self.sent])]
        self.ask(*[message for name, values in bound for message in (
            wire.bind("", name, values), wire.execute())], sync())


class Reader(Player):
    """Money is neither made nor lost, in whatever order tables are read."""

    may_fail = GONE

    def play(self):
        self.query("begin")
        for table in self.random.sample(["accounts", "ledger", "owners"], 2):
            self.query(f"select count(*) from {table}")
        if self.random.random() < 0.3:
            owner = self.random.choice(MIGRATORS)
            self.query(f"select * from {owner}.t{self.random.randint(1, TABLES)}"
                       " limit 3")
        trace = self.query("select sum(balance) from accounts")
        if rows(trace) != [(str(ACCOUNTS * BALANCE),)]:
            self.complain(f"the sum is {rows(trace)}")
        self.query("commit")

    def judge(self, trace, begun):
        try:
            super().judge(trace, begun)
        except Lost as lost:
            if trace[-1] is CLOSED or not set(lost.args[0]) <= GONE:
                raise
            self.query("rollback")
            raise


class Tenant(Player):
    """Tables that only it sees come and go."""

    pause_s = 0.2

    def play(self):
        self.query("create temp table own(id int primary key, n int)")
        self.query("create temp table ref(id int references own)")
        self.query("insert into own select i, i from generate_series(1, 9) i; "
                   "insert into ref select id from own")
        trace = self.query("select sum(own.n) from own join ref using (id)")
        if rows(trace) != [("45",)]:
            self.complain(f"a temporary table has {rows(trace)}")
        for text in self.random.choice([
                ["drop table ref, own"], ["drop table ref", "drop table own"],
                ["begin", "drop table own cascade", "drop table ref", "commit"]]):
            self.query(text)

    def play_once(self):
        super().play_once()
        if self.session and self.random.random() < 0.2:
            self.session.close()
            self.session = None


class Migrator(Player):
    """Changes its schema, and has a model of it: table -> columns and keys.

    What became of a migration whose answer is lost is asked of the catalogs:
    all of it, or nothing.
    """

    pause_s = MIGRATION_PAUSE_S
    may_fail = REFUSED

    def __init__(self, soak, user, number):
        super().__init__(soak, user, number)
        self.model = {}
        self.columns = 0

    def play(self):
        texts, after = self.plan()
        try:
            for text in texts:
                self.query(text)
        except Lost as lost:
            self.settle(after, lost)
            raise
        except OSError:
            self.settle(after, None)
            raise
        self.model = after
        self.compare("behind a migration")

    def note_time(self, begun):
        """It is held for as long as that takes."""

    def judge(self, trace, begun):
        try:
            super().judge(trace, begun)
        except Lost as lost:
            if trace[-1] is CLOSED:
                raise
            self.session.query("rollback")
            raise Lost([*lost.args[0], "told"]) from None

    def settle(self, after, lost):
        """Whether it was done, as far as nobody has told."""
        was_told = lost is not None and "told" in lost.args[0]
        self.await_end(was_told)
        found = self.schema()
        if not was_told and found == after:
            self.model = after
        elif found != self.model:
            self.complain(f"half a migration: {found}, was {self.model}, "
                          f"to be {after}")

    def await_end(self, was_told):
        """Until the lost session has left the server."""
        if was_told:
            return
        self.drop()
        deadline = time.monotonic() + AWAY_S
        while self.soak.ask_server(
                "select count(*) from pg_stat_activity where "
                "application_name = %s", [self.name])[0][0]:
            if time.monotonic() > deadline:
                self.complain("a lost session stays in the server")
                return
            time.sleep(0.05)

    def compare(self, when):
        if (found := self.schema()) != self.model:
            self.complain(f"{when}: {found}, not {self.model}")

    def schema(self):
        found = {}
        for table, name in self.soak.ask_server(
                "select relname, unnest(array(select attname from "
                "pg_attribute where attrelid = c.oid and attnum > 0 and not "
                "attisdropped union all select conname from pg_constraint "
                "where conrelid = c.oid and contype = 'f')) from pg_class c "
                "where relkind = 'r' and relnamespace = %s::regnamespace",
                [self.user]):
            found.setdefault(table, set()).add(name)
        return found

    # -- what there is to do: texts, and the model behind them

    def plan(self):
        model = {table: set(names) for table, names in self.model.items()}
        texts = [step for _ in range(self.random.randint(1, 3))
                 for step in self.step(model)]
        if len(texts) > 1 or self.random.random() < 0.3:
            texts = ["begin", *texts, "commit"]
        return texts, model

    def step(self, model):
        table = f"t{self.random.randint(1, TABLES)}"
        if table not in model:
            return self.create(model, table)
        return self.random.choice([self.drop_table, self.add_column,
                                   self.drop_columns, self.truncate,
                                   self.turn_key])(model, table)

    def full(self, table):
        return f"{self.user}.{table}"

    def create(self, model, table):
        model[table] = {"id", "a", "b", "to_a", "to_b"}
        return [f"create table {self.full(table)}(id int primary key, a int "
                "constraint to_a references accounts, b int constraint to_b "
                "references owners)"]

    def drop_table(self, model, table):
        del model[table]
        return [f"drop table {self.full(table)}"]

    def add_column(self, model, table):
        self.columns += 1
        model[table].add(name := f"c{self.columns}")
        return [f"alter table {self.full(table)} add column {name} int "
                "references accounts"] if self.add_key(model, table, name) \
            else [f"alter table {self.full(table)} add column {name} int"]

    def add_key(self, model, table, name):
        if self.random.random() < 0.5:
            return False
        model[table].add(f"{table}_{name}_fkey")
        return True

    def drop_columns(self, model, table):
        dropped = {n for n in model[table] if n.startswith("c")}
        if not dropped:
            return self.truncate(model, table)
        model[table] -= dropped | {f"{table}_{n}_fkey" for n in dropped}
        return [f"alter table {self.full(table)} " + ", ".join(
            f"drop column {n}" for n in sorted(dropped))]

    def truncate(self, _model, table):
        return [f"truncate {self.full(table)}"]

    def turn_key(self, model, table):
        """The key to accounts goes, or comes back."""
        model[table] ^= {"to_a"}
        if "to_a" in model[table]:
            return [f"alter table {self.full(table)} add constraint to_a "
                    "foreign key (a) references accounts"]
        return [f"alter table {self.full(table)} drop constraint to_a"]
