"""A replay is what was sent, once in effect.

Migrations at random run straight at the server, and through Lockstep with a
replay forced at every statement behind the first one that somebody can be in
the way of.  All that the client saw, the schema, the rows and the sequences'
positions must be equal then.  A migration that has done what cannot be repeated
must have been refused instead, for that reason, and nothing of it be left.
"""

import contextlib
import os
import random
import subprocess

import pytest


import wire
from antagonist import Antagonist
from effort import effort
from wire import Wire, errors, sqlstates

pytestmark = pytest.mark.needs_lockstep

SEEDS = range(effort(24, 120))
TABLES = 4
REFUSED = {"40P01", "55P03"}

SCHEMA = "create table hot(id int primary key, x int);" + "".join(
    f"create table t{i}(id int primary key, x int, y text default 'new');"
    f"insert into t{i} select g, g from generate_series(1, 9) g;"
    for i in range(TABLES)) + """
create table log(n int, what text);
create table serial(id serial, what text);
create sequence s;
create view v as select * from log;
"""


SERIAL = "a function is volatile"
SHOWN = "it has shown rows of a table"
HIDDEN = "what it used was changed behind that"
ROLLED_BACK = "what it used was rolled back"


def hidden(steps):
    """The steps; one that may hide what was used before it is no repeatable
    one: a DROP, and a rollback of where rows were used."""
    has_used = has_used_since = False
    for text, table, reason in steps:
        if text.startswith(("insert", "update", "delete", "truncate")):
            has_used = has_used_since = True
        elif text.startswith("savepoint"):
            has_used_since = False
        elif text.startswith("rollback to") and has_used_since:
            reason = reason or ROLLED_BACK
        elif " drop " in f" {text} " and has_used:
            reason = reason or HIDDEN
        yield text, table, reason


class Program:
    """Steps (text, table that it wants, why it may not be repeated)."""

    def __init__(self, seed, is_repeatable):
        self.random = random.Random(seed)
        self.number = 0
        self.steps = [("alter table hot add column z int", None, None)]
        for _ in range(self.random.randint(4, 9)):
            self.add(self.step(), is_repeatable)
        self.add([self.definition()], is_repeatable)
        self.steps = list(hidden(self.steps))

    def add(self, steps, is_repeatable):
        more = list(hidden(self.steps + steps))
        if not is_repeatable or all(reason is None for *_, reason in more):
            self.steps += steps

    def fresh(self, prefix):
        self.number += 1
        return f"{prefix}{self.number}"

    def definition(self):
        table = f"t{self.random.randrange(TABLES)}"
        text = self.random.choice([
            f"alter table {table} add column {self.fresh('c')} int default 7",
            f"alter table {table} add column {self.fresh('c')} serial",
            f"alter table {table} alter column x type bigint",
            f"alter table {table} alter column y set default 'old'",
            f"alter table {table} add constraint {self.fresh('k')}"
            " check (x > 0)",
            f"truncate {table}",
            f"create index {self.fresh('i')} on {table} (x)",
            f"alter table {table} drop constraint if exists nothing",
            f"comment on table {table} is 'a table'",
        ])
        return text, table, None

    def step(self):
        kind = self.random.random()
        point = self.fresh("a")
        if kind < 0.45:
            return [self.definition()]
        if kind < 0.88:
            return self.random.choice([
                [(f"insert into log values ({self.number}, 'it''s')",
                  None, None)],
                [(f"insert into log values ({self.number}, 'a')"
                  " returning n, what", None, None)],
                [("update log set what = what || '!' where n >= 0",
                  None, None)],
                [("delete from log where n = 1", None, None)],
                [("select relname, relkind from pg_catalog.pg_class where "
                  "relname ~ '^t[0-9]$' order by 1", None, None)],
                [("select column_name from information_schema.columns "
                  "where table_name = 't1' order by 1", None, None)],
                [("set local work_mem = '5MB'", None, None),
                 ("show work_mem", None, None)],
                [(f"savepoint {point}", None, None), self.definition(),
                 (f"rollback to {point}", None, None),
                 (f"release {point}", None, None)],
                [(f"savepoint {point}", None, None),
                 ("alter table t0 drop column missing", "t0", None),
                 (f"rollback to {point}", None, None)],
                [(f"create table {self.fresh('n')}(id serial primary key,"
                  " at timestamptz default now())", None, None)],
                [("drop table if exists missing", None, None)],
                [("do $$begin create type e as enum ('a'); exception when "
                  "duplicate_object then null; end$$", None, None)],
                [("select current_schema()", None, None)],
            ])
        return self.random.choice([
            [("select nextval('s')", None, SHOWN)],
            [("insert into serial(what) values ('a')", None, SERIAL)],
            [("select id, x from t0 order by 1", None, SHOWN)],
            [("select count(*) from pg_catalog.pg_class c, v", None, SHOWN)],
            [("set work_mem = '6MB'", None, "a SET without LOCAL")],
            [("update log set n = nextval('s')", None, SERIAL)],
            [("select now() - now(), pg_catalog.pg_backend_pid() > 0",
              None, "it has shown the time")],
            [("prepare p as select 1", None, "the transaction ends"),
             ("deallocate p", None, "the transaction ends")],
        ])


