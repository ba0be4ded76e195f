#!/usr/bin/python3
"""The planned lock set against the locks that PostgreSQL takes.

Random schemas, random statements: each is planned, then run, and what
pg_locks shows of its session must be what was planned, relation by relation
and mode by mode.  ACCESS SHARE does not count: whom it delays, delays him.
Every transaction is rolled back.

    lock_set_differential.py [--seed N] [--cases N] [--pg-bin DIR]
                             [--plan-tool FILE]

A mismatch is printed with its seed and makes the exit status 1.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time

import psycopg

from cluster import Cluster
from lock_set_statements import Statements
from lock_set_world import ROLES, SCHEMAS, World, quote

DEFAULT_CASES = 1000
STATEMENTS_PER_WORLD = 80
FIRST_USER_OID = 16384

MODES = {name: number for number, name in enumerate(
    ["AccessShareLock", "RowShareLock", "RowExclusiveLock",
     "ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock",
     "ExclusiveLock", "AccessExclusiveLock"], 1)}
ACCESS_SHARE = 1
ACCESS_EXCLUSIVE = 8
MODE_SQL = [None, "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE",
            "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE",
            "EXCLUSIVE", "ACCESS EXCLUSIVE"]

LOCKS_SQL = """
SELECT relation::oid::int8, mode FROM pg_locks
 WHERE pid = pg_backend_pid() AND granted AND locktype = 'relation'
   AND database = (SELECT oid FROM pg_database
                    WHERE datname = current_database())"""

# Without the session's own temporary ones, which nobody else is in the way of.
RELATIONS_SQL = """
SELECT c.oid::int8, c.relkind::text,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid >= 16384 AND n.oid <> pg_my_temp_schema()"""

BEFORE_SQL = """
SELECT confrelid::int8 FROM pg_constraint
 WHERE conrelid = %(oid)s AND contype = 'f'
