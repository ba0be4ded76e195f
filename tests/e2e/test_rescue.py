"""DDL that nobody could foresee waits in the server; a rescue ends the queue.

A function, a procedure, or a block whose text does not name what it drops.
Without a rescue whoever wants the table queues behind it in the server; with
one new transactions wait in the proxy, as far as the gate's caps allow.
"""

import contextlib
import os
import signal
import time
from unittest import mock

import pytest

import wire
from cluster import Cluster
from fleet import Fleet, lines, wait_line, wait_report, wake
from proxy import Lockstep
from scene import (Asked, Holder, Loop, ask, assert_answered, assert_held, run,
                   wait_for, waits_for_lock)
from wire import Wire, errors

WINDOW_S = 10  # gate_window, where the test is over before it

CLIENTS = 24
PAUSE_S = 3  # of each client, and how long the table is not free

BEGUN = "rescue: a statement waits"
OVER = "rescue is over"
FAILED = "rescue: no connection"

TABLES = """
create table hot(id int primary key);
create table other(id int primary key);
insert into hot values (1);
create function drop_it() returns void language plpgsql as
    $$ begin execute 'drop table if exists child'; end $$;
create procedure drop_it_too() language plpgsql as
    $$ begin execute 'drop table if exists child'; end $$;
create function index_it() returns void language plpgsql as
    $$ begin execute 'create index on hot (id)'; end $$;
"""
CHILD = "create table if not exists child(hot_id int references hot)"
READ = "select * from hot"
WRITE = "insert into hot values (2)"
FORMS = ["select drop_it()", "select * from drop_it()", "call drop_it_too()",
         "do $$ begin execute 'dr' || 'op table child'; end $$"]

pytestmark = pytest.mark.needs_lockstep


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)
    admin.execute(CHILD)


@pytest.fixture
def start(start_lockstep, fleet, tables):
    """start(**settings): a Lockstep of a fleet, whose windows are long."""
    def start(**settings):
        return start_lockstep(**{
            "gate_window": f"{WINDOW_S}s",
            "gate_transaction": f"{WINDOW_S}s",  # the most at a time
            **fleet.settings(), **settings})

    return start


def wait_queued(admin, asked):
    wait_for(admin, "exists (select from pg_locks where pid = %s "
             "and not granted)", asked.session.pid)


def assert_queues(admin, asked):
    wait_queued(admin, asked)
    assert not asked.is_answered()


def dropped(admin):
    return admin.execute(
        "select to_regclass('child') is null").fetchone()[0]


# -- the harm, and none of it -----------------------------------------------

def assert_a_queue_forms(endpoint, direct, database, connect, admin):
    admin.execute(CHILD)
    d = connect(endpoint)
    readers = [connect(endpoint) for _ in range(3)]
    with Holder(direct, database, READ) as holder:
        drop = ask(d, "select drop_it()")
        wait_queued(admin, drop)
        time.sleep(1)  # a rescue would be there by now
        asked = [ask(reader, READ) for reader in readers]
        for one in asked:
            assert_queues(admin, one)
        holder.release()
    for one in [drop, *asked]:
        assert_answered(one)


def test_without_a_rescue_readers_queue(direct, start, start_lockstep,
                                        database, connect, admin):
    assert_a_queue_forms(direct, direct, database, connect, admin)
    for pod in (start(rescue="off"), start(guard="off"), start_lockstep()):
        assert_a_queue_forms(pod, direct, database, connect, admin)
        assert lines(pod, BEGUN) == []


@pytest.mark.parametrize("form", FORMS)
def test_readers_wait_in_the_proxy(form, direct, start, database, connect,
                                   admin):
    pod = start()
    d, bystander = connect(pod), connect(pod)
    readers = [connect(pod) for _ in range(3)]
    with Holder(direct, database, READ) as holder:
        drop = ask(d, form)
        (line,) = wait_line(pod, BEGUN)
        assert line["database"] == database
        asked = [ask(reader, READ) for reader in readers]
        late = ask(connect(pod), "select * from child")  # a moment too late
        asked.append(late)
        for one in asked:
            assert_held(admin, one)
        run(bystander, "select * from other")
        assert waits_for_lock(admin, d.pid)
        holder.release()
    assert_answered(drop)
    asked.remove(late)
    for one in asked:
        assert_answered(one)
    assert [error["C"] for error in errors(late.answer())] == ["42P01"]
    assert dropped(admin)
    (line,) = wait_line(pod, OVER)
    assert line["windows"] == "1" and line["delayed"] == "4"
    assert int(line["shut_ms"]) < WINDOW_S * 1000


