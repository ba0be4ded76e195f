"""A migration remembered: what its first try shows, the second takes at once.

The application (A) holds what the migration (D) wants last, and then wants what
D has taken first: no order of D's statements is right.  Whoever knows all that
D will want takes it when nobody holds any of it.  Nothing is started over here,
which would spare D the second try.
"""

import contextlib
import time

import pytest

import wire
from incidents import INCIDENTS
from scene import Loop, ask
from wire import Wire, errors

pytestmark = pytest.mark.needs_lockstep
# All that is said here of plans and attempts is behind the run ahead of them.
LOCKSTEP_SETTINGS = {"optimistic": "off"}

DROPS = INCIDENTS["drops"]
LOOPS = 4
WINDOW_S = 0.3  # gate_window


@pytest.fixture
def proxy(start_lockstep):
    return start_lockstep(guard="ddl", replay="off")


@pytest.fixture
def forgetful(start_lockstep):
    return start_lockstep(guard="ddl", replay="off", memory="off")


def notices(trace):
    return [dict(fields) for kind, fields in trace if kind == "N"]


def session(endpoint, database, name="e2e_d", **parameters):
    return Wire(endpoint, database, application_name=name, **parameters)


class Met:
    """One try of D beside one transaction of A's, which holds the last table
    when D begins.  It goes on when D has its first locks or, if D is to wait
    for it, a moment later.

    traces of D's statements up to the first that failed; a_trace is A's.
    """

    def __init__(self, endpoint, database, incident, waits=False,
                 **parameters):
        first, then = (text.format(row=1) for text in incident.application)
        with session(endpoint, database, "e2e_a") as a, \
                session(endpoint, database, **parameters) as d:
            self.a_trace = a.query("begin") + a.query(first)
            self.traces = [d.query("begin")]
            asked = ask(d, incident.migration[0])
            if waits:
                assert not asked.is_answered(0.5)
                self.a_trace += a.query(then) + a.query("commit")
            self.traces.append(asked.answer())
            rest = None if waits else ask(a, then)
            for text in incident.migration[1:] + ["commit"]:
                if self.is_done:
                    self.traces.append(d.query(text))
            d.query("rollback")
            if rest:
                self.a_trace += rest.answer() + a.query("commit")

    @property
    def is_done(self):
        return all(errors(trace) == [] for trace in self.traces)


@pytest.mark.parametrize("name", INCIDENTS)
def test_second_try_is_done(proxy, database, admin, name):
    admin.execute(INCIDENTS[name].schema)
    lost = Met(proxy, database, INCIDENTS[name])
    assert not lost.is_done
    done = Met(proxy, database, INCIDENTS[name], waits=True)
    assert done.is_done, done.traces[-1]
    assert errors(lost.a_trace + done.a_trace) == []
    assert admin.execute(INCIDENTS[name].done).fetchone()[0]


@pytest.mark.parametrize("name", INCIDENTS)
def test_without_memory_each_try_is_lost(forgetful, database, admin, name):
    admin.execute(INCIDENTS[name].schema)
    for _try in range(2):
        lost = Met(forgetful, database, INCIDENTS[name])
        assert not lost.is_done
        assert errors(lost.a_trace) == []


# -- what is remembered, and for whom ---------------------------------------

def begin(d, incident=DROPS):
    """The notices of its first statement, in a transaction that stays open."""
    assert errors(d.query("begin")) == []
    trace = d.query(incident.migration[0])
    assert errors(trace) == []
    return notices(trace)


def learn(d, incident=DROPS):
    """The whole of it, with nobody in the way, and nothing of it stays."""
    assert begin(d, incident) == []
    for text in incident.migration[1:]:
        assert errors(d.query(text)) == []
    d.query("rollback")


def locked(admin, d):
    return {table for table, in admin.execute(
        "select c.relname from pg_locks l join pg_class c on c.oid = l.relation "
        "where l.pid = %s and l.mode = 'AccessExclusiveLock' "
        "and c.relkind = 'r'", [d.pid])}


def test_first_statement_takes_what_followed(proxy, database, admin):
    admin.execute(DROPS.schema)
    with session(proxy, database) as d:
        learn(d)
        [notice] = begin(d)
        assert notice["S"] == "NOTICE"
        assert notice["M"] == ("DROP TABLE takes 4 tables, "
                               "as this migration needed them before")
        assert "public.hot_b (AccessExclusiveLock)" in notice["D"]
        assert {"hot_a", "of_b", "hot_b"} <= locked(admin, d)
        d.query("rollback")
    assert proxy.wait_guarded(3)[-1]["remembered"] == "2"


def test_next_session_and_other_literals(proxy, database, admin):
    admin.execute(DROPS.schema)
    with session(proxy, database) as d:
        learn(d)
    with session(proxy, database) as d:
        d.query("begin")
        assert notices(d.query("DROP  TABLE \"of_a\" -- again"))


