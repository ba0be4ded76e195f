"""Settings where they belong: in the file, in a rule, in the session.

What is in force shows in the log line of a statement (policy=, tables= in the
order that they were locked), and policy reject shows at once: 42501.
"""

import re
import time

import pytest

import program
import wire
from antagonist import Antagonist
from wire import Wire, errors, extended, query, sqlstates, sync

BOUND_S = 30

TABLES = """
create schema ledger;
create table table_a(id int primary key);
create table table_b(id int primary key);
create table ledger.entries(id int primary key);
create table table_c(id int primary key, a_id int references table_a,
    b_id int references table_b);
create table table_d(id int primary key, e_id int references ledger.entries);
create view view_c as select id from table_c;
"""
DROP = "drop table table_c cascade"
REJECTED = ["42501"]

pytestmark = pytest.mark.needs_lockstep
# All that is said here of plans and attempts is behind the run ahead of them.
LOCKSTEP_SETTINGS = {"optimistic": "off"}


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)


@pytest.fixture
def role(cluster, database):
    """A superuser of this test's own, named after its database."""
    name = f"{database}_migrator"
    with cluster.connect() as admin:
        admin.execute(f"create role {name} superuser login")
        yield name
        admin.execute(f"drop role {name}")


def exists(admin, table="table_c"):
    return admin.execute("select to_regclass(%s) is not null",
                         [table]).fetchone()[0]


def rejects(session, statement=DROP):
    """Whether it does; the statement leaves nothing behind."""
    for text in "begin", statement:
        trace = session.query(text)
    assert sqlstates(trace) in ([], REJECTED), errors(trace)
    assert errors(session.query("rollback")) == []
    return bool(errors(trace))


def warnings(trace):
    """The warnings of a trace, each as {field code: value}."""
    notices = [dict(fields) for kind, fields in trace if kind == "N"]
    return [notice for notice in notices if notice["S"] == "WARNING"]


def last_guarded(proxy, count=1):
    """The log line of the count-th guarded statement, the last one yet."""
    lines = proxy.wait_guarded(count)
    assert len(lines) == count, lines
    return lines[-1]


def wait_logged(proxy, pattern):
    """The warnings of the log that say this, once there is one."""
    deadline = time.monotonic() + BOUND_S
    while True:
        found = [event for event in proxy.events()
                 if event["level"].startswith("warn")
                 and any(re.search(pattern, text) for text in event.values())]
        if found or time.monotonic() > deadline:
            return found
        time.sleep(0.01)


# -- rules ------------------------------------------------------------------

def test_a_rule_spares_the_statement_alone(start_with, database, tables):
    """Not what stands behind it in the same text."""
    proxy = start_with("[rule]\nstatement = ALTER TABLE\nguard = off\n")
    with Wire(proxy, database) as session:
        for text in ("select 1", "begin"):
            trace = session.query(
                f"{text}; alter table table_a disable trigger all; "
                "alter table table_b disable trigger all; "
                "drop table table_d, table_c cascade; rollback")
            assert errors(trace) == []
    assert {line["statement"] for line in proxy.wait_guarded(1)} == {
        "DROP TABLE"}


def test_a_rule_matches_the_database(start_with, cluster, database, tables):
    other = f"x_{database}"
    with cluster.connect() as admin:
        admin.execute(f"create database {other}")
    with cluster.connect(other) as admin:
        admin.execute(TABLES)
    proxy = start_with(f"[rule]\ndatabase = nothing, {database}\n"
                       "policy = reject\n"
                       "[rule]\ndatabase = !x*, e2e*\n"
                       "policy = reject\n")
    with Wire(proxy, database) as session:
        assert rejects(session)
    with Wire(proxy, other) as session:
        assert not rejects(session)
    with cluster.connect() as admin, Wire(proxy, "postgres") as session:
        admin.execute("create view v as select 1")
        assert rejects(session, "drop view v")
        admin.execute("drop view v")
    with cluster.connect() as admin:
        admin.execute(f"drop database {other} with (force)")


def test_a_rule_matches_who_logged_in(start_with, database, tables, role):
    proxy = start_with("[rule]\nuser = !*_migrator\npolicy = reject\n")
    with Wire(proxy, database) as session:
        assert rejects(session)
        session.query(f"set role {role}")
        assert rejects(session)
    with Wire(proxy, database, user=role) as session:
        assert not rejects(session)


