"""Migration tools with their defaults, beside an application that takes the
same tables in the opposite order: direct somebody dies, through Lockstep
nobody does and the schema is the one that was asked for.
"""

import collections
import contextlib
import dataclasses
import itertools
import os
import re
import subprocess

import pytest

from tools import TOOLS, Project
from traffic import Traffic

DEADLOCK = "40P01"
# At least so many, and more until somebody has died.
DIRECT_ROUNDS = int(os.environ.get("ORM_DIRECT_ROUNDS", 5))
MOST_DIRECT_ROUNDS = 4 * DIRECT_ROUNDS
LOCKSTEP_ROUNDS = int(os.environ.get("ORM_LOCKSTEP_ROUNDS", 10))

ROWS = """
insert into users (seen) select 0 from generate_series(1, 100);
insert into projects (seen) select 0 from generate_series(1, 100);
"""

# A drop takes the table of the newest foreign key first; TypeORM is the one
# tool that drops the foreign keys by itself before, and the oldest one first.
OPPOSITE_ORDER = """
select confrelid::regclass::text from pg_constraint
where conrelid = 'bookmarks'::regclass and contype = 'f' order by oid
"""

database_numbers = itertools.count(1)


def dump_schema(cluster, database):
    """What pg_dump says of it, without comments and its session's secret."""
    text = subprocess.run(
        [os.path.join(cluster.pg_bin, "pg_dump"), "-s",
         cluster.conninfo(database)],
        stdout=subprocess.PIPE, text=True, check=True).stdout
    return [line for line in text.splitlines()
            if line and not line.startswith(("--", "\\"))]


class Stage:
    """A tool's project and, as a template, the schema before its change.

    expected is the schema that the change makes when nothing else happens.
    """

    def __init__(self, cluster, project):
        self.cluster = cluster
        self.project = project
        self.template = f"orm_{project.tool.name}".replace("-", "_")
        with cluster.connect() as admin:
            admin.execute(f"create database {self.template}")
        ended = project.initial(cluster, self.template)
        assert ended.returncode == 0, ended.stdout
        with cluster.connect(self.template) as admin:
            admin.execute(ROWS)
            self.tables = [name for name, in admin.execute(OPPOSITE_ORDER)]
        if project.tool.drops_oldest_first:
            self.tables.reverse()
        assert sorted(self.tables) == ["projects", "users"]
        with self.database() as database:
            ended = project.change(cluster, database)
            assert ended.returncode == 0, ended.stdout
            assert_changed(cluster, database)
            self.expected = dump_schema(cluster, database)

    @contextlib.contextmanager
    def database(self):
        """A new one, with the schema before the change."""
        name = f"{self.template}_{next(database_numbers)}"
        with self.cluster.connect() as admin:
            admin.execute(f"create database {name} template {self.template}")
            try:
                yield name
            finally:
                admin.execute(f"drop database {name} with (force)")

    def play(self, endpoint):
        """The change under load, once, in a database of its own."""
        with self.database() as database:
            mark = self.cluster.log_mark()
            with Traffic(endpoint, database, self.tables) as traffic:
                ended = self.project.change(endpoint, database)
            log = self.cluster.log(mark)
            return Round(
                output=ended.stdout, passed=ended.returncode == 0,
                states=collections.Counter(
                    re.findall(r"^\S+ \S+ \S+ \[\d+\] (\w{5}) ERROR:", log,
                               re.MULTILINE)),
                application=traffic.errors,
                transactions=traffic.transactions,
                longest_ms=round(traffic.longest_s * 1000),
                is_equal=dump_schema(self.cluster, database) == self.expected,
                log=log)


CHANGED = """
select (select array_agg(conrelid::regclass || ' ' || a.attname || ' '
                         || confrelid::regclass)
        from pg_constraint join pg_attribute a
        on a.attrelid = conrelid and a.attnum = any(conkey)
        where contype = 'f' and confrelid in (
            'users'::regclass, 'projects'::regclass)),
    to_regclass('bookmarks') is null,
    not exists (select from pg_attribute where attname = 'project_id'
                and attrelid = 'comments'::regclass)
"""


def assert_changed(cluster, database):
    """The migration is what it is said to be, whatever the tool made of it."""
    with cluster.connect(database) as admin:
        assert admin.execute(CHANGED).fetchone() == (
            ["ratings project_id projects"], True, True)


@dataclasses.dataclass
class Round:
    """states: how often the server told somebody of which error."""

    output: str
    passed: bool
    states: collections.Counter
    application: collections.Counter
    transactions: int
    longest_ms: int
    is_equal: bool
    log: str

    def victims(self):
        """Of the migration, of the application."""
        application = self.application[DEADLOCK]
        return self.states[DEADLOCK] - application, application


    def has_victim(self):
        return any(self.victims())


def summary(rounds):
    victims = [round.victims() for round in rounds]
    return {"rounds": len(rounds),
            "passed": sum(round.passed for round in rounds),
            "equal": sum(round.is_equal for round in rounds),
            "rounds_with_victims": sum(map(Round.has_victim, rounds)),
            "migration_victims": sum(pair[0] for pair in victims),
            "application_victims": sum(pair[1] for pair in victims),
            "transactions": sum(round.transactions for round in rounds),
            "longest_ms": max(round.longest_ms for round in rounds)}


@pytest.fixture(scope="module", params=TOOLS, ids=lambda tool: tool.name)
def stage(request, cluster, build):
    return Stage(cluster, Project(request.param, build))


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
def test_through_lockstep_the_migration_passes(stage, through, request):
    """With the schema that it makes when nothing else happens."""
    if stage.project.tool.fails_cleanly:
        request.applymarker(pytest.mark.xfail(
            reason=stage.project.tool.fails_cleanly, strict=True))
    assert through, "not played"
    for round in through:
        assert round.passed, round.output + round.log
        assert round.is_equal
