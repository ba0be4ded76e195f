"""Incidents that people reported, replayed: DDL against an application.

A is an application's session, D a migration, L a long reader, W a web request
that arrives later.  Direct, the harm of the report happens.  Through Lockstep
nobody dies: A and W see no error, W waits no longer than a window of the gate
and an attempt, D is done or ends in one clean 55P03 and can be run again.

Who dies direct is whoever comes first to his deadlock check, one second after
his wait began, once the cycle is closed: D if it is closed within a second
("early"), the application if later ("late").
"""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import wire
from scene import Holder, Loop, ask
from wire import Wire, errors, sqlstates

DEADLOCK = "40P01"
LOCK_TIMEOUT = "55P03"
UNDEFINED_TABLE = "42P01"  # what one sees of a table that D has dropped
ROUNDS = 3  # of each, side by side
TIMINGS = {"early": 0.3, "late": 1.8}
# Long enough for the deadlock check of whoever waits for D meanwhile.
IN_TRANSACTION_S = 5
WINDOW_S = 0.3  # gate_window
ATTEMPT_S = 0.2  # attempt_timeout

needs_lockstep = pytest.mark.needs_lockstep
timings = pytest.mark.parametrize("wait_s", TIMINGS.values(), ids=TIMINGS)


@pytest.fixture
def proxy(request, start_lockstep):
    if request.config.getoption("--direct-only"):
        return None
    return start_lockstep(guard="ddl",
                          in_transaction_timeout=f"{IN_TRANSACTION_S}s")


class Stage:
    """Tables as the scenario wants them, and a session for each role."""

    def __init__(self, endpoint, database, admin, schema):
        self.endpoint = endpoint
        self.database = database
        self.admin = admin
        self.admin.execute(schema)
        self.sessions = []

    def session(self, role, **parameters):
        self.sessions.append(Wire(self.endpoint, self.database,
                                  application_name=f"e2e_{role}",
                                  **parameters))
        return self.sessions[-1]

    def loop(self, *texts, **options):
        return Loop(self.endpoint, self.database, *texts, **options)

    def exists(self, table):
        return self.admin.execute("select to_regclass(%s) is not null",
                                  [table]).fetchone()[0]

    def quiet_s(self, text):
        """The longest that it takes while nothing else happens."""
        with self.loop(text) as loop:
            time.sleep(0.3)
        assert loop.problems == []
        return loop.longest_s

    def bound_s(self, text):
        """What W may wait: a window, an attempt, ten times the usual, and what
        else the machine has to do."""
        return WINDOW_S + ATTEMPT_S + 10 * self.quiet_s(text) + 0.5

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for session in self.sessions:
            session.close()


@pytest.fixture
def rounds(cluster):
    """rounds(endpoint, schema, play): play(stage) ROUNDS times, side by side,
    each in a database of its own."""
    names = [f"e2e_round_{i}" for i in range(ROUNDS)]

    def play_all(endpoint, schema, play):
        def play_one(name):
            with cluster.connect(name) as admin, \
                    Stage(endpoint, name, admin, schema) as stage:
                play(stage)

        with ThreadPoolExecutor(ROUNDS) as pool:
            for played in [pool.submit(play_one, name) for name in names]:
                played.result()

    with cluster.connect() as admin:
        for name in names:
            admin.execute(f"create database {name}")
        yield play_all
        for name in names:
            admin.execute(f"drop database {name} with (force)")


def run(session, *texts):
    """One after the other; the whole trace, which must be free of errors."""
    trace = []
    for text in texts:
        trace += session.query(text)
    assert errors(trace) == [], trace
    return trace


def finish(session, trace):
    """COMMIT, or ROLLBACK if it failed; the session must be usable then."""
    if wire.status(trace) != "I":
        failed = wire.status(trace) == "E"
        last = session.query("commit")
        assert ("C", ("ROLLBACK" if failed else "COMMIT",)) in last
    assert wire.rows(session.query("select 1")) == [("1",)]