def test_a_rule_matches_the_name_of_the_application_of_now(
        start_with, database, tables):
    proxy = start_with("[rule]\napplication_name = Fly*, x\n"
                       "policy = reject\n")
    with Wire(proxy, database, application_name="Flyway 9, nightly") as session:
        assert rejects(session)
        session.query("set application_name = 'fly'")
        assert not rejects(session)
        session.query("set application_name = 'x'")
        assert rejects(session)


def test_a_rule_matches_the_statement(start_with, database, tables):
    proxy = start_with("[rule]\nstatement = truncate table, Drop View\n"
                       "policy = reject\n")
    with Wire(proxy, database) as session:
        assert not rejects(session)
        assert rejects(session, "drop view view_c")
        assert rejects(session, "truncate table_a, table_c")
        assert not rejects(session, "alter table table_c drop column a_id")


@pytest.mark.parametrize("table", ["table_a", "public.table_a",
                                   '"table_a"', "x, view_c"])
def test_a_rule_matches_any_table_that_will_be_locked(
        start_with, database, tables, table):
    proxy = start_with(f"[rule]\ntable = {table}\npolicy = reject\n")
    with Wire(proxy, database) as session:
        assert rejects(session)
        assert not rejects(session, "drop table table_d")


def test_a_rule_matches_a_schemas_table(start_with, database, tables):
    proxy = start_with("[rule]\ntable = ! ledger.entries\npolicy = reject\n")
    with Wire(proxy, database) as session:
        assert rejects(session)
        assert not rejects(session, "drop table table_d")


def test_the_first_rule_that_matches_is_the_only_one(start_with, database,
                                                     tables):
    proxy = start_with("optimistic = off\n"
                       "policy = reject\nhold_timeout = 1min\n"
                       "[rule]\nuser = nobody\npolicy = pass\n"
                       "[rule the one]\nstatement = DROP TABLE\n"
                       "policy = lock\n"
                       "[rule]\nlock_order = table_b, table_a\n")
    with Wire(proxy, database) as session:
        assert not rejects(session)
        line = last_guarded(proxy)
        assert line["policy"] == "lock"
        assert line["tables"].startswith("public.table_a, public.table_b")
        # The third rule leaves the policy as it is.
        assert rejects(session, "drop view view_c")


def test_a_rule_can_narrow_and_widen_what_is_guarded(
        start_with, database, admin, tables):
    proxy = start_with("guard = off\n"
                       "[rule]\napplication_name = ddl\nguard = ddl\n"
                       "policy = reject\n"
                       "[rule]\napplication_name = drops\nguard = drops\n"
                       "policy = reject\n")
    add = "alter table table_d add foreign key (id) references table_a"
    with Wire(proxy, database) as session:
        for name, verdicts in {"ddl": (True, True), "drops": (True, False),
                               "off": (False, False)}.items():
            session.query(f"set application_name = '{name}'")
            assert (rejects(session), rejects(session, add)) == verdicts
        count = len(proxy.wait_guarded(3))
        assert count == 3
        assert errors(session.query(DROP)) == []
    assert not exists(admin) and len(proxy.guarded()) == count


# -- rules for migrations of many statements --------------------------------

def migrate(proxy, cluster, database, admin, name,
            second="drop table table_d"):
    """Two guarded statements, the second one in a cycle; nothing stays.  The
    SQLSTATEs of the second."""
    with Wire(proxy, database, application_name=name) as session:
        assert errors(session.query("begin")) == []
        assert errors(session.query(DROP)) == []
        with Antagonist(cluster, database, admin, "table_d",
                        "table_a") as antagonist:
            assert antagonist.is_there
            trace = session.query(second)
            # Whoever waits for the transaction goes on behind it.
            session.query("rollback")
    return set(sqlstates(trace))


def remembers(proxy, database, name):
    """Two guarded statements twice; does the first know of the second then?"""
    with Wire(proxy, database, application_name=name) as session:
        for _ in range(2):
            for text in "begin", DROP:
                trace = session.query(text)
                assert errors(trace) == []
            for text in "drop table table_d", "rollback":
                assert errors(session.query(text)) == []
    return any("as this migration needed them before" in dict(fields)["M"]
               for kind, fields in trace if kind == "N")


