"""Settings of the session under which Lockstep asks its questions.

They run in the client's session.  None of its settings may make them dear,
change what they find out, or be another afterwards.
"""

import itertools
import time

import pytest

import wire
from effort import effort
from wire import Wire, errors, extended, query, sqlstates, sync

# All that is said here of plans and attempts is behind the run ahead of them.
LOCKSTEP_SETTINGS = {"optimistic": "off"}

TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key);
create table table_c(id int primary key,
    a_id int references table_a, b_id int references table_b);
"""
RESET = "drop table if exists table_c, table_a, table_b;"
DROP = "drop table table_c"
TRIES = 3

# Compiling the lock set's query takes hundreds of milliseconds; as a part of
# an undisturbed statement, more than all of it.
DEAR_FACTOR = 4
DEAR_S = 0.06

NO_INDEX = ("set enable_indexscan = off; set enable_bitmapscan = off; "
            "set enable_indexonlyscan = off")
PLANNER = {
    "nothing": "select 1",
    "enable_nestloop": "set enable_nestloop = off",
    "no joins": "set enable_nestloop = off; set enable_hashjoin = off; "
                "set enable_mergejoin = off",
    "no indexes": NO_INDEX,
    "no scans": NO_INDEX + "; set enable_seqscan = off; "
                           "set enable_tidscan = off",
    "no groups": "set enable_hashagg = off; set enable_sort = off; "
                 "set enable_material = off",
    "compile all": "set jit = on; set jit_above_cost = 0; "
                   "set jit_inline_above_cost = 0; "
                   "set jit_optimize_above_cost = 0",
    "collapse nothing": "set from_collapse_limit = 1; "
                        "set join_collapse_limit = 1",
    "geqo": "set geqo_threshold = 2; set geqo_effort = 10",
    "work_mem": "set work_mem = 64",
    "parallel": "set force_parallel_mode = on; set parallel_setup_cost = 0; "
                "set parallel_tuple_cost = 0; "
                "set min_parallel_table_scan_size = 0; "
                "set min_parallel_index_scan_size = 0",
    "generic plans": "set plan_cache_mode = force_generic_plan",
    "dear pages": "set random_page_cost = 1000; set seq_page_cost = 1000",
    "dear rows": "set cpu_tuple_cost = 10; set cpu_operator_cost = 10; "
                 "set cpu_index_tuple_cost = 10",
    "deep recursion": "set recursive_worktable_factor = 1000000",
    "timeouts": "set statement_timeout = '2s'; set enable_nestloop = off",
}
OTHER = {
    "array_nulls": "set array_nulls = off",
    "quote_all_identifiers": "set quote_all_identifiers = on",
    "row_security": "set row_security = off",
    "extra_float_digits": "set extra_float_digits = -15",
    "styles": "set datestyle = 'SQL, DMY'; "
              "set intervalstyle = sql_standard; set timezone = 'PST8PDT'",
    "bytea_output": "set bytea_output = escape",
    "client_encoding": "set client_encoding = latin1",
    "search_path": "set search_path = pg_catalog, public, pg_temp",
    "isolation": "set default_transaction_isolation = serializable",
    "deferrable": "set default_transaction_deferrable = on",
    "strings": "set standard_conforming_strings = off; "
               "set backslash_quote = off; set escape_string_warning = on",
    "null = null": "set transform_null_equals = on",
    "lock_timeout": "set lock_timeout = 2147483647",
    "statement_timeout": "set statement_timeout = 2147483647",
    "messages": "set client_min_messages = debug5",
    "plpgsql": "load 'plpgsql'; set plpgsql.extra_errors = 'all'; "
               "set plpgsql.variable_conflict = error",
    "role": "create role e2e_settings_owner superuser; "
            "set role e2e_settings_owner",
    "authorization": "create role e2e_settings_owner superuser; "
                     "set session authorization e2e_settings_owner",
}


@pytest.fixture(scope="module")
def database(cluster):
    """All tests share one: each leaves it empty."""
    with cluster.connect() as admin:
        admin.execute("create database e2e_session_settings")
        yield "e2e_session_settings"
        admin.execute("drop database e2e_session_settings with (force)")


@pytest.fixture
def clean_roles(cluster):
    yield
    with cluster.connect() as admin:
        admin.execute("drop role if exists e2e_settings_owner")


def texts(session, text):
    for part in text.split("; "):
        assert errors(session.query(part)) == [], part


def drop_once(endpoint, database, settings, is_in_block):
    """Seconds that the drop took in a session with these settings."""
    with Wire(endpoint, database, application_name="e2e_d") as session:
        assert errors(session.query(RESET + TABLES)) == []
        texts(session, settings)
        if is_in_block:
            texts(session, "begin")
        begun = time.monotonic()
        trace = session.query(DROP)
        took_s = time.monotonic() - begun
        assert errors(trace) == []
        texts(session, "commit" if is_in_block else "select 1")
        return took_s


# -- what a question costs, and what it finds out ---------------------------

@pytest.mark.needs_lockstep
@pytest.mark.parametrize("is_in_block", [False, True], ids=["idle", "block"])
@pytest.mark.parametrize("name", list(PLANNER)[1:])
def test_no_setting_makes_a_question_dear(lockstep, database, is_in_block,
                                          name):
    """A session's first statement compiles as every other one would."""
    plain, other = (
        min(drop_once(lockstep, database, PLANNER[which], is_in_block)
            for _ in range(TRIES)) for which in ("nothing", name))
    assert other < plain * DEAR_FACTOR + DEAR_S


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("is_in_block", [False, True], ids=["idle", "block"])
@pytest.mark.parametrize("name", [*list(PLANNER)[1:], *OTHER])
def test_no_setting_changes_the_answer(lockstep, database, clean_roles,
                                       is_in_block, name):
    count = len(lockstep.guarded())
    drop_once(lockstep, database, {**PLANNER, **OTHER}[name], is_in_block)
    line = lockstep.wait_guarded(count + 2)[-1]
    assert line["outcome"] == "protected"
    assert sorted(line["tables"].split(", ")) == [
        "public.table_a", "public.table_b", "public.table_c"]


