-- VALIDATE CONSTRAINT of one that is not yet valid: a check (and from 18 on a
-- not-null constraint) goes down to the children, a foreign key (from 18 on)
-- to what it has become in partitions.
unproven AS MATERIALIZED (
    SELECT t.relid, k.*
      FROM target t
     CROSS JOIN LATERAL (
           SELECT oid AS conid, contype, confrelid, connoinherit
             FROM pg_catalog.pg_constraint
            WHERE conrelid = t.relid
              AND contypid = 0
              AND conname = t.part::pg_catalog.name
              AND NOT convalidated
           OFFSET 0) k
     WHERE t.kind = 'validate'
),
proven (relid) AS (
    SELECT u.relid FROM unproven u
     WHERE u.contype <> 'f' AND NOT u.connoinherit
  UNION
    SELECT h.inhrelid
      FROM proven p
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= p.relid AND inhparent <= p.relid
           LIMIT (SELECT 2147483647)) h
),
proven_key (conid, relid) AS (
    SELECT u.conid, u.relid FROM unproven u WHERE u.contype = 'f'
  UNION
    SELECT k.oid, k.conrelid
      FROM proven_key p
     CROSS JOIN LATERAL (
           SELECT d.objid
             FROM pg_catalog.pg_depend d
            WHERE d.refclassid =
                  'pg_catalog.pg_constraint'::pg_catalog.regclass
              AND d.refobjid = p.conid
              AND d.classid =
                  'pg_catalog.pg_constraint'::pg_catalog.regclass
           LIMIT (SELECT 2147483647)) d
     CROSS JOIN LATERAL (
           SELECT oid, conrelid FROM pg_catalog.pg_constraint
            WHERE oid = d.objid
              AND conparentid = p.conid
              AND NOT convalidated
           OFFSET 0) k
),
validate_lock (relid, mode, phase) AS (
    SELECT u.confrelid, 2, 3 FROM unproven u WHERE u.contype = 'f'
  UNION ALL
    SELECT p.relid, 4, 1 FROM proven p
  UNION ALL
    SELECT p.relid, 4, 1 FROM proven_key p
),
