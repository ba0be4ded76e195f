#!/usr/bin/python3
"""What a plan costs in a large catalog.

Makes 10,000 tables with 50,000 foreign keys on a private server, plans one
statement of each kind, and prints a table: relations in the answer, planning
and execution as the server measures them, and the whole round trip as a
client sees it; in a session's first plan and in a repeated one (median).

    plan_cost.py [--tables N] [--pg-bin DIR] [--plan-tool FILE]
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import time

import psycopg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from cluster import Cluster  # noqa: E402
from lock_set_differential import Planner  # noqa: E402

KEYS_PER_TABLE = 5
REPETITIONS = 15
TABLES_PER_TRANSACTION = 200

SETTINGS = {"log_statement": "none", "max_locks_per_transaction": "10000",
            "max_wal_size": "4GB", "shared_buffers": "512MB"}

# Keys go to tables near and far; every table gets about as many as it has.
TABLES_SQL = """
DO $$
DECLARE n int; k int; columns text;
BEGIN
  FOR n IN %(first)s .. %(last)s LOOP
    columns := '';
    FOR k IN 1 .. %(keys)s LOOP
      columns := columns || format(', k%%s int REFERENCES t%%s', k,
                                   (n * (7 * k + 1) / 8 + k * k) %% (n + 1));
    END LOOP;
    EXECUTE format('CREATE TABLE t%%s (id int PRIMARY KEY, x int%%s)', n,
                   columns);
  END LOOP;
