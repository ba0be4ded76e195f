"""A fleet shares its windows: traffic through other processes waits, too.

D's migration goes through a Lockstep of its own, the application's pods have
one each.  Without `fleet` D's gate stops nobody of theirs.
"""

import contextlib
import time

import pytest

from application import Application
from fleet import report, wait_report, wake
from scene import ask, assert_answered, assert_held, run, wait_for
from wire import Wire, errors

GATE_S = 30  # gate_transaction: nothing here waits for its end

TABLES = """
create table table_a(id int primary key);
create table table_b(id int primary key);
create table other(id int primary key);
insert into table_a select generate_series(1, 10);
insert into table_b select generate_series(1, 10);
"""
TABLE_C = """
create table table_c(a_id int references table_a, b_id int references table_b);
"""
DROP = "drop table table_c"
READ = "select * from table_a"

pytestmark = pytest.mark.needs_lockstep


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)
    admin.execute(TABLE_C)


@pytest.fixture
def start_pods(start_lockstep, database, tables):
    """start_pods(n, **settings): that many, of one fleet if it is set."""
    def start(count, **settings):
        pods = [start_lockstep(**settings) for _ in range(count)]
        if "fleet" in settings:
            for pod in pods:
                wake(pod, database)
        return pods

    return start


def queues_in_the_server(admin, endpoint, d, connect):
    """D holds its locks; a reader comes by the endpoint and queues."""
    reader = connect(endpoint)
    run(d, "begin", DROP)
    asked = ask(reader, READ)
    wait_for(admin, "exists (select from pg_locks where pid = %s "
             "and not granted)", reader.pid)
    run(d, "rollback")
    assert_answered(asked)


def test_without_a_fleet_readers_of_other_pods_queue(direct, start_pods,
                                                     connect, admin):
    migration, pod = start_pods(2, gate_transaction=f"{GATE_S}s")
    queues_in_the_server(admin, direct, connect(direct), connect)
    queues_in_the_server(admin, pod, connect(migration), connect)


def test_readers_of_every_pod_wait_in_theirs(start_pods, fleet, connect,
                                             admin):
    migration, *pods = start_pods(4, gate_transaction=f"{GATE_S}s",
                                  **fleet.settings())
    d = connect(migration)
    readers = [connect(pod) for pod in pods]
    run(d, "begin", DROP)
    for pod in pods:
        wait_report(pod, "shut", 1)
    asked = [ask(reader, READ) for reader in readers]
    for one in asked:
        assert_held(admin, one)
    run(d, "commit")
    for one in asked:
        assert_answered(one)


def test_what_the_window_is_not_about_goes_on(cluster, start_pods, fleet,
                                              connect):
    migration, pod = start_pods(2, gate_transaction=f"{GATE_S}s",
                                **fleet.settings())
    d, reader, old = connect(migration), connect(pod), connect(pod)
    elsewhere = connect(pod, "postgres")
    run(old, "begin", "select * from table_b")
    run(d, "begin", "lock table table_a in access share mode")
    asked = ask(d, DROP)
    run(old, "commit")
    assert_answered(asked)
    wait_report(pod, "shut", 1)
    with cluster.connect() as admin:
        admin.execute("create table if not exists table_a (id int)")
    run(reader, "select * from other")
    run(elsewhere, READ, "drop table table_a")
    run(d, "rollback")


def test_a_window_of_a_statement_is_shared(start_pods, fleet, connect, direct,
                                           admin):
    """A holder keeps the drop waiting: windows come and go meanwhile."""
    migration, pod = start_pods(2, **fleet.settings())
    holder, d = connect(direct), connect(migration)
    run(holder, "begin", READ)
    drop = ask(d, DROP)
    busy = [connect(direct) for _ in range(2)]
    for round_number in range(200):  # never free: the gate is shut for it
        session = busy[round_number % 2]
        run(session, "begin", READ)
        if round_number > 0:
            run(busy[(round_number + 1) % 2], "commit")
        if round_number == 0:
            run(holder, "commit")
        time.sleep(0.05)
        if report(pod)["shut"] > 0:
            break
    else:
        pytest.fail("no window came")
    run(session, "commit")
    assert_answered(drop)
    wait_for(admin, "to_regclass('table_c') is null")


def test_nothing_of_it_is_in_the_clients_transaction(start_pods, fleet,
                                                     connect, admin):
    """A NOTIFY of theirs would forbid it."""
    migration, pod = start_pods(2, **fleet.settings())
    d = connect(migration)
    run(d, "begin", DROP, "prepare transaction 'e2e_fleet'")
    wait_report(pod, "shut", 1)
    run(d, "rollback prepared 'e2e_fleet'")


def test_names_that_are_too_many_are_every_table(start_pods, fleet, connect,
                                                 admin):
    many = 600
    admin.execute("create table root (id int, at int) partition by list (at)")
    for i in range(many):
        admin.execute(f"create table leaf_{i} partition of root "
                      f"for values in ({i})")
    migration, pod = start_pods(2, gate_transaction=f"{GATE_S}s",
                                **fleet.settings())
    d, reader, free = connect(migration), connect(pod), connect(pod)
    run(d, "begin", "drop table root")
    wait_report(pod, "shut", 1)
    asked = ask(reader, "select * from other")
    assert_held(admin, asked)
    run(free, "select 1")
    run(d, "rollback")
    assert_answered(asked)


# -- twelve clients over three pods -----------------------------------------

DROPS = 4
WITHIN_S = 30
HELD_S = 3  # what is never done
MANY = 100


def drop_amid(migration, database, admin, drops, hold_s):
    """How many drops are done within the time, and how long each took."""
    took = []
    deadline = time.monotonic() + WITHIN_S
    with Wire(migration, database, application_name="e2e_d") as d:
        run(d, f"set lockstep.hold_timeout = '{hold_s}s'")
        for _ in range(drops):
            begun = time.monotonic()
            if errors(d.query(DROP)):
                break
            took.append(time.monotonic() - begun)
            admin.execute(TABLE_C)
            if time.monotonic() > deadline:
                break
    return took


def amid_pods(pods, migration, database, admin, order, drops=DROPS,
              hold_s=WITHIN_S):
    with contextlib.ExitStack() as stack:
        applications = [stack.enter_context(
            Application(pod, database, order=order, clients=4))
            for pod in pods]
        took = drop_amid(migration, database, admin, drops, hold_s)
    results = [application.result for application in applications]
    victims = [error for result in results for error in result["errors"]]
    longest_ms = max(result["longest_ms"] for result in results)
    assert min(result["transactions"] for result in results) > 10
    return took, victims, longest_ms


@pytest.mark.parametrize("order", ["ba", "random"])
def test_drops_amid_three_pods(start_pods, fleet, database, admin, order):
    migration, *pods = start_pods(4, **fleet.settings())
    took, victims, longest_ms = amid_pods(pods, migration, database, admin,
                                          order)
    assert victims == []
    assert len(took) == DROPS, took
    # No transaction waits for more than a few windows.
    assert longest_ms < 5000, longest_ms


def test_without_a_fleet_windows_do_not_help(start_pods, database, admin):
    """Policy auto does more than that: test_past.py.  A drop may find a free
    moment, but not all of them."""
    migration, *pods = start_pods(4, policy="hold")
    took, victims, _ = amid_pods(pods, migration, database, admin, "random",
                                 MANY, HELD_S)
    assert victims == []
    assert len(took) < MANY, took
