"""A schema that shadows pg_catalog with things that raise an exception.

Put first in the search_path, whatever is not written with its schema ends
the query: each operator, function and aggregate of pg_catalog that can be
declared again, each base type (as a domain), each relation (as a view).
"""

import psycopg

SCHEMA = "hostile"

SIGNATURES_SQL = """
SELECT p.proname, pg_get_function_identity_arguments(p.oid),
       format_type(p.prorettype, NULL), p.prokind::text
  FROM pg_proc p
 WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind <> 'p'
   AND p.provariadic = 0 AND NOT p.proretset
   AND NOT EXISTS (SELECT FROM pg_type t
                    WHERE t.typtype = 'p'
                      AND t.oid = ANY (p.proargtypes || p.prorettype))"""

OPERATORS_SQL = """
SELECT oprname, format_type(oprleft, NULL), format_type(oprright, NULL),
       format_type(oprresult, NULL)
  FROM pg_operator
 WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b'
   AND NOT EXISTS (SELECT FROM pg_type t WHERE t.typtype = 'p'
                    AND t.oid IN (oprleft, oprright, oprresult))"""

TYPES_SQL = """
SELECT typname, format_type(oid, NULL) FROM pg_type
 WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype = 'b'
   AND typname !~ '^_'"""

RELATIONS_SQL = """
SELECT relname FROM pg_class
 WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')"""

# What takes any type, by hand.
POLYMORPHIC = [
    "FUNCTION hostile.unnest(anyarray) RETURNS SETOF anyelement",
    "FUNCTION hostile.cardinality(anyarray) RETURNS int",
    "FUNCTION hostile.concat(VARIADIC text[]) RETURNS text",
    "FUNCTION hostile.concat_ws(text, VARIADIC text[]) RETURNS text",
    "FUNCTION hostile.max(anyelement) RETURNS anyelement",
    "FUNCTION hostile.min(anyelement) RETURNS anyelement",
    "FUNCTION hostile.array_position(anyarray, anyelement) RETURNS int",
]
POLYMORPHIC_OPERATORS = [("||", "anyarray"), ("=", "bool"), ("<@", "bool")]


def body(what):
    return ("LANGUAGE plpgsql AS $body$ BEGIN RAISE EXCEPTION "
            f"'hostile {what}'; END $body$")


def try_each(conn, statements):
    made = 0
    for sql in statements:
        try:
            conn.execute(sql)
            made += 1
        except psycopg.Error:
            pass  # not every one can be declared again
    return made


def operators(conn):
    rows = conn.execute(OPERATORS_SQL).fetchall()
    for number, (name, left, right, result) in enumerate(rows):
        yield (f"CREATE FUNCTION hostile.op{number}({left}, {right}) RETURNS "
               f"{result} {body('operator')}")
        yield (f"CREATE OPERATOR hostile.{name} (FUNCTION = hostile.op{number},"
               f" LEFTARG = {left}, RIGHTARG = {right})")
    for number, (name, result) in enumerate(POLYMORPHIC_OPERATORS):
        yield (f"CREATE FUNCTION hostile.array{number}(anyarray, anyarray) "
               f"RETURNS {result} {body('operator')}")
        yield (f"CREATE OPERATOR hostile.{name} (FUNCTION = "
               f"hostile.array{number}, LEFTARG = anyarray, "
               "RIGHTARG = anyarray)")


def functions(conn):
    for name, arguments, result, kind in conn.execute(SIGNATURES_SQL):
        del kind  # an aggregate is shadowed by a plain function
        yield (f'CREATE FUNCTION hostile."{name}"({arguments}) RETURNS '
               f"{result} {body('function')}")
    for signature in POLYMORPHIC:
        yield f"CREATE {signature} {body('function')}"


def types(conn):
    for name, sql in conn.execute(TYPES_SQL):
        yield (f'CREATE DOMAIN hostile."{name}" AS {sql} '
               "CHECK (hostile.boom())")


def relations(conn):
    for (name,) in conn.execute(RELATIONS_SQL):
        yield (f'CREATE VIEW hostile."{name}" AS '
               f'SELECT * FROM pg_catalog."{name}" WHERE hostile.boom()')


def create(conn):
    """How many things were made."""
    conn.execute("SET search_path = pg_catalog")
    conn.execute("CREATE SCHEMA hostile")
    conn.execute(f"CREATE FUNCTION hostile.boom() RETURNS bool "
                 f"{body('check')}")
    made = sum(try_each(conn, list(make(conn)))
               for make in (operators, functions, relations, types))
    conn.execute("RESET search_path")
    return made
