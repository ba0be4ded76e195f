-- ALTER TABLE ... DETACH PARTITION.  13 often takes less of the partition
-- itself; this says ACCESS EXCLUSIVE there too.
detach AS MATERIALIZED (
    SELECT t.relid AS parent, p.relid
      FROM target t
      JOIN target p ON p.n = (t.n + 1)
     WHERE t.kind = 'detach'
),
detached (relid) AS (
    SELECT d.relid FROM detach d
  UNION
    SELECT h.inhrelid
      FROM detached s
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= s.relid AND inhparent <= s.relid
           LIMIT (SELECT 2147483647)) h
),
-- What its inherited foreign keys reference, with partitions, which not every
-- 13 locks.
referenced (relid) AS (
    SELECT k.confrelid
      FROM detach d
     CROSS JOIN server v
     CROSS JOIN LATERAL (
           SELECT k.conrelid, k.confrelid, k.conparentid
             FROM pg_catalog.pg_constraint k
            WHERE k.conrelid = d.relid
              AND k.contype = 'f'
              AND k.conparentid <> 0
           OFFSET 0) k
     WHERE v.num < 140000
        OR NOT EXISTS (
           SELECT FROM pg_catalog.pg_constraint q
            WHERE q.oid = k.conparentid AND q.conrelid = k.conrelid
           OFFSET 0)
  UNION
    SELECT h.inhrelid
      FROM referenced r
     CROSS JOIN LATERAL (
           SELECT h.inhrelid
             FROM pg_catalog.pg_inherits h
             JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
            WHERE h.inhparent >= r.relid AND h.inhparent <= r.relid
              AND c.relispartition
           LIMIT (SELECT 2147483647)) h
),
-- Foreign keys to the root, as they reference this partition: they go.
cut (parent, relid, conid) AS (
    SELECT d.parent, k.conrelid, k.oid
      FROM detach d
     CROSS JOIN LATERAL (
           SELECT p.objid
             FROM pg_catalog.pg_depend p
            WHERE p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND p.refobjid = d.relid
              AND p.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
           OFFSET 0) p
     CROSS JOIN LATERAL (
           SELECT k.oid, k.conrelid
             FROM pg_catalog.pg_constraint k
            WHERE k.oid = p.objid
              AND k.contype = 'f'
              AND k.confrelid = d.relid
              AND k.conparentid <> 0
           OFFSET 0) k
),
-- Their check reads the referencing tables, less what the planner can
-- exclude, and the constraints that the partition and they have as
-- partitions, to which their ancestors contribute.
checked (relid) AS (
    SELECT c.relid FROM cut c
  UNION
    SELECT h.inhrelid
      FROM checked k
     CROSS JOIN LATERAL (
           SELECT h.inhrelid
             FROM pg_catalog.pg_inherits h
             JOIN pg_catalog.pg_class c ON c.oid = h.inhrelid
            WHERE h.inhparent >= k.relid AND h.inhparent <= k.relid
              AND c.relispartition
           LIMIT (SELECT 2147483647)) h
),
above (relid) AS (
    SELECT c.parent FROM cut c
  UNION
    SELECT c.relid FROM cut c
  UNION
    SELECT h.inhparent
      FROM above a
     CROSS JOIN LATERAL (
           SELECT inhparent FROM pg_catalog.pg_inherits
            WHERE inhrelid = a.relid
           LIMIT (SELECT 2147483647)) h
),
detach_seed (classid, objid, objsubid) AS (
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid,
           c.conid, 0
      FROM cut c
),
detach_lock (relid, mode, phase) AS (
    SELECT q.partdefid, 8, 1
      FROM detach d
     CROSS JOIN LATERAL (
           SELECT partdefid FROM pg_catalog.pg_partitioned_table
            WHERE partrelid = d.parent
           OFFSET 0) q
  UNION ALL
    SELECT s.relid, 8, 1 FROM detached s
  UNION ALL
    -- The keys are the partition's own then: who drops it, or them, locks more.
    SELECT r.relid,
           CASE WHEN EXISTS (
                SELECT FROM target t
                  JOIN detach d ON d.relid = t.relid
                 WHERE t.kind = ANY (
                       '{drop,column,constraint}'::pg_catalog.text[]))
           THEN 8 ELSE 6 END, 3
      FROM referenced r
  UNION ALL
    SELECT c.relid, 8, 3 FROM cut c
  UNION ALL
    SELECT k.relid, 1, 3 FROM checked k
  UNION ALL
    SELECT a.relid, 1, 3 FROM above a
),
