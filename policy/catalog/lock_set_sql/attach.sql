-- ATTACH PARTITION and CREATE TABLE ... PARTITION OF: the parent gets a
-- partition, which takes over its foreign keys, on either side.
attach AS MATERIALIZED (
    SELECT t.relid AS parent, p.relid
      FROM target t
      LEFT JOIN target p ON p.n = (t.n + 1) AND t.kind = 'attach'
     WHERE t.kind = ANY ('{attach,partition_of}'::pg_catalog.text[])
),
-- The default partition is searched for rows that belong to the new one, the
-- new one for rows that do not.
searched (relid) AS (
    SELECT x.relid
      FROM attach a
     CROSS JOIN LATERAL (
           SELECT partdefid FROM pg_catalog.pg_partitioned_table
            WHERE partrelid = a.parent
           OFFSET 0) q
     CROSS JOIN LATERAL (VALUES (a.relid), (q.partdefid)) x (relid)
     WHERE x.relid IS NOT NULL
  UNION
    SELECT h.inhrelid
      FROM searched s
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= s.relid AND inhparent <= s.relid
           LIMIT (SELECT 2147483647)) h
),
-- The parent's foreign keys, less those that are parts of another of them,
-- and whether the new partition has had the same already, with triggers that
-- can be dropped now.
taken_over AS MATERIALIZED (
    SELECT k.oid, k.confrelid,
           a.relid IS NOT NULL AND EXISTS (
           SELECT FROM pg_catalog.pg_constraint o
            WHERE o.conrelid = a.relid
              AND o.contype = 'f'
              AND o.confrelid = k.confrelid
              AND o.conparentid = 0
              AND (o.convalidated OR v.num >= 180000)
              AND EXISTS (
                  SELECT FROM pg_catalog.pg_trigger g
                   WHERE g.tgconstraint = o.oid
                     AND g.tgrelid = o.confrelid
                  OFFSET 0)
              AND o.confkey = k.confkey
              AND o.conpfeqop = k.conpfeqop
              AND o.condeferrable = k.condeferrable
              AND o.condeferred = k.condeferred
              AND o.confupdtype = k.confupdtype
              AND o.confdeltype = k.confdeltype
              AND o.confmatchtype = k.confmatchtype
              AND ARRAY (SELECT b.attname
                           FROM pg_catalog.unnest(o.conkey)
                                WITH ORDINALITY c (attnum, at)
                           JOIN pg_catalog.pg_attribute b
                             ON b.attrelid = o.conrelid
                            AND b.attnum = c.attnum
                          ORDER BY c.at)
                = ARRAY (SELECT b.attname
                           FROM pg_catalog.unnest(k.conkey)
                                WITH ORDINALITY c (attnum, at)
                           JOIN pg_catalog.pg_attribute b
                             ON b.attrelid = k.conrelid
                            AND b.attnum = c.attnum
                          ORDER BY c.at)
           OFFSET 0) AS is_there
      FROM attach a
     CROSS JOIN server v
     CROSS JOIN LATERAL (
           SELECT k.*
             FROM pg_catalog.pg_constraint k
            WHERE k.conrelid = a.parent
              AND k.contype = 'f'
              AND NOT EXISTS (
                  SELECT FROM pg_catalog.pg_constraint q
                   WHERE q.oid = k.conparentid
                     AND q.conrelid = k.conrelid
                  OFFSET 0)
           OFFSET 0) k
),
-- What they reference, with all partitions.
taken_from (relid, mode) AS (
    SELECT k.confrelid, CASE WHEN k.is_there THEN 8 ELSE 6 END
      FROM taken_over k
  UNION
    SELECT h.inhrelid, f.mode
      FROM taken_from f
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= f.relid AND inhparent <= f.relid
           LIMIT (SELECT 2147483647)) h
     WHERE EXISTS (
           SELECT FROM pg_catalog.pg_partitioned_table
            WHERE partrelid = f.relid
           OFFSET 0)
),
-- Whose keys reference the parent.
referencing (relid) AS (
    SELECT k.conrelid
      FROM attach a
     CROSS JOIN LATERAL (
           SELECT p.objid
             FROM pg_catalog.pg_depend p
            WHERE p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND p.refobjid = a.parent
              AND p.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
           OFFSET 0) p
     CROSS JOIN LATERAL (
           SELECT k.conrelid
             FROM pg_catalog.pg_constraint k
            WHERE k.oid = p.objid
              AND k.contype = 'f'
              AND k.confrelid = a.parent
              AND NOT EXISTS (
                  SELECT FROM pg_catalog.pg_constraint q
                   WHERE q.oid = k.conparentid
                     AND q.confrelid = k.confrelid
                  OFFSET 0)
           OFFSET 0) k
),
attach_lock (relid, mode, phase) AS (
    SELECT s.relid, 8, 1 FROM searched s
  UNION ALL
    SELECT f.relid, f.mode, 3 FROM taken_from f
  UNION ALL
    SELECT r.relid, CASE WHEN v.num < 150000 THEN 1 ELSE 6 END, 3
      FROM referencing r
     CROSS JOIN server v
),
