"""A holder is in the way: how long others wait, and how the wait ends.

The holder is an idle transaction that has read table_b.  Whatever is said
about time compares two measurements of one run; absolute bounds are there
only to end a test that hangs.
"""

import re
import signal
import threading
import time

import psycopg
import pytest

import wire
from cluster import Cluster
from wire import CLOSED, Wire, errors, extended, query, sqlstates, sync

# All that is said here of plans and attempts is behind the run ahead of them.
LOCKSTEP_SETTINGS = {"optimistic": "off"}

BOUND_S = 30
HOLD_S = 1.5

TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key);
create table table_c(id int primary key,
    a_id int constraint c_a references table_a,
    b_id int constraint c_b references table_b);
create table table_d(id int primary key,
    a_id int references table_a, b_id int references table_b);
create table journal(n int);
insert into table_a values (1);
insert into table_b values (1);
insert into table_c values (1, 1, 1);
insert into table_d values (1, 1, 1);
"""
DROP = "drop table table_c"

needs_lockstep = pytest.mark.needs_lockstep


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)


class Holder:
    """An idle transaction that has read a table."""

    def __init__(self, cluster, database, table="table_b"):
        self.connection = cluster.connect(database, autocommit=False,
                                          application_name="e2e_holder")
        self.connection.execute(f"select * from {table}")

    def release(self):
        self.connection.rollback()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.connection.close()


@pytest.fixture
def holder(cluster, database, tables):
    with Holder(cluster, database) as holder:
        yield holder


@pytest.fixture
def session(lockstep, database):
    with Wire(lockstep, database, application_name="e2e_d") as session:
        yield session


class Readers(threading.Thread):
    """Reads the tables in turn, each by itself; remembers the longest."""

    def __init__(self, endpoint, database, tables=("table_a", "table_b")):
        super().__init__(daemon=True)
        self.session = Wire(endpoint, database, application_name="e2e_w")
        self.tables = tables
        self.stop = threading.Event()
        self.longest_s = 0
        self.problems = []

    def run(self):
        while not self.stop.is_set():
            for table in self.tables:
                start = time.monotonic()
                trace = self.session.query(f"select * from {table}")
                self.longest_s = max(self.longest_s, time.monotonic() - start)
                self.problems += errors(trace)
            time.sleep(0.005)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self.stop.set()
        self.join(BOUND_S)
        self.session.close()


def exists(admin, table="table_c"):
    return admin.execute("select to_regclass(%s) is not null",
                         [table]).fetchone()[0]


def wait_for(admin, condition, *parameters):
    """Until the SQL condition is true; the test fails if it never is."""
    deadline = time.monotonic() + BOUND_S
    while not admin.execute("select " + condition, parameters).fetchone()[0]:
        assert time.monotonic() < deadline, f"never: {condition}"
        time.sleep(0.01)


def queued(admin):
    """How many of D's lock requests wait in the server's queue now."""
    return admin.execute(
        "select count(*) from pg_locks l join pg_stat_activity a using (pid) "
        "where not l.granted and a.application_name = 'e2e_d' "
        "and a.datname = current_database()").fetchone()[0]


def table_locks(admin, application="e2e_d"):
    return admin.execute(
        "select c.relname, l.mode from pg_locks l "
        "join pg_stat_activity a using (pid) "
        "join pg_class c on c.oid = l.relation "
        "where a.application_name = %s and a.datname = current_database() "
        "and l.relation >= 16384 and c.relkind in ('r', 'p') order by 1, 2",
        [application]).fetchall()


def stall(endpoint, database, admin, holder):
    """The longest read while a drop waits HOLD_S for the holder."""
    with Wire(endpoint, database, application_name="e2e_d") as d:
        with Readers(endpoint, database) as readers:
            d.send(query(DROP))
            d.read_unanswered(HOLD_S)
            holder.release()
            trace = d.read_ready()
    assert errors(trace) == [] and readers.problems == []
    assert not exists(admin)
    return readers.longest_s


@needs_lockstep
def test_others_hardly_wait_while_a_drop_is_held(direct, lockstep, database,
                                                 admin, tables):
    with Holder(direct, database) as holder:
        direct_s = stall(direct, database, admin, holder)
    admin.execute("drop table table_d, table_a, table_b, journal")
    admin.execute(TABLES)
    with Holder(direct, database) as holder:
        proxied_s = stall(lockstep, database, admin, holder)
    # Direct they wait as long as the holder lives; through Lockstep at most
    # about one attempt (200 ms).
    assert direct_s > HOLD_S / 2
    assert proxied_s < direct_s / 2


@needs_lockstep
@pytest.mark.parametrize("form", ["simple", "extended", "in a block",
                                  "one message"])
def test_a_held_drop_ends_soon_after_its_holder(lockstep, database, admin,
                                                holder, session, form):
    session.query("set application_name = 'e2e_d'")
    if form == "in a block":
        session.query("begin")
    if form == "one message":
        session.send(query(f"begin; {DROP}; commit"))
    elif form == "extended":
        session.send(*extended(DROP), sync())
    else:
        session.send(query(DROP))
    session.read_unanswered(0.7)
    holder.release()
    start = time.monotonic()
    trace = session.read_ready()
    assert time.monotonic() - start < 5
    if form == "in a block":
        assert wire.status(trace) == "T"
        trace += session.query("commit")
    assert errors(trace) == [] and wire.status(trace) == "I"
    assert not exists(admin)


# -- the budget -------------------------------------------------------------

def assert_timeout_error(error, setting):
    assert error["C"] == "55P03"
    assert error["S"] == "ERROR"
    assert error["M"].startswith("canceling statement due to lock timeout")
    detail = error["D"]
    for table in "table_a", "table_b", "table_c":
        assert table in detail
    assert "AccessExclusiveLock" in detail or "ACCESS EXCLUSIVE" in detail
    assert re.search(r"\battempts?\b", detail)
    assert "e2e_holder" in detail and "postgres" in detail
    assert "idle in transaction" in detail
    assert setting in error["H"]


@needs_lockstep
@pytest.mark.parametrize("policy", ["lock", "hold"])
@pytest.mark.parametrize("protocol", ["simple", "extended"])
def test_hold_timeout_ends_the_wait(start_lockstep, database, admin, holder,
                                    policy, protocol):
    proxy = start_lockstep(hold_timeout="700ms", policy=policy)
    with Wire(proxy, database, application_name="e2e_d") as d:
        if protocol == "simple":
            trace = d.query(DROP)
        else:
            trace = d.run(*extended(DROP), sync())
        assert sqlstates(trace) == ["55P03"]
        assert_timeout_error(errors(trace)[0], "hold_timeout")
        assert wire.status(trace) == "I"
        assert exists(admin)
        assert table_locks(admin) == []
        holder.release()
        trace = d.query(DROP)
    assert errors(trace) == [] and not exists(admin)


@needs_lockstep
@pytest.mark.parametrize("how", ["simple", "extended", "one message",
                                 "BEGIN in the packet"])
def test_hold_timeout_fails_the_transaction(start_lockstep, database, admin,
                                            holder, how):
    proxy = start_lockstep(hold_timeout="700ms")
    with Wire(proxy, database, application_name="e2e_d") as d:
        if how == "one message":
            trace = d.query("begin; insert into journal values (1); "
                            f"{DROP}; commit")
        elif how == "BEGIN in the packet":
            trace = d.run(*extended("begin"),
                          *extended("insert into journal values (1)"),
                          *extended(DROP), sync())
        else:
            d.query("begin")
            d.query("insert into journal values (1)")
            trace = (d.query(DROP) if how == "simple"
                     else d.run(*extended(DROP), sync()))
        assert sqlstates(trace) == ["55P03"]
        assert_timeout_error(errors(trace)[0], "hold_timeout")
        assert wire.status(trace) == "E"
        # Not only the client's picture: the server let its locks go, too.
        assert admin.execute(
            "select state from pg_stat_activity where pid = %s",
            [d.pid]).fetchone()[0] == "idle in transaction (aborted)"
        assert table_locks(admin) == []
        assert sqlstates(d.query("select 1")) == ["25P02"]
        trace = d.query("commit")
        assert ("C", ("ROLLBACK",)) in trace and wire.status(trace) == "I"
    assert exists(admin)
    assert admin.execute("select count(*) from journal").fetchone()[0] == 0


@needs_lockstep
def test_a_savepoint_of_the_clients_survives_the_error(
        start_lockstep, database, admin, holder):
    proxy = start_lockstep(hold_timeout="500ms")
    with Wire(proxy, database, application_name="e2e_d") as d:
        for text in ("begin", "insert into journal values (1)", "savepoint s",
                     "insert into journal values (2)"):
            assert errors(d.query(text)) == []
        assert sqlstates(d.query(DROP)) == ["55P03"]
        trace = d.query("rollback to s")
        assert errors(trace) == [] and wire.status(trace) == "T"
        assert errors(d.query("commit")) == []
    assert admin.execute("select n from journal").fetchall() == [(1,)]


@needs_lockstep
def test_a_transaction_with_strong_locks_has_a_short_budget(
        start_lockstep, database, admin, holder):
    proxy = start_lockstep(in_transaction_timeout="500ms")
    with Wire(proxy, database, application_name="e2e_d") as d:
        d.query("begin")
        d.query("lock table table_d in access exclusive mode")
        trace = d.query(DROP)
        assert sqlstates(trace) == ["55P03"]
        assert "in_transaction_timeout" in errors(trace)[0]["H"]
        assert wire.status(trace) == "E"
        assert table_locks(admin) == []


@needs_lockstep
@pytest.mark.parametrize("setting", ["lock_timeout", "statement_timeout"])
def test_the_sessions_own_timeout_caps_the_wait(lockstep, database, admin,
                                                holder, session, setting):
    session.query(f"set {setting} = '500ms'")
    trace = session.query(DROP)
    assert sqlstates(trace) in (["55P03"], ["57014"])
    assert sqlstates(trace) == ["55P03"] or setting == "statement_timeout"
    assert wire.status(trace) == "I" and exists(admin)
    assert wire.rows(session.query(f"show {setting}")) == [("500ms",)]


@needs_lockstep
def test_on_timeout_pass_sends_it_unprotected(start_lockstep, database, admin,
                                              holder):
    proxy = start_lockstep(hold_timeout="500ms", on_timeout="pass")
    with Wire(proxy, database, application_name="e2e_d") as d:
        d.send(query(DROP))
        deadline = time.monotonic() + BOUND_S
        since = None
        # An attempt waits at most 200 ms; who waits longer is the drop.
        while since is None or time.monotonic() - since < 0.5:
            assert time.monotonic() < deadline
            if not queued(admin):
                since = None
            elif since is None:
                since = time.monotonic()
            time.sleep(0.01)
        holder.release()
        assert errors(d.read_ready()) == []
    assert not exists(admin)


# -- the policies -----------------------------------------------------------

@needs_lockstep
def test_policy_hold_queues_nothing_in_the_server(start_lockstep, database,
                                                  admin, holder):
    proxy = start_lockstep(policy="hold")
    with Wire(proxy, database, application_name="e2e_d") as d:
        d.send(query(DROP))
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert queued(admin) == 0 and table_locks(admin) == []
        holder.release()
        assert errors(d.read_ready()) == []
    assert not exists(admin)


@needs_lockstep
def test_policy_pass_only_watches(start_lockstep, database, admin, holder):
    proxy = start_lockstep(policy="pass")
    with Wire(proxy, database, application_name="e2e_d") as d:
        d.send(query(DROP))
        wait_for(admin, "count(*) > 0 from pg_locks l join pg_stat_activity a "
                 "using (pid) where not granted and "
                 "application_name = 'e2e_d'")
        query_text = admin.execute("select query from pg_stat_activity "
                                   "where pid = %s", [d.pid]).fetchone()[0]
        assert query_text == DROP
        holder.release()
        assert errors(d.read_ready()) == []
    assert not exists(admin)
    assert [line["policy"] for line in proxy.wait_guarded(1)] == ["pass"]


@needs_lockstep
@pytest.mark.parametrize("in_block", [False, True])
def test_policy_reject_refuses(start_lockstep, database, admin, tables,
                               in_block):
    proxy = start_lockstep(policy="reject")
    with Wire(proxy, database, application_name="e2e_d") as d:
        if in_block:
            d.query("begin")
            d.query("insert into journal values (1)")
        trace = d.query(DROP)
        assert len(errors(trace)) == 1 and errors(trace)[0]["S"] == "ERROR"
        assert wire.status(trace) == ("E" if in_block else "I")
        assert table_locks(admin) == []
        d.query("rollback")
        assert errors(d.query("create table table_n(i int)")) == []
        assert errors(d.query("drop table table_n")) == []
    assert exists(admin)


@needs_lockstep
def test_guard_off_leaves_it_alone(start_lockstep, database, admin, tables):
    proxy = start_lockstep(guard="off")
    with Wire(proxy, database) as d:
        assert errors(d.query(DROP)) == []
    assert proxy.guarded() == []


# -- it is ended from outside -----------------------------------------------

@needs_lockstep
@pytest.mark.parametrize("how", ["idle", "block", "extended", "one message"])
@pytest.mark.parametrize("policy", ["lock", "hold"])
def test_cancel_ends_a_held_drop(start_lockstep, database, admin, holder, how,
                                 policy):
    proxy = start_lockstep(policy=policy)
    with Wire(proxy, database, application_name="e2e_d") as d:
        status = "I"
        if how == "block":
            d.query("begin")
            d.query("insert into journal values (1)")
            status = "E"
        if how == "one message":
            d.send(query(f"begin; {DROP}; commit"))
            status = "E"
        elif how == "extended":
            d.send(*extended(DROP), sync())
        else:
            d.send(query(DROP))
        d.read_unanswered(0.6)
        start = time.monotonic()
        wire.cancel(proxy, d)
        trace = d.read_ready()
        assert time.monotonic() - start < 5
        assert sqlstates(trace) == ["57014"]
        assert errors(trace)[0]["M"] == ("canceling statement due to user "
                                         "request")
        assert wire.status(trace) == status
        assert table_locks(admin) == []
        d.query("rollback")
        assert errors(d.query("select 1")) == []
        holder.release()
        assert errors(d.query(DROP)) == []


@needs_lockstep
def test_psycopg_cancels_a_held_drop(lockstep, database, admin, holder):
    with psycopg.connect(host=lockstep.host, port=lockstep.port,
                         dbname=database, user="postgres") as connection:
        timer = threading.Timer(0.5, connection.cancel)
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(DROP)
        timer.join()
        connection.rollback()
        assert connection.execute("select 1").fetchone() == (1,)


@needs_lockstep
def test_cancels_all_the_time_never_break_the_session(lockstep, database,
                                                      admin, holder, session):
    """Wherever a cancel hits, the answer is whole and the session goes on."""
    stop = threading.Event()

    def pester():
        while not stop.is_set():
            wire.cancel(lockstep, session)
            time.sleep(0.003)

    thread = threading.Thread(target=pester, daemon=True)
    thread.start()
    for text in [DROP, f"begin; {DROP}; commit"] * 10:
        trace = session.query(text)
        assert len(errors(trace)) == 1 and sqlstates(trace) == ["57014"]
        while wire.status(session.query("rollback")) != "I":
            pass
    stop.set()
    thread.join(BOUND_S)
    time.sleep(0.1)
    assert wire.rows(session.query("select 1")) == [("1",)]
    assert table_locks(admin) == [] and exists(admin)


def wait_gone(admin, pid):
    wait_for(admin, "not exists (select from pg_stat_activity where pid = %s)",
             pid)


@needs_lockstep
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("in_block", [False, True])
def test_a_client_that_vanishes_leaves_nothing(lockstep, database, admin,
                                               holder, in_block, reset):
    d = Wire(lockstep, database, application_name="e2e_d")
    if in_block:
        d.query("begin")
        d.query("lock table journal in access exclusive mode")
    d.send(query(DROP))
    d.read_unanswered(0.3)
    d.vanish(reset)
    wait_gone(admin, d.pid)
    assert table_locks(admin) == []
    holder.release()
    time.sleep(0.1)
    assert exists(admin)


@needs_lockstep
def test_clients_that_vanish_at_any_moment_leave_nothing(lockstep, database,
                                                         admin, tables):
    """With no holder: the moment hits plan, attempt, statement or commit."""
    pids = []
    for i in range(30):
        d = Wire(lockstep, database, application_name="e2e_d")
        pids.append(d.pid)
        d.send(query(f"begin; {DROP}; rollback") if i % 2 else
               query(f"begin; {DROP}; select pg_sleep(0.05); rollback"))
        time.sleep(i * 0.001)
        d.vanish(reset=i % 3 == 0)
    for pid in pids:
        wait_gone(admin, pid)
    assert exists(admin)


@needs_lockstep
def test_a_terminated_backend_is_told(lockstep, database, admin, holder,
                                      session):
    session.send(query(DROP))
    session.read_unanswered(0.4)
    admin.execute("select pg_terminate_backend(%s)", [session.pid])
    trace = session.read_until("")
    assert trace[-1] is CLOSED
    assert errors(trace)[-1]["S"] == "FATAL"
    assert errors(trace)[-1]["C"] == "57P01"


@needs_lockstep
def test_a_server_that_dies_is_told(start_lockstep, request):
    with Cluster(request.config.getoption("--pg-bin")) as cluster:
        with cluster.connect() as admin:
            admin.execute(TABLES)
        proxy = start_lockstep(upstream=cluster)
        with Holder(cluster, "postgres"), \
                Wire(proxy, application_name="e2e_d") as d, \
                Wire(proxy) as idle:
            d.send(query(DROP))
            d.read_unanswered(0.4)
            cluster.stop(signal.SIGQUIT)
            for session in d, idle:
                trace = session.read_until("")
                assert trace[-1] is CLOSED
                assert errors(trace)[-1]["S"] in ("FATAL", "WARNING", "PANIC")
                assert errors(trace)[-1]["C"][:2] in ("57", "08")


# -- one at a time ----------------------------------------------------------

@needs_lockstep
def test_drops_of_related_tables_do_not_kill_each_other(lockstep, database,
                                                        admin):
    """SCENARIOS 11: parallel workers drop both ends of foreign keys."""
    pairs = 10
    for i in range(pairs):
        admin.execute(f"create table p{i}(id int primary key); "
                      f"create table c{i}(id int references p{i})")
    with Wire(lockstep, database) as d1, Wire(lockstep, database) as d2:
        for i in range(pairs):
            d1.send(query(f"drop table if exists c{i} cascade"))
            d2.send(query(f"drop table if exists p{i} cascade"))
            assert errors(d1.read_ready()) == []
            assert errors(d2.read_ready()) == []
    assert admin.execute("select count(*) from pg_tables where "
                         "schemaname = 'public'").fetchone()[0] == 0


# -- names, schemas, rights -------------------------------------------------

@needs_lockstep
def test_temporary_tables(lockstep, database, admin, session):
    trace = session.query(
        "create temp table tp(id int primary key); "
        "create temp table tc(r int references tp)")
    trace += session.query("drop table tc")
    trace += session.query("begin; create temp table tc(r int references tp);"
                           " drop table tc, tp; commit")
    assert errors(trace) == []


@needs_lockstep
def test_a_temporary_table_hides_the_real_one(lockstep, database, admin,
                                              tables, session):
    guarded = len(lockstep.guarded())
    session.query("create temp table table_c(i int)")
    assert errors(session.query(DROP)) == []
    assert exists(admin)
    assert errors(session.query(DROP)) == []
    assert not exists(admin)
    lines = lockstep.wait_guarded(guarded + 1)[guarded:]
    assert "table_b" in lines[-1]["tables"]


@needs_lockstep
def test_tables_made_in_the_same_transaction(lockstep, database, admin,
                                             tables, session):
    trace = []
    for text in ("begin", "create table table_n(id int primary key, "
                 "a_id int references table_a)",
                 "create table table_m(n_id int references table_n)",
                 "drop table table_n cascade", "drop table table_m",
                 "commit"):
        trace += session.query(text)
    assert errors(trace) == []
    assert not exists(admin, "table_n") and not exists(admin, "table_m")


HOSTILE = ['a""; drop table x; --', "O'Reilly", "$lockstep0$", "Mixed Case",
           "žluťoučký 🐎", "select", "back\\slash", "%s %1$s", "a.b", " ",
           "new\nline", "x" * 63]


@needs_lockstep
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(lockstep, database, admin, session, name):
    name = name.replace('""', '"')
    quoted = '"' + name.replace('"', '""') + '"'
    admin.execute("create table x(i int)")
    admin.execute(f"create schema {quoted}")
    admin.execute(f"create table {quoted}.{quoted}(id int primary key)")
    admin.execute(f"create table {quoted}.child({quoted} int "
                  f"references {quoted}.{quoted}, j int "
                  f"references {quoted}.{quoted})")
    guarded = len(lockstep.guarded())
    lines = len(lockstep.stderr().splitlines())
    trace = session.query(f"alter table {quoted}.child drop column {quoted}")
    trace += session.query(f"set search_path = {quoted}")
    trace += session.query(f"drop table {quoted}, child")
    assert errors(trace) == []
    assert exists(admin, "public.x")
    assert admin.execute("select count(*) from pg_class where relnamespace = "
                         "%s::regnamespace", [quoted]).fetchone()[0] == 0
    outcomes = [line["outcome"]
                for line in lockstep.wait_guarded(guarded + 2)[guarded:]]
    assert outcomes == ["protected", "protected"]
    # A name cannot forge a line.
    assert all(re.match(r"\d{4}-", line) for line
               in lockstep.stderr().splitlines()[lines:])


@needs_lockstep
def test_other_schemas_by_search_path(lockstep, database, admin, tables,
                                      session):
    admin.execute("create schema s; create table s.table_a(id int primary "
                  "key); create table s.table_c(a_id int references s.table_a)")
    guarded = len(lockstep.guarded())
    session.query("set search_path = nix, s, public")
    assert errors(session.query(DROP)) == []
    assert not exists(admin, "s.table_c") and exists(admin, "public.table_c")
    line = lockstep.wait_guarded(guarded + 1)[guarded]
    assert "s.table_a" in line["tables"] and "public" not in line["tables"]


EVIL = """
create schema evil;
create table evil.witness(what text);
create function evil.told(what text) returns bool language plpgsql as $$
begin insert into evil.witness values (what); return true; end $$;
"""
# Shadows of what a careless query would call: (name, arguments, result).
SHADOWS = [
    ("to_regclass", "text", "regclass", "null"),
    ("current_setting", "text", "text", "''"),
    ("set_config", "text, text, bool", "text", "''"),
    ("format", "text, text", "text", "''"),
    ("quote_ident", "text", "text", "''"),
    ("has_table_privilege", "oid, text", "bool", "true"),
    ("pg_backend_pid", "", "int", "0"),
    ("unnest", "text[]", "setof text", "''"),
    ("array_position", "text[], text", "int", "1"),
    ("clock_timestamp", "", "timestamptz", "null"),
    ("pg_is_in_recovery", "", "bool", "false"),
    ("array_agg", "oid", "oid[]", "null"),
]
OPERATORS = ["oid", "name", "text", '"char"', "int", "int2", "bool", "numeric",
             "timestamptz"]


@needs_lockstep
@pytest.mark.parametrize("how", ["simple", "in a block", "cycle"])
def test_a_hostile_search_path_runs_nothing(lockstep, database, admin, tables,
                                            session, how):
    admin.execute(EVIL)
    for name, arguments, result, value in SHADOWS:
        admin.execute(
            f"create function evil.{name}({arguments}) returns {result} "
            "language plpgsql as $$ begin perform evil.told(%s); return"
            "%s; end $$" % (f"'{name}'",
                            "" if "setof" in result else f" {value}"))
    for i, left in enumerate(OPERATORS):
        for sign in "=", "<>", "<", "-", "+", "*", "||":
            admin.execute(
                f"create function evil.o{i}_{ord(sign[0])}{len(sign)}{i}"
                f"({left}, {left}) returns bool language sql as "
                f"$$ select evil.told('{left} {sign}') $$; "
                f"create operator evil.{sign} (leftarg = {left}, "
                f"rightarg = {left}, function = "
                f"evil.o{i}_{ord(sign[0])}{len(sign)}{i})")
    for relation in "pg_class", "pg_locks", "pg_depend", "pg_constraint":
        admin.execute(f"create view evil.{relation} as select *, "
                      f"evil.told('{relation}') from pg_catalog.{relation}")
    session.query("set search_path = evil, pg_catalog, public")
    if how == "simple":
        trace = session.query(DROP)
    elif how == "in a block":
        trace = (session.query("begin") + session.query(DROP)
                 + session.query("commit"))
    else:
        trace = session.run(*extended("insert into journal values (1)"),
                            *extended(DROP), sync())
    assert errors(trace) == []
    assert not exists(admin)
    assert admin.execute("select distinct what from evil.witness").fetchall() \
        == []


@pytest.fixture
def migrator(cluster):
    with cluster.connect() as admin:
        admin.execute("create role e2e_migrator login")
        yield "e2e_migrator"
        admin.execute("drop role e2e_migrator")


@needs_lockstep
@pytest.mark.parametrize("how", ["simple", "in a block", "extended", "cycle"])
def test_a_role_without_rights_on_the_referenced_tables(
        lockstep, migrator, cluster, how):
    """It may not LOCK them, but it may drop its own table."""
    with cluster.connect() as server:
        server.execute("create database e2e_rights")
    try:
        with cluster.connect("e2e_rights") as admin:
            admin.execute(TABLES)
            admin.execute(f"alter table table_c owner to {migrator}; "
                          f"grant insert on journal to {migrator}")
            with Wire(lockstep, "e2e_rights", migrator) as d, \
                    Holder(cluster, "e2e_rights") as holder:
                if how == "in a block":
                    d.query("begin")
                if how == "extended":
                    d.send(*extended(DROP), sync())
                elif how == "cycle":
                    d.send(*extended("insert into journal values (1)"),
                           *extended(DROP), sync())
                else:
                    d.send(query(DROP))
                d.read_unanswered(0.5)
                holder.release()
                trace = d.read_ready()
                if how == "in a block":
                    trace += d.query("commit")
                assert errors(trace) == []
                assert not exists(admin)
    finally:
        with cluster.connect() as server:
            server.execute("drop database e2e_rights with (force)")


@needs_lockstep
@pytest.mark.parametrize("how", ["simple", "in a block", "extended", "cycle",
                                 "one message"])
def test_it_works_without_plpgsql(lockstep, database, admin, tables, session,
                                  how):
    admin.execute("drop extension plpgsql")
    if how == "in a block":
        trace = (session.query("begin") + session.query(DROP)
                 + session.query("commit"))
    elif how == "one message":
        trace = session.query(f"begin; {DROP}; commit")
    elif how == "extended":
        trace = session.run(*extended(DROP), sync())
    elif how == "cycle":
        trace = session.run(*extended("insert into journal values (1)"),
                            *extended(DROP), sync())
    else:
        trace = session.query(DROP)
    assert errors(trace) == []
    assert not exists(admin)


@needs_lockstep
def test_guard_single_table(start_lockstep, database, admin):
    admin.execute("create table alone(i int, j int)")
    proxy = start_lockstep()
    with Wire(proxy, database) as d:
        assert errors(d.query("alter table alone drop column j")) == []
        trace = d.query("begin") + d.query("alter table alone drop column i")
        assert errors(trace) == [] and wire.status(trace) == "T"
        d.query("rollback")
        outcomes = [line["outcome"] for line in proxy.wait_guarded(2)]
        assert outcomes[-1] == "protected"
        assert outcomes.count("protected") == 1
    proxy = start_lockstep(guard_single_table="on")
    with Wire(proxy, database) as d:
        assert errors(d.query("alter table alone drop column i")) == []
        assert [line["outcome"] for line in proxy.wait_guarded(1)] == [
            "protected"]


# -- what people see --------------------------------------------------------

@needs_lockstep
def test_a_notice_says_what_is_held_and_for_whom(lockstep, database, admin,
                                                 holder, session):
    session.send(query(DROP))
    notice = session.read_until("N")[-1]
    fields = dict(notice[1])
    holder.release()
    trace = session.read_ready()
    assert errors(trace) == []
    assert fields["S"] == "NOTICE" and fields["C"] == "00000"
    text = fields["M"] + fields.get("D", "")
    assert "DROP TABLE" in text
    for word in "table_a", "table_b", "table_c", "e2e_holder":
        assert word in text


@needs_lockstep
def test_the_log_line_tells_the_story(lockstep, database, admin, holder,
                                      session):
    guarded = len(lockstep.guarded())
    session.send(query(DROP))
    session.read_until("N")  # it has been held for a second
    holder.release()
    session.read_ready()
    line = lockstep.wait_guarded(guarded + 1)[guarded]
    assert line["policy"] == "auto" and line["outcome"] == "protected"
    assert int(line["attempts"]) > 1 and int(line["held_ms"]) >= 900
    assert line["result"] == "DROP TABLE" and line["database"] == database
    # Referenced tables first.
    assert re.search(r"table_a.*table_b.*table_c|table_b.*table_a.*table_c",
                     line["tables"])