END $$"""

# What the statements below name.
OTHERS_SQL = """
CREATE SCHEMA s;
CREATE TYPE mood AS ENUM ('well', 'ill');
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION pick(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE ROLE owner;
CREATE TABLE s.hub (id serial PRIMARY KEY, x int, m mood,
    p int DEFAULT pick(1), a int CONSTRAINT fa REFERENCES t{0}, b int);
ALTER TABLE s.hub ADD CONSTRAINT fb FOREIGN KEY (b) REFERENCES t{1} NOT VALID;
CREATE TABLE s.spoke (id int PRIMARY KEY, hub int REFERENCES s.hub, m mood);
CREATE VIEW s.v AS SELECT id FROM s.hub;
CREATE VIEW s.vv AS SELECT id FROM s.v;
CREATE INDEX i ON s.hub (x);
CREATE TRIGGER g AFTER INSERT ON s.hub FOR EACH ROW EXECUTE FUNCTION fire();
CREATE POLICY y ON s.hub TO owner USING (true);
ALTER TABLE s.spoke OWNER TO owner;
CREATE TABLE s.pt (id int PRIMARY KEY, x int, a int REFERENCES t{0})
    PARTITION BY RANGE (id);
CREATE TABLE s.pd PARTITION OF s.pt DEFAULT;
CREATE TABLE s.p0 PARTITION OF s.pt FOR VALUES FROM (0) TO (9);
CREATE TABLE s.p1 (LIKE s.pt INCLUDING ALL);
CREATE TABLE s.usr (p int REFERENCES s.pt);
"""

STATEMENTS = [
    ("DROP TABLE", "DROP TABLE t{0}"),
    ("DROP TABLE ... CASCADE", "DROP TABLE s.hub CASCADE"),
    ("DROP of two tables", "DROP TABLE t{0}, t{1}"),
    ("DROP of a partitioned table", "DROP TABLE s.pt CASCADE"),
    ("DROP VIEW", "DROP VIEW s.v CASCADE"),
    ("DROP INDEX", "DROP INDEX s.i"),
    ("DROP SCHEMA", "DROP SCHEMA s CASCADE"),
    ("DROP TYPE", "DROP TYPE mood CASCADE"),
    ("DROP FUNCTION", "DROP FUNCTION pick(int) CASCADE"),
    ("DROP TRIGGER", "DROP TRIGGER g ON s.hub"),
    ("DROP POLICY", "DROP POLICY y ON s.hub"),
    ("DROP OWNED", "DROP OWNED BY owner"),
    ("DROP COLUMN", "ALTER TABLE s.hub DROP COLUMN a"),
    ("DROP CONSTRAINT", "ALTER TABLE s.hub DROP CONSTRAINT fa"),
    ("DETACH PARTITION", "ALTER TABLE s.pt DETACH PARTITION s.p0"),
    ("TRUNCATE", "TRUNCATE s.spoke, s.hub"),
    ("TRUNCATE ... CASCADE", "TRUNCATE s.hub CASCADE"),
    ("ADD FOREIGN KEY",
     "ALTER TABLE s.hub ADD FOREIGN KEY (x) REFERENCES t{1}"),
    ("ADD COLUMN", "ALTER TABLE s.pt ADD COLUMN z int"),
    ("VALIDATE CONSTRAINT", "ALTER TABLE s.hub VALIDATE CONSTRAINT fb"),
    ("ATTACH PARTITION",
     "ALTER TABLE s.pt ATTACH PARTITION s.p1 FOR VALUES FROM (10) TO (19)"),
    ("ALTER COLUMN TYPE", "ALTER TABLE s.hub ALTER COLUMN a TYPE bigint"),
    ("OWNER TO", "ALTER TABLE s.hub OWNER TO owner"),
    ("CREATE TABLE ... REFERENCES",
     "CREATE TABLE n (a int REFERENCES t{0}, b int REFERENCES t{1})"),
    ("CREATE TABLE ... PARTITION OF",
     "CREATE TABLE n PARTITION OF s.pt FOR VALUES FROM (10) TO (19)"),
    ("DROP COLUMN and ADD FOREIGN KEY",
     "ALTER TABLE s.hub DROP COLUMN a, ADD FOREIGN KEY (x) REFERENCES t{1}"),
    ("DROP TABLE; TRUNCATE; DROP COLUMN",
     "DROP TABLE t{0}; TRUNCATE t{1}; ALTER TABLE s.hub DROP COLUMN a"),
]


def make_tables(conn, have, tables):
    """The next ones, up to so many."""
    for first in range(have, tables, TABLES_PER_TRANSACTION):
        last = min(first + TABLES_PER_TRANSACTION, tables) - 1
        conn.execute(TABLES_SQL % {"first": first, "last": last,
                                   "keys": KEYS_PER_TABLE})


def make_catalog(conn, tables):
    make_tables(conn, 0, tables)
    conn.execute(OTHERS_SQL.format(*named_tables(tables)))
    conn.execute("ANALYZE")


def key_count(conn):
    return conn.execute("SELECT count(*) FROM pg_constraint "
                        "WHERE contype = 'f'").fetchone()[0]


def named_tables(tables):
    return tables // 2, tables // 3


def server_times(conn, plan):
    """Planning and execution in ms."""
    result = conn.pgconn.exec_params(
        b"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) " + plan["query"].encode(),
        [p.encode() for p in plan["params"]])
    if result.status != psycopg.pq.ExecStatus.TUPLES_OK:
        raise RuntimeError(result.error_message.decode())
    told = json.loads(result.get_value(0, 0))[0]
    return told["Planning Time"], told["Execution Time"]


def round_trip(conn, plan):
    """Relations, and ms."""
    begun = time.monotonic()
    result = conn.pgconn.exec_params(
        plan["query"].encode(), [p.encode() for p in plan["params"]])
    took_ms = (time.monotonic() - begun) * 1000
    if result.status != psycopg.pq.ExecStatus.TUPLES_OK:
        raise RuntimeError(result.error_message.decode())
    return result.ntuples, took_ms


def measure(cluster, plan):
    with cluster.connect() as conn:
        relations, first = round_trip(conn, plan)
    with cluster.connect() as conn:
        first_times = server_times(conn, plan)
        times = [server_times(conn, plan) for _ in range(REPETITIONS)]
        trips = [round_trip(conn, plan)[1] for _ in range(REPETITIONS)]
    repeated = [statistics.median(column) for column in zip(*times)]
    return (relations, *first_times, first, *repeated,
            statistics.median(trips))


def print_table(cluster, planner, tables):
    print(f"{'':34}      {'first in a session, ms':^23}  "
          f"{'repeated, ms':^23}")
    print(f"{'statement':34}  rel {'plan':>7} {'run':>7} {'trip':>7}  "
          f"{'plan':>7} {'run':>7} {'trip':>7}")
    for name, sql in STATEMENTS:
        try:
            plan = planner.ask(sql.format(*named_tables(tables)))
        except RuntimeError as error:
            print(f"{name:34}  {error}")
            continue
        relations, *times = measure(cluster, plan)
        cells = [f"{t:7.1f}" for t in times]
        print(f"{name:34} {relations:4d} {' '.join(cells[:3])}  "
              f"{' '.join(cells[3:])}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, default=10000)
    parser.add_argument("--pg-bin")
    parser.add_argument("--plan-tool", default=os.environ.get("PLAN_TOOL"))
    options = parser.parse_args()
    if options.plan_tool is None:
        parser.error("--plan-tool or PLAN_TOOL must name the tool")
    planner = Planner(options.plan_tool)
    with Cluster(options.pg_bin, settings=SETTINGS) as cluster:
        begun = time.monotonic()
        with cluster.connect() as conn:
            make_catalog(conn, options.tables)
            keys = key_count(conn)
            version = conn.execute("SHOW server_version").fetchone()[0]
        print(f"PostgreSQL {version}: {options.tables} tables, {keys} foreign "
              f"keys, made in {time.monotonic() - begun:.0f} s")
        print_table(cluster, planner, options.tables)
    planner.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
