"""lockstep explain through a running Lockstep tells what that remembers.

The question is the name of a prepared statement: it reaches the server as any
name does, and the answer comes beside the server's own.
"""

import json
import subprocess

import pytest

import program
import proxy as proxies
import wire
from incidents import INCIDENTS
from wire import Wire, errors

pytestmark = pytest.mark.needs_lockstep
# A statement that runs at once takes nothing that is remembered.
LOCKSTEP_SETTINGS = {"optimistic": "off"}

DROPS = INCIDENTS["drops"]
FIRST = DROPS.migration[0]
QUESTION = "lockstep remembers 0123456789abcdef"
ANSWER = "LKSTR"


@pytest.fixture
def proxy(start_lockstep):
    return start_lockstep(guard="ddl", replay="off")


@pytest.fixture
def tables(admin):
    admin.execute(DROPS.schema)


def learn(endpoint, database, name="tool", first=(), migration=DROPS.migration,
          **parameters):
    """A migration with nobody in the way, of which nothing stays."""
    with Wire(endpoint, database, application_name=name, **parameters) as d:
        for text in ["begin", *first, *migration, "rollback"]:
            assert errors(d.query(text)) == []


def explain(endpoint, database, *arguments, text=FIRST, settings=None,
            **parameters):
    conninfo = proxies.conninfo(host=endpoint.host, port=endpoint.port,
                                dbname=database,
                                **{"user": "postgres", **parameters})
    run = subprocess.run(
        [proxies.lockstep_bin(), "explain", "--upstream", conninfo,
         "--set", "guard=ddl", *arguments, text],
        env=program.environment(settings), text=True, capture_output=True,
        timeout=wire.HANG_BOUND_S)
    assert (run.returncode, run.stderr) == (0, ""), run
    return run.stdout


def remembered(*arguments, **kwargs):
    """None: it is not told."""
    found = json.loads(explain(*arguments, "--json", **kwargs))
    return found.get("remembered")


def without_age(found):
    return sorted(({k: v for k, v in each.items() if k != "age_s"}
                   for each in found), key=lambda each: each["relation"])


def test_what_the_first_statement_takes_besides(proxy, database, tables):
    assert remembered(proxy, database) == []
    learn(proxy, database)
    found = remembered(proxy, database)
    assert without_age(found) == [
        {"relation": f"public.{name}", "mode": "AccessExclusiveLock",
         "application_name": "tool"} for name in ("hot_b", "of_b")]
    assert all(0 <= each["age_s"] < wire.HANG_BOUND_S for each in found)
    text = explain(proxy, database)
    assert "\n  remembered    mode              application  age\n" in text
    assert "\n  public.hot_b  ACCESS EXCLUSIVE  tool         " in text


def test_it_is_what_the_next_one_does_take(proxy, database, tables):
    learn(proxy, database)
    found = remembered(proxy, database)
    with Wire(proxy, database, application_name="tool") as d:
        assert errors(d.query("begin")) == []
        notice, = (dict(fields) for kind, fields in d.query(FIRST)
                   if kind == "N")
    assert notice["D"].count("public.") == len(found)
    for each in found:
        assert f"{each['relation']} ({each['mode']})" in notice["D"]


def test_whatever_the_transaction_and_the_text_began_with(proxy, database,
                                                          tables):
    learn(proxy, database, first=["set local work_mem = '1MB'"])
    again = "DROP  TABLE \"of_a\" -- again\n;"
    assert len(remembered(proxy, database, text=again)) == 2
    assert remembered(proxy, database, text="drop table of_b") == []


def test_of_every_application_of_the_role(proxy, database, tables):
    learn(proxy, database, name="one")
    learn(proxy, database, name="other")
    names = [each["application_name"]
             for each in remembered(proxy, database)]
    assert names == ["other"] * 2 + ["one"] * 2


def test_another_role_and_database_are_told_nothing(proxy, database, tables,
                                                    admin):
    role, other = f"{database}_role", f"{database}_too"
    admin.execute(f"create role {role} login")
    admin.execute(f"create database {other} template {database}")
    try:
        learn(proxy, database)
        assert remembered(proxy, database, user=role) == []
        assert remembered(proxy, other) == []
    finally:
        admin.execute(f"drop database {other}")
        admin.execute(f"drop role {role}")


def test_the_server_alone_tells_nothing(cluster, database, tables):
    assert remembered(cluster, database) is None


def test_where_it_is_off_nothing_is_asked(proxy, database, tables):
    learn(proxy, database)
    assert remembered(proxy, database,
                      options="-c lockstep.memory=off") is None


def test_nothing_is_left_behind(proxy, database, tables, cluster):
    """Two texts over one connection, which share a question."""
    run = subprocess.run(
        [proxies.lockstep_bin(), "explain", "--json", "--upstream",
         proxies.conninfo(host=proxy.host, port=proxy.port, dbname=database,
                          user="postgres"), "-"],
        input=f"{FIRST}\n{FIRST}\n", env=program.environment(), text=True,
        capture_output=True, timeout=wire.HANG_BOUND_S)
    assert (run.returncode, run.stderr) == (0, ""), run
    assert [json.loads(line)["remembered"]
            for line in run.stdout.splitlines()] == [[], []]


# -- nothing that reaches the server is swallowed ---------------------------

BATCHES = {
    "prepared": [wire.parse("select 1", QUESTION), wire.sync()],
    "run": [*wire.extended("select 7", QUESTION), wire.sync()],
    "twice": [wire.parse("select 1", QUESTION), wire.sync(),
              wire.parse("select 1", QUESTION), wire.sync()],
    "a drop": [wire.parse(FIRST, QUESTION), wire.sync()],
    "no SQL": [wire.parse("selct 1", QUESTION), wire.sync()],
    "amid answers": [wire.query("select generate_series(1, 5000)"),
                     wire.parse("select 1", QUESTION), wire.sync()],
    "amid a cycle": [*wire.extended("select 2"),
                     wire.parse("select 1", QUESTION), wire.sync()],
    "as often as can be": [wire.parse("select 1", QUESTION),
                           wire.close_statement(QUESTION)] * 100
    + [wire.sync()],
}


def played(endpoint, database, batch, by):
    with Wire(endpoint, database) as session:
        session.send(*batch, by=by)
        return session.read_ready(wire.ready_count(batch))


def answers(trace):
    return [dict(fields) for kind, fields in trace
            if kind == "N" and dict(fields)["C"] == ANSWER]


@pytest.mark.parametrize("by", ["packet", "byte"])
@pytest.mark.parametrize("name", BATCHES)
def test_the_server_answers_as_without(proxy, cluster, database, tables, name,
                                       by):
    expected = played(cluster, database, BATCHES[name], by)
    got = played(proxy, database, BATCHES[name], by)
    assert [each for each in got if each[0] != "N"] == expected
    asked = sum(each[:1] == b"P" and QUESTION.encode() in each
                for each in BATCHES[name])
    assert len(answers(got)) <= asked
    if name in ("prepared", "run", "a drop"):
        assert [notice["M"] for notice in answers(got)] == [
            "Lockstep remembers 0 relations"]
    if name in ("amid a cycle", "as often as can be"):
        assert len(answers(got)) <= 2
