"""The lock set query, run as the proxy runs it, on a real server."""

import json
import os

import psycopg
import pytest

import hostile_schema
from cluster import Cluster
from lock_set_differential import (DEFAULT_CASES, Planner, comparable,
                                   differential)

# One of each kind, and what each must plan in `tables` below.
STATEMENTS = {
    "DROP TABLE s.child": {"s.child", "s.a", "s.b"},
    "DROP TABLE IF EXISTS none, s.a, no.where CASCADE":
        {"s.a", "s.child", "s.v", "s.heir", "s.usr"},
    "ALTER TABLE s.child DROP COLUMN a": {"s.child", "s.a"},
    "ALTER TABLE ONLY s.a DROP COLUMN x": {"s.a", "s.heir"},
    "ALTER TABLE s.child DROP CONSTRAINT fa, DROP CONSTRAINT fb":
        {"s.child", "s.a", "s.b"},
    "ALTER TABLE s.a DROP CONSTRAINT c": {"s.a", "s.heir"},
    "ALTER TABLE s.p DETACH PARTITION s.p1":
        {"s.p", "s.p1", "s.pd", "s.usr"},
    "TRUNCATE s.a RESTART IDENTITY CASCADE":
        {"s.a", "s.heir", "s.child", "s.usr", "s.a_id_seq"},
    "TRUNCATE ONLY s.a, s.b": {"s.a", "s.b"},
    "DROP INDEX s.i": {"s.b"},
    "DROP VIEW s.v": {"s.v"},
    'DROP TABLE s."a""; drop table x; --"': {'s."a""; drop table x; --"'},
    "DROP TABLE pg_temp.t": set(),  # nobody else can be in the way
    "DROP TABLE s.child; TRUNCATE s.b; ALTER TABLE s.p DROP COLUMN x":
        {"s.child", "s.a", "s.b", "s.p", "s.p1", "s.pd"},
    "DROP TABLE elsewhere.s.a":
        {"s.a", "s.child", "s.v", "s.heir", "s.usr"},
    "DROP TABLE none": set(),
    "DROP SCHEMA t CASCADE": {"t.x", "t.y"},
    "DROP SCHEMA nil, t": {"t.x", "t.y"},
    "DROP TYPE t.mood, nil CASCADE": {"t.x"},
    "DROP DOMAIN t.whole CASCADE": {"t.x"},
    "DROP FUNCTION t.two(integer, t.mood[]) CASCADE": {"t.x"},
    "DROP FUNCTION t.two(nil), t.two(no.where[]), t.nil": set(),
    "DROP FUNCTION t.many": set(),
    "DROP FUNCTION t.many(pg_catalog.text) CASCADE": {"t.y"},
    "DROP ROUTINE t.two CASCADE": {"t.x"},
    "DROP OPERATOR t.+ (integer, integer) CASCADE": {"t.y"},
    "DROP OPERATOR t.+ (nil, nil), t.- (NONE, integer)": set(),
    "DROP COLLATION t.c CASCADE": {"t.y"},
    "DROP STATISTICS t.st": {"t.x"},
    "DROP SERVER here CASCADE": {"s.f"},
    "DROP FOREIGN DATA WRAPPER wrapper CASCADE": {"s.f"},
    "DROP LANGUAGE spoken, nil": set(),
    "DROP EXTENSION nil": set(),
    "DROP TRIGGER g ON s.p": {"s.p", "s.p1", "s.pd"},
    "DROP RULE r ON s.b": {"s.b"},
    "DROP POLICY y ON s.b": {"s.b"},
    "DROP TRIGGER nil ON s.p": set(),
    "DROP OWNED BY tenant": {"s.kept", "s.b"},
    "DROP OWNED BY nil": set(),
    "ALTER TABLE s.a ADD COLUMN z int": {"s.a", "s.heir"},
    "ALTER TABLE s.child ADD FOREIGN KEY (a) REFERENCES s.p":
        {"s.child", "s.p", "s.p1", "s.pd"},
    "ALTER TABLE s.late VALIDATE CONSTRAINT later": {"s.late", "s.z"},
    "ALTER TABLE s.p ATTACH PARTITION s.n FOR VALUES FROM (9) TO (10)":
        {"s.p", "s.pd", "s.n", "s.usr"},
    "ALTER TABLE s.b ALTER id TYPE bigint": {"s.b", "s.child"},
    "ALTER TABLE s.a OWNER TO tenant": {"s.a", "s.a_id_seq"},
    "ALTER TABLE s.a OWNER TO postgres": {"s.a"},
    "ALTER TABLE s.late RENAME CONSTRAINT later TO sooner": {"s.late"},
    "ALTER TABLE s.a RENAME CONSTRAINT c TO d": {"s.a", "s.heir"},
    "ALTER TABLE s.p DISABLE TRIGGER g": {"s.p", "s.p1", "s.pd"},
    "ALTER TABLE s.kept ALTER id DROP IDENTITY": {"s.kept", "s.kept_id_seq"},
    "CREATE TABLE s.new (a int REFERENCES s.a, b int REFERENCES s.b)":
        {"s.a", "s.b"},
    "CREATE TABLE s.new PARTITION OF s.p FOR VALUES FROM (9) TO (10)":
        {"s.p", "s.pd", "s.usr"},
    "CREATE INDEX ON s.p (x)": {"s.p", "s.p1", "s.pd"},
}