@pytest.mark.parametrize("name", ["", "named"])
def test_a_prepared_statement_is_rescued(name, direct, start, database,
                                         connect, admin):
    pod = start()
    d, reader = connect(pod), connect(pod)
    text = "select drop_it()"
    # Named: prepared and run before, so that only its name comes again.
    messages = [*wire.extended(text, name), wire.sync()]
    if name:
        assert errors(d.run(*messages)) == []
        admin.execute(CHILD)
        messages = [wire.bind(name=name), wire.execute(), wire.sync()]
    with Holder(direct, database, READ) as holder:
        drop = Asked(d, *messages)
        wait_line(pod, BEGUN)
        asked = ask(reader, READ)
        assert_held(admin, asked)
        holder.release()
    assert_answered(drop)
    assert_answered(asked)
    assert dropped(admin)


def test_readers_pass_what_stops_writers_only(direct, start, database, connect,
                                              admin):
    pod = start()
    d, reader, writer = (connect(pod) for _ in range(3))
    with Holder(direct, database, "insert into hot values (3)") as holder:
        index = ask(d, "select index_it()")
        wait_line(pod, BEGUN)
        asked = ask(writer, WRITE)
        assert_held(admin, asked)
        run(reader, READ)
        holder.release()
    assert_answered(index)
    assert_answered(asked)


def test_other_pods_wait_too(direct, start, database, connect, admin):
    migration, pod = start(), start()
    for proxy in migration, pod:
        wake(proxy, database)
    reader = connect(pod)
    with Holder(direct, database, READ) as holder:
        drop = ask(connect(migration), "select drop_it()")
        wait_report(pod, "shut", 1)
        asked = ask(reader, READ)
        assert_held(admin, asked)
        holder.release()
    assert_answered(drop)
    assert_answered(asked)


def test_traffic_does_not_pile_up(direct, start, database, connect, admin):
    """Many clients, each of which comes by every now and then."""
    def most_queued(endpoint):
        loops = [Loop(endpoint, database, READ, pause_s=PAUSE_S)
                 for _ in range(CLIENTS)]
        most = 0
        with contextlib.ExitStack() as stack:
            for loop in loops:
                stack.enter_context(loop)
                time.sleep(PAUSE_S / CLIENTS)
            with Holder(direct, database, READ) as holder:
                drop = ask(connect(endpoint), "select drop_it()")
                until = time.monotonic() + PAUSE_S + 0.3
                while time.monotonic() < until:
                    most = max(most, queued(admin))
                    time.sleep(0.02)
                holder.release()
            assert_answered(drop)
            longest_s = max(loop.longest_s for loop in loops)
        assert sum((loop.problems for loop in loops), []) == []
        admin.execute(CHILD)
        return most, longest_s

    without, stall_without = most_queued(direct)
    with_it, stall_with = most_queued(start())
    assert without >= CLIENTS * 3 / 4
    assert with_it <= without / 2
    assert stall_with < stall_without + 1


def queued(admin):
    return admin.execute(
        "select count(distinct pid) from pg_locks where not granted "
        "and database = (select oid from pg_database "
        "where datname = current_database())").fetchone()[0]


# -- the caps ---------------------------------------------------------------

def test_windows_keep_their_distance(direct, start_lockstep, fleet, tables,
                                     database, connect, admin):
    pod = start_lockstep(**fleet.settings())
    busy = [connect(pod) for _ in range(10)]
    begun = time.monotonic()
    with Holder(direct, database, READ) as holder:
        drop = ask(connect(pod), "select drop_it()")
        (line,) = wait_line(pod, BEGUN)
        asked = ask(busy.pop(), READ)
        assert_queues(admin, asked)  # once the window is over
        time.sleep(6)
        asked = [asked, *(ask(session, READ) for session in busy)]
        holder.release()
    assert_answered(drop)
    took_s = time.monotonic() - begun
    for one in asked:
        assert_answered(one)
    (line,) = wait_line(pod, OVER)
    assert 2 <= int(line["windows"]) <= took_s
    # A window's end may come late on a busy machine.
    assert int(line["shut_ms"]) <= 600 * int(line["windows"])
    assert int(line["shut_ms"]) <= took_s * 1000 / 2


def test_who_waits_for_nothing_is_left_alone(start, connect):
    pod = start()
    session = connect(pod)
    run(session, "do $$ begin perform pg_sleep(1); end $$", "select 1")
    assert lines(pod, BEGUN) == []


