"""drop_in_steps: the foreign keys go first, one by one, then the drop.

The application goes straight to the server, where no gate reaches it, and
reads the two tables that table_c references in either order; table_c itself
is not read.
"""

import contextlib
import json
import re
import subprocess
import threading
import time

import pytest

import wire
from application import Application
from effort import effort
from program import environment
from proxy import Lockstep, conninfo, lockstep_bin
from scene import Holder, ask, state, wait_for
from wire import Wire, errors, extended, query, sqlstates, sync

DEADLOCK = "40P01"
TIMEOUT = "55P03"
CANCELED = "57014"
ROUNDS = effort(10, 40)
CLIENTS = 12
DIRECT_ROUNDS = 20  # at most: the first deadlock ends them
HELD_S = 0.3

TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key);
insert into table_a select generate_series(1, 10);
insert into table_b select generate_series(1, 10);
"""
TABLE_C = """
create table table_c(id int primary key, a_id int, b_id int,
    constraint c_a foreign key (a_id) references table_a on delete cascade
        deferrable,
    constraint c_b foreign key (b_id) references table_b);
insert into table_c select i, i, i from generate_series(1, 10) i;
alter table table_c drop constraint c_b, add constraint c_b
    foreign key (b_id) references table_b not valid;
"""
DROP_TABLE = "drop table table_c"
DROP_COLUMNS = "alter table table_c drop column a_id, drop column b_id"
DROPS = [DROP_TABLE, DROP_COLUMNS]

KEYS = ("select array(select conname || ' ' || pg_get_constraintdef(oid) "
        "from pg_constraint where contype = 'f' order by conname)")
BOTH = ["c_a FOREIGN KEY (a_id) REFERENCES table_a(id) ON DELETE CASCADE "
        "DEFERRABLE",
        "c_b FOREIGN KEY (b_id) REFERENCES table_b(id) NOT VALID"]

pytestmark = pytest.mark.needs_lockstep
# All that is said here of steps is behind the run ahead of them.
LOCKSTEP_SETTINGS = {"optimistic": "off"}


@pytest.fixture
def tables(admin):
    admin.execute(TABLES + TABLE_C)


def keys(admin):
    return admin.execute(KEYS).fetchone()[0]


def is_done(admin, ddl):
    if ddl == DROP_TABLE:
        what = "to_regclass('table_c') is null"
    else:
        what = ("not exists (select from pg_attribute where attrelid = "
                "'table_c'::regclass and attname in ('a_id', 'b_id'))")
    return admin.execute("select " + what).fetchone()[0]


def make_again(admin):
    admin.execute("drop table if exists table_c")
    admin.execute(TABLE_C)


def notices(trace):
    return [dict(fields) for kind, fields in trace if kind == "N"]


def without_notices(trace):
    return [message for message in trace if message[0] not in "NS"]


def steps(proxy):
    return [event for event in proxy.events()
            if event["message"] == "foreign key dropped ahead"]


def restore(admin, detail):
    """Run what the error says brings the keys back."""
    texts = re.findall(r"^(ALTER TABLE .*);$", detail, re.M)
    for text in texts:
        admin.execute(text)
    return len(texts)


def random_order(cluster, database):
    return Application(cluster, database, order="random", clients=CLIENTS)


# -- traffic that no gate reaches -------------------------------------------

@pytest.mark.clear_only("the server alone; TLS changes nothing")
@pytest.mark.parametrize("ddl", DROPS)
def test_direct_somebody_dies(cluster, database, admin, tables, ddl):
    victims = 0
    with random_order(cluster, database) as app:
        for _ in range(DIRECT_ROUNDS):
            with Wire(cluster, database) as session:
                victims += DEADLOCK in sqlstates(session.query(ddl))
            if victims:
                break
            make_again(admin)
    assert victims + app.result["errors"].get(DEADLOCK, 0) > 0


@pytest.mark.parametrize("policy", ["auto", "lock"])
@pytest.mark.parametrize("ddl", DROPS)
def test_in_steps_all_are_done_and_nobody_dies(
        cluster, database, admin, tables, start_lockstep, ddl, policy):
    proxy = start_lockstep(drop_in_steps="on", policy=policy,
                           hold_timeout="20s")
    with random_order(cluster, database) as app:
        for _ in range(ROUNDS):
            with Wire(proxy, database) as session:
                assert errors(session.query(ddl)) == []
            assert is_done(admin, ddl)
            make_again(admin)
    assert app.result["errors"] == {}
    assert app.result["transactions"] > 0
    assert len(steps(proxy)) == 2 * ROUNDS


@contextlib.contextmanager
def taking_turns(cluster, database):
    """Always one of the two tables is read, and never one for long."""
    stop = threading.Event()
    problems = []

    def play():
        with Wire(cluster, database) as one, Wire(cluster, database) as two:
            pairs = [(one, "table_a"), (two, "table_b")]
            for session, table in pairs[:1]:
                run(session, "begin", f"select from {table}")
            while not stop.is_set():
                for i in range(2):
                    time.sleep(0.05)
                    held, table = pairs[i]
                    other, other_table = pairs[1 - i]
                    run(other, "begin", f"select from {other_table}")
                    run(held, "commit")

    def run(session, *texts):
        for text in texts:
            problems.extend(errors(session.query(text)))

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield problems
    finally:
        stop.set()
        thread.join(wire.HANG_BOUND_S)


@pytest.mark.parametrize("policy", ["auto", "lock"])
def test_without_steps_it_is_not_done_and_says_what_would_help(
        cluster, database, admin, tables, start_lockstep, policy):
    proxy = start_lockstep(hold_timeout="1500ms", policy=policy)
    with taking_turns(cluster, database) as problems:
        with Wire(proxy, database) as session:
            error, = errors(session.query(DROP_TABLE))
    assert error["C"] == TIMEOUT
    assert "drop_in_steps" in error["H"]
    assert problems == []
    assert keys(admin) == BOTH


@pytest.mark.parametrize("value", ["on", "last"])
def test_in_steps_it_is_done(cluster, database, admin, tables, start_lockstep,
                             value):
    proxy = start_lockstep(drop_in_steps=value, hold_timeout="4s",
                           policy="lock")
    with taking_turns(cluster, database) as problems:
        with Wire(proxy, database) as session:
            begun = time.monotonic()
            assert errors(session.query(DROP_TABLE)) == []
            took_s = time.monotonic() - begun
    assert is_done(admin, DROP_TABLE)
    assert problems == []
    assert len(steps(proxy)) == 2
    assert (took_s >= 3) == (value == "last")


def test_last_has_no_steps_where_there_is_time(database, admin, tables,
                                               start_lockstep):
    proxy = start_lockstep(drop_in_steps="last")
    with Wire(proxy, database) as session:
        assert notices(trace := session.query(DROP_TABLE)) == []
        assert errors(trace) == []
    assert steps(proxy) == []
    assert is_done(admin, DROP_TABLE)


def test_last_comes_before_the_statement_passes_unprotected(
        cluster, database, admin, tables, start_lockstep):
    proxy = start_lockstep(drop_in_steps="last", on_timeout="pass",
                           hold_timeout="2s", policy="lock")
    with taking_turns(cluster, database) as problems:
        with Wire(proxy, database) as session:
            assert errors(session.query(DROP_TABLE)) == []
    assert problems == []
    assert proxy.wait_guarded(1)[-1]["steps"] == "2"
    assert len(steps(proxy)) == 2


# -- what the client sees ---------------------------------------------------

MESSAGES = {
    "simple": lambda text: [query(text)],
    "extended": lambda text: [*extended(text), sync()],
    "named": lambda text: [*extended(text, "s", "p"), sync()],
}


@pytest.mark.parametrize("ddl", DROPS + [" DROP  TABLE if exists TABLE_C ; ",
                                         "drop table table_c cascade"])
@pytest.mark.parametrize("messages", MESSAGES)
def test_the_answers_are_the_same(cluster, database, admin, tables,
                                  start_lockstep, ddl, messages):
    proxy = start_lockstep(drop_in_steps="on")
    traces = []
    for endpoint in cluster, proxy:
        with Wire(endpoint, database) as session:
            traces.append(session.run(*MESSAGES[messages](ddl)))
        make_again(admin)
    assert without_notices(traces[0]) == without_notices(traces[1])
    assert notices(traces[0]) == []
    assert [notice["M"] for notice in notices(traces[1])] == [
        f"foreign key {key} of public.table_c is dropped, ahead of "
        + ("ALTER TABLE" if ddl == DROP_COLUMNS else "DROP TABLE")
        for key in ("c_a", "c_b")]
    assert [event["key"] for event in steps(proxy)] == ["c_a", "c_b"]


def test_a_session_that_wants_no_notices_gets_none(database, tables,
                                                   start_lockstep):
    proxy = start_lockstep()
    with Wire(proxy, database) as session:
        session.query("set client_min_messages = warning")
        session.query("set lockstep.drop_in_steps = 'on'")
        assert notices(session.query(DROP_TABLE)) == []
    assert len(steps(proxy)) == 2


def test_a_session_sets_it(database, admin, tables, start_lockstep):
    proxy = start_lockstep(drop_in_steps="off")
    with Wire(proxy, database) as session:
        session.query("set lockstep.drop_in_steps = 'last'")
        session.query("set lockstep.drop_in_steps = 'on'")
        assert errors(session.query(DROP_COLUMNS)) == []
    assert len(steps(proxy)) == 2


def test_a_rule_sets_it(database, admin, tables, start_with):
    proxy = start_with("optimistic = off\n"
                       "[rule]\nuser = nobody\ndrop_in_steps = on\n"
                       "[rule]\nstatement = drop table\n"
                       "table = public.table_b\ndrop_in_steps = on\n")
    with Wire(proxy, database) as session:
        assert errors(session.query(DROP_COLUMNS)) == []
        assert steps(proxy) == []
        make_again(admin)
        assert errors(session.query(DROP_TABLE)) == []
    assert [event["key"] for event in steps(proxy)] == ["c_a", "c_b"]
    assert is_done(admin, DROP_TABLE)


def test_explain_tells_which_keys_go(database, admin, tables, start_lockstep):
    proxy = start_lockstep(drop_in_steps="on")
    run = subprocess.run(
        [lockstep_bin(), "explain", "--json", "--set", "drop_in_steps=on",
         "--upstream", conninfo(host=proxy.host, port=proxy.port,
                                dbname=database, user="postgres"),
         DROP_TABLE], env=environment(), text=True, capture_output=True,
        timeout=wire.HANG_BOUND_S)
    told = json.loads(run.stdout)["steps"]
    with Wire(proxy, database) as session:
        assert errors(session.query(DROP_TABLE)) == []
    assert [tuple(each.values()) for each in told] == [
        (event["table"], event["key"], event["restore"])
        for event in steps(proxy)]


def test_keys_of_others_go_too_with_cascade(database, admin, tables,
                                            start_lockstep):
    """A key that references the dropped table leaves its own table whole."""
    admin.execute("create table table_d(id int constraint d_c "
                  "references table_c)")
    proxy = start_lockstep(drop_in_steps="on")
    with Wire(proxy, database) as session:
        trace = session.query(DROP_TABLE + " cascade")
    assert errors(trace) == []
    assert [event["key"] for event in steps(proxy)] == ["c_a", "c_b", "d_c"]
    assert keys(admin) == []


# -- where there are none ---------------------------------------------------

TO_FAIL = {
    "view": ("create view v as select a_id, b_id from table_c", DROP_TABLE),
    "view of a column": ("create view v as select a_id from table_c",
                         DROP_COLUMNS),
    "key of another": ("create table table_d(id int references table_c)",
                       DROP_TABLE),
    "missing": ("", DROP_TABLE + ", table_x"),
    "missing column": ("", DROP_COLUMNS + ", drop column x"),
    "twice": ("", DROP_COLUMNS + ", drop column a_id"),
    "not a table": ("create view v as select 1", DROP_TABLE + ", v"),
    "a part of a row type": ("create table table_d(c table_c)", DROP_TABLE),
    "not the owner": ("create role {role}; grant all on schema public "
                      "to {role}; grant all on table_a, table_b, table_c "
                      "to {role}", DROP_TABLE),
    "read only": ("alter database {database} set "
                  "default_transaction_read_only = on", DROP_TABLE),
}


@pytest.mark.parametrize("case", TO_FAIL)
def test_a_statement_that_would_fail_has_no_steps(
        cluster, database, admin, tables, start_lockstep, case):
    before, ddl = TO_FAIL[case]
    role = f"steps_{database}"
    admin.execute(before.format(role=role, database=database))
    user = {"role": role} if "{role}" in before else {}
    proxy = start_lockstep(drop_in_steps="on")
    traces = []
    try:
        for endpoint in cluster, proxy:
            with Wire(endpoint, database) as session:
                if user:
                    session.query(f"set role {role}")
                traces.append(session.query(ddl))
        assert errors(traces[0]) != []
        assert traces[0] == traces[1]
        assert keys(admin)[:2] == BOTH
        assert steps(proxy) == []
    finally:
        if user:
            admin.execute(f"drop owned by {role}; drop role {role}")


OTHERS = {
    "one key only": ([query("alter table table_c drop constraint c_b"),
                      query(DROP_TABLE)]),
    "block": [query("begin"), query(DROP_TABLE), query("commit")],
    "text": [query(DROP_TABLE + "; select 1")],
    "text with a block": [query(f"begin; {DROP_TABLE}; commit")],
    "pipeline": [*extended(DROP_TABLE), *extended("select 1"), sync()],
    "pipeline before": [*extended("select 1"), *extended(DROP_TABLE), sync()],
    "more clauses": [query(DROP_COLUMNS + ", add column x int")],
    "code": [query(f"do $$ begin {DROP_TABLE}; end $$")],
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_statements_have_no_steps(cluster, database, admin, tables,
                                        start_lockstep, case):
    proxy = start_lockstep(drop_in_steps="on")
    with Wire(proxy, database) as session:
        assert errors(session.run(*OTHERS[case])) == []
    assert steps(proxy) == []


def test_a_pipeline_that_fails_leaves_the_keys(database, admin, tables,
                                               start_lockstep):
    proxy = start_lockstep(drop_in_steps="on")
    with Wire(proxy, database) as session:
        trace = session.run(*extended(DROP_TABLE), *extended("select 1 / 0"),
                            sync())
        assert sqlstates(trace) == ["22012"]
    assert keys(admin) == BOTH


def test_keys_of_a_partitioned_table_stay(database, admin, start_lockstep):
    """They cannot go alone: neither the parent's nor a partition's."""
    admin.execute(TABLES + """
        create table table_p(a_id int references table_a,
            b_id int references table_b) partition by list (a_id);
        create table table_c partition of table_p for values in (1);
    """)
    proxy = start_lockstep(drop_in_steps="on")
    with Wire(proxy, database) as session:
        assert errors(session.query("drop table table_c")) == []
        assert errors(session.query("drop table table_p")) == []
    assert steps(proxy) == []


# -- what a failure in between leaves ---------------------------------------

class Stuck:
    """c_a is gone, and table_b is in use by somebody who does not leave."""

    def __init__(self, cluster, proxy, database, admin, user=None, **settings):
        self.admin = admin
        self.holder = Holder(cluster, database, "select from table_b")
        self.session = Wire(proxy, database, **({"user": user} if user else {}))
        for name, value in settings.items():
            self.session.query(f"set {name} = {value}")
        self.session.send(query(DROP_TABLE))
        wait_for(admin, "not exists (select from pg_constraint "
                 "where conname = 'c_a')")
        time.sleep(HELD_S)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.holder.session.close()
        self.session.close()

    def answer(self):
        return self.session.read_ready()

    def assert_told(self, sqlstate, severity="ERROR"):
        """c_a is gone, and the error brings it back; returns the error."""
        error = errors(self.answer())[-1]
        assert (error["C"], error["V"]) == (sqlstate, severity)
        assert keys(self.admin) == BOTH[1:]
        assert restore(self.admin, error["D"]) == 1
        assert keys(self.admin) == BOTH
        return error


@pytest.fixture
def stuck(cluster, database, admin, tables, start_lockstep):
    """stuck(): it may be what its arguments say."""
    with contextlib.ExitStack() as stack:
        def start(policy="auto", **arguments):
            proxy = start_lockstep(drop_in_steps="on", policy=policy)
            return stack.enter_context(
                Stuck(cluster, proxy, database, admin, **arguments)), proxy

        yield start


@pytest.mark.parametrize("policy", ["auto", "lock", "hold"])
def test_a_cancel_tells_what_is_gone(stuck, policy):
    scene, proxy = stuck(policy)
    wire.cancel(proxy, scene.session)
    scene.assert_told(CANCELED)
    assert errors(scene.session.query("select 1")) == []


def test_a_timeout_tells_what_is_gone(stuck):
    scene, _proxy = stuck(lock_timeout="'1s'")
    error = scene.assert_told(TIMEOUT)
    assert "Lock set in order" in error["D"]


def test_the_end_of_the_session_tells_what_is_gone(stuck, admin):
    scene, _proxy = stuck()
    admin.execute("select pg_terminate_backend(%s)", [scene.session.pid])
    scene.assert_told("57P01", "FATAL")


def test_a_shutdown_tells_what_is_gone(cluster, database, admin, tables):
    with Lockstep(cluster, {"drop_in_steps": "on",
                            "drain_timeout": "0"}) as proxy:
        with Stuck(cluster, proxy, database, admin) as scene:
            proxy.process.terminate()
            scene.assert_told("57P01", "FATAL")


def test_a_key_that_somebody_else_drops_is_not_missed(stuck, admin):
    scene, proxy = stuck()
    assert errors(scene.holder.session.query(
        "alter table table_c drop constraint c_b; commit")) == []
    assert errors(scene.answer()) == []
    assert is_done(admin, DROP_TABLE)
    assert [event["key"] for event in steps(proxy)] == ["c_a"]


def test_a_table_that_somebody_else_drops_is_missed(stuck, admin):
    scene, _proxy = stuck()
    assert errors(scene.holder.session.query(
        "drop table table_c; commit")) == []
    error = errors(scene.answer())[-1]
    assert error["C"] == "42P01"
    assert "ADD CONSTRAINT c_a" in error["D"]


def test_a_right_that_is_lost_tells_what_is_gone(stuck, admin, database):
    role = f"steps_{database}"
    admin.execute(f"create role {role} login; grant all on schema public "
                  f"to {role}; alter table table_c owner to {role}; "
                  f"grant all on table_a, table_b to {role}")
    try:
        scene, _proxy = stuck(user=role)
        admin.execute("alter table table_c owner to postgres")
        scene.holder.release()
        scene.assert_told("42501")
    finally:
        admin.execute(f"drop owned by {role}; drop role {role}")


SLOW = """
create function slow() returns event_trigger language plpgsql as $$
begin
    if current_query() like '%c_b' then perform pg_sleep(60); end if;