# Named by no statement above, but dropped with another's.
ASIDE = {"s.a_id_seq", "s.kept_id_seq"}

TABLES = """
CREATE SCHEMA s;
CREATE TABLE s.a (id serial PRIMARY KEY, x int, CONSTRAINT c CHECK (x > 0));
CREATE TABLE s.b (id int PRIMARY KEY, x int);
CREATE INDEX i ON s.b (x);
CREATE TABLE s.child (a int CONSTRAINT fa REFERENCES s.a,
                      b int CONSTRAINT fb REFERENCES s.b);
CREATE TABLE s.heir () INHERITS (s.a);
CREATE VIEW s.v AS SELECT id FROM s.a;
CREATE TABLE s.p (id int PRIMARY KEY, x int) PARTITION BY RANGE (id);
CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES FROM (0) TO (9);
CREATE TABLE s.pd PARTITION OF s.p DEFAULT;
CREATE TABLE s.usr (p int REFERENCES s.p, a int REFERENCES s.a);
CREATE TABLE s."a""; drop table x; --" (id int);
CREATE TABLE s.n (LIKE s.p INCLUDING ALL);
CREATE FUNCTION s.fire() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER g AFTER INSERT ON s.p FOR EACH ROW EXECUTE FUNCTION s.fire();
CREATE RULE r AS ON UPDATE TO s.b DO NOTHING;
CREATE ROLE tenant;
CREATE POLICY y ON s.b TO tenant USING (true);
CREATE TABLE s.z (id int PRIMARY KEY);
CREATE TABLE s.late (z int);
ALTER TABLE s.late ADD CONSTRAINT later FOREIGN KEY (z) REFERENCES s.z
    NOT VALID;
CREATE TABLE s.kept (id int GENERATED ALWAYS AS IDENTITY);
ALTER TABLE s.kept OWNER TO tenant;
CREATE FOREIGN DATA WRAPPER wrapper;
CREATE SERVER here FOREIGN DATA WRAPPER wrapper;
CREATE FOREIGN TABLE s.f (id int) SERVER here;
CREATE LANGUAGE spoken HANDLER plpgsql_call_handler;
CREATE SCHEMA t;
CREATE TYPE t.mood AS ENUM ('well', 'ill');
CREATE DOMAIN t.whole AS int;
CREATE FUNCTION t.two(int, t.mood[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION t.many(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION t.many(text) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR t.+ (FUNCTION = int4pl, LEFTARG = int, RIGHTARG = int);
CREATE COLLATION t.c FROM "C";
CREATE TABLE t.x (m t.mood, w t.whole, d int DEFAULT t.two(1, NULL));
CREATE TABLE t.y (c text COLLATE t.c, i int CHECK (i OPERATOR(t.+) 1 > 0),
                  d int DEFAULT t.many('a'::text));
CREATE STATISTICS t.st ON m, w FROM t.x;
"""

JIT_ABOVE_COST = 100000  # PostgreSQL's default


@pytest.fixture(scope="module")
def planner():
    planner = Planner(os.environ["PLAN_TOOL"])
    yield planner
    planner.close()


