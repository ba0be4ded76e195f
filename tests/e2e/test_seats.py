"""Sessions of a database, and of a role, have limits of their own: who is
refused sees what the server says where its own limits are reached."""

import contextlib
import time

import pytest

import wire
from program import Bare, startup_packet
from scene import BOUND_S
from wire import Wire

pytestmark = pytest.mark.needs_lockstep

ROLE = "seated"


def refusal(endpoint, database, user):
    """Fields of the error with which a login ends; None: it is let in."""
    with Bare(endpoint) as session:
        session.send(startup_packet(user=user, database=database))
        trace = []
        while not trace or trace[-1] is not wire.CLOSED and \
                trace[-1][0] != "Z":
            trace.append(session.read())
    assert trace[-1] is wire.CLOSED or wire.errors(trace) == []
    return next(iter(wire.errors(trace)), None)


def told(fields):
    return fields["S"], fields["C"], fields["M"]


@pytest.fixture
def role(admin):
    admin.execute(f"create role {ROLE} login")
    yield ROLE
    admin.execute(f"drop role {ROLE}")


def until_let_in(endpoint, database, user):
    deadline = time.monotonic() + BOUND_S
    while refusal(endpoint, database, user) is not None:
        assert time.monotonic() < deadline


@pytest.mark.parametrize("limit", ["max_db_connections",
                                   "max_user_connections"])
def test_who_is_refused_sees_what_the_server_says(
        start_lockstep, cluster, database, admin, role, limit):
    of_database = limit == "max_db_connections"
    object_name = f"database {database}" if of_database else f"role {role}"
    lockstep = start_lockstep(**{limit: "2"})
    for endpoint, server_limit in (cluster, 2), (lockstep, -1):
        admin.execute(f"alter {object_name} connection limit {server_limit}")
        # A superuser, as admin is, has no limit in the server, and counts.
        with contextlib.ExitStack() as stack:
            count = 1 if of_database and endpoint is cluster else 2
            sessions = [stack.enter_context(Wire(endpoint, database,
                                                 user=role))
                        for _ in range(count)]
            refused = refusal(endpoint, database, role)
            if endpoint is cluster:
                direct = told(refused)
                continue
            assert told(refused) == direct
            assert limit in refused["H"]
            if of_database:
                assert refusal(endpoint, "postgres", role) is None
            else:
                assert refusal(endpoint, database, "postgres") is None
            sessions.pop().close()
            until_let_in(endpoint, database, role)
    assert direct[1] == "53300"


def test_without_limits_nobody_is_refused(start_lockstep, database):
    lockstep = start_lockstep()
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(Wire(lockstep, database))
