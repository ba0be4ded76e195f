"""Lockstep before and behind PgBouncer and HAProxy.

What passes through both must be what passes through the pooler alone: the
outcomes of a driver are compared with those.  What cannot work is here, too,
as what really happens.
"""

import os
import subprocess
import sys
import time

import psycopg
import pytest

import steps
from poolers import HAProxy, PgBouncer
from scene import BOUND_S, Holder, ask, wait_asleep, wait_for
from steps import Bench, Driver, all_but
from wire import (Wire, bind, cancel, errors, execute, parse, rows, sqlstates,
                  status, sync)


def program(name):
    return (sys.executable, os.path.join(steps.HERE, name))


WHOLE_SESSION = Driver(client="psycopg 3", mode="autocommit",
                       command=program("psycopg3_client.py"), steps=all_but())

# What transaction pooling itself allows, with or without Lockstep: nothing
# that is a session's, so no LISTEN and no prepared statements.
BY_TRANSACTION = Driver(
    client="psycopg2", mode="transactions",
    command=program("psycopg2_client.py"),
    steps=all_but("prepared", "notify", "pipeline", "pipeline_drop",
                  "drop_prepared", "drop_script"))

DRIVERS = {"session": WHOLE_SESSION, "transaction": BY_TRANSACTION}


class Chain(Bench):
    """A bench whose two ways are given, and the Lockstep within one."""

    def __init__(self, cluster, lockstep, database, folder, alone, both):
        super().__init__(cluster, lockstep, database, folder)
        self.alone = alone
        self.both = both


def check_chain(chain, driver, entry, client):
    """As steps.check, between the pooler alone and the pooler and Lockstep."""
    names = ("version", *driver.steps)
    chain.reset()
    alone = chain.run(driver, chain.alone, *names)
    assert steps.different(alone[1:], [(step, driver.outcome_of(step))
                                       for step in driver.steps]) == []
    chain.reset()
    assert steps.different(chain.run(driver, chain.both, *names), alone) == []
    entry.update(client=client, mode=driver.client,
                 tried=list(driver.steps), result="equal")
    steps.check_guarded(chain, driver)
    ended, result = chain.loaded(driver, chain.both, steps.LOCKSTEP_ROUNDS)
    assert ended == {"done": steps.LOCKSTEP_ROUNDS}, (ended, result)
    assert result["errors"] == {}, result
    entry.update(victims=0, rounds=steps.LOCKSTEP_ROUNDS)


@pytest.fixture
def chain(cluster, database, tmp_path):
    def make(lockstep, alone, both):
        return Chain(cluster, lockstep, database, tmp_path, alone, both)
    return make


def packaged(name):
    told = subprocess.run(["dpkg-query", "-W", "-f",
                           "${source:Upstream-Version}", name],
                          capture_output=True, text=True, check=True)
    return told.stdout


# -- PgBouncer --------------------------------------------------------------

@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_application_pgbouncer_lockstep(cluster, lockstep, chain, entry, mode):
    with PgBouncer(cluster, mode) as alone, \
            PgBouncer(lockstep, mode) as both:
        check_chain(chain(lockstep, alone, both), DRIVERS[mode], entry,
                    f"PgBouncer before Lockstep, {mode} pooling")
    entry["version"] = packaged("pgbouncer")


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_application_lockstep_pgbouncer(cluster, start_lockstep, chain, entry,
                                        mode):
    with PgBouncer(cluster, mode) as pooler:
        lockstep = start_lockstep(upstream=pooler)
        check_chain(chain(lockstep, pooler, lockstep), DRIVERS[mode], entry,
                    f"PgBouncer behind Lockstep, {mode} pooling")
    entry["version"] = packaged("pgbouncer")


# -- HAProxy ----------------------------------------------------------------

def test_application_haproxy_lockstep(cluster, lockstep, chain, entry):
    with HAProxy(cluster) as alone, HAProxy(lockstep) as both:
        check_chain(chain(lockstep, alone, both), WHOLE_SESSION, entry,
                    "HAProxy before Lockstep")
    entry["version"] = packaged("haproxy")


def test_application_lockstep_haproxy(cluster, start_lockstep, chain, entry):
    with HAProxy(cluster) as balancer:
        lockstep = start_lockstep(upstream=balancer)
        check_chain(chain(lockstep, balancer, lockstep), WHOLE_SESSION, entry,
                    "HAProxy behind Lockstep")
    entry["version"] = packaged("haproxy")


