"""A tool's migration, beside an application that takes the same tables in the
opposite order: played once in a database of its own, straight at the server or
through Lockstep.
"""

import collections
import contextlib
import dataclasses
import itertools
import os
import re
import subprocess

from traffic import Traffic

DEADLOCK = "40P01"

ROWS = """
insert into users (seen) select 0 from generate_series(1, 100);
insert into projects (seen) select 0 from generate_series(1, 100);
"""

# Foreign keys to the hot tables, whether bookmarks and comments.project_id are
# gone, and whether users.nickname is.
FACTS = """
select coalesce((select array_agg(conrelid::regclass || ' ' || a.attname || ' '
                                  || confrelid::regclass)
                 from pg_constraint join pg_attribute a
                 on a.attrelid = conrelid and a.attnum = any(conkey)
                 where contype = 'f' and confrelid in (
                     'users'::regclass, 'projects'::regclass)), '{}'),
    to_regclass('bookmarks') is null
    and not exists (select from pg_attribute where attname = 'project_id'
                    and attrelid = 'comments'::regclass),
    not exists (select from pg_attribute where attname = 'nickname'
                and attrelid = 'users'::regclass)
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
    """A tool's project and, as a template, the schema before a migration.

    before and migration are names of the tool's commands; tables is asked for
    the hot ones, in the order of the application.  expected is the schema that
    the migration makes when nothing else happens.
    """

    def __init__(self, cluster, project, before, migration, tables):
        self.cluster = cluster
        self.project = project
        self.migration = migration
        self.template = f"orm_{project.tool.name}_{migration}".replace(
            "-", "_")
        with cluster.connect() as admin:
            admin.execute(f"create database {self.template}")
        for command in before:
            self.run(command, cluster, self.template)
        with cluster.connect(self.template) as admin:
            admin.execute(ROWS)
            self.tables = tables(admin)
        with self.database() as database:
            self.run(migration, cluster, database)
            with cluster.connect(database) as admin:
                self.facts = admin.execute(FACTS).fetchone()
            self.expected = dump_schema(cluster, database)

    def run(self, command, endpoint, database):
        ended = self.project.run(command, endpoint, database)
        assert ended.returncode == 0, ended.stdout

    @contextlib.contextmanager
    def database(self):
        """A new one, with the schema before the migration."""
        name = f"{self.template}_{next(database_numbers)}"
        with self.cluster.connect() as admin:
            admin.execute(f"create database {name} template {self.template}")
            try:
                yield name
            finally:
                admin.execute(f"drop database {name} with (force)")

    def play(self, endpoint):
        """The migration under load, once, in a database of its own."""
        with self.database() as database:
            mark = self.cluster.log_mark()
            with Traffic(endpoint, database, self.tables) as traffic:
                ended = self.project.run(self.migration, endpoint,
                                         database)
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


