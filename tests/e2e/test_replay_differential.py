"""A replay is what was sent, once in effect.

Migrations at random run straight at the server, and through Lockstep with a
replay forced at one statement or more.  All that the client saw, the schema,
the rows and the sequences' positions must be equal then.  A migration that has
done what cannot be repeated must have been refused instead, and nothing of it
be left.
"""

import contextlib
import os
import random
import subprocess

import pytest

import wire
from antagonist import Antagonist
from wire import Wire, errors, sqlstates

pytestmark = pytest.mark.needs_lockstep

SEEDS = range(24)
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


def hidden(steps):
    """The steps; one that may hide what was used before it is no repeatable
    one: a DROP, and a rollback of where rows were used."""
    has_used = has_used_since = False
    for text, table, may_repeat in steps:
        if text.startswith(("insert", "update", "delete", "truncate")):
            has_used = has_used_since = True
        elif text.startswith("savepoint"):
            has_used_since = False
        elif text.startswith("rollback to"):
            may_repeat &= not has_used_since
        elif " drop " in f" {text} ":
            may_repeat &= not has_used
        yield text, table, may_repeat


class Program:
    """Steps (text, table that it wants, may be repeated)."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.number = 0
        self.steps = [("alter table hot add column z int", None, True)]
        for _ in range(self.random.randint(4, 9)):
            self.steps += self.step()
        self.steps += [self.definition()]
        self.steps = list(hidden(self.steps))

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
        return text, table, True

    def step(self):
        kind = self.random.random()
        point = self.fresh("a")
        if kind < 0.45:
            return [self.definition()]
        if kind < 0.88:
            return self.random.choice([
                [(f"insert into log values ({self.number}, 'it''s')",
                  None, True)],
                [(f"insert into log values ({self.number}, 'a')"
                  " returning n, what", None, True)],
                [("update log set what = what || '!' where n >= 0",
                  None, True)],
                [("delete from log where n = 1", None, True)],
                [("select relname, relkind from pg_catalog.pg_class where "
                  "relname ~ '^t[0-9]$' order by 1", None, True)],
                [("select column_name from information_schema.columns "
                  "where table_name = 't1' order by 1", None, True)],
                [("set local work_mem = '5MB'", None, True),
                 ("show work_mem", None, True)],
                [(f"savepoint {point}", None, True), self.definition(),
                 (f"rollback to {point}", None, True),
                 (f"release {point}", None, True)],
                [(f"savepoint {point}", None, True),
                 ("alter table t0 drop column missing", None, True),
                 (f"rollback to {point}", None, True)],
                [(f"create table {self.fresh('n')}(id serial primary key,"
                  " at timestamptz default now())", None, True)],
                [("drop table if exists missing", None, True)],
                [("do $$begin create type e as enum ('a'); exception when "
                  "duplicate_object then null; end$$", None, True)],
                [("select current_schema()", None, True)],
            ])
        return self.random.choice([
            [("select nextval('s')", None, False)],
            [("insert into serial(what) values ('a')", None, False)],
            [("select id, x from t0 order by 1", None, False)],
            [("select count(*) from pg_catalog.pg_class c, v", None, False)],
            [("set work_mem = '6MB'", None, False)],
            [("update log set n = nextval('s')", None, False)],
            [("select now() - now(), pg_catalog.pg_backend_pid() > 0",
              None, False)],
            [("prepare p as select 1", None, False),
             ("deallocate p", None, False)],
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


@pytest.mark.parametrize("send", [simple, extended],
                         ids=["simple", "extended"])
@pytest.mark.parametrize("seed", SEEDS)
def test_forced_replay_is_equal(start_lockstep, cluster, databases, seed,
                                send):
    plain, forced = databases
    program = Program(seed)
    chance = random.Random(seed)
    untouched = contents(cluster, forced)
    is_repeatable = True
    was_forced = []
    proxy = start_lockstep(guard="ddl", memory="off", replay="ddl",
                           in_transaction_timeout="300ms")

    with Wire(cluster, plain) as session:
        expected = play(session, program.steps, send)

    with cluster.connect(forced) as admin, Wire(proxy, forced) as session:
        def before(step):
            nonlocal is_repeatable
            _text, table, may_repeat = step
            is_repeatable &= may_repeat
            if table is None or chance.random() < 0.3:
                return contextlib.nullcontext()
            antagonist = Antagonist(cluster, forced, admin, table, "hot")
            if antagonist.is_there:
                was_forced.append(is_repeatable)
            return antagonist

        seen = play(session, program.steps, send, before)

    assert len(was_forced) <= 3 or was_forced
    if all(was_forced):
        assert seen == expected
        assert contents(cluster, forced) == contents(cluster, plain)
        return
    # What came before the refusal is as it was direct, and nothing is left.
    assert set(sqlstates(seen[-2])) <= REFUSED and sqlstates(seen[-2])
    assert seen[:-2] == expected[:len(seen) - 2]
    assert ("C", ("ROLLBACK",)) in seen[-1]
    assert without_sequences(contents(cluster, forced)) == (
        without_sequences(untouched))


def without_sequences(dump):
    """A value that was drawn stays drawn."""
    return [line for line in dump if "setval" not in line]