# -- 1: two drops in one transaction, a join that wants both parents --------

DROP_TWO = """
create table users(id int primary key);
create table orgs(id int primary key);
create table memberships(org_id int, user_id int);
create table cost_a(id int, user_id int references users);
create table cost_b(id int, org_id int references orgs);
"""
JOIN = ("select * from orgs o join memberships m on m.org_id = o.id "
        "join users u on u.id = m.user_id")


def drop_two_under_a_join(stage, wait_s):
    """D holds users and wants orgs; A holds orgs and wants users."""
    d = stage.session("d")
    with stage.loop(JOIN) as a:
        begun = time.monotonic()
        run(d, "begin", "drop table cost_a")
        time.sleep(wait_s)
        d_trace = d.query("drop table cost_b")
        finish(d, d_trace)
        d_took_s = time.monotonic() - begun
    return a, d_trace, d_took_s


@timings
def test_drop_two_under_a_join_direct(direct, rounds, wait_s):
    def play(s):
        a, d_trace, _ = drop_two_under_a_join(s, wait_s)
        victims = [p["C"] for p in a.problems], sqlstates(d_trace)
        # A plain SELECT dies.  It has had its look when D comes late.
        assert victims == (([], [DEADLOCK]) if wait_s > 1
                           else ([DEADLOCK], []))

    rounds(direct, DROP_TWO, play)


@needs_lockstep
@timings
def test_drop_two_under_a_join_lives(proxy, rounds, wait_s):
    def play(s):
        quiet_s = s.quiet_s(JOIN)
        a, d_trace, d_took_s = drop_two_under_a_join(s, wait_s)
        assert a.problems == [] and errors(d_trace) == []
        assert not s.exists("cost_a") and not s.exists("cost_b")
        assert a.longest_s < d_took_s + 10 * quiet_s + 0.5

    rounds(proxy, DROP_TWO, play)


def drop_two_under_a_block(stage, wait_s):
    """The same with an application that is in the middle of a transaction."""
    a, d = stage.session("a"), stage.session("d")
    run(a, "begin", "select * from orgs")
    run(d, "begin", "drop table cost_a")
    drop = ask(d, "drop table cost_b")
    time.sleep(wait_s)
    a_trace = a.query("select * from users")
    finish(a, a_trace)
    d_trace = drop.answer()
    finish(d, d_trace)
    return a_trace, d_trace


@timings
def test_drop_two_under_a_block_direct(direct, rounds, wait_s):
    def play(s):
        a_trace, d_trace = drop_two_under_a_block(s, wait_s)
        victims = sqlstates(a_trace), sqlstates(d_trace)
        assert victims == (([DEADLOCK], []) if wait_s > 1
                           else ([], [DEADLOCK]))

    rounds(direct, DROP_TWO, play)


@needs_lockstep
@timings
def test_drop_two_under_a_block_lives(proxy, rounds, wait_s):
    def play(s):
        a_trace, d_trace = drop_two_under_a_block(s, wait_s)
        # D cannot have orgs while A waits for what D holds: D starts over.
        assert errors(a_trace) == [] and errors(d_trace) == []
        assert not s.exists("cost_a") and not s.exists("cost_b")

    rounds(proxy, DROP_TWO, play)


# -- 3: three tables dropped and made anew in one transaction ---------------

LABELS = """
create table apps(id int primary key);
create table organizations(id int primary key);
create table spaces(id int primary key, org_id int references organizations);
create table app_labels(id int, app_id int references apps);
create table org_labels(id int, org_id int references organizations);
create table space_labels(id int, space_id int references spaces);
"""
LABELS_MIGRATION = (
    "begin",
    "drop table app_labels",
    "create table app_labels(id int, app_id int references apps)",
    "drop table org_labels",
    "create table organization_labels(id int, "
    "org_id int references organizations)",
    "drop table space_labels",
)