def test_a_rule_switches_replays_off(start_with, cluster, database, admin,
                                     tables):
    proxy = start_with("memory = off\nin_transaction_timeout = 300ms\n"
                       "[rule]\napplication_name = careful\nreplay = off\n"
                       "[rule]\nstatement = ALTER TABLE\nreplay = off\n")
    alter = "alter table table_d drop column e_id"
    for name, second, states, replays in [
            ("careful", "drop table table_d", {"40P01"}, 0),
            ("other", "drop table table_d", set(), 1),
            ("other", alter, {"40P01"}, 1)]:
        assert states == migrate(proxy, cluster, database, admin, name,
                                 second)
        assert len(proxy.started_over()) == replays


def test_a_rule_switches_replays_on(start_with, cluster, database, admin,
                                    tables):
    """What is recorded is the most that file and rules allow."""
    proxy = start_with("memory = off\nreplay = off\n"
                       "in_transaction_timeout = 300ms\n"
                       "[rule]\nuser = postgres\n"
                       "application_name = tool*\nreplay = ddl\n")
    for name, states in ("tool 1", set()), ("other", {"40P01"}):
        assert states == migrate(proxy, cluster, database, admin, name)
    assert len(proxy.started_over()) == 1


def test_a_rule_switches_the_memory_off(start_with, database, tables):
    proxy = start_with("optimistic = off\n[rule]\napplication_name = careful\nmemory = off\n"
                       "[rule]\nstatement = ALTER TABLE\nmemory = off\n")
    assert remembers(proxy, database, "other")
    assert not remembers(proxy, database, "careful")


def test_a_rule_switches_the_memory_on(start_with, database, tables):
    proxy = start_with("optimistic = off\nmemory = off\n"
                       "[rule]\napplication_name = tool\nmemory = on\n")
    assert remembers(proxy, database, "tool")
    assert not remembers(proxy, database, "other")


# -- sessions ---------------------------------------------------------------

def test_a_session_sets_its_policy(lockstep, database, admin, tables):
    count = len(lockstep.guarded())
    with Wire(lockstep, database) as session:
        session.query("set lockstep.policy = 'reject'")
        assert rejects(session)
        session.query("reset lockstep.policy")
        assert not rejects(session)
        session.query("set lockstep.policy = 'hold'")
        assert errors(session.query(DROP)) == []
    assert not exists(admin)
    lines = lockstep.wait_guarded(count + 3)[count:]
    assert [line["policy"] for line in lines] == ["reject", "auto", "hold"]


def test_set_local_ends_with_its_transaction(lockstep, database, tables):
    with Wire(lockstep, database) as session:
        for text in ("begin", "set local lockstep.policy = 'reject'"):
            session.query(text)
        assert sqlstates(session.query(DROP)) == REJECTED
        session.query("rollback")
        assert not rejects(session)
        # In one message, and in the implicit transaction of it.
        trace = session.query("begin; set local lockstep.policy = 'reject'; "
                              f"{DROP}; commit")
        assert sqlstates(trace) == REJECTED
        session.query("rollback")
        assert not rejects(session)


@pytest.mark.parametrize("protocol", ["simple", "extended"])
def test_options_of_the_connection_set_it(lockstep, database, admin, tables,
                                          protocol):
    with Wire(lockstep, database,
              options="-c lockstep.policy=reject") as session:
        if protocol == "simple":
            trace = session.query(DROP)
        else:
            trace = session.run(*extended(DROP), sync())
        assert sqlstates(trace) == REJECTED and wire.status(trace) == "I"
    assert exists(admin)


def test_role_and_database_set_it(lockstep, database, admin, tables, role):
    admin.execute(f"alter database {database} set lockstep.policy = 'reject'")
    with Wire(lockstep, database) as session:
        assert rejects(session)
    admin.execute(f"alter role {role} set lockstep.policy = 'lock'")
    with Wire(lockstep, database, user=role) as session:
        assert not rejects(session)
        session.query("set lockstep.policy = 'reject'")
        assert rejects(session)


