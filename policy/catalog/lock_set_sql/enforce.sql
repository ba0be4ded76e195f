-- ALTER CONSTRAINT ... ENFORCED and NOT ENFORCED: a foreign key (from 18 on)
-- gains or loses triggers, and so do its parts, in partitions of its table and
-- of those that it references; a check (from 19 on) goes down to the children,
-- and so does a not-null constraint that they are to inherit.
enforced AS MATERIALIZED (
    SELECT t.relid, t.mode, k.*
      FROM target t
     CROSS JOIN LATERAL (
           SELECT oid AS conid, contype, confrelid
             FROM pg_catalog.pg_constraint
            WHERE conrelid = t.relid
              AND contypid = 0
              AND conname = t.part::pg_catalog.name
           OFFSET 0) k
     WHERE t.kind = 'enforce'
),
enforced_tree (relid) AS (
    SELECT e.relid FROM enforced e WHERE e.contype <> 'f'
  UNION
    SELECT h.inhrelid
      FROM enforced_tree e
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= e.relid AND inhparent <= e.relid
           LIMIT (SELECT 2147483647)) h
),
enforced_key (conid, relid, confrelid, mode) AS (
    SELECT e.conid, e.relid, e.confrelid, e.mode
      FROM enforced e WHERE e.contype = 'f'
  UNION
    SELECT k.oid, k.conrelid, k.confrelid, e.mode
      FROM enforced_key e
     CROSS JOIN LATERAL (
           SELECT d.objid
             FROM pg_catalog.pg_depend d
            WHERE d.refclassid =
                  'pg_catalog.pg_constraint'::pg_catalog.regclass
              AND d.refobjid = e.conid
              AND d.classid =
                  'pg_catalog.pg_constraint'::pg_catalog.regclass
           LIMIT (SELECT 2147483647)) d
     CROSS JOIN LATERAL (
           SELECT oid, conrelid, confrelid FROM pg_catalog.pg_constraint
            WHERE oid = d.objid
              AND conparentid = e.conid
           OFFSET 0) k
),
enforce_lock (relid, mode, phase) AS (
    SELECT e.relid, 8, 1 FROM enforced_tree e
  UNION ALL
    SELECT e.relid, 8, 1 FROM enforced_key e
  UNION ALL
    SELECT e.confrelid, e.mode, 3 FROM enforced_key e
),