@pytest.mark.needs_lockstep
def test_an_attempt_that_fails_ends_no_session(cluster, lockstep, database):
    """With exit_on_error, each error ends the session, a caught one too."""
    with cluster.connect(database) as admin:
        admin.execute(RESET + TABLES)
    with (Wire(cluster, database) as holder,
          Wire(lockstep, database) as session):
        texts(holder, "begin; select * from table_b")
        texts(session, "set exit_on_error = on")
        session.send(query(DROP))
        time.sleep(0.3)
        texts(holder, "commit")
        assert errors(session.read_ready(1)) == []
        assert wire.rows(session.query("show exit_on_error")) == [("on",)]


# -- what is left -----------------------------------------------------------

SET = ["set enable_nestloop = off", "set jit_above_cost = 7",
       "set work_mem = 64", "set statement_timeout = '9s'",
       "set array_nulls = off", "set random_page_cost = 77"]
LOCAL = [text.replace("set ", "set local ") for text in SET]
SHOWN = ", ".join(f"current_setting('{text.split()[1]}')" for text in SET)
SHOW = f"select {SHOWN}, current_setting('lock_timeout')"
FAILS = "select 1 / 0"


def queries(*parts):
    return [query(part) for part in parts]


def in_one(*parts):
    return [query("; ".join(parts))]


def cycles(*parts):
    return [m for part in parts for m in [*extended(part), sync()]]


def pipeline(*parts):
    return [*(m for part in parts for m in extended(part)), sync()]