def test_a_rescue_ends_with_its_session(direct, start, database, connect,
                                        admin):
    pod = start()
    d, reader = Wire(pod, database), connect(pod)
    with Holder(direct, database, READ):
        ask(d, "select drop_it()")
        wait_line(pod, BEGUN)
        asked = ask(reader, READ)
        assert_held(admin, asked)
        admin.execute("select pg_terminate_backend(%s)", [d.pid])
        assert_answered(asked)
    wait_line(pod, OVER)


# -- what cannot be had -----------------------------------------------------

def test_a_role_that_may_not_connect_harms_nobody(direct, start, fleet,
                                                  database, connect, admin):
    admin.execute("drop role if exists fleet_only")
    admin.execute("create role fleet_only login")
    admin.execute(f"revoke connect on database {database} from public")
    pod = start(**fleet.settings(user="fleet_only"))
    for _ in range(2):
        assert_a_queue_forms(pod, direct, database, connect, admin)
    (line,) = lines(pod, FAILED)
    assert line["database"] == database
    assert "permission denied for database" in line["why"]
    assert lines(pod, BEGUN) == []


def test_no_connection_at_all_harms_nobody(direct, start, fleet, database,
                                           connect, admin):
    pod = start(**fleet.settings(port=1))
    assert_a_queue_forms(pod, direct, database, connect, admin)
    (line,) = lines(pod, FAILED)
    assert "Connection refused" in line["why"]
    assert lines(pod, BEGUN) == []


def test_a_wrong_password_is_one_line_and_nothing_else(tmp_path):
    """In the client's database only: the fleet is well."""
    with Cluster() as cluster, Fleet(cluster, tmp_path) as fleet:
        with cluster.connect() as admin:
            admin.execute("create role fleet_role login password 'right'")
            admin.execute(TABLES)
            admin.execute(CHILD)
        cluster.require_password("fleet_role", "postgres")
        settings = {**fleet.settings(user="fleet_role", password="wrong"),
                    "gate_window": f"{WINDOW_S}s",
                    "gate_transaction": f"{WINDOW_S}s"}
        with Lockstep(cluster, settings) as proxy:
            with Holder(cluster, "postgres", READ) as holder, \
                    Wire(proxy, "postgres") as d:
                drop = ask(d, "select drop_it()")
                wait_line(proxy, FAILED)
                time.sleep(3)  # two more tries at least
                (line,) = lines(proxy, FAILED)
                assert "password authentication failed" in line["why"]
                assert lines(proxy, BEGUN) == []
                assert "wrong" not in proxy.stderr()
                with cluster.connect() as admin:
                    admin.execute("alter role fleet_role password 'wrong'")
                wait_line(proxy, BEGUN)
                holder.release()
                assert_answered(drop)


def test_a_connection_that_stands_still_leaves_the_gate_open(
        direct, start, database, connect, admin):
    pod = start(gate_window="300ms")
    with Holder(direct, database, READ) as holder:
        drop = ask(connect(pod), "select drop_it()")
        wait_line(pod, BEGUN)
        (pid,) = admin.execute(
            "select pid from pg_stat_activity "
            "where application_name = 'lockstep rescue' "
            "and datname = current_database()").fetchone()
        os.kill(pid, signal.SIGSTOP)
        try:
            asked = ask(connect(pod), READ)
            wait_queued(admin, asked)  # the window ends by itself
            holder.release()
            assert_answered(drop)
            assert_answered(asked)
        finally:
            os.kill(pid, signal.SIGCONT)


def test_a_server_that_is_restarted(tmp_path):
    with Cluster() as cluster, Fleet(cluster, tmp_path) as fleet:
        with cluster.connect() as admin:
            admin.execute(TABLES)
            admin.execute(CHILD)
        settings = {**fleet.settings(), "gate_window": f"{WINDOW_S}s",
                    "gate_transaction": f"{WINDOW_S}s"}
        with Lockstep(cluster, settings) as proxy:
            rescue(cluster, proxy, 1)
            port = cluster.port
            cluster.stop()
            with mock.patch("cluster.free_port", lambda: port):
                cluster.start()
            rescue(cluster, proxy, 2)
            assert lines(proxy, FAILED) == []


def rescue(cluster, proxy, count):
    """One more statement is rescued, in database postgres."""
    with Holder(cluster, "postgres", READ) as holder, \
            Wire(proxy, "postgres") as d:
        drop = ask(d, "select drop_it()")
        wait_line(proxy, BEGUN, count)
        holder.release()
        assert_answered(drop)
    with cluster.connect() as admin:
        admin.execute(CHILD)
