-- ADD FOREIGN KEY: what it references, with all partitions.  Where a partition
-- of the table has the same key already, its triggers are dropped for it to
-- become a part of the new one.  `shape` is as statement_reference.h says.
key AS MATERIALIZED (
    SELECT t.relid, r.relid AS confrelid, s.shape,
           s.shape[7:s.width] AS columns,
           s.shape[s.width + 1:] AS referenced
      FROM target t
      JOIN target r ON r.n = (t.n + 1)
     CROSS JOIN LATERAL (
           SELECT p.shape, p.shape[6]::pg_catalog.int4 + 6 AS width
             FROM (SELECT r.part::pg_catalog.text[] AS shape) p
           OFFSET 0) s
     WHERE t.kind = 'key'
),
keyed (relid, confrelid, shape, columns, referenced) AS (
    SELECT k.relid, k.confrelid, k.shape, k.columns, k.referenced
      FROM key k
     WHERE EXISTS (
           SELECT FROM pg_catalog.pg_partitioned_table
            WHERE partrelid = k.relid
           OFFSET 0)
  UNION
    SELECT h.inhrelid, k.confrelid, k.shape, k.columns, k.referenced
      FROM keyed k
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= k.relid AND inhparent <= k.relid
           LIMIT (SELECT 2147483647)) h
),
key_of_part AS MATERIALIZED (
    SELECT k.relid, k.confrelid
      FROM keyed k
     CROSS JOIN server v
     CROSS JOIN LATERAL (
           SELECT FROM pg_catalog.pg_constraint o
            WHERE o.conrelid = k.relid
              AND o.contype = 'f'
              AND o.confrelid = k.confrelid
              AND o.conparentid = 0
              AND (o.convalidated OR v.num >= 180000)
              AND o.condeferrable = k.shape[1]::pg_catalog.bool
              AND o.condeferred = k.shape[2]::pg_catalog.bool
              AND o.confupdtype = k.shape[3]::pg_catalog."char"
              AND o.confdeltype = k.shape[4]::pg_catalog."char"
              AND o.confmatchtype = k.shape[5]::pg_catalog."char"
              AND ARRAY (SELECT b.attname::pg_catalog.text
                           FROM pg_catalog.unnest(o.conkey)
                                WITH ORDINALITY c (attnum, at)
                           JOIN pg_catalog.pg_attribute b
                             ON b.attrelid = o.conrelid
                            AND b.attnum = c.attnum
                          ORDER BY c.at)
                = k.columns
              AND CASE WHEN k.referenced = '{}'::pg_catalog.text[]
                  THEN o.confkey = (
                       SELECT p.conkey
                         FROM pg_catalog.pg_constraint p
                        WHERE p.conrelid = o.confrelid
                          AND p.contype = 'p')
                  ELSE ARRAY (
                       SELECT b.attname::pg_catalog.text
                         FROM pg_catalog.unnest(o.confkey)
                              WITH ORDINALITY c (attnum, at)
                         JOIN pg_catalog.pg_attribute b
                           ON b.attrelid = o.confrelid
                          AND b.attnum = c.attnum
                        ORDER BY c.at)
                       = k.referenced END
              AND EXISTS (
                  SELECT FROM pg_catalog.pg_trigger g
                   WHERE g.tgconstraint = o.oid
                     AND g.tgrelid = o.confrelid
                  OFFSET 0)
           OFFSET 0) o
     WHERE NOT (k.relid = ANY (SELECT relid FROM key))
),
key_to (relid, mode) AS (
    SELECT k.confrelid,
           CASE WHEN k.confrelid = ANY (SELECT confrelid FROM key_of_part)
                THEN 8 ELSE 6 END
      FROM key k
  UNION
    SELECT h.inhrelid, k.mode
      FROM key_to k
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= k.relid AND inhparent <= k.relid
           LIMIT (SELECT 2147483647)) h
     WHERE EXISTS (
           SELECT FROM pg_catalog.pg_partitioned_table
            WHERE partrelid = k.relid
           OFFSET 0)
),
-- To a partitioned table, the partition's key has parts that go as well.
key_lock (relid, mode, phase) AS (
    SELECT k.relid, k.mode, 3 FROM key_to k
  UNION ALL
    SELECT k.relid, 8, 3
      FROM key_of_part k
     CROSS JOIN LATERAL (
           SELECT FROM pg_catalog.pg_partitioned_table
            WHERE partrelid = k.confrelid
           OFFSET 0) q
),
