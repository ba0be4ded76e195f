-- May what was done be done again?  $1: names of functions that were called;
-- $2: relations whose rows were shown; $3: relations that were written, or read
-- unseen; $4: those of $2 that may be catalogs only; $5: those of $3 whose
-- defaults were evaluated.  Answers why not, or an empty text.  Expressions tell what they call by "funcid" in their trees;
-- of the built-in functions that are volatile, those count as harmless whose
-- effects end with the transaction.  What calls functions without naming them
-- (operators, casts, domains, columns that are functions) counts wherever it is.
WITH RECURSIVE
written (relid) AS (
    SELECT pg_catalog.to_regclass(u.name)::pg_catalog.oid
      FROM pg_catalog.unnest($3::pg_catalog.text[]) u (name)
),
shown (relid) AS (
    SELECT pg_catalog.to_regclass(u.name)::pg_catalog.oid
      FROM pg_catalog.unnest($2::pg_catalog.text[]) u (name)
),
filled (relid) AS (
    SELECT pg_catalog.to_regclass(u.name)::pg_catalog.oid
      FROM pg_catalog.unnest($5::pg_catalog.text[]) u (name)
),
-- with what their rules read, and their children
used (relid) AS (
    SELECT w.relid FROM written w
  UNION
    SELECT s.relid
      FROM shown s
      JOIN pg_catalog.pg_class c ON c.oid = s.relid
     WHERE c.oid >= '16384'::pg_catalog.oid
  UNION
    SELECT m.relid
      FROM used u
     CROSS JOIN LATERAL (
           SELECT d.refobjid
             FROM pg_catalog.pg_rewrite r
             JOIN pg_catalog.pg_depend d ON d.objid = r.oid
            WHERE r.ev_class = u.relid
              AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
         UNION ALL
           SELECT i.inhrelid
             FROM pg_catalog.pg_inherits i
            WHERE i.inhparent = u.relid) m (relid)
),
trees (tree) AS (
    SELECT d.adbin::pg_catalog.text
      FROM pg_catalog.pg_attrdef d
      JOIN filled f ON f.relid = d.adrelid
  UNION ALL
    SELECT k.conbin::pg_catalog.text
      FROM pg_catalog.pg_constraint k
      JOIN written w ON w.relid = k.conrelid
     WHERE k.conbin IS NOT NULL
  UNION ALL
    SELECT k.conbin::pg_catalog.text
      FROM pg_catalog.pg_constraint k
     WHERE k.contypid <> '0'::pg_catalog.oid
       AND k.oid >= '16384'::pg_catalog.oid
       AND k.conbin IS NOT NULL
  UNION ALL
    SELECT d.typdefaultbin::pg_catalog.text
      FROM pg_catalog.pg_type d
     WHERE d.oid >= '16384'::pg_catalog.oid
       AND d.typdefaultbin IS NOT NULL
  UNION ALL
    SELECT r.ev_action::pg_catalog.text
      FROM pg_catalog.pg_rewrite r
      JOIN used u ON u.relid = r.ev_class
),
called (name, space, volatility) AS (
    SELECT p.proname, p.pronamespace, p.provolatile
      FROM pg_catalog.pg_proc p
     WHERE pg_catalog.array_position($1::pg_catalog.text[],
               p.proname::pg_catalog.text) IS NOT NULL
  UNION ALL
    SELECT p.proname, p.pronamespace, p.provolatile
      FROM trees t
     CROSS JOIN LATERAL pg_catalog.regexp_matches(t.tree,
               'funcid ([0-9]+)', 'g') m (parts)
      JOIN pg_catalog.pg_proc p ON p.oid = m.parts[1]::pg_catalog.oid
  UNION ALL
    SELECT p.proname, p.pronamespace, p.provolatile
      FROM pg_catalog.pg_operator o
      JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode::pg_catalog.oid
     WHERE o.oid >= '16384'::pg_catalog.oid
  UNION ALL
    SELECT p.proname, p.pronamespace, p.provolatile
      FROM pg_catalog.pg_cast k
      JOIN pg_catalog.pg_proc p ON p.oid = k.castfunc
     WHERE k.oid >= '16384'::pg_catalog.oid
  UNION ALL
    SELECT p.proname, p.pronamespace, p.provolatile
      FROM pg_catalog.pg_proc p
      JOIN pg_catalog.pg_class c ON c.reltype = p.proargtypes[0]
      JOIN used u ON u.relid = c.oid
     WHERE p.oid >= '16384'::pg_catalog.oid
)
SELECT CASE
       WHEN EXISTS (
            SELECT FROM pg_catalog.pg_event_trigger e
             WHERE e.evtenabled <> 'D')
       THEN 'there is an event trigger'
       WHEN EXISTS (
            SELECT FROM written w WHERE w.relid IS NULL)
         OR EXISTS (
            SELECT FROM shown s WHERE s.relid IS NULL)
       THEN 'a relation is gone'
       WHEN EXISTS (
            SELECT FROM pg_catalog.unnest($1::pg_catalog.text[]) u (name)
             WHERE NOT EXISTS (
                   SELECT FROM pg_catalog.pg_proc p
                    WHERE p.proname = u.name::pg_catalog.name))
       THEN 'a function is gone'
       WHEN EXISTS (
            SELECT FROM called c
             WHERE c.volatility = 'v'
               AND NOT (c.space = 'pg_catalog'::pg_catalog.regnamespace
               AND pg_catalog.array_position(
                   ARRAY['pg_notify', 'pg_relation_size', 'pg_sleep',
                   'pg_table_size', 'pg_total_relation_size',
                   'pg_indexes_size', 'pg_is_in_recovery']::pg_catalog.name[],
                   c.name) IS NOT NULL))
       THEN 'a function is volatile'
       WHEN EXISTS (
            SELECT FROM pg_catalog.unnest($4::pg_catalog.text[]) u (name)
             WHERE pg_catalog.to_regclass(u.name)::pg_catalog.oid
                   >= '16384'::pg_catalog.oid)
       THEN 'it has shown rows of a table'
       WHEN EXISTS (
            SELECT FROM pg_catalog.pg_class c
              JOIN used u ON u.relid = c.oid
             WHERE c.relkind = 'f' OR c.relrowsecurity)
       THEN 'a table is foreign, or has row security'
       WHEN EXISTS (
            SELECT FROM pg_catalog.pg_class c
              JOIN written w ON w.relid = c.oid
             WHERE c.relkind = 'v')
       THEN 'it has used a view'
       WHEN EXISTS (
            SELECT FROM pg_catalog.pg_class c
              JOIN written w ON w.relid = c.oid
             WHERE c.relhassubclass
                OR c.relhasrules AND c.relkind = 'r')
       THEN 'a table has children or rules'
       WHEN EXISTS (
            SELECT FROM pg_catalog.pg_attribute a
              JOIN filled f ON f.relid = a.attrelid
             WHERE a.attidentity <> '')
       THEN 'a table has an identity column'
       WHEN EXISTS (
            SELECT FROM pg_catalog.pg_trigger t
             WHERE NOT t.tgisinternal
               AND (pg_catalog.array_position(
                   ARRAY(SELECT w.relid FROM written w), t.tgrelid)
                   IS NOT NULL
                OR t.tgtype & 32::pg_catalog.int2 <> 0))
       THEN 'a table has a trigger'
       WHEN EXISTS (
            SELECT FROM pg_catalog.pg_constraint k
              JOIN written w ON w.relid = k.confrelid
             WHERE k.contype = 'f'
               AND NOT (pg_catalog.array_position(
                   ARRAY['a', 'r']::pg_catalog.text[],
                   k.confdeltype::pg_catalog.text) IS NOT NULL
               AND pg_catalog.array_position(
                   ARRAY['a', 'r']::pg_catalog.text[],
                   k.confupdtype::pg_catalog.text) IS NOT NULL))
       THEN 'a table has keys that cascade'
       ELSE '' END AS obstacle,
       pg_catalog.current_setting('transaction_isolation') AS isolation