def recreate_labels(stage, wait_s):
    a, d = stage.session("a"), stage.session("d")
    run(a, "begin", "select * from spaces")
    run(d, *LABELS_MIGRATION[:-1])
    drop = ask(d, LABELS_MIGRATION[-1])
    time.sleep(wait_s)
    a_trace = a.query("select * from apps")
    finish(a, a_trace)
    d_trace = drop.answer()
    finish(d, d_trace)
    return a_trace, d_trace


@timings
def test_recreate_labels_direct(direct, rounds, wait_s):
    def play(s):
        a_trace, d_trace = recreate_labels(s, wait_s)
        victims = sqlstates(a_trace), sqlstates(d_trace)
        assert victims == (([DEADLOCK], []) if wait_s > 1
                           else ([], [DEADLOCK]))

    rounds(direct, LABELS, play)


@needs_lockstep
@timings
def test_recreate_labels_lives(proxy, rounds, wait_s):
    def play(s):
        a_trace, d_trace = recreate_labels(s, wait_s)
        assert errors(a_trace) == [] and errors(d_trace) == []
        assert s.exists("organization_labels") and not s.exists("org_labels")

    rounds(proxy, LABELS, play)


# -- 5: ADD FOREIGN KEY against "insert parent, insert child" ---------------

EVENTS = """
create table events(id int primary key);
create table push_event_payloads(event_id int, x int);
"""
ADD_KEY = ("alter table push_event_payloads add constraint fk "
           "foreign key (event_id) references events not valid")


def add_key(stage, wait_s):
    a, d = stage.session("a"), stage.session("d")
    run(a, "begin", "insert into events values (1)")
    alter = ask(d, ADD_KEY)
    time.sleep(wait_s)
    a_trace = a.query("insert into push_event_payloads values (1, 1)")
    finish(a, a_trace)
    return a_trace, alter.answer()


@timings
def test_add_foreign_key_direct(direct, rounds, wait_s):
    def play(s):
        a_trace, d_trace = add_key(s, wait_s)
        victims = sqlstates(a_trace), sqlstates(d_trace)
        assert victims == (([DEADLOCK], []) if wait_s > 1
                           else ([], [DEADLOCK]))

    rounds(direct, EVENTS, play)


@needs_lockstep
@timings
def test_add_foreign_key_lives(proxy, rounds, wait_s):
    def play(s):
        a_trace, d_trace = add_key(s, wait_s)
        assert errors(a_trace) == [] and errors(d_trace) == []
        assert s.admin.execute("select count(*) from pg_constraint "
                               "where conname = 'fk'").fetchone()[0] == 1

    rounds(proxy, EVENTS, play)
    assert [line["outcome"] for line in proxy.wait_guarded(ROUNDS)] \
        == ["protected"] * ROUNDS


# -- 8: strong locks held while the next one waits --------------------------

COLUMNS = """
create table task_groups(id int, etag int);
create table queue_artifacts(id int, etag int);
"""
GROUPS, ARTIFACTS = "table task_groups", "table queue_artifacts"


def drop_columns(stage, life_s, wait_s):
    """L reads the second table for life_s; the Ws come after wait_s.

    Returns what D got, how long it took and the two Ws."""
    d, w1, w2 = (stage.session(role) for role in ("d", "w1", "w2"))
    with Holder(stage.endpoint, stage.database, ARTIFACTS) as holder:
        run(d, "begin", "alter table task_groups drop column etag")
        alter = ask(d, "alter table queue_artifacts drop column etag")
        time.sleep(wait_s)
        asked = [ask(w1, GROUPS), ask(w2, ARTIFACTS)]
        time.sleep(max(0, holder.begun + life_s - time.monotonic()))
        holder.release()
        d_trace = alter.answer()
        finish(d, d_trace)
    for w in asked:
        assert errors(w.answer()) == []
    return d_trace, alter.took_s, *asked


