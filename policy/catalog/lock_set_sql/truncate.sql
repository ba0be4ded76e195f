-- TRUNCATE.  Not told: on 13, ACCESS SHARE on the parents of a partition.
reached (relid, is_only, is_cascade, is_restart) AS (
    SELECT t.relid, t.is_only, t.is_cascade, t.is_restart
      FROM target t
     WHERE t.kind = 'truncate'
  UNION
    SELECT h.inhrelid, false, e.is_cascade, e.is_restart
      FROM reached e
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= e.relid AND inhparent <= e.relid
           LIMIT (SELECT 2147483647)) h
     WHERE NOT e.is_only
),
-- A temporary table of another session is waited for, and left alone.
emptied AS MATERIALIZED (
    SELECT e.relid, e.is_cascade, e.is_restart, c.is_ours
      FROM reached e
     CROSS JOIN LATERAL (
           SELECT relpersistence <> 't'
                  OR relnamespace = pg_catalog.pg_my_temp_schema() AS is_ours
             FROM pg_catalog.pg_class
            WHERE oid = e.relid
           OFFSET 0) c
),
-- t: table to truncate, o: table whose referencers count, c: constraint to
-- climb
fk (kind, id, is_restart) AS (
   (SELECT 't', e.relid, e.is_restart
      FROM emptied e WHERE e.is_cascade AND e.is_ours
     LIMIT (SELECT 2147483647))
  UNION
    SELECT x.kind, x.id, f.is_restart
      FROM fk f
     CROSS JOIN LATERAL (
           SELECT y.kind, y.id
             FROM (SELECT p.objid
                     FROM pg_catalog.pg_depend p
                    WHERE f.kind <> 'c'
                      AND p.refclassid =
                          'pg_catalog.pg_class'::pg_catalog.regclass
                      AND p.refobjid = f.id
                      AND p.classid =
                          'pg_catalog.pg_constraint'::pg_catalog.regclass
                   OFFSET 0) p
            CROSS JOIN LATERAL (
                  SELECT k.conrelid, k.conparentid
                    FROM pg_catalog.pg_constraint k
                   WHERE k.oid = p.objid
                     AND k.contype = 'f'
                     AND k.confrelid = f.id
                  OFFSET 0) k
            CROSS JOIN LATERAL (
                  VALUES ('t', k.conrelid), ('c', k.conparentid)
                  ) y (kind, id)
            WHERE y.id <> 0
         UNION ALL
           SELECT CASE WHEN k.conparentid <> 0 THEN 'c' ELSE 'o' END,
                  CASE WHEN k.conparentid <> 0
                  THEN k.conparentid ELSE k.confrelid END
             FROM pg_catalog.pg_constraint k
            WHERE f.kind = 'c' AND k.oid = f.id
           LIMIT (SELECT 2147483647)) x (kind, id)
),
truncated (relid, is_restart, phase) AS (
    SELECT e.relid, e.is_restart AND e.is_ours,
           CASE WHEN e.is_ours THEN 1 ELSE 4 END
      FROM emptied e
  UNION ALL
    SELECT f.id, f.is_restart, 2 FROM fk f
     WHERE f.kind = 't'
),
truncate_lock (relid, mode, phase) AS (
    SELECT t.relid, 8, t.phase FROM truncated t
  UNION ALL
    SELECT p.objid, 8, 3
      FROM (SELECT DISTINCT relid FROM truncated WHERE is_restart) t
     CROSS JOIN LATERAL (
           SELECT p.objid
             FROM pg_catalog.pg_depend p
            WHERE p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND p.refobjid = t.relid
              AND p.refobjsubid > 0
              AND p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND p.objsubid = 0
              AND p.deptype = ANY ('{a,i}'::pg_catalog."char"[])
           OFFSET 0) p
     CROSS JOIN LATERAL (
           SELECT FROM pg_catalog.pg_class
            WHERE oid = p.objid AND relkind = 'S'
           OFFSET 0) c
),
