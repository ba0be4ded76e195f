"""A migration remembered: what its first try shows, the second takes at once.

The application (A) holds what the migration (D) wants last, and then wants what
D has taken first: no order of D's statements is right.  Whoever knows all that
D will want takes it when nobody holds any of it.
"""

import time

import pytest

import wire
from incidents import INCIDENTS
from scene import ask
from wire import Wire, errors, sqlstates

pytestmark = pytest.mark.needs_lockstep

LOST = {"40P01", "55P03"}


@pytest.fixture
def proxy(start_lockstep):
    return start_lockstep(guard="ddl")


@pytest.fixture
def forgetful(start_lockstep):
    return start_lockstep(guard="ddl", memory="off")


def session(endpoint, database, name="e2e_d", **parameters):
    return Wire(endpoint, database, application_name=name, **parameters)


class Met:
    """One try of D beside one transaction of A's, which holds the last table
    when D begins, and goes on when D waits for it or has its first locks.

    traces of D's statements up to the first that failed; a_trace is A's.
    """

    def __init__(self, endpoint, database, incident, **parameters):
        first, then = (text.format(row=1) for text in incident.application)
        with session(endpoint, database, "e2e_a") as a, \
                session(endpoint, database, **parameters) as d:
            self.a_trace = a.query("begin") + a.query(first)
            self.traces = [d.query("begin")]
            asked = ask(d, incident.migration[0])
            is_held = not asked.is_answered(0.5)
            rest = ask(a, then)
            if is_held:
                self.a_trace += rest.answer() + a.query("commit")
            self.traces.append(asked.answer())
            for text in incident.migration[1:] + ["commit"]:
                if not self.is_done:
                    break
                self.traces.append(d.query(text))
            d.query("rollback")
            if not is_held:
                self.a_trace += rest.answer() + a.query("commit")

    @property
    def is_done(self):
        return all(errors(trace) == [] for trace in self.traces)

    @property
    def error(self):
        return sqlstates(self.traces[-1])


@pytest.mark.parametrize("name", INCIDENTS)
def test_second_try_is_done(proxy, database, admin, name):
    admin.execute(INCIDENTS[name].schema)
    lost = Met(proxy, database, INCIDENTS[name])
    assert not lost.is_done
    done = Met(proxy, database, INCIDENTS[name])
    assert done.is_done, done.traces[-1]
    assert errors(lost.a_trace + done.a_trace) == []
    assert admin.execute(INCIDENTS[name].done).fetchone()[0]


@pytest.mark.parametrize("name", INCIDENTS)
def test_without_memory_each_try_is_lost(forgetful, database, admin, name):
    admin.execute(INCIDENTS[name].schema)
    for _try in range(2):
        lost = Met(forgetful, database, INCIDENTS[name])
        assert not lost.is_done
        assert errors(lost.a_trace) == []
