"""The article's five cases, direct and through Lockstep.

table_c references table_a and table_b.  PostgreSQL drops it in the order c,
b, a (a column or constraint: c, then the table it referenced), so sessions
that read in another order meet it half way: direct, somebody dies with 40P01;
through Lockstep nobody does and the drop is done.
"""

import time

import pytest

import wire
from application import Application
from effort import effort
from wire import Wire, errors, extended, query, sqlstates, sync

DEADLOCK = "40P01"
DROPS = effort(10, 20)
DIRECT_DROPS = 20  # at most: the first deadlock ends them
LOOP_S = 60
SHORT_LOOP_S = 15

TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key);
insert into table_a select generate_series(1, 10);
insert into table_b select generate_series(1, 10);
"""
TABLE_C = """
create table table_c(id int primary key, a_id int, b_id int,
    constraint c_a foreign key (a_id) references table_a,
    constraint c_b foreign key (b_id) references table_b);
insert into table_c select i, i, i from generate_series(1, 10) i;
"""

DROP_TABLE = "drop table table_c"
DROP_COLUMN = "alter table table_c drop column a_id"
DROP_CONSTRAINT = "alter table table_c drop constraint c_a"

direct_only = pytest.mark.clear_only("the server alone; TLS changes nothing")


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)
    admin.execute(TABLE_C)


def is_done(admin, ddl):
    """Whether the catalogs show that the statement took effect."""
    answer = {
        DROP_TABLE: "select to_regclass('table_c') is null",
        DROP_COLUMN: "select not exists (select from pg_attribute where "
                     "attrelid = 'table_c'::regclass and attname = 'a_id')",
        DROP_CONSTRAINT: "select not exists (select from pg_constraint "
                         "where conname = 'c_a')",
    }
    return admin.execute(answer[ddl]).fetchone()[0]


# -- step by step -----------------------------------------------------------

class Meeting:
    """A reads its first table; D starts the DDL; A reads its second."""

    def __init__(self, endpoint, database, ddl, first, second, old=False):
        self.a = Wire(endpoint, database, application_name="e2e_a")
        self.d = Wire(endpoint, database, application_name="e2e_d")
        try:
            self.play(ddl, first, second, old)
        finally:
            self.a.close()
            self.d.close()

    def play(self, ddl, first, second, old):
        self.a_trace = self.a.query("begin")
        self.a_trace += self.a.query(f"select * from {first}")
        self.d_trace = self.d.query("begin")
        self.d.send(query(ddl))
        # A waiting DDL looks for deadlocks once, after one second; on a busy
        # machine it begins to wait a moment later.
        self.d_trace += self.d.read_unanswered(2.3 if old else 0.2)
        start = time.monotonic()
        self.a_trace += self.a.query(f"select * from {second}")
        self.stall_s = time.monotonic() - start
        self.a_trace += self.a.query("commit")
        self.d_trace += self.d.read_ready()
        self.d_trace += self.d.query("commit")

    def states(self):
        return sqlstates(self.a_trace), sqlstates(self.d_trace)


CASES = {
    # name: DDL, A's first table, A's second, D waits long, who dies direct
    "1, the DDL waited long": (DROP_TABLE, "table_a", "table_b", True, "A"),
    "1, at once": (DROP_TABLE, "table_a", "table_b", False, "D"),
    "2": (DROP_TABLE, "table_b", "table_a", False, ""),
    "4, a then c": (DROP_TABLE, "table_a", "table_c", False, "D"),
    "4, a then c, the DDL waited long": (
        DROP_TABLE, "table_a", "table_c", True, "A"),
    "4, c then a": (DROP_TABLE, "table_c", "table_a", False, ""),
    "5, column": (DROP_COLUMN, "table_a", "table_c", False, "D"),
    "5, column, the DDL waited long": (
        DROP_COLUMN, "table_a", "table_c", True, "A"),
    "5, constraint": (DROP_CONSTRAINT, "table_a", "table_c", False, "D"),
    "5, constraint, the DDL waited long": (
        DROP_CONSTRAINT, "table_a", "table_c", True, "A"),
}


@direct_only
@pytest.mark.parametrize("case", CASES)
def test_step_by_step_direct_dies(direct, database, admin, tables, case):
    ddl, first, second, old, victim = CASES[case]
    meeting = Meeting(direct, database, ddl, first, second, old)
    a_states, d_states = meeting.states()
    assert a_states == ([DEADLOCK] if victim == "A" else [])
    assert d_states == ([DEADLOCK] if victim == "D" else [])
    assert is_done(admin, ddl) == (victim != "D")


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("case", CASES)
def test_step_by_step_through_lockstep_lives(lockstep, database, admin,
                                             tables, case):
    ddl, first, second, old, _ = CASES[case]
    guarded = len(lockstep.guarded())
    meeting = Meeting(lockstep, database, ddl, first, second, old)
    assert meeting.states() == ([], [])
    assert is_done(admin, ddl)
    assert len(lockstep.wait_guarded(guarded + 1)) == guarded + 1
    # The server's deadlock check comes after one second of waiting.
    assert meeting.stall_s < 1


# -- loops ------------------------------------------------------------------

def autocommit(session, ddl):
    return session.query(ddl)


def block(session, ddl):
    return (session.query("begin") + session.query(ddl)
            + session.query("commit"))


def one_message(session, ddl):
    return session.query(f"begin; {ddl}; commit;")


def extended_autocommit(session, ddl):
    return session.run(*extended(ddl), sync())


def extended_block(session, ddl):
    trace = []
    for text in "begin", ddl, "commit":
        trace += session.run(*extended(text), sync())
    return trace


def extended_one_packet(session, ddl):
    trace = session.run(*extended("begin"), *extended(ddl), sync())
    return trace + session.run(*extended("commit"), sync())


FORMS = [autocommit, block, one_message, extended_autocommit, extended_block,
         extended_one_packet]


class Migration:
    """DDL again and again; what it changed is restored in between."""

    def __init__(self, endpoint, database, admin, ddl, form):
        self.session = Wire(endpoint, database, application_name="e2e_d")
        self.admin = admin
        self.ddl = ddl
        self.form = form
        self.done = 0
        self.states = []
        self.problems = []

    def run_once(self):
        trace = self.form(self.session, self.ddl)
        self.states += sqlstates(trace)
        self.problems += errors(trace)
        if wire.status(trace) != "I":
            self.session.query("rollback")
        if is_done(self.admin, self.ddl):
            self.done += 1
            self.restore()

    def restore(self):
        """Takes locks that readers do not mind, or one at a time."""
        if self.ddl == DROP_TABLE:
            self.admin.execute(TABLE_C)
            return
        if self.ddl == DROP_COLUMN:
            self.admin.execute("alter table table_c add column a_id int")
        self.admin.execute("alter table table_c add constraint c_a "
                           "foreign key (a_id) references table_a")

    def run(self, count, until, seconds=LOOP_S):
        """Up to count times; returns how often, early when until() is."""
        end = time.monotonic() + seconds
        for i in range(count):
            self.run_once()
            if until() or time.monotonic() > end:
                return i + 1
        return count


def loop_direct(direct, database, admin, ddl, form, order, clients=6):
    """Until the migration's first deadlock; returns how many there were."""
    with Application(direct, database, order, clients) as app:
        migration = Migration(direct, database, admin, ddl, form)
        migration.run(DIRECT_DROPS, lambda: DEADLOCK in migration.states)
        migration.session.close()
    return (migration.states.count(DEADLOCK)
            + app.result["errors"].get(DEADLOCK, 0))