@pytest.fixture(scope="module")
def server(request):
    with Cluster(request.config.getoption("--pg-bin"),
                 settings={"log_statement": "none"}) as server:
        yield server


@pytest.fixture(scope="module")
def tables(server):
    with server.connect() as conn:
        conn.execute("CREATE DATABASE tables")
    with server.connect("tables") as conn:
        conn.execute(TABLES)
        conn.execute("CREATE TEMP TABLE t (id int)")
        yield conn


def planned(planner, conn, sql):
    temporary = conn.execute(
        "SELECT nspname FROM pg_catalog.pg_namespace "
        "WHERE oid OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()")
    name = temporary.fetchone()[0]
    return {row[2].replace(name + ".", "pg_temp.")
            for row in planner.run(conn, sql)}


@pytest.mark.parametrize("sql", STATEMENTS)
def test_plan_of(planner, tables, sql):
    assert planned(planner, tables, sql) - ASIDE == STATEMENTS[sql] - ASIDE


# What the small question must answer, and why it must not answer the others.
PLAIN_TABLES = """
CREATE SCHEMA plain;
SET search_path = plain;
CREATE TABLE a (id serial PRIMARY KEY, x int UNIQUE, CHECK (x > 0));
CREATE TABLE b (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                a int CONSTRAINT fa REFERENCES a, t text DEFAULT 'b');
CREATE INDEX ON b (lower(t));
CREATE STATISTICS st ON a, t FROM b;
CREATE TABLE c (b int REFERENCES b, x int UNIQUE);
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER g AFTER INSERT ON b FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TABLE seen (id int PRIMARY KEY, x int);
CREATE VIEW v AS SELECT id FROM seen;
CREATE TABLE grouped (id int PRIMARY KEY, x int);
CREATE VIEW w AS SELECT id, x FROM grouped GROUP BY id;
CREATE TABLE parent (id int);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (9);
CREATE TABLE to_parted (id int CONSTRAINT fp REFERENCES parted);
CREATE TABLE typed (id int);
CREATE TABLE uses_type (t typed);
CREATE TABLE many_typed (id int);
CREATE TABLE uses_types (t many_typed[]);
CREATE TABLE counted (id serial);
CREATE TABLE counts (id int DEFAULT nextval('counted_id_seq'));
CREATE TABLE ruled (id int);
CREATE TABLE other (id int);
CREATE RULE r AS ON UPDATE TO other DO ALSO DELETE FROM ruled;
CREATE TABLE from_it (id int);
CREATE CONSTRAINT TRIGGER f AFTER INSERT ON other FROM from_it
    FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TABLE made (id int, twice int GENERATED ALWAYS AS (id * 2) STORED);
CREATE INDEX ON made (twice);
CREATE TABLE member (id serial);
ALTER EXTENSION plpgsql ADD SEQUENCE member_id_seq;
CREATE FUNCTION reads() RETURNS SETOF typed LANGUAGE sql
    AS 'SELECT * FROM plain.typed';
CREATE TABLE guarded (id int);
CREATE POLICY y ON other USING (id IN (SELECT id FROM guarded));
CREATE TEMP TABLE mine (id serial PRIMARY KEY);
"""

SIMPLE = {
    "DROP TABLE a CASCADE": {"a", "a_id_seq", "b"},
    "DROP TABLE b": {"a", "b", "b_id_seq", "c"},
    "DROP TABLE IF EXISTS c, nil": {"b", "c"},
    "DROP TABLE a, b, c": {"a", "a_id_seq", "b", "b_id_seq", "c"},
    "TRUNCATE a, b, seen": {"a", "b", "seen"},
    "TRUNCATE part": {"part"},
    "ALTER TABLE b DROP COLUMN a": {"a", "b"},
    "ALTER TABLE b DROP COLUMN id": {"b", "b_id_seq", "c"},
    "ALTER TABLE b DROP COLUMN nil": {"b"},
    "ALTER TABLE b DROP CONSTRAINT fa": {"a", "b"},
    "ALTER TABLE c ADD FOREIGN KEY (x) REFERENCES a": {"a", "c"},
    "ALTER TABLE seen ADD COLUMN y int": {"seen"},
    "ALTER TABLE made DROP COLUMN twice": {"made"},
    "ALTER TABLE c DROP COLUMN x, ADD FOREIGN KEY (b) REFERENCES a":
        {"a", "c"},
    "CREATE INDEX ON c (x)": {"c"},
    "LOCK TABLE a, b IN SHARE MODE": {"a", "b"},
    "DROP TABLE nil": set(),
    "DROP TABLE mine": set(),
    "ALTER TABLE mine DROP COLUMN id": set(),
}

