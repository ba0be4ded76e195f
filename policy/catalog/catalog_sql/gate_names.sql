-- Views by the rules that read a relation of $1, ancestors by pg_inherits, both
-- as far as they reach; then one step along foreign keys, either way.  OFFSET 0
-- and LIMIT pin each lookup to an index, as in lock_set_query.c.
WITH RECURSIVE
above (relid) AS (
    SELECT u.relid FROM pg_catalog.unnest($1::pg_catalog.oid[]) u (relid)
  UNION
    SELECT r.relid
      FROM above a
     CROSS JOIN LATERAL (
           SELECT w.ev_class
             FROM pg_catalog.pg_depend d
            CROSS JOIN LATERAL (
                  SELECT ev_class FROM pg_catalog.pg_rewrite
                   WHERE oid = d.objid
                  OFFSET 0) w
            WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.refobjid = a.relid
              AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
         UNION ALL
           SELECT h.inhparent
             FROM pg_catalog.pg_inherits h
            WHERE h.inhrelid = a.relid
           LIMIT (SELECT 2147483647)) r (relid)
),
named (relid, reach) AS (
    SELECT a.relid, 'a'::pg_catalog.text FROM above a
  UNION ALL
    SELECT r.relid, r.reach
      FROM above a
     CROSS JOIN LATERAL (
           SELECT k.confrelid, 'n'::pg_catalog.text
             FROM pg_catalog.pg_constraint k
            WHERE k.conrelid = a.relid
              AND k.contype = 'f'
         UNION ALL
           SELECT k.conrelid, 'w'::pg_catalog.text
             FROM pg_catalog.pg_depend d
            CROSS JOIN LATERAL (
                  SELECT conrelid FROM pg_catalog.pg_constraint
                   WHERE oid = d.objid
                     AND contype = 'f'
                  OFFSET 0) k
            WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.refobjid = a.relid
              AND d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
           LIMIT (SELECT 2147483647)) r (relid, reach)
)
SELECT c.relname AS name,
       pg_catalog.min(n.reach) AS reach
  FROM named n
 CROSS JOIN LATERAL (
       SELECT relname FROM pg_catalog.pg_class
        WHERE oid = n.relid
       OFFSET 0) c
 GROUP BY c.relname