def test_the_session_is_nearer_than_the_rule(start_with, database, tables):
    proxy = start_with("policy = lock\n[rule]\npolicy = reject\n",
                       "--set", "policy=pass")
    with Wire(proxy, database) as session:
        assert rejects(session)
        session.query("set lockstep.policy = 'hold'")
        assert not rejects(session)
        assert last_guarded(proxy, 2)["policy"] == "hold"
        session.query("set lockstep.policy = ''")
        assert rejects(session)


def test_a_session_sets_its_budget(lockstep, cluster, database, admin,
                                   tables):
    with cluster.connect(database, autocommit=False) as holder, \
            Wire(lockstep, database) as session:
        holder.execute("select * from table_a")
        session.query("set lockstep.hold_timeout = '400 ms'")
        trace = session.query(DROP)
        assert sqlstates(trace) == ["55P03"]
        assert "hold_timeout" in errors(trace)[0]["H"]
    assert exists(admin)


def test_a_session_sets_its_order(lockstep, database, tables):
    count = len(lockstep.guarded())
    with Wire(lockstep, database) as session:
        for order in "table_b, table_a", "public.table_a, TABLE_B":
            session.query(f"set lockstep.lock_order = '{order}'")
            assert not rejects(session)
    lines = [line["tables"] for line in lockstep.wait_guarded(count + 2)]
    assert lines[-2].startswith("public.table_b, public.table_a")
    assert lines[-1].startswith("public.table_a, public.table_b")


def test_a_session_can_narrow_and_widen_what_is_guarded(
        lockstep, database, admin, tables):
    add = "alter table table_d add foreign key (id) references table_a"
    with Wire(lockstep, database) as session:
        session.query("set lockstep.policy = 'reject'")
        assert rejects(session) and not rejects(session, add)
        session.query("set lockstep.guard = 'ddl'")
        assert rejects(session) and rejects(session, add)
        session.query("set lockstep.guard = 'off'")
        assert not rejects(session) and not rejects(session, add)


def test_what_the_file_switches_off_stays_off(start_lockstep, database,
                                              tables):
    proxy = start_lockstep(guard="off")
    with Wire(proxy, database) as session:
        session.query("set lockstep.guard = 'drops'")
        session.query("set lockstep.policy = 'reject'")
        assert not rejects(session)
    assert proxy.guarded() == []


# -- nonsense ---------------------------------------------------------------

NONSENSE = [
    ("policy", "foo", '"foo" is not one of: auto, lock, hold, pass, reject'),
    ("guard", "on", '"on" is not one of: off, drops, ddl'),
    ("hold_timeout", "0", "0 is out of range: 10ms to 7d"),
    ("attempt_timeout", "soon", '"soon" is not a duration'),
    ("guard_single_table", "maybe", '"maybe" is not a switch'),
    ("replay", "always", '"always" is not one of: off, ddl, on'),
    ("drop_in_steps", "first", '"first" is not one of: off, last, on'),
    ("lock_order", "table_a; x", "entry 1 is not a table"),
    ("policy", "x" * 65, "it is longer than 64 bytes"),
    ("lock_order", "x" * 1025, "it is longer than 1024 bytes"),
    ("policy", "ü\n\x1b[2J", '"????[2J" is not one of'),
]


@pytest.mark.parametrize("name, value, message", NONSENSE,
                         ids=map(str, range(len(NONSENSE))))
def test_nonsense_is_a_warning_to_client_and_log(start_lockstep, database,
                                                 admin, tables, name, value,
                                                 message):
    proxy = start_lockstep(policy="lock")
    with Wire(proxy, database) as session:
        assert errors(session.query(f"set lockstep.{name} = '{value}'")) == []
        trace = session.query(DROP)
        assert errors(trace) == [] and wire.status(trace) == "I"
        assert ("C", ("DROP TABLE",)) in trace
        warning, = warnings(trace)
        assert warning["C"] == "22023"
        assert warning["M"].startswith(
            f'invalid value for parameter "lockstep.{name}": {message}')
    assert not exists(admin)
    assert last_guarded(proxy)["policy"] == "lock"
    logged, = wait_logged(proxy, rf"lockstep\.{name}")
    assert logged["database"] == database