NOT_SIMPLE = [
    "DROP TABLE seen CASCADE", "DROP TABLE grouped CASCADE",
    "ALTER TABLE grouped DROP CONSTRAINT grouped_pkey CASCADE",
    "ALTER TABLE seen DROP COLUMN id CASCADE",
    "DROP TABLE parent CASCADE", "TRUNCATE parent", "DROP TABLE parted",
    "ALTER TABLE parent ADD COLUMN y int",
    "DROP TABLE part", "DROP TABLE to_parted",
    "ALTER TABLE part DROP COLUMN id",  # refused, when it is found to inherit
    "ALTER TABLE to_parted DROP CONSTRAINT fp",
    "DROP TABLE typed CASCADE", "DROP TABLE many_typed CASCADE",
    "DROP TABLE counted CASCADE", "DROP TABLE ruled CASCADE",
    "DROP TABLE from_it CASCADE", "ALTER TABLE made DROP COLUMN id CASCADE",
    "DROP TABLE member CASCADE", "DROP TABLE guarded CASCADE",
    "ALTER TABLE a DROP CONSTRAINT a_pkey CASCADE",
    "DROP TABLE v", "DROP TABLE a, seen CASCADE",
    "ALTER TABLE nil ADD FOREIGN KEY (x) REFERENCES a",
]


@pytest.fixture(scope="module")
def plain(server):
    with server.connect() as conn:
        conn.execute("CREATE DATABASE plain")
    with server.connect("plain") as conn:
        conn.execute(PLAIN_TABLES)
        yield conn


def large(planner, conn, sql):
    return {int(row[0]): row for row in planner.run(conn, sql)}


@pytest.mark.parametrize("sql", SIMPLE)
def test_small_question_answers(planner, plain, sql):
    small = planner.run_small(plain, sql)
    assert {row[2].removeprefix("plain.") for row in small.values()} \
        == SIMPLE[sql]
    assert comparable(small) == comparable(large(planner, plain, sql))


@pytest.mark.parametrize("sql", NOT_SIMPLE)
def test_small_question_leaves_to_the_large_one(planner, plain, sql):
    assert planner.run_small(plain, sql) is None


def test_small_question_knows_rights(planner, plain):
    """Also what only a change of owner can lock, and who may not."""
    sql = "DROP TABLE a, b CASCADE"
    plain.execute("CREATE ROLE visitor")
    plain.execute("GRANT USAGE ON SCHEMA plain TO visitor")
    plain.execute("GRANT TRUNCATE ON plain.a TO visitor")
    plain.execute("SET ROLE visitor")
    try:
        small = planner.run_small(plain, sql)
        assert {row[4] for row in small.values()} == {"t", "f"}
        assert comparable(small) == comparable(large(planner, plain, sql))
    finally:
        plain.execute("RESET ROLE")


def test_small_question_sees_event_triggers(planner, plain):
    sql = "DROP TABLE b"
    owners = {row[7] for row in planner.run_small(plain, sql).values()}
    assert owners == {"", "postgres"}
    plain.execute("CREATE FUNCTION see() RETURNS event_trigger LANGUAGE "
                  "plpgsql AS 'BEGIN END'")
    plain.execute("CREATE EVENT TRIGGER see ON ddl_command_start "
                  "EXECUTE FUNCTION see()")
    try:
        small = planner.run_small(plain, sql)
        assert {row[7] for row in small.values()} == {""}
        assert comparable(small) == comparable(large(planner, plain, sql))
    finally:
        plain.execute("DROP EVENT TRIGGER see")


def test_random_plans_are_the_locks_taken(planner, server, capsys):
    with capsys.disabled():
        assert differential(server, planner, seed=1, cases=DEFAULT_CASES)