@timings
def test_drop_columns_direct(direct, rounds, wait_s):
    def play(s):
        life_s = wait_s + 1.5
        d_trace, _, w1, w2 = drop_columns(s, life_s, wait_s)
        assert errors(d_trace) == []
        # Both hang for as long as L lives.
        assert min(w1.took_s, w2.took_s) > (life_s - wait_s) * 0.8

    rounds(direct, COLUMNS, play)


@needs_lockstep
@timings
def test_drop_columns_lives(proxy, rounds, wait_s):
    def play(s):
        bound_s = s.bound_s(ARTIFACTS)
        d_trace, d_took_s, w1, w2 = drop_columns(s, wait_s + 1, wait_s)
        assert errors(d_trace) == []
        # What D holds cannot be had; what it only wants can.
        assert w1.took_s < d_took_s + bound_s
        assert w2.took_s < bound_s

    rounds(proxy, COLUMNS, play)


@needs_lockstep
def test_drop_columns_gives_up_soon(start_lockstep, rounds):
    """L outlives the budget: then those who wait for D need not, too."""
    proxy = start_lockstep(in_transaction_timeout="1500ms", replay="off")
    wait_s = TIMINGS["early"]

    def play(s):
        bound_s = s.bound_s(ARTIFACTS)
        life_s = 4
        d_trace, d_took_s, w1, w2 = drop_columns(s, life_s, wait_s)
        assert sqlstates(d_trace) == [LOCK_TIMEOUT]
        assert d_took_s < life_s * 0.8
        assert w1.took_s < d_took_s - wait_s + bound_s
        assert w2.took_s < bound_s

    rounds(proxy, COLUMNS, play)


# -- 10: a dump, a drop, and all the readers behind it ----------------------

PROFILES = """
create table user_profiles(id int primary key);
create table skills(id int, p int references user_profiles);
"""
DUMP = "lock table user_profiles, skills in access share mode"
READ_PROFILES, READ_SKILLS = "table user_profiles", "table skills"


def drop_under_a_dump(stage, direct, life_s):
    """W reads all the time.  Returns W, D's trace and how much later than
    the dump it ended."""
    d = stage.session("d")
    with Holder(direct, stage.database, DUMP,
                begin="begin isolation level repeatable read") as dump, \
            stage.loop(READ_PROFILES, READ_SKILLS) as w:
        drop = ask(d, "drop table skills")
        time.sleep(life_s)
        dump.release()
        released = time.monotonic()
        d_trace = drop.answer()
    w.problems = [p for p in w.problems if p["C"] != UNDEFINED_TABLE]
    return w, d_trace, drop.begun + drop.took_s - released


@timings
def test_drop_under_a_dump_direct(direct, rounds, wait_s):
    def play(s):
        life_s = wait_s + 1
        w, d_trace, _ = drop_under_a_dump(s, direct, life_s)
        assert errors(d_trace) == [] and w.problems == []
        assert w.longest_s > life_s * 0.8

    rounds(direct, PROFILES, play)


@needs_lockstep
@timings
def test_drop_under_a_dump_lives(proxy, direct, rounds, wait_s):
    def play(s):
        bound_s = s.bound_s(READ_PROFILES)
        life_s = wait_s + 1
        w, d_trace, gap_s = drop_under_a_dump(s, direct, life_s)
        assert errors(d_trace) == [] and w.problems == []
        assert w.longest_s < bound_s
        assert gap_s < life_s and not s.exists("skills")

    rounds(proxy, PROFILES, play)


@needs_lockstep
def test_drop_under_a_dump_names_it(start_lockstep, direct, rounds):
    """L outlives the budget: the report says who was in the way."""
    proxy = start_lockstep(hold_timeout="1500ms")
    def play(s):
        bound_s = s.bound_s(READ_PROFILES)
        w, d_trace, _ = drop_under_a_dump(s, direct, 2.5)
        assert w.problems == [] and w.longest_s < bound_s
        assert sqlstates(d_trace) == [LOCK_TIMEOUT]
        detail = errors(d_trace)[0]["D"]
        for word in "e2e_holder", "idle in transaction", "transaction age":
            assert word in detail
        assert s.exists("skills")

    rounds(proxy, PROFILES, play)


