"""Migration tools with their defaults, beside an application that takes the
same tables in the opposite order: direct somebody dies, through Lockstep
nobody does and the schema is the one that was asked for.
"""

import os

import pytest

from stage import DEADLOCK, Round, Stage, summary
from tools import TOOLS, Project

# At least so many, and more until somebody has died.
DIRECT_ROUNDS = int(os.environ.get("ORM_DIRECT_ROUNDS", 5))
MOST_DIRECT_ROUNDS = 4 * DIRECT_ROUNDS
LOCKSTEP_ROUNDS = int(os.environ.get("ORM_LOCKSTEP_ROUNDS", 10))

# A drop takes the table of the newest foreign key first; TypeORM is the one
# tool that drops the foreign keys by itself before, and the oldest one first.
OPPOSITE_ORDER = """
select confrelid::regclass::text from pg_constraint
where conrelid = 'bookmarks'::regclass and contype = 'f' order by oid
"""


@pytest.fixture(scope="module", params=TOOLS, ids=lambda tool: tool.name)
def stage(request, cluster, build):
    def tables(admin):
        names = [name for name, in admin.execute(OPPOSITE_ORDER)]
        assert sorted(names) == ["projects", "users"]
        return names[::-1] if request.param.drops_oldest_first else names

    stage = Stage(cluster, Project(request.param, build), ["initial"],
                  "change", tables)
    assert stage.facts == (["ratings project_id projects"], True, False)
    return stage


@pytest.fixture
def note(results, stage):
    """Keeps what was measured, whether it is liked or not."""
    tool = stage.project.tool

    def note(side, rounds):
        entry = results.setdefault(tool.name, {})
        entry.update(title=tool.title, version=stage.project.version())
        entry[side] = summary(rounds)
        return entry[side]
    return note


def test_direct_somebody_dies(direct, stage, note):
    rounds = []
    for number in range(1, MOST_DIRECT_ROUNDS + 1):
        rounds.append(stage.play(direct))
        if number >= DIRECT_ROUNDS and any(map(Round.has_victim, rounds)):
            break
    assert note("direct", rounds)["rounds_with_victims"] > 0


@pytest.fixture(scope="module")
def through(stage):
    """The rounds through Lockstep, once they were played."""
    return []


@pytest.mark.needs_lockstep
def test_through_lockstep_nobody_dies(lockstep, stage, note, through):
    guarded = len(lockstep.guarded())
    through += [stage.play(lockstep) for _ in range(LOCKSTEP_ROUNDS)]
    note("lockstep", through)
    for round in through:
        assert round.application == {}, round.log
        assert round.states[DEADLOCK] == 0, round.log
    outcomes = [line["outcome"]
                for line in lockstep.wait_guarded(guarded + len(through))]
    assert outcomes.count("protected") >= len(through)


@pytest.mark.needs_lockstep
def test_through_lockstep_the_migration_passes(stage, through):
    """With the schema that it makes when nothing else happens."""
    assert through, "not played"
    for round in through:
        assert round.passed, round.output + round.log
        assert round.is_equal