def play(session, steps, send, before=lambda step: contextlib.nullcontext()):
    """The trace of each step, up to a refusal, and of the COMMIT."""
    with contextlib.ExitStack() as after_refusal:
        traces = [session.query("begin")]
        for step in steps:
            with contextlib.ExitStack() as meanwhile:
                meanwhile.enter_context(before(step))
                trace = send(session, step[0])
                if set(sqlstates(trace)) & REFUSED:
                    # An outer transaction keeps its locks up to its end.
                    after_refusal.push(meanwhile.pop_all())
            traces.append(wire.in_order(trace))
            if set(sqlstates(trace)) & REFUSED:
                break
        traces.append(wire.in_order(session.query("commit")))
    return traces


def simple(session, text):
    return session.query(text)


def extended(session, text):
    return session.run(*wire.extended(text), wire.sync())


def contents(cluster, database):
    """Schema, rows and sequences, as pg_dump has them."""
    dump = subprocess.run(
        [os.path.join(cluster.pg_bin, "pg_dump"), "--inserts", "-h",
         cluster.host, "-p", str(cluster.port), "-U", "postgres", database],
        capture_output=True, text=True, check=True).stdout
    return [line for line in dump.splitlines()
            if line and not line.startswith(("--", "\\"))]


@pytest.fixture
def databases(cluster):
    names = ["e2e_replay_direct", "e2e_replay_forced"]
    with cluster.connect() as admin:
        for name in names:
            admin.execute(f"create database {name}")
        for name in names:
            with cluster.connect(name) as made:
                made.execute(SCHEMA)
        yield names
        for name in names:
            admin.execute(f"drop database {name} with (force)")


class Forced:
    """Somebody in the way of every statement that wants a table.

    reasons are why what was done so far cannot be repeated; replayed and
    refused are how many statements had somebody in their way, held are those
    whose table was the migration's own already.
    """

    def __init__(self, proxy, cluster, database, admin, pid):
        self.proxy = proxy
        self.cluster = cluster
        self.database = database
        self.admin = admin
        self.pid = pid
        self.reasons = []
        self.replayed = self.refused = self.held = 0

    @contextlib.contextmanager
    def before(self, step):
        _text, table, reason = step
        if table is None:
            yield
        else:
            with self.antagonist(step) as antagonist:
                before = len(self.proxy.started_over())
                yield
                replays = len(self.proxy.started_over()) - before
                self.count(table, antagonist.is_there, replays)
        if reason:
            self.reasons.append(reason)

    def antagonist(self, step):
        text, table, _reason = step
        return Antagonist(self.cluster, self.database, self.admin, table,
                          "hot", modes_against(text))

    def count(self, table, is_met, replays):
        if not is_met:
            self.held += 1
            assert self.holds(table) and replays == 0
        elif self.reasons:
            self.refused += 1
            assert replays == 0
        else:
            self.replayed += 1
            assert 1 <= replays <= 3

    def holds(self, table):
        return self.admin.execute(
            "select exists (select from pg_locks where pid = %s and granted "
            "and relation = %s::regclass)", [self.pid, table]).fetchone()[0]


def modes_against(text):
    """In which modes somebody may be in the way of the statement."""
    if text.startswith("create index"):
        return ["exclusive", "row exclusive"]
    if text.startswith("comment"):
        return ["exclusive", "share update exclusive"]
    return ["exclusive", "share", "access share"]


@pytest.mark.parametrize("seed", SEEDS)
def test_forced_replay_is_equal(start_lockstep, cluster, databases, seed):
    plain, replayed = databases
    send = extended if seed % 2 else simple
    program = Program(seed, is_repeatable=seed % 3 > 0)
    untouched = contents(cluster, replayed)
    proxy = start_lockstep(guard="ddl", memory="off", replay="ddl",
                           in_transaction_timeout="300ms")

    with Wire(cluster, plain) as session:
        expected = play(session, program.steps, send)

    with cluster.connect(replayed) as admin, \
            Wire(proxy, replayed) as session:
        forced = Forced(proxy, cluster, replayed, admin, session.pid)
        seen = play(session, program.steps, send, forced.before)

    reasons = [event["no_replay"] for event in proxy.guarded()
               if "no_replay" in event]
    print(f"{forced.replayed} replayed, {forced.refused} refused {reasons}, "
          f"{forced.held} held")
    assert forced.replayed + forced.refused + forced.held >= 1
    if forced.refused == 0:
        assert reasons == []
        assert seen == expected
        assert contents(cluster, replayed) == contents(cluster, plain)
        return
    # What came before the refusal is as it was direct, and nothing is left.
    [reason] = reasons
    assert reason in forced.reasons
    assert set(sqlstates(seen[-2])) <= REFUSED and sqlstates(seen[-2])
    assert seen[:-2] == expected[:len(seen) - 2]
    assert ("C", ("ROLLBACK",)) in seen[-1]
    assert without_sequences(contents(cluster, replayed)) == (
        without_sequences(untouched))


def without_sequences(dump):
    """A value that was drawn stays drawn."""
    return [line for line in dump if "setval" not in line]
