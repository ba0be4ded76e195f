"""Traffic that no gate of the migration's Lockstep stops.

Twelve clients on three Locksteps of their own, or straight at the server, and
drops through a fourth: policy auto is no worse than what it is made of.
"""

import contextlib
import time

import pytest

from application import Application
from fleet import wake
from wire import Wire, errors

DROPS = 3
MANY = 100  # one of them is not done where none is to be
WITHIN_S = 30
LOCK_NOT_AVAILABLE = "55P03"

TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key);
insert into table_a select generate_series(1, 10);
insert into table_b select generate_series(1, 10);
"""
TABLE_C = """
create table table_c(a_id int references table_a, b_id int references table_b)
"""

pytestmark = pytest.mark.needs_lockstep


def notices(trace):
    return [dict(fields) for kind, fields in trace if kind == "N"]


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)
    admin.execute(TABLE_C)


@pytest.fixture
def pods(start_lockstep, tables):
    return [start_lockstep() for _ in range(3)]


def drop_all(endpoint, database, admin, settings=(), drops=DROPS,
             within_s=WITHIN_S):
    """The times of those that were done, and the answer to one that was not."""
    took, refusal = [], None
    deadline = time.monotonic() + within_s
    with Wire(endpoint, database, application_name="e2e_d") as d:
        for setting in settings:
            assert errors(d.query(f"set lockstep.{setting}")) == []
        while len(took) < drops and time.monotonic() < deadline:
            left = max(1, int(deadline - time.monotonic()))
            assert errors(d.query(f"set lockstep.hold_timeout = "
                                  f"'{left}s'")) == []
            begun = time.monotonic()
            answer = d.query("drop table table_c")
            if errors(answer):
                refusal = answer
                break
            took.append(time.monotonic() - begun)
            admin.execute(TABLE_C)
    return took, refusal


def amid(application, migration, database, admin, order, **options):
    """drop_all amid twelve clients at these endpoints; nobody is hurt."""
    with contextlib.ExitStack() as stack:
        applications = [stack.enter_context(Application(
            endpoint, database, order=order,
            clients=12 // len(application))) for endpoint in application]
        took, refusal = drop_all(migration, database, admin, **options)
    results = [app.result for app in applications]
    assert [error for r in results for error in r["errors"]] == []
    if refusal:
        assert errors(refusal)[0]["C"] == LOCK_NOT_AVAILABLE
    return took, refusal, max(r["longest_ms"] for r in results)


# -- one order: all drops are done ------------------------------------------

@pytest.mark.parametrize("order", ["ab", "ba"])
def test_drops_amid_pods_of_one_order(pods, start_lockstep, database, admin,
                                      order):
    took, refusal, _ = amid(pods, start_lockstep(), database, admin, order)
    assert len(took) == DROPS, refusal


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_drops_amid_direct_traffic_of_one_order(direct, tables, start_lockstep,
                                                database, admin, order):
    took, refusal, _ = amid([direct], start_lockstep(), database, admin, order)
    assert len(took) == DROPS, refusal


def test_policy_hold_gets_nothing_through_direct_traffic(
        direct, tables, start_lockstep, database, admin):
    """What auto did, too, before it pressed."""
    _, refusal, _ = amid([direct], start_lockstep(hold_timeout="3s"), database,
                         admin, "ab", settings=["policy = 'hold'"], drops=MANY)
    assert refusal


def test_a_role_that_may_not_see_when_others_began(direct, tables,
                                                  start_lockstep, database,
                                                  admin):
    """Their ages count from the first look that saw them."""
    lockstep = start_lockstep(hold_timeout=f"{WITHIN_S}s")
    admin.execute("create role e2e_blind login")
    try:
        admin.execute("alter table table_c owner to e2e_blind; "
                      "grant all on table_a, table_b to e2e_blind")
        with Application(direct, database, order="ba", clients=12) as app:
            with Wire(lockstep, database, user="e2e_blind") as d:
                assert errors(d.query("drop table table_c")) == []
        assert app.result["errors"] == {}
    finally:
        admin.execute("drop owned by e2e_blind; drop role e2e_blind")


# -- any order: no victims, and no fewer drops than with policy lock ---------

def compare(application, migration, database, admin, order):
    """How many drops are done, by policy.  Each is a matter of luck; more are
    played while one policy has had more of it."""
    done = {"lock": 0, "auto": 0}
    for _ in range(4):
        for policy in done:
            took, _, longest_ms = amid(
                application, migration, database, admin, order,
                settings=[f"policy = '{policy}'"], drops=2, within_s=6)
            done[policy] += len(took)
            assert longest_ms < 5000, longest_ms
        if done["auto"] >= done["lock"]:
            break
    return done


@pytest.mark.parametrize("way", ["direct", "pods", "half"])
def test_auto_is_no_worse_than_lock(way, direct, pods, start_lockstep,
                                    database, admin):
    migration = start_lockstep()
    application = {"direct": [direct], "pods": pods,
                   "half": [direct, migration]}[way]
    done = compare(application, migration, database, admin, "ab")
    assert done["auto"] >= done["lock"], done


def test_nobody_is_hurt_where_there_is_no_order(pods, start_lockstep, database,
                                                admin):
    compare(pods, start_lockstep(), database, admin, "random")


def test_drops_amid_traffic_that_half_comes_past(direct, tables,
                                                 start_lockstep, database,
                                                 admin):
    """The gate stops the one half, and what waits gets through the other."""
    migration = start_lockstep()
    took, refusal, _ = amid([direct, migration], migration, database, admin,
                            "ba")
    assert len(took) == DROPS, refusal


# -- what people are told ---------------------------------------------------

def test_those_who_come_past_are_named(direct, tables, start_lockstep,
                                       database, admin):
    lockstep = start_lockstep(policy="hold")
    with Application(direct, database, order="ab", clients=12):
        with Wire(lockstep, database) as d:
            assert errors(d.query("set lockstep.hold_timeout = '3s'")) == []
            answer = d.query("drop table table_c")
    error = errors(answer)[0]
    assert error["C"] == LOCK_NOT_AVAILABLE
    assert 'came past the gate (application_name "e2e_app")' in error["D"]
    assert '"fleet"' in error["H"]
    told = [notice for notice in notices(answer)
            if "came past the gate" in notice["D"]]
    assert told
    assert all("drop_in_steps" in each["H"] for each in [error, *told])
    line = [event for event in lockstep.events()
            if event["message"] == "guarded statement"][-1]
    assert int(line["past"]) > 1
    assert line["past_of"] == '"e2e_app"'


def test_a_drop_in_steps_gets_no_hint_at_them(direct, tables, start_lockstep,
                                              database, admin):
    lockstep = start_lockstep(policy="hold", drop_in_steps="last")
    with Application(direct, database, order="ab", clients=12):
        with Wire(lockstep, database) as d:
            assert errors(d.query("set lockstep.hold_timeout = '3s'")) == []
            answer = d.query("drop table table_c")
    assert notices(answer)
    assert not any("drop_in_steps" in fields.get("H", "")
                   for fields in [*notices(answer), *errors(answer)])


def test_nobody_is_named_where_all_come_by_the_gate(tables, start_lockstep,
                                                    database, admin):
    lockstep = start_lockstep()
    amid([lockstep], lockstep, database, admin, "random")
    lines = [event for event in lockstep.events()
             if event["message"] == "guarded statement"]
    assert len(lines) >= DROPS
    assert all("past" not in line for line in lines)


def test_what_helped_is_tried_first_next_time(direct, tables, start_lockstep,
                                              database, admin):
    """Without the habit each drop would begin with a window of its own."""
    lockstep = start_lockstep()
    took, refusal, _ = amid([direct], lockstep, database, admin, "ba", drops=6)
    assert len(took) == 6, refusal
    lines = [event for event in lockstep.events()
             if event["message"] == "guarded statement"]
    assert min(int(line["attempts"]) for line in lines[1:]) <= 3


# -- two guarded statements in one transaction ------------------------------

TABLE_XY = """
create table x(a_id int references table_a, b_id int references table_b);
create table y(b_id int references table_b, a_id int references table_a)
"""


def drop_both(endpoint, database, admin, rounds=2):
    """How many of the rounds were done; a refused one is tried again."""
    done, refusals = 0, []
    deadline = time.monotonic() + WITHIN_S
    with Wire(endpoint, database, application_name="e2e_d") as d:
        assert errors(d.query("set lockstep.hold_timeout = '10s'")) == []
        while done < rounds and time.monotonic() < deadline:
            failed = []
            for text in "begin", "drop table y", "drop table x", "commit":
                failed = errors(d.query(text))
                if failed:
                    break
            if failed:
                refusals.append(failed[0]["C"])
                d.query("rollback")
                continue
            done += 1
            admin.execute(TABLE_XY)
    return done, refusals


@pytest.mark.parametrize("order", ["ab", "random"])
@pytest.mark.parametrize("way", ["one", "pods", "fleet", "balanced", "half",
                                 "direct"])
def test_two_drops_in_a_transaction(way, order, direct, start_lockstep, tables,
                                    fleet, database, admin):
    """Nobody is hurt anywhere; done where the gate reaches, or the order is
    one."""
    admin.execute(TABLE_XY)
    is_fleet = way in ("fleet", "balanced")
    settings = fleet.settings() if is_fleet else {}
    migration, *pods = [start_lockstep(**settings) for _ in range(
        {"pods": 4, "fleet": 4, "balanced": 2}.get(way, 1))]
    if is_fleet:
        for proxy in migration, *pods:
            wake(proxy, database)
    application = {"one": [migration], "balanced": [migration, *pods],
                   "half": [migration, direct], "direct": [direct]}.get(
                       way, pods)
    with contextlib.ExitStack() as stack:
        applications = [stack.enter_context(Application(
            endpoint, database, order=order, clients=12 // len(application)))
            for endpoint in application]
        done, refusals = drop_both(migration, database, admin)
    assert [error for app in applications
            for error in app.result["errors"]] == []
    assert set(refusals) <= {"40P01", LOCK_NOT_AVAILABLE}
    if way == "one" or is_fleet or order == "ab":
        assert done == 2, refusals