# -- what transaction pooling does to sessions ------------------------------
#
# PgBouncer gives a server connection to a transaction and takes it back at
# its end.  Whatever outlives a transaction is then somebody else's.  Lockstep
# needs nothing that does: it plans, attempts, runs and commits a statement
# either in one transaction or in steps that are whole by themselves.

@pytest.fixture
def scarce(cluster, start_lockstep, database, admin):
    """Lockstep before a transaction pooler with so many connections."""
    admin.execute("set client_min_messages = warning;" + steps.SCHEMA)
    started = []

    def start(pool_size, **settings):
        pooler = PgBouncer(cluster, "transaction", pool_size, **settings)
        started.append(pooler.start())
        return pooler, start_lockstep(upstream=pooler)

    yield start
    for pooler in started:
        pooler.__exit__()


def kinds(trace):
    """What of an answer does not depend on which session gives it."""
    return [m for m in trace if m[0] not in "SN"]


def switched(endpoint, database, *texts):
    """A statement prepared on one server connection, run on another."""
    traces = []
    with Wire(endpoint, database) as first, Wire(endpoint, database) as second:
        for i, text in enumerate(texts):
            traces.append(first.run(parse(text, f"s{i}"), sync()))
        # The second takes the connection that the first was given.
        traces.append(second.query("begin"))
        for i in range(len(texts)):
            traces.append(first.run(bind("", f"s{i}"), execute(), sync()))
        traces.append(second.query("rollback"))
    return [kinds(trace) for trace in traces]


def test_prepared_statements_are_lost_with_or_without_lockstep(
        scarce, cluster, admin, database):
    """Lockstep judges a prepared DROP by the text that it has seen; the
    server that gets it knows nothing of it, and says so."""
    admin.execute("select make_c()")
    texts = "select 1", "drop table table_c"
    pooler, lockstep = scarce(pool_size=2)
    with_lockstep = switched(lockstep, database, *texts)
    assert [sqlstates(trace) for trace in with_lockstep[3:5]] == [["26000"]] * 2
    with PgBouncer(cluster, "transaction", 2) as alone:
        assert switched(alone, database, *texts) == with_lockstep
    # Nothing was dropped, and nothing is kept.
    assert admin.execute("select c_state()").fetchone()[0] == steps.WHOLE
    assert admin.execute(
        "select count(*) from pg_locks where relation = 'table_a'::regclass"
    ).fetchone()[0] == 0


def test_settings_of_a_session_become_others(scarce, admin, database):
    """SET lockstep.policy is a SET like any other.  SET LOCAL in a
    transaction, ALTER ROLE and rules work."""
    admin.execute("select make_c()")
    _pooler, lockstep = scarce(pool_size=1)
    with Wire(lockstep, database) as first, Wire(lockstep, database) as second:
        first.query("set lockstep.policy = 'reject'")
        assert sqlstates(second.query("drop table table_c")) == ["42501"]
        first.query("reset lockstep.policy")
        trace = second.query("begin; set local lockstep.policy = 'reject'; "
                             "drop table table_c; commit")
        assert sqlstates(trace) == ["42501"]
        second.query("rollback")
        assert errors(first.query("drop table table_c")) == []


def test_options_of_a_connection_are_refused(scarce, cluster, database):
    """PgBouncer knows few startup parameters, and this is none of them."""
    _pooler, lockstep = scarce(pool_size=1)
    with PgBouncer(cluster, "session") as alone:
        for endpoint in alone, lockstep:
            with pytest.raises(psycopg.OperationalError,
                               match="unsupported startup parameter"):
                psycopg.connect(host=endpoint.host, port=endpoint.port,
                                dbname=database, user="postgres",
                                options="-c lockstep.policy=lock")


def test_a_held_drop_takes_no_server_connection(scarce, cluster, admin,
                                                database):
    """It waits in Lockstep, so others of the pool go on."""
    admin.execute("select make_c()")
    _pooler, lockstep = scarce(pool_size=1)
    with Holder(cluster, database, "select * from table_a"), \
            Wire(lockstep, database) as first, \
            Wire(lockstep, database) as second:
        drop = ask(first, "drop table table_c")
        wait_for(admin, "exists (select from pg_stat_activity "
                 "where application_name = 'e2e_wire')")
        time.sleep(1)
        for _ in range(20):
            begun = time.monotonic()
            assert rows(second.query("select max(id) from items")) == [("1",)]
            assert time.monotonic() - begun < 10
        assert not drop.is_answered()
        cancel(lockstep, first)
        assert sqlstates(drop.answer()) == ["57014"]
        assert status(drop.answer()) == "I"


