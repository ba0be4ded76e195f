"""A migration whose statements come one by one, on hot tables: the second one
cannot get its locks behind those of the first, and the transaction is started
over unseen for all of them.

Ten kinds of migrations that people reported.  With replay = off they fail on
such tables; with it they are done at the first try, nobody dies, and the client
sees what it would have seen.
"""

import statistics
import time

import pytest

import wire
from effort import effort
from fleet import wake
from scene import Loop
from wire import Wire, errors, sqlstates

DEADLOCK = "40P01"
LOCK_TIMEOUT = "55P03"
REFUSED = {DEADLOCK, LOCK_TIMEOUT}
PATIENT_S = 10  # sanitizers, and a machine that has more to do
QUIET_S = 0.3
STALL_S = 0.8  # a deadlock check comes after one second
CLIENTS = 4
PODS = 3
ROUNDS = effort(1, 9)
TRIES = 3
STATEMENTS = 1000

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
    """with: clients that go on; nobody may die of the migration.

    They are spread over the endpoints so that each has all of the scripts.
    """

    def __init__(self, endpoints, database, scripts):
        self.loops = []
        for i in range(CLIENTS * len(endpoints)):
            texts = [text % (i + 1) if "%d" in text else text
                     for text in scripts[i % len(scripts)]]
            self.loops.append(Loop(endpoints[i // CLIENTS], database, *texts,
                                   pause_s=0.01,
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


class Played:
    """One migration of a kind amid traffic through these proxies, itself
    through the last one."""

    def __init__(self, proxies, database, admin, kind):
        schema, scripts, texts = KINDS[kind]
        admin.execute("drop schema public cascade; create schema public")
        admin.execute(TABLES + schema)
        before = len(proxies[-1].started_over())
        with Traffic(proxies, database, scripts) as traffic:
            time.sleep(QUIET_S)
            self.quiet_s = traffic.longest_s
            with Wire(proxies[-1], database) as session:
                self.states, self.took_s = migrate(session, texts)
        self.stall_s = traffic.longest_s
        self.problems = [p if p == "closed" else p["C"]
                         for p in traffic.problems]
        self.replays = proxies[-1].started_over()[before:]
        assert all(replay["locks"] == "protected" for replay in self.replays)


def report(kind, rounds):
    """What pytest -rP shows, and docs/replay.md has."""
    print(f"{kind}: median "
          f"{1000 * statistics.median(r.took_s for r in rounds):.0f} ms, "
          f"worst stall {1000 * max(r.stall_s for r in rounds):.0f} ms, "
          f"quiet {1000 * max(r.quiet_s for r in rounds):.0f} ms, "
          f"{sum(bool(r.replays) for r in rounds)} of {len(rounds)} "
          "started over")


def assert_done(kind, rounds):
    report(kind, rounds)
    for played in rounds:
        assert played.states == [] and played.problems == []
    # Quiet tells what else the machine has to do.
    quiet_s = max(played.quiet_s for played in rounds)
    assert max(r.stall_s for r in rounds) < STALL_S + 10 * quiet_s
    assert statistics.median(r.took_s for r in rounds) < PATIENT_S


@needs_lockstep
@kinds
def test_kind_is_done_at_the_first_try(start_lockstep, database, admin, kind):
    proxy = start_lockstep(guard="ddl", memory="off")
    assert_done(kind, [Played([proxy], database, admin, kind)
                       for _ in range(ROUNDS)])


@needs_lockstep
@kinds
def test_kind_is_done_through_a_fleet(start_lockstep, database, admin, fleet,
                                      kind):
    pods = [start_lockstep(guard="ddl", memory="off", **fleet.settings())
            for _ in range(PODS)]
    for pod in pods:
        wake(pod, database)
    assert_done(kind, [Played(pods, database, admin, kind)
                       for _ in range(ROUNDS)])


@needs_lockstep
def test_kinds_die_without_replays(start_lockstep, database, admin):
    """Not each at each try: who is there to be met is a matter of luck."""
    proxy = start_lockstep(guard="ddl", memory="off", replay="off")
    def dies(kind):
        played = Played([proxy], database, admin, kind)
        assert played.problems == [] and set(played.states) <= REFUSED
        return played.states != []

    died = [any(dies(kind) for _ in range(TRIES)) for kind in KINDS]
    assert sum(died) >= len(KINDS) / 2
    assert proxy.started_over() == []


# -- what it costs ----------------------------------------------------------

def seconds_of_each(endpoint, database, texts):
    """In one transaction, which is rolled back."""
    took = []
    with Wire(endpoint, database) as session:
        session.query("begin")
        for text in texts:
            begun = time.monotonic()
            assert errors(session.query(text)) == []
            took.append(time.monotonic() - begun)
        session.query("rollback")
    return took


@needs_lockstep
def test_cost_does_not_grow_with_the_transaction(start_lockstep, cluster,
                                                 database, admin):
    """The texts of a transaction are parsed once, not with each statement; what
    the server's own statements, and its savepoints, come to take is its."""
    admin.execute(TABLES)
    texts = [f"alter table {'ab'[i % 2]} alter x set default {i}"
             for i in range(STATEMENTS)]
    few = STATEMENTS // 10
    growth = []
    for endpoint, way in ((cluster, ("savepoint s; ", "; release s")),
                          (start_lockstep(guard="ddl"), ("", ""))):
        took = seconds_of_each(endpoint, database,
                               [text.join(way) for text in texts])
        # The quick ones: others are what the machine has to do beside.
        first, last = (sorted(part)[len(part) // 10]
                       for part in (took[few:2 * few], took[-few:]))
        print(f"{STATEMENTS} statements: {1000 * first:.2f} ms each at first, "
              f"{1000 * last:.2f} ms at last")
        growth.append(last - first)
    assert growth[1] < 2 * growth[0] + first