SESSIONS = {
    "plain": ([], []),
    "set": (SET, []),
    "set local": ([], LOCAL),
    "set, then local": (["set enable_nestloop = on", *SET], LOCAL),
    "set in the block": ([], SET),
}
BLOCKS = {
    "commit": lambda local: ["begin", *local, DROP, SHOW, "commit", SHOW],
    "rollback": lambda local: ["begin", *local, DROP, SHOW, "rollback", SHOW],
    "savepoint": lambda local: ["begin", "savepoint s", *local, DROP,
                                "rollback to s", SHOW, DROP, SHOW,
                                "release s", SHOW, "commit", SHOW],
    "twice": lambda local: ["begin", *local, DROP, SHOW,
                            "set local enable_nestloop = on",
                            "drop table table_a, table_b", SHOW, "commit",
                            SHOW],
    "error": lambda local: ["begin", *local, "savepoint s", DROP, FAILS,
                            "rollback to s", SHOW, "commit", SHOW],
    "statement fails": lambda local: ["begin", *local, "savepoint s",
                                      "drop table table_a, table_b",
                                      "rollback to s", SHOW, "rollback",
                                      SHOW],
    "no block": lambda local: [DROP, SHOW],
    "no block, fails": lambda local: ["drop table table_a, table_b", SHOW],
}
WAYS = {"queries": queries, "one query": in_one, "cycles": cycles,
        "pipeline": pipeline}


def pairs():
    """(way, block, kind): each value of one meets each of another."""
    ways = list(WAYS)
    return [(ways[(i + j) % len(ways)], block, kind)
            for i, block in enumerate(BLOCKS)
            for j, kind in enumerate(SESSIONS)]


COMBINATIONS = effort(pairs(),
                      list(itertools.product(WAYS, BLOCKS, SESSIONS)))


def aftermath(endpoint, cluster, database, before, messages):
    """What the client sees, and its settings one by one afterwards."""
    with cluster.connect(database) as admin:
        admin.execute(RESET + TABLES)
    with Wire(endpoint, database) as session:
        for text in before:
            assert errors(session.query(text)) == []
        session.send(*messages)
        trace = session.read_ready(wire.ready_count(messages))
        after = session.query(SHOW)
        left = session.query("select name, setting from pg_settings "
                             "where source = 'session' and name not like "
                             "'lockstep%' order by 1")
    # What Lockstep tells about a wait, on a busy machine, is not the server's.
    told = [message for message in wire.in_order(trace)
            if message[0] != "N" or "held by Lockstep" not in str(message)]
    return told, wire.rows(after), wire.rows(left)


@pytest.mark.parametrize("way, block, kind", COMBINATIONS)
def test_settings_are_afterwards_what_they_were(direct, lockstep, cluster,
                                                database, way, block, kind):
    """In every context, whoever set them, and however it ends."""
    before, local = SESSIONS[kind]
    messages = WAYS[way](*BLOCKS[block](local))
    expected, seen = (aftermath(endpoint, cluster, database, before, messages)
                      for endpoint in (direct, lockstep))
    assert seen == expected


def test_a_short_statement_timeout_is_the_statements_own(direct, lockstep,
                                                         database, cluster):
    """It does not end a question of ours, but what the client asked for."""
    slow = ["set statement_timeout = '300ms'"]
    messages = queries("begin", DROP, "select pg_sleep(5)", "rollback")
    expected, seen = (aftermath(endpoint, cluster, database, slow, messages)
                      for endpoint in (direct, lockstep))
    assert seen == expected
    assert sqlstates(seen[0]) == ["57014"]


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("optimistic", ["on", "off"])
@pytest.mark.parametrize("name, warned", [
    ("lock_order", 'x'), ("policy", 'x'), ("settings_before", "")])
def test_a_parameter_of_megabytes_is_only_warned_of(
        start_lockstep, database, admin, name, warned, optimistic):
    """Any role can set one: directly it is a text that nobody reads."""
    admin.execute(RESET + TABLES)
    proxy = start_lockstep(optimistic=optimistic)
    with Wire(proxy, database) as session:
        session.query(f"select pg_catalog.set_config('lockstep.{name}', "
                      "'statement_timeout=' || repeat('x,y', 700000), false)")
        trace = session.query(DROP)
        assert errors(trace) == []
        assert ("C", ("DROP TABLE",)) in trace
        warnings = [dict(fields)["M"] for kind, fields in trace if kind == "N"]
        assert len(warnings) == len(warned)
        assert all("longer than" in text for text in warnings)
        assert session.query("select 1")[-1] == ("Z", ("I",))
    proxy.assert_clean()