def test_fewer_connections_than_clients(scarce, cluster, database, tmp_path,
                                        entry):
    """Six clients and the drops share four server connections."""
    pooler, lockstep = scarce(pool_size=4)
    chain = Chain(cluster, lockstep, database, tmp_path, pooler, lockstep)
    ended, result = chain.loaded(BY_TRANSACTION, lockstep,
                                 steps.LOCKSTEP_ROUNDS)
    assert ended == {"done": steps.LOCKSTEP_ROUNDS}, (ended, result)
    assert result["errors"] == {}, result
    entry.update(client="PgBouncer behind Lockstep, transaction pooling",
                 mode="4 connections for 7 clients (load only)",
                 version=packaged("pgbouncer"), tried=[], result="equal",
                 victims=0, rounds=steps.LOCKSTEP_ROUNDS)


# -- several of Lockstep ----------------------------------------------------

def cancels_needed(balance, cluster, start_lockstep, database):
    """How many requests it takes to end a held DROP."""
    pair = [start_lockstep(), start_lockstep()]
    with HAProxy(*pair, balance=balance) as balancer, \
            Holder(cluster, database, "select * from table_a"), \
            Wire(balancer, database) as session:
        drop = ask(session, "drop table table_c")
        time.sleep(1)
        for count in 1, 2, 3:
            cancel(balancer, session)
            if drop.is_answered(within_s=3):
                assert sqlstates(drop.answer()) == ["57014"]
                return count
    raise AssertionError("it cannot be canceled")


def test_a_cancel_must_reach_the_same_lockstep(cluster, start_lockstep, admin,
                                               database):
    """A cancel request is a connection of its own.  The other Lockstep does
    not know the session and asks the server, which has nothing to cancel: the
    DROP is held.  So balance by the client's address."""
    admin.execute(steps.SCHEMA)
    admin.execute("select make_c()")
    # Now and then it meets the moment in which Lockstep looks who is there.
    assert any(cancels_needed("roundrobin", cluster, start_lockstep, database)
               == 2 for _ in range(3))
    assert cancels_needed("source", cluster, start_lockstep, database) == 1


def test_any_lockstep_cancels_what_runs(cluster, start_lockstep, database):
    pair = [start_lockstep(), start_lockstep()]
    with HAProxy(*pair) as balancer:
        for _ in range(2):
            with Wire(balancer, database) as session:
                sleep = ask(session, "select pg_sleep(60)")
                wait_asleep(cluster, session)
                cancel(balancer, session)
                assert sqlstates(sleep.answer()) == ["57014"]


def test_two_locksteps_take_turns(cluster, start_lockstep, database, admin,
                                  tmp_path, entry):
    """Application and drops go to both.  A gate is shut in one of them only,
    and a drop in a transaction would wait in vain for the other's readers to
    be gone: policy lock needs no gate.  The advisory lock serves both."""
    pair = [start_lockstep(policy="lock"), start_lockstep(policy="lock")]
    with HAProxy(*pair) as balancer:
        chain = Chain(cluster, pair[0], database, tmp_path, balancer, balancer)
        ended, result = chain.loaded(WHOLE_SESSION, balancer,
                                     steps.LOCKSTEP_ROUNDS)
    assert ended == {"done": steps.LOCKSTEP_ROUNDS}, (ended, result)
    assert result["errors"] == {}, result
    entry.update(client="HAProxy before Lockstep",
                 mode="two of Lockstep, policy = lock (load only)",
                 version=packaged("haproxy"), tried=[], result="equal",
                 victims=0, rounds=steps.LOCKSTEP_ROUNDS)


def test_haproxy_checks_lockstep_by_logins(start_lockstep):
    """option pgsql-check: up while Lockstep and the server are, then down;
    and no complaint in Lockstep's log."""
    lockstep = start_lockstep()
    with HAProxy(lockstep, checks=True) as balancer:
        deadline = time.monotonic() + BOUND_S
        time.sleep(1)
        assert balancer.status() == ["UP"]
        assert [event for event in lockstep.events()
                if event["level"] in ("error", "warn")
                and "descriptors" not in event["message"]] == []
        lockstep.stop()
        while not balancer.status()[0].startswith("DOWN"):
            assert time.monotonic() < deadline, balancer.status()
            time.sleep(0.1)