def test_hostile_search_path_runs_no_code(planner, tables):
    expected = {sql: planned(planner, tables, sql) for sql in STATEMENTS}
    small = {sql: planner.run_small(tables, sql) for sql in STATEMENTS}
    assert any(small.values())
    assert hostile_schema.create(tables) > 3000
    tables.execute("SET search_path = hostile, pg_catalog")
    try:
        for sql in ("SELECT 1 = 1", "SELECT 'a'::name = 'a'::name",
                    "SELECT 1::pg_catalog.oid IN (1)",
                    "SELECT '1'::int4", "SELECT max(1)",
                    "SELECT quote_ident('a')", "SELECT FROM pg_class"):
            with pytest.raises(psycopg.errors.RaiseException):
                tables.execute(sql)
        for sql in STATEMENTS:
            assert planned(planner, tables, sql) == expected[sql]
            assert planner.run_small(tables, sql) == small[sql]
    finally:
        tables.execute("RESET search_path")
        tables.execute("DROP SCHEMA hostile CASCADE")


def test_unusable_schema_is_no_error(planner, server, tables):
    """The statement itself will say 42501, not the plan."""
    tables.execute("CREATE ROLE stranger")
    tables.execute("SET ROLE stranger")
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            tables.execute("SELECT to_regclass('s.a')")
        assert planner.run(tables, "DROP TABLE s.a, none") == []
        assert planner.run_small(tables, "DROP TABLE s.a, none") == {}
        for sql in ("ALTER TABLE s.p DETACH PARTITION s.p1",
                    "DROP TYPE t.mood", "DROP FUNCTION t.two",
                    "DROP FUNCTION nil(t.mood)", "DROP COLLATION t.c",
                    "DROP OPERATOR t.+ (integer, t.mood)",
                    "DROP STATISTICS t.st", "DROP TRIGGER g ON s.p",
                    "CREATE TABLE n (a int REFERENCES s.a)"):
            assert planner.run(tables, sql) == []
    finally:
        tables.execute("RESET ROLE")


def test_rights_follow_the_role(planner, tables):
    tables.execute("CREATE ROLE reader")
    tables.execute("GRANT USAGE ON SCHEMA s TO reader")
    tables.execute("GRANT SELECT ON s.b TO reader")
    tables.execute("GRANT DELETE ON s.a TO reader")
    tables.execute("SET ROLE reader")
    try:
        rows = planner.run(tables, "DROP TABLE s.child")
        assert {row[2]: row[4] for row in rows} == {
            "s.child": "f", "s.a": "t", "s.b": "f"}
    finally:
        tables.execute("RESET ROLE")


def test_owned_follows_the_role(planner, tables):
    tables.execute("SET ROLE tenant")
    try:
        mine = planned(planner, tables, "DROP OWNED BY CURRENT_USER")
        others = planned(planner, tables, "DROP OWNED BY SESSION_USER")
    finally:
        tables.execute("RESET ROLE")
    assert mine == {"s.kept", "s.kept_id_seq", "s.b"}
    assert others == set()  # a superuser from initdb owns nothing that goes


def explain(conn, plan):
    result = conn.pgconn.exec_params(
        b"EXPLAIN (FORMAT JSON) " + plan["query"].encode(),
        [p.encode() for p in plan["params"]])
    assert result.status == psycopg.pq.ExecStatus.TUPLES_OK
    return json.loads(result.get_value(0, 0))[0]["Plan"]


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


@pytest.mark.parametrize("analyze", [False, True])
def test_query_stays_cheap(planner, tables, analyze):
    """No compilation, and an index for every look into a catalog."""
    if analyze:
        tables.execute("ANALYZE")
    tables.execute("SET enable_seqscan = off")
    many = "DROP TABLE " + ", ".join(f"t{n}" for n in range(1000))
    questions = [planner.ask(sql) for sql in [*STATEMENTS, many]]
    for question in [*questions, *filter(None, (
            question["small"] for question in questions))]:
        plan = explain(tables, question)
        assert plan["Total Cost"] < JIT_ABOVE_COST / 2
        assert not [node["Relation Name"] for node in nodes(plan)
                    if node["Node Type"] == "Seq Scan"]
    tables.execute("RESET enable_seqscan")