def test_another_role_or_application_knows_nothing(proxy, database, admin):
    admin.execute(DROPS.schema)
    admin.execute("drop role if exists e2e_memory")
    admin.execute("create role e2e_memory superuser login")
    with session(proxy, database) as d:
        learn(d)
    for other in ({"user": "e2e_memory"}, {"name": "e2e_other"}):
        with session(proxy, database, **other) as d:
            assert begin(d) == []
            assert "hot_b" not in locked(admin, d)
    admin.execute("drop role e2e_memory")


def test_it_can_be_off_for_a_session(proxy, database, admin):
    admin.execute(DROPS.schema)
    with session(proxy, database) as d:
        d.query("set lockstep.memory = off")
        learn(d)
        d.query("set lockstep.memory = on")
        learn(d)
        d.query("set lockstep.memory = off")
        assert begin(d) == []


def test_a_commit_without_it_forgets(proxy, database, admin):
    admin.execute(DROPS.schema)
    with session(proxy, database) as d:
        learn(d)
        assert begin(d)
        assert errors(d.query("commit")) == []
        admin.execute("create table of_a(id int, a_id int references hot_a)")
        assert begin(d) == []


def test_a_table_that_is_gone_and_made_again(proxy, database, admin):
    admin.execute(DROPS.schema)
    with session(proxy, database) as d:
        learn(d)
        admin.execute("drop table of_b")
        [notice] = begin(d)
        assert "of_b" not in notice["D"]
        d.query("rollback")
        admin.execute("create table of_b(id int)")
        [notice] = begin(d)
        assert "public.of_b" in notice["D"]
        d.query("rollback")


def test_without_the_right_it_is_not_taken(proxy, database, admin):
    admin.execute("drop role if exists e2e_memory")
    admin.execute("create role e2e_memory login")
    admin.execute(DROPS.schema + """
        grant usage, create on schema public to e2e_memory;
        grant select, delete on hot_a, hot_b to e2e_memory;
        alter table of_a owner to e2e_memory;
        alter table of_b owner to e2e_memory;
    """)
    with session(proxy, database, user="e2e_memory") as d:
        learn(d)
        [notice] = begin(d)
        assert "hot_b" in notice["D"]
        d.query("rollback")
        admin.execute("revoke delete on hot_b from e2e_memory")
        [notice] = begin(d)
        assert "hot_b" not in notice["D"]
        assert "hot_b" not in locked(admin, d)
        d.query("rollback")
    admin.execute("drop owned by e2e_memory; drop role e2e_memory")


def test_a_transaction_that_begins_again_at_a_savepoint(proxy, database,
                                                        admin):
    admin.execute(DROPS.schema)
    with session(proxy, database) as d:
        for text in "begin", "savepoint s", *DROPS.migration, "rollback to s":
            assert errors(d.query(text)) == []
        [notice] = notices(d.query(DROPS.migration[0]))
        assert "public.hot_b" in notice["D"]


def test_prepared_in_one_cycle_with_its_begin(proxy, database, admin):
    """As JDBC does."""
    admin.execute(DROPS.schema)

    def transaction(d):
        first = d.run(*wire.extended("begin"),
                      *wire.extended(DROPS.migration[0]), wire.sync())
        trace = first + d.run(*wire.extended(DROPS.migration[1]), wire.sync())
        trace += d.run(*wire.extended("rollback"), wire.sync())
        assert errors(trace) == []
        return notices(first)

    with session(proxy, database) as d:
        assert transaction(d) == []
        [notice] = transaction(d)
        assert "public.hot_b" in notice["D"]


# -- on hot tables ----------------------------------------------------------

@contextlib.contextmanager
def hot(endpoint, database, incident):
    """Transactions that hold the one table and want the other all the time."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(
            Loop(endpoint, database, "begin",
                 *(text.format(row=row) for text in incident.application),
                 "commit"))
            for row in range(1, LOOPS + 1)]


def longest_s(loops, since=0, until=float("inf")):
    return max(wait for loop in loops for _text, begun, wait in loop.waits
               if begun + wait > since and begun < until)


def run_through(d, incident):
    """True if it is done; else nothing of it is."""
    for text in ["begin"] + incident.migration + ["commit"]:
        if errors(d.query(text)):
            d.query("rollback")
            return False
    return True


@pytest.mark.parametrize("name", INCIDENTS)
def test_second_try_is_done_on_hot_tables(proxy, database, admin, name):
    incident = INCIDENTS[name]
    admin.execute(incident.schema)
    with hot(proxy, database, incident) as loops, \
            session(proxy, database) as d:
        time.sleep(0.5)
        quiet_s = longest_s(loops)
        if not run_through(d, incident):
            begun = time.monotonic()
            assert run_through(d, incident)
            # A window, and what the machine takes its time for.
            assert longest_s(loops, begun) < WINDOW_S + 10 * quiet_s + 0.5
    assert [loop.problems for loop in loops] == [[]] * LOOPS
    assert admin.execute(incident.done).fetchone()[0]
