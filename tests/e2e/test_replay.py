"""A migration whose statements come one by one, on hot tables: the second one
cannot get its locks behind those of the first, and the transaction is started
over unseen for all of them.

Ten kinds of migrations that people reported.  With replay = off they fail on
such tables; with it they are done at the first try, nobody dies, and the client
sees what it would have seen.
"""

import time

import pytest

import wire
from scene import Loop
from wire import Wire, errors, sqlstates

DEADLOCK = "40P01"
LOCK_TIMEOUT = "55P03"
REFUSED = {DEADLOCK, LOCK_TIMEOUT}
IN_TRANSACTION_S = 2  # what a statement behind others has, without
PATIENT_S = 8  # sanitizers, and a machine that has more to do
CLIENTS = 4

needs_lockstep = pytest.mark.needs_lockstep

TABLES = """
create table a(id int primary key, x int, y int, state text default 'new');
create table b(id int primary key, x int, y int, state text default 'new');
insert into a select g, g, g from generate_series(1, 20) g;
insert into b select g, g, g from generate_series(1, 20) g;
"""
READ_BOTH = [["begin", "select * from a", "select * from b", "commit"],
             ["begin", "select * from b", "select * from a", "commit"]]
WRITE_BOTH = [["begin", "update a set y = 1 where id = %d",
               "update b set y = 1 where id = %d", "commit"],
              ["begin", "update b set y = 2 where id = %d",
               "update a set y = 2 where id = %d", "commit"]]

# name: (more of the schema, the application's texts, the migration)
KINDS = {
    "triggers": (
        "create function f() returns trigger language plpgsql"
        " as 'begin return new; end';"
        "create trigger t before insert on a for each row"
        " execute function f();"
        "create trigger t before insert on b for each row"
        " execute function f();",
        READ_BOTH,
        ["drop trigger t on a",
         "create trigger t before update on a for each row"
         " execute function f()",
         "drop trigger t on b",
         "create trigger t before update on b for each row"
         " execute function f()"]),
    "detach": (
        "create table p(id int) partition by range (id);"
        "create table p1 partition of p for values from (0) to (10);"
        "create table p2 partition of p for values from (10) to (20);",
        [["begin", "select * from p", "select * from a", "commit"],
         ["begin", "select * from a", "select * from p", "commit"]],
        ["alter table p detach partition p1", "drop table p1",
         "alter table a drop column y"]),
    "truncates": ("", READ_BOTH, ["truncate a", "truncate b"]),
    "policies": (
        "create policy o on a using (true); create policy o on b using (true)",
        READ_BOTH,
        ["drop policy o on a", "create policy o on a using (x > 0)",
         "drop policy o on b", "create policy o on b using (x > 0)"]),
    "enums": (
        "", READ_BOTH,
        ["create type state as enum ('new', 'old')",
         "alter table a alter column state drop default",
         "alter table a alter column state type state using state::state",
         "alter table b alter column state drop default",
         "alter table b alter column state type state using state::state"]),
    "indexes": ("", WRITE_BOTH,
                ["create index on a (x)", "create index on b (x)"]),
    "views": (
        "create materialized view m as select * from a;"
        "create materialized view n as select * from b;",
        [["begin", "select * from m", "select * from n", "commit"],
         ["begin", "select * from n", "select * from m", "commit"]],
        ["refresh materialized view m", "refresh materialized view n"]),
    "renames": (
        "", [[t.replace("*", "id") for t in texts] for texts in READ_BOTH],
        ["alter table a rename column x to u",
         "alter table b rename column x to u"]),
    "drops": (
        "create table c(a int references a); create table d(b int references b);",
        READ_BOTH, ["drop table c", "drop table d"]),
    "columns": (
        "", READ_BOTH,
        ["alter table a add column z int", "alter table b add column z int",
         "alter table a drop column x", "alter table b drop column x"]),
}
kinds = pytest.mark.parametrize("kind", KINDS)


class Traffic:
    """with: clients that go on; nobody may die of the migration."""

    def __init__(self, endpoint, database, scripts):
        self.loops = []
        for i in range(CLIENTS):
            texts = [text % (i + 1) if "%d" in text else text
                     for text in scripts[i % len(scripts)]]
            self.loops.append(Loop(endpoint, database, *texts, pause_s=0.01,
                                   application_name="e2e_app"))

    def __enter__(self):
        for loop in self.loops:
            loop.__enter__()
        deadline = time.monotonic() + 10
        while any(loop.rounds == 0 for loop in self.loops):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self

    def __exit__(self, *exc):
        for loop in self.loops:
            loop.__exit__()

    @property
    def problems(self):
        return [p for loop in self.loops for p in loop.problems]

    @property
    def longest_s(self):
        return max(loop.longest_s for loop in self.loops)


def migrate(session, texts, pause_s=0.02):
    """Statement by statement; (sqlstates, seconds)."""
    begun = time.monotonic()
    for text in ["begin", *texts]:
        trace = session.query(text)
        if errors(trace):
            session.query("rollback")
            return sqlstates(trace), time.monotonic() - begun
        time.sleep(pause_s)
    assert wire.status(session.query("commit")) == "I"
    return [], time.monotonic() - begun


def dies(proxy, database, admin, kind):
    """(SQLSTATEs of the migration, those of the application, seconds)."""
    schema, scripts, texts = KINDS[kind]
    admin.execute(TABLES + schema)
    with Traffic(proxy, database, scripts) as traffic, \
            Wire(proxy, database) as session:
        states, took_s = migrate(session, texts)
    problems = [p if p == "closed" else p["C"] for p in traffic.problems]
    print(kind, states, f"took {took_s:.3f}", f"stall {traffic.longest_s:.3f}",
          [(e["replay"], e["replay_ms"], e["waited_ms"], e["locks"])
           for e in proxy.started_over()])
    return states, problems, took_s


@needs_lockstep
@kinds
def test_kind_is_done_at_the_first_try(start_lockstep, database, admin, kind):
    proxy = start_lockstep(guard="ddl", memory="off")
    states, problems, took_s = dies(proxy, database, admin, kind)
    assert states == [] and problems == []
    assert took_s < IN_TRANSACTION_S + PATIENT_S


@needs_lockstep
def test_kinds_die_without_replays(start_lockstep, database, admin, cluster):
    """Not each at each try: who is there to be met is a matter of luck."""
    proxy = start_lockstep(guard="ddl", memory="off", replay="off")
    died = 0
    for kind in KINDS:
        admin.execute("drop schema public cascade; create schema public")
        states, problems, _ = dies(proxy, database, admin, kind)
        assert problems == [] and set(states) <= REFUSED
        died += states != []
    assert died >= len(KINDS) / 2
    assert proxy.started_over() == []