UNION SELECT inhparent FROM pg_inherits WHERE inhrelid = %(oid)s"""


class Mismatch(Exception):
    pass


class NotPlanned(Exception):
    """The statement passes unguarded."""


class Planner:
    """plan_tool, and the query that it prints."""

    def __init__(self, tool):
        self.process = subprocess.Popen([tool], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, sql):
        assert "\n" not in sql
        self.process.stdin.write(sql.encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise NotPlanned(f"{answer['error']}: {sql}")
        if "named" in answer["params"][0]:  # and no more is known of it
            raise NotPlanned(f"beyond the grammar: {sql}")
        return answer

    def run(self, conn, sql):
        """Rows of text, as the proxy gets them."""
        return rows_of(conn, self.ask(sql), 8)

    def run_small(self, conn, sql):
        """relid -> row, as the proxy reads it; None: it is not simple."""
        question = self.ask(sql)["small"]
        if question is None:
            return None
        merged = {}
        for *row, is_simple in rows_of(conn, question, 9):
            if is_simple != "t":
                return None
            if row[0] is not None:
                old = merged.get(int(row[0]), row)
                merged[int(row[0])] = (
                    *(row if int(row[3]) > int(old[3]) else old)[:6],
                    min(old[6], row[6]),
                    (row if int(row[3]) > int(old[3]) else old)[7])
        return merged


def rows_of(conn, question, columns):
    result = conn.pgconn.exec_params(
        question["query"].encode(),
        [param.encode() for param in question["params"]])
    if result.status != psycopg.pq.ExecStatus.TUPLES_OK:
        raise RuntimeError("plan failed: " + result.error_message.decode())
    assert result.nfields == columns
    return [tuple(None if value is None else value.decode() for value in (
                  result.get_value(row, column) for column in range(columns)))
            for row in range(result.ntuples)]


def members(oids, plan):
    """Of an array of them, those that the plan has."""
    return {int(oid) for oid in oids.strip("{}").split(",") if oid} & set(plan)


def comparable(plan):
    """What is before what counts only within the set."""
    return {relid: (*row[:5], members(row[5], plan), *row[6:])
            for relid, row in plan.items()}


def held(conn):
    locks = {}
    for relid, mode in conn.execute(LOCKS_SQL):
        if relid >= FIRST_USER_OID:
            locks.setdefault(relid, set()).add(MODES[mode])
    return locks


def taken(before, after):
    """Strongest new mode of each relation, if none as strong was held."""
    new = {relid: max(modes - before.get(relid, set()), default=0)
           for relid, modes in after.items()}
    return stronger(new, before)


def stronger(locks, before):
    return {relid: mode for relid, mode in locks.items()
            if mode > max(before.get(relid, {0}))}


def above_share(locks):
    return {r: m for r, m in locks.items() if m > ACCESS_SHARE}


def make_template(cluster):
    """What every world starts from."""
    with cluster.connect() as conn:
        conn.execute("CREATE DATABASE template")
        for role in ["limited", *ROLES]:
            conn.execute(f"CREATE ROLE {quote(role)}")
    with cluster.connect("template") as conn:
        conn.execute("CREATE FUNCTION public.nothing() RETURNS trigger "
                     "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
        conn.execute("CREATE FOREIGN DATA WRAPPER nothing")
        conn.execute("CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing")
        conn.execute("CREATE LANGUAGE spoken HANDLER plpgsql_call_handler")
        for schema in SCHEMAS:
            conn.execute(f"CREATE SCHEMA {quote(schema)}")


class Run:
    def __init__(self, cluster, planner):
        self.cluster = cluster
        self.planner = planner
        self.conn = None  # to the world's database
        self.is_13 = False
        self.counts = {"compared": 0, "refused": 0, "unplanned": 0,
                       "rights": 0, "small": 0, "not small": 0}
        self.kinds = {}
        make_template(cluster)

    def world(self, seed, budget):
        """One database, so that nothing of one seed is seen by another."""
        with self.cluster.connect() as admin:
            admin.execute("CREATE DATABASE world TEMPLATE template")
            try:
                with self.cluster.connect("world") as self.conn:
                    self.cases(seed, budget)
            finally:
                admin.execute("DROP DATABASE world")

    def cases(self, seed, budget):
        rng = random.Random(seed)
        self.is_13 = self.conn.info.server_version < 140000
        self.conn.execute("SET client_min_messages = error")
        world = World(self.conn, rng)
        world.build()
        statements = Statements(world)
        for number in range(STATEMENTS_PER_WORLD):
            if self.counts["compared"] < budget:
                self.case(world, statements, f"{seed}/{number}")

    def case(self, world, statements, label):
        rng = world.rng
        path = rng.sample([quote(s) for s in SCHEMAS] + ["pg_catalog"], 3)
        self.conn.execute("SET search_path = " + ", ".join(path))
        self.conn.execute("BEGIN")
        kept = world.extend() if rng.random() < 0.25 else None
        try:
            sql = statements.statement()
            self.compare(sql, label)
            if rng.random() < 0.1:
                self.conn.execute("ROLLBACK; BEGIN")
                self.check_rights(rng, sql, label)
        except NotPlanned:
            self.counts["unplanned"] += 1
        finally:
            self.conn.execute("ROLLBACK")
            if kept is not None:
                world.forget(kept)

    def plan(self, sql, label):
        """relid -> row; what is true of every answer is checked here."""
        before = held(self.conn)
        rows = self.planner.run(self.conn, sql)
        if taken(before, held(self.conn)):
            raise Mismatch(f"{label}: the plan itself locks: {sql}")
        plan = {int(row[0]): row for row in rows}
        if len(plan) != len(rows):
            raise Mismatch(f"{label}: a relation comes twice: {sql}")
        self.check_small(plan, sql, label)
        return plan

    def check_small(self, plan, sql, label):
        """The small question has the large one's answer, or none."""
        before = held(self.conn)
        small = self.planner.run_small(self.conn, sql)
        if taken(before, held(self.conn)):
            raise Mismatch(f"{label}: the small question locks: {sql}")
        self.counts["small" if small is not None else "not small"] += 1
        if small is not None and comparable(small) != comparable(plan):
            raise Mismatch(f"{label}: {sql}\n  large {comparable(plan)}\n"
                           f"  small {comparable(small)}")

    def compare(self, sql, label):
        relations = {row[0]: row[1:] for row in
                     self.conn.execute(RELATIONS_SQL)}
        plan = self.plan(sql, label)
        self.check_columns(plan, relations, label)
        before = held(self.conn)
        try:
            self.conn.execute(sql)
        except psycopg.Error:
            self.counts["refused"] += 1
            return
        actual = above_share({
            relid: mode
            for relid, mode in taken(before, held(self.conn)).items()
            if relid in relations and relations[relid][0] not in "iItc"})
        planned = above_share(stronger(
            {relid: int(row[3]) for relid, row in plan.items()}, before))
        self.counts["compared"] += 1
        kind = " ".join(word for word in sql.split()[:2] if word.isupper()
                        and word.isalpha())
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if planned != actual and not self.is_bound(
                sql, planned, actual, relations):
            raise Mismatch(self.difference(sql, label, planned, actual,
                                           relations))

    def is_bound(self, sql, planned, actual, relations):
        """What is planned as an upper bound, on purpose."""
        if any(planned.get(r, 0) < mode for r, mode in actual.items()):
            return False
        # What one statement drops the next one does not meet.
        if sql.endswith(";") or sql.startswith("DO "):
            return True
        if self.is_13 and " DETACH " in sql:  # takes less of a partition
            return planned.keys() >= actual.keys()
        # Nothing changes where it is so already.
        if "ENFORCED" in sql:
            return True
        # Below a partition that has the key already there is none to make.
        if "FOREIGN KEY" in sql:
            return all(planned[r] == mode for r, mode in actual.items())
        # Where no rows are kept the lock is let go again.
        if sql.startswith("ALTER DOMAIN"):
            return all(r in actual or relations[r][0] not in "rm"
                       for r in planned)
        # The other tables are planned even if the named one is missing.
        return "IF EXISTS" in sql and not actual

    def check_columns(self, plan, relations, label):
        for relid, row in plan.items():
            kind, name = relations[relid]
            before = {r[0] for r in
                      self.conn.execute(BEFORE_SQL, {"oid": relid})}
            told = {int(o) for o in row[5].strip("{}").split(",") if o}
            expected = (kind, name, "t" if kind in "rp" else "f", before)
            got = (row[1], row[2], row[4], told)
            if got != expected or row[6] not in ("1", "2", "3"):
                raise Mismatch(f"{label}: columns of {name}\n"
                               f"  expected {expected}\n  got      {got}")

    @staticmethod
    def difference(sql, label, planned, actual, relations):
        lines = [f"{label}: {sql}"]
        for relid in sorted(planned.keys() | actual.keys()):
            want, got = actual.get(relid), planned.get(relid)
            if want != got:
                kind, name = relations.get(relid, ("?", f"oid {relid}"))
                lines.append(f"  {name} ({kind}): planned "
                             f"{MODE_SQL[got] if got else 'nothing'}, taken "
                             f"{MODE_SQL[want] if want else 'nothing'}")
        return "\n".join(lines)

    def check_rights(self, rng, sql, label):
        """is_lockable is what LOCK TABLE says, for a role with some rights.

        owner is told just where only a change of owner can lock.
        """
        for relid, row in self.plan(sql, label).items():
            rights = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE",
                      "REFERENCES", "TRIGGER"]
            if rng.random() < 0.3:
                self.give(row[2])
            if row[1] in "rp" and rng.random() < 0.7:
                right = rng.choice(rights)
                self.conn.execute(f"GRANT {right} ON {row[2]} TO limited")
        for schema in SCHEMAS:
            if rng.random() < 0.7:
                self.conn.execute(
                    f"GRANT USAGE ON SCHEMA {quote(schema)} TO limited")
        self.conn.execute("SET LOCAL ROLE limited")
        for relid, row in self.plan(sql, label).items():
            can = self.can_lock(row[2], int(row[3]))
            self.counts["rights"] += 1
            if row[1] in "rp" and can != (row[4] == "t"):
                raise Mismatch(f"{label}: {sql}\n  {row[2]}: is_lockable "
                               f"{row[4]}, but LOCK TABLE says {can}")
            can = (row[4] == "f" and int(row[3]) == ACCESS_EXCLUSIVE
                   and self.can_alter(relid, row[2]))
            if can != (row[7] != ""):
                raise Mismatch(f"{label}: {sql}\n  {row[2]}: owner "
                               f"{row[7]!r}, but ALTER TABLE says {can}")

    def give(self, name):
        """The role `limited` owns it, unless a table owns it."""
        try:
            with self.conn.transaction():
                self.conn.execute(f"ALTER TABLE ONLY {name} OWNER TO limited")
        except psycopg.Error:
            pass

    def can_alter(self, relid, name):
        """A change to its own owner is allowed, and takes just this lock."""
        try:
            with self.conn.transaction(force_rollback=True):
                before = held(self.conn)
                self.conn.execute(
                    f"ALTER TABLE ONLY {name} OWNER TO " + self.conn.execute(
                        "SELECT relowner::regrole::text FROM pg_class "
                        "WHERE oid = %s", [relid]).fetchone()[0])
                now = taken(before, held(self.conn))
                assert relid in before or now == {relid: ACCESS_EXCLUSIVE}
            return True
        except psycopg.errors.InsufficientPrivilege:
            return False

    def can_lock(self, name, mode):
        try:
            with self.conn.transaction():
                self.conn.execute(f"LOCK TABLE ONLY {name} IN "
                                  f"{MODE_SQL[mode]} MODE NOWAIT")
            return True
        except psycopg.errors.InsufficientPrivilege:
            return False
        except psycopg.errors.WrongObjectType:
            return False


def differential(cluster, planner, seed, cases):
    """Compares until that many statements succeeded; prints a summary."""
    begun = time.monotonic()
    run = Run(cluster, planner)
    world = seed
    try:
        while run.counts["compared"] < cases:
            run.world(world, cases)
            world += 1
    except Mismatch as mismatch:
        print(f"MISMATCH, --seed {world}\n{mismatch}")
        return False
    finally:
        asked = run.counts["small"] + run.counts["not small"]
        print(f"seeds {seed} to {max(seed, world - 1)}: {run.counts}, "
              f"{run.counts['small'] / max(asked, 1):.0%} by the small "
              f"question, {run.kinds}, {time.monotonic() - begun:.1f} s")
    return run.counts["small"] > 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=DEFAULT_CASES)
    parser.add_argument("--pg-bin")
    parser.add_argument("--plan-tool", default=os.environ.get("PLAN_TOOL"))
    options = parser.parse_args()
    if options.plan_tool is None:
        parser.error("--plan-tool or PLAN_TOOL must name the tool")
    planner = Planner(options.plan_tool)
    with Cluster(options.pg_bin, settings={"log_statement": "none"}) as cluster:
        done = differential(cluster, planner, options.seed, options.cases)
    planner.close()
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main())
