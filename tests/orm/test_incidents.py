"""Migration tools with a migration whose statements come one by one, on hot
tables: the second one finds in its way those who wait for the first.

Directly somebody dies or the migration is lost; through Lockstep with its
defaults it is done at the first try, and nobody dies.
"""

import os

import pytest

from stage import DEADLOCK, Round, Stage, summary
from tools import TOOLS, Project

MOST_DIRECT_ROUNDS = int(os.environ.get("ORM_DIRECT_ROUNDS", 5)) * 4
LOCKSTEP_ROUNDS = int(os.environ.get("ORM_LOCKSTEP_ROUNDS", 10)) // 3 + 1
MOST_LOCKSTEP_ROUNDS = LOCKSTEP_ROUNDS + 12
ONE_MESSAGE = {"pgadmin"}  # there is nothing to be started over


@pytest.fixture(scope="module", params=TOOLS, ids=lambda tool: tool.name)
def stage(request, cluster, build):
    stage = Stage(cluster, Project(request.param, build),
                  ["initial", "change"], "incident",
                  lambda admin: ["users", "projects"])
    assert stage.facts == ([], True, True)
    return stage


@pytest.fixture
def note(results, stage):
    """Keeps what was measured, whether it is liked or not."""
    tool = stage.project.tool

    def note(side, rounds):
        entry = results.setdefault(tool.name, {})
        entry.update(title=tool.title, version=stage.project.version())
        entry.setdefault("incident", {})[side] = summary(rounds)
    return note


def test_direct_somebody_dies(direct, stage, note):
    rounds = []
    while not any(map(Round.has_victim, rounds)):
        assert len(rounds) < MOST_DIRECT_ROUNDS
        rounds.append(stage.play(direct))
    note("direct", rounds)


@pytest.mark.needs_lockstep
def test_through_lockstep_it_is_done_at_the_first_try(lockstep, stage, note):
    before = len(lockstep.started_over())

    def has_met_nobody():
        # It is a matter of luck who is there, but not in round after round.
        return (stage.project.tool.name not in ONE_MESSAGE
                and len(lockstep.started_over()) == before)

    rounds = []
    while len(rounds) < LOCKSTEP_ROUNDS or (
            has_met_nobody() and len(rounds) < MOST_LOCKSTEP_ROUNDS):
        rounds.append(stage.play(lockstep))
    note("lockstep", rounds)
    for round in rounds:
        assert round.application == {}, round.log
        assert round.states[DEADLOCK] == 0, round.log
        assert round.passed, round.output + round.log
        assert round.is_equal
    assert not has_met_nobody(), lockstep.tail()