end $$;
create event trigger slow on ddl_command_end execute function slow();
"""


@pytest.mark.parametrize("how", ["cancel", "terminate"])
def test_the_end_amid_a_step(cluster, database, admin, tables, start_lockstep,
                             how):
    """Within the server the second key is being dropped."""
    admin.execute(SLOW)
    proxy = start_lockstep(drop_in_steps="on")
    with Wire(proxy, database) as session:
        asked = ask(session, DROP_TABLE)
        wait_for(admin, "exists (select from pg_stat_activity where pid = %s "
                 "and wait_event = 'PgSleep')", session.pid)
        if how == "cancel":
            wire.cancel(proxy, session)
        else:
            admin.execute("select pg_terminate_backend(%s)", [session.pid])
        error = errors(asked.answer())[-1]
    admin.execute("drop event trigger slow")
    assert error["C"] == {"cancel": CANCELED, "terminate": "57P01"}[how]
    assert keys(admin) == BOTH[1:]
    gone, _, doubtful = error["D"].partition("may be gone")
    assert ("c_b" in doubtful) == (how == "terminate")
    assert restore(admin, gone) == 1
    assert keys(admin) == BOTH
    assert (how == "terminate") == any(
        event["message"] == "a foreign key may be gone"
        for event in proxy.events())


def test_an_error_of_the_statement_itself_tells_what_is_gone(
        cluster, database, admin, tables, start_lockstep):
    """An event trigger lets no table go, which no catalog tells."""
    admin.execute("""
        create function never() returns event_trigger language plpgsql as $$
        begin raise 'never' using detail = 'ever'; end $$;
        create event trigger never on ddl_command_end
            when tag in ('DROP TABLE') execute function never();
    """)
    proxy = start_lockstep(drop_in_steps="on")
    for messages in MESSAGES.values():
        with Wire(proxy, database) as session:
            error, = errors(session.run(*messages(DROP_TABLE)))
        assert error["M"] == "never"
        assert error["D"].startswith("ever\n2 foreign keys have gone")
        assert keys(admin) == []
        assert restore(admin, error["D"]) == 2
        assert keys(admin) == BOTH


def test_the_client_that_leaves_leaves_a_word_in_the_log(stuck, admin):
    scene, proxy = stuck()
    scene.session.vanish()
    wait_for(admin, "not exists (select from pg_stat_activity where pid = %s)",
             scene.session.pid)
    assert restore(admin, steps(proxy)[0]["restore"] + ";") == 1
    assert keys(admin) == BOTH
    assert state(admin, scene.session.pid) is None