# -- 11: DDL against DDL ----------------------------------------------------

PAIR = """
create table t_test1(id int primary key);
create table t_test2(id int primary key, r int references t_test1);
"""


def drop_both_ends(stage):
    d1, d2 = stage.session("d1"), stage.session("d2")
    run(d1, "begin", "lock table t_test2")
    drop1 = ask(d2, "drop table if exists t_test1 cascade")
    time.sleep(0.3)
    d1_trace = d1.query("drop table if exists t_test2 cascade")
    finish(d1, d1_trace)
    return d1_trace, drop1.answer()


def test_drop_both_ends_direct(direct, rounds):
    def play(s):
        d1_trace, d2_trace = drop_both_ends(s)
        assert sqlstates(d1_trace) + sqlstates(d2_trace) == [DEADLOCK]

    rounds(direct, PAIR, play)


@needs_lockstep
def test_drop_both_ends_lives(proxy, rounds):
    def play(s):
        d1_trace, d2_trace = drop_both_ends(s)
        assert errors(d1_trace) == [] and errors(d2_trace) == []
        assert not s.exists("t_test1") and not s.exists("t_test2")

    rounds(proxy, PAIR, play)


# -- 15: the application has timeouts of its own ----------------------------

TENANTS = """
create table tenants(id int primary key);
create table feat(id int, tenant_id int references tenants);
"""
READ_TENANTS = "select * from tenants"
CLIENT_TIMEOUT_S = 0.5


def drop_with_impatient_clients(stage, wait_s):
    d, w = stage.session("d"), stage.session("w")
    run(w, f"set lock_timeout = '{CLIENT_TIMEOUT_S * 1000:.0f}ms'")
    with Holder(stage.endpoint, stage.database, READ_TENANTS) as reader:
        drop = ask(d, "drop table feat")
        time.sleep(wait_s)
        asked = ask(w, READ_TENANTS)
        time.sleep(1.2)
        reader.release()
    return asked, drop.answer()


@timings
def test_impatient_clients_direct(direct, rounds, wait_s):
    def play(s):
        w, d_trace = drop_with_impatient_clients(s, wait_s)
        assert sqlstates(w.answer()) == [LOCK_TIMEOUT]
        assert errors(d_trace) == []

    rounds(direct, TENANTS, play)


@needs_lockstep
@timings
def test_impatient_clients_live(proxy, rounds, wait_s):
    def play(s):
        bound_s = s.bound_s(READ_TENANTS)
        w, d_trace = drop_with_impatient_clients(s, wait_s)
        assert errors(w.answer()) == [] and errors(d_trace) == []
        assert w.took_s < bound_s
        assert not s.exists("feat")

    rounds(proxy, TENANTS, play)


@needs_lockstep
def test_impatient_clients_live_all_the_time(proxy, rounds):
    """SO 32145189: tables of one parent dropped one after the other."""
    def play(s):
        bound_s = s.bound_s(READ_TENANTS)
        d = s.session("d")
        timeout = f"{CLIENT_TIMEOUT_S * 1000:.0f}ms"
        with s.loop(READ_TENANTS, lock_timeout=timeout) as w1, \
                s.loop("begin", READ_TENANTS, "commit",
                       lock_timeout=timeout) as w2:
            for i in range(10):
                s.admin.execute(f"create table feat_{i}(id int references "
                                "tenants)")
                run(d, f"drop table feat_{i}")
        for w in w1, w2:
            assert w.problems == []
            assert w.longest_s < bound_s

    rounds(proxy, TENANTS, play)