@pytest.mark.parametrize("how", ["simple", "extended"])
def test_name_that_is_none_is_a_warning_once(start_lockstep, database, how):
    proxy = start_lockstep()

    def send(session, text):
        if how == "simple":
            return session.query(text)
        return session.run(*extended(text), sync())

    with Wire(proxy, database) as session:
        assert warnings(send(session, "set lockstep.policy = 'hold'")) == []
        trace = send(session, "set lockstep.polcy = 'hold'")
        assert errors(trace) == [] and ("C", ("SET",)) in trace
        warning, = warnings(trace)
        assert warning["M"] == (
            'unrecognized configuration parameter "lockstep.polcy"; the '
            'nearest known one is "lockstep.policy"')
        assert warnings(send(session, "set lockstep.polcy = 'lock'")) == []
    assert len(wait_logged(proxy, r"lockstep\.polcy")) == 1


@pytest.mark.parametrize("how", ["in a block", "extended", "one message",
                                 "prepared"])
def test_the_warning_comes_before_the_statements_answer(
        lockstep, database, admin, tables, how):
    with Wire(lockstep, database) as session:
        session.query("set lockstep.policy = 'foo'")
        if how == "in a block":
            session.query("begin")
            trace = session.query(DROP)
            session.query("commit")
        elif how == "extended":
            trace = session.run(*extended(DROP), sync())
        elif how == "prepared":
            session.run(wire.parse(DROP, "s"), sync())
            trace = session.run(wire.bind("", "s"), wire.execute(), sync())
        else:
            trace = session.query(f"begin; {DROP}; commit")
        assert errors(trace) == []
        assert len(warnings(trace)) == 1
        complete = trace.index(("C", ("DROP TABLE",)))
        assert [dict(fields)["C"] for kind, fields in trace[:complete]
                if kind == "N" and dict(fields)["S"] == "WARNING"] == ["22023"]
    assert not exists(admin)


def test_a_rule_stays_in_force_where_a_session_sets_nonsense(
        start_with, database, tables):
    proxy = start_with("[rule]\npolicy = reject\n")
    with Wire(proxy, database) as session:
        session.query("set lockstep.policy = 'lok'")
        trace = session.query(DROP)
        assert sqlstates(trace) == REJECTED and len(warnings(trace)) == 1


def test_a_statement_that_waits_is_warned_about_once(lockstep, cluster,
                                                     database, tables):
    with cluster.connect(database, autocommit=False) as holder, \
            Wire(lockstep, database) as session:
        holder.execute("select * from table_a")
        session.query("set lockstep.policy = 'foo'")
        session.query("set lockstep.hold_timeout = '1s'")
        trace = session.query(DROP)
        assert sqlstates(trace) == ["55P03"] and len(warnings(trace)) == 1


# -- what it costs those who set nothing ------------------------------------

def test_a_hostile_search_path_is_asked_nothing(lockstep, database, admin,
                                                tables):
    admin.execute("""
        create schema hostile;
        create function hostile.current_setting(text, boolean) returns text
            language sql as $$ select 'reject' $$;
        create function hostile.current_setting(text) returns text
            language sql as $$ select 'reject' $$;
    """)
    with Wire(lockstep, database) as session:
        session.query("set search_path = hostile, public, pg_catalog")
        assert not rejects(session)


# -- lockstep check ---------------------------------------------------------

def test_check_names_the_lines_of_wrong_rules(tmp_path):
    path = tmp_path / "wrong.conf"
    path.write_text("policy = auto\n"
                    "\n"
                    "[rule one]\n"
                    "usr = x\n"
                    "statement = DROP TABEL\n"
                    "policy = hlod\n"
                    "[rule two]\n"
                    "user = x\n")
    result = program.run("check", "-c", str(path))
    assert result.returncode == 1
    assert [line.split(": ", 1) for line in result.stderr.splitlines()] == [
        [f"{path}:4", 'unknown setting "usr"; the nearest known one is '
         '"user"'],
        [f"{path}:5", 'statement: unknown statement "DROP TABEL"; the nearest '
         'known one is "DROP TABLE"'],
        [f"{path}:6", 'policy: "hlod" is not one of: auto, lock, hold, pass, '
         'reject'],
        [f"{path}:7", "this rule sets nothing"],
    ]


def test_check_is_content_with_rules(tmp_path):
    path = tmp_path / "right.conf"
    path.write_text("upstream = host=db\n"
                    "[rule one]\nuser = a*\nhold_timeout = 1h\n")
    result = program.run("check", "-c", str(path))
    assert (result.returncode, result.stderr) == (0, "")
