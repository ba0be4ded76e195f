"""Nobody can tell: every message through Lockstep is the server's.

Each script is played direct once and through Lockstep in all deliveries: in
packets, byte by byte, and to a reader that takes one byte at a time; without a
guarded statement, and with one before, amid and after it.
"""

import pytest

import differential
import wire
from differential import (DELIVERIES, TO_THE_END, Script, assert_same, cancel,
                          half_close, held, place, play, way_is_free)
from differential_scripts import ENDINGS, SCRIPTS, STATES, UNLIKE
from injection import Step
from wire import CLOSED, bind, execute, extended, parse, query, sync

DATABASE = "e2e_differential"
# How the guarded statement comes at each place.
PREPARED = {None: False, "before": True, "amid": False, "after": False}


@pytest.fixture(scope="module")
def admin(cluster):
    """The administrator's connection to the database that all share."""
    with cluster.connect() as server:
        server.execute(f"create database {DATABASE}")
        with cluster.connect(DATABASE) as connection:
            yield connection
        server.execute(f"drop database {DATABASE} with (force)")


# -- scripts ----------------------------------------------------------------

@pytest.mark.parametrize("where", PREPARED)
@pytest.mark.parametrize("name", SCRIPTS)
def test_script_equals_direct(direct, lockstep, admin, name, where):
    script = SCRIPTS[name]
    if where and not script.can_stand(where):
        pytest.skip("there is no such place")
    steps = place(script, where, PREPARED[where])
    expected = play(direct, admin, steps, DELIVERIES["packet"])
    assert expected.left in ([], None)
    for delivery in DELIVERIES.values():
        seen = play(lockstep, admin, steps, delivery)
        assert_same(expected, seen, in_one_order=where is None)


@pytest.mark.needs_lockstep
def test_the_guarded_statement_is_guarded(lockstep, admin):
    """Else the comparisons above would compare nothing."""
    for where in "before", "amid", "after":
        for prepared in False, True:
            count = len(lockstep.guarded())
            play(lockstep, admin, place(SCRIPTS["named"], where, prepared),
                 DELIVERIES["packet"])
            lines = lockstep.wait_guarded(count + 1)[count:]
            assert [line["outcome"] for line in lines] \
                in (["protected"], ["unopposed"])


# -- cancel, Terminate and half-close in each state -------------------------

def is_held(name):
    return name.startswith(("held", "at the gate"))


# Whoever holds the one would hold a guarded statement before it, too.
CASES = [(name, ending, where) for name in STATES for ending in ENDINGS
         for where in (None, "before")
         if (name, ending) not in UNLIKE and not (where and is_held(name))]


@pytest.mark.parametrize("name, ending, where", CASES)
def test_ending_equals_direct(direct, lockstep, admin, name, ending, where):
    hindered_by, _steps, _ready = STATES[name]
    steps = place(Script(ENDINGS[ending](name)), where)
    if where:
        steps.insert(1, Step([query(differential.RESTORE)]))

    def compare():
        expected = play(direct, admin, steps, DELIVERIES["packet"],
                        hindered_by)
        for delivery in DELIVERIES.values():
            seen = play(lockstep, admin, steps, delivery, hindered_by)
            assert_same(expected, seen, not where and not is_held(name),
                        is_held(name))

    if ending == "cancel":
        wire.despite_second_signal(compare)
    else:
        compare()


@pytest.mark.needs_lockstep
@pytest.mark.parametrize("name, ending", sorted(UNLIKE))
def test_held_and_half_closed_is_gone(lockstep, admin, name, ending):
    """Direct it would be dropped when the way is free."""
    hindered_by, steps, _ready = STATES[name]
    played = play(lockstep, admin,
                  [*steps, half_close, Step([], until=TO_THE_END)],
                  DELIVERIES["packet"], hindered_by)
    assert played.trace[-1] is CLOSED
    assert ("relation", "doomed") in played.state


@pytest.mark.needs_lockstep
def test_a_cycle_canceled_while_held_prepared_nothing(lockstep, admin):
    """It is refused before its ParseComplete, so nobody relies on it."""
    played = play(lockstep, admin, [
        Step([*extended(differential.GUARDED, "s"), sync()], ready=0), held,
        cancel, Step([], ready=1), way_is_free,
        Step([parse("select 'mine'", "s"), bind("", "s"), execute(), sync()])
    ], DELIVERIES["packet"], STATES["held"][0])
    kinds = "".join(kind for kind, _content in played.trace)
    assert kinds.endswith("ZEZ12DCZ"), kinds