LOOPS = [
    # DDL, the applications' order, clients, deadlocks direct
    (DROP_TABLE, "ab", 1, True),  # the article's case 3
    (DROP_TABLE, "ab", 6, True),
    (DROP_TABLE, "ba", 6, False),
    (DROP_TABLE, "ac", 6, True),  # case 4
    (DROP_TABLE, "ca", 6, False),
    (DROP_TABLE, "random", 6, True),
    (DROP_COLUMN, "ac", 6, True),  # case 5
    (DROP_CONSTRAINT, "ac", 6, True),
]


def loop_name(loop):
    ddl, order, clients, _ = loop
    return f"{ddl.split()[-2]} {order} {clients}"


@direct_only
@pytest.mark.parametrize("loop", LOOPS, ids=loop_name)
def test_loop_direct_deadlocks(direct, database, admin, tables, loop):
    ddl, order, clients, deadlocks = loop
    count = loop_direct(direct, database, admin, ddl, block, order, clients)
    assert (count > 0) == deadlocks


@direct_only
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_loop_direct_deadlocks_in_every_form(direct, database, admin, tables,
                                             form):
    assert loop_direct(direct, database, admin, DROP_TABLE, form, "ab") > 0


def loop_through(lockstep, database, admin, ddl, form, order, clients=6):
    """DROPS times, every one without any error on either side."""
    guarded = len(lockstep.guarded())
    protocol = "extended" if "extended" in form.__name__ else "simple"
    with Application(lockstep, database, order, clients, protocol) as app:
        migration = Migration(lockstep, database, admin, ddl, form)
        runs = migration.run(DROPS, lambda: migration.problems)
        migration.session.close()
    assert migration.problems == []
    assert app.result["errors"] == {}
    assert migration.done == runs
    assert app.result["transactions"] > 0
    assert len(lockstep.wait_guarded(guarded + runs)) == guarded + runs
    return runs


@pytest.mark.needs_lockstep
@pytest.mark.parametrize(
    "loop", [loop for loop in LOOPS if loop[1] != "random"], ids=loop_name)
def test_loop_through_lockstep_lives(lockstep, database, admin, tables, loop):
    ddl, order, clients, _ = loop
    assert loop_through(lockstep, database, admin, ddl, block, order,
                        clients) == DROPS


@pytest.mark.needs_lockstep
def test_loop_with_readers_in_random_order_lives(start_lockstep, database,
                                                 admin, tables):
    """No order suits such readers, so a drop may run out of its budget; but
    nobody dies, and it says so cleanly."""
    lockstep = start_lockstep(hold_timeout="5s")
    with Application(lockstep, database, "random") as app:
        migration = Migration(lockstep, database, admin, DROP_TABLE, block)
        runs = migration.run(DROPS, lambda: False, SHORT_LOOP_S)
        migration.session.close()
    assert app.result["errors"] == {}
    assert set(migration.states) <= {"55P03"}
    assert migration.done + len(migration.states) == runs


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("order", ["ab", "ba"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_loop_through_lockstep_lives_in_every_form(lockstep, database, admin,
                                                   tables, form, order):
    assert loop_through(lockstep, database, admin, DROP_TABLE, form,
                        order) == DROPS


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("ddl", [DROP_COLUMN, DROP_CONSTRAINT])
@pytest.mark.parametrize("form", [autocommit, one_message,
                                  extended_autocommit,
                                  extended_one_packet],
                         ids=lambda form: form.__name__)
def test_loop_of_alter_table_lives(lockstep, database, admin, tables, form,
                                   ddl):
    assert loop_through(lockstep, database, admin, ddl, form, "ac") == DROPS
