"""The migration tools: how each is run, in which folder, against what.

A tool's folder holds a small project as its manual has it, with three
migrations.  The first makes the schema:

    users, projects             two hot tables
    bookmarks                   references both
    comments                    references projects
    ratings                     references users

The second, the change, drops bookmarks, the column comments.project_id and the
foreign key of ratings.user_id, and adds one to ratings.project_id.

The third, the incident, drops the foreign key of ratings.project_id, and then
the column users.nickname: a statement for each of the hot tables, in one
transaction.
"""

import dataclasses
import os
import re
import shutil
import subprocess
import sys

SOURCES = os.path.dirname(os.path.abspath(__file__))
RUN_BOUND_S = 120


@dataclasses.dataclass
class Tool:
    """initial, change, incident and version are commands; {url}, {host}, {port} and
    {database} stand for where the database is.  drops_oldest_first: it takes
    the table of bookmarks' oldest foreign key before the others'."""

    name: str
    title: str
    initial: list
    change: list
    incident: list
    version: list
    environment: dict = dataclasses.field(
        default_factory=lambda: {"DATABASE_URL": "{url}"})
    drops_oldest_first: bool = False


PSQL = ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-1", "{url}", "-f"]
PYTHON = sys.executable



def npm_bin(program, *arguments):
    return ["node", f"../node_modules/.bin/{program}", *arguments]


def npm_version(package):
    return ["node", "-p",
            f"require('../node_modules/{package}/package.json').version"]


TYPEORM_RUN = ["migration:run", "-d", "data-source.js"]

TOOLS = [
    Tool("psql", "SQL file, `psql -1 -f`",
         initial=[*PSQL, "1_initial.sql"], change=[*PSQL, "2_change.sql"],
         incident=[*PSQL, "3_incident.sql"],
         version=["psql", "--version"], environment={}),
    Tool("pgadmin", "SQL text in one message, as pgAdmin (psycopg 3)",
         initial=[PYTHON, "run_query.py", "../psql/1_initial.sql"],
         change=[PYTHON, "run_query.py", "../psql/2_change.sql"],
         incident=[PYTHON, "run_query.py", "../psql/3_incident.sql"],
         version=[PYTHON, "-c",
                  "import psycopg; print(psycopg.__version__)"]),
    Tool("django", "Django",
         initial=[PYTHON, "manage.py", "migrate", "shop", "0001"],
         change=[PYTHON, "manage.py", "migrate", "shop", "0002"],
         incident=[PYTHON, "manage.py", "migrate", "shop"],
         version=[PYTHON, "-m", "django", "--version"],
         environment={"DATABASE_HOST": "{host}", "DATABASE_PORT": "{port}",
                      "DATABASE_NAME": "{database}"}),
    Tool("alembic", "Alembic",
         initial=["alembic", "upgrade", "0001"],
         change=["alembic", "upgrade", "0002"],
         incident=["alembic", "upgrade", "head"],
         version=["alembic", "--version"]),
    Tool("knex", "Knex",
         initial=npm_bin("knex", "migrate:up"),
         change=npm_bin("knex", "migrate:up"),
         incident=npm_bin("knex", "migrate:latest"),
         version=npm_version("knex")),
    Tool("sequelize", "Sequelize (sequelize-cli)",
         initial=npm_bin("sequelize-cli", "db:migrate", "--to",
                         "20260101000001-initial.js"),
         change=npm_bin("sequelize-cli", "db:migrate", "--to",
                        "20260101000002-change.js"),
         incident=npm_bin("sequelize-cli", "db:migrate"),
         version=npm_version("sequelize")),
    Tool("node-pg-migrate", "node-pg-migrate",
         initial=npm_bin("node-pg-migrate", "up", "1"),
         change=npm_bin("node-pg-migrate", "up", "1"),
         incident=npm_bin("node-pg-migrate", "up"),
         version=npm_version("node-pg-migrate")),
    Tool("typeorm", "TypeORM",
         initial=["env", "MIGRATION=*-initial",
                  *npm_bin("typeorm", *TYPEORM_RUN)],
         change=["env", "MIGRATION=*-change",
                 *npm_bin("typeorm", *TYPEORM_RUN)],
         incident=npm_bin("typeorm", *TYPEORM_RUN),
         version=npm_version("typeorm"), drops_oldest_first=True),
    # The SQL files are what drizzle-kit 0.31.11 generated.
    Tool("drizzle", "Drizzle",
         initial=["node", "migrate.js", "initial"],
         change=["node", "migrate.js", "change"],
         incident=["node", "migrate.js", "incident"],
         version=npm_version("drizzle-orm")),
    Tool("rails", "Rails (ActiveRecord)",
         initial=["rake", "db:migrate", "VERSION=20260101000001"],
         change=["rake", "db:migrate", "VERSION=20260101000002"],
         incident=["rake", "db:migrate"],
         version=["ruby", "-e", "require 'active_record'; "
                  "puts ActiveRecord.version"],
         environment={"DATABASE_URL": "{url}",
                      "RAILS_ENV": "production"}),
]


class Project:
    """A tool's project, copied into the build folder."""

    def __init__(self, tool, build):
        self.tool = tool
        self.build = build
        self.folder = build / tool.name
        for needed in {tool.name, "psql"}:
            shutil.copytree(os.path.join(SOURCES, needed), build / needed,
                            dirs_exist_ok=True)

    def run(self, name, endpoint=None, database=None):
        """The tool's command of this name; a subprocess.CompletedProcess, its
        output with the errors in it."""
        command = getattr(self.tool, name)
        known = {}
        if endpoint:
            known = {"host": endpoint.host, "port": endpoint.port,
                     "database": database,
                     "url": f"postgresql://postgres@{endpoint.host}:"
                            f"{endpoint.port}/{database}"}
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("PG")}
        if endpoint:
            environment.update(
                (name, value.format(**known))
                for name, value in self.tool.environment.items())
            command = [part.format(**known) for part in command]
        return subprocess.run(
            command, cwd=self.folder, env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=RUN_BOUND_S)

    def version(self):
        """The first number with a dot in it that it tells."""
        output = self.run("version").stdout
        return re.search(r"\d+(\.\d+)+", output)[0]
