"""Memory does not grow with what has been, and little with what is.

Before a server that is none: one with processes would be slower and larger
than what it is to show.  tests/bench/growth.py has more of this.
"""

import os
import pathlib
import sys
import time

import pytest

from proxy import Lockstep

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
import swarm  # noqa: E402
from measure import anonymous_bytes  # noqa: E402
from swarm import Stub, Swarm  # noqa: E402

pytestmark = [
    pytest.mark.needs_lockstep,
    pytest.mark.clear_only("its clients and its server speak in clear")]

KIB = 1 << 10
SANITIZED = bool(os.environ.get("LOCKSTEP_SANITIZED"))
SMALLER = 16 if SANITIZED else 1  # amounts are divided by this

CONNECTS = 20_000 // SMALLER
# Of the second half.  The least that malloc gives, lost by each connection,
# would be 312 KiB; which pages are in use varies by some.
GROWTH_BOUND_BYTES = 128 * KIB
FEW = 10
IDLE = 2_000 // SMALLER
IDLE_BOUND_BYTES = 3.15 * KIB
QUERIES = 1000
SETTLE_S = 0.3


@pytest.fixture
def stub():
    with Stub() as stub:
        yield stub


@pytest.fixture
def lockstep(stub):
    swarm.raise_descriptor_limit(2 * IDLE + swarm.SPARE_DESCRIPTORS)
    with Lockstep(stub, {"log_level": "warning"}) as lockstep:
        yield lockstep


def settled_bytes(lockstep):
    time.sleep(SETTLE_S)
    return anonymous_bytes(lockstep.process.pid)


def test_connections_leave_no_memory_behind(lockstep):
    with Swarm(lockstep) as clients:
        clients.churn(CONNECTS // 5)
        clients.churn(CONNECTS // 2)
        half = settled_bytes(lockstep)
        clients.churn(CONNECTS // 2)
        grown = settled_bytes(lockstep) - half
    print(f"{half / KIB:.0f} KiB, then {grown / KIB:+.0f} KiB")
    assert SANITIZED or grown <= GROWTH_BOUND_BYTES


def test_idle_sessions_are_small(lockstep):
    """Each has run a query before."""
    most = swarm.most_sessions(IDLE)
    with Swarm(lockstep) as clients:
        clients.open(FEW)
        clients.run(FEW, QUERIES)
        few = settled_bytes(lockstep)
        clients.open(most)
        clients.run(most, most)
        each = (settled_bytes(lockstep) - few) / (most - FEW)
        clients.run(most, most)
    print(f"{most} sessions: {each / KIB:.2f} KiB each")
    assert SANITIZED or each <= IDLE_BOUND_BYTES
