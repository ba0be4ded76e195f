-- ADD FOREIGN KEY: what it references, with all partitions.  Where a partition
-- of the table has a key to there already, it may be the same, and then its
-- triggers are dropped for it to become a part of the new one.
key AS MATERIALIZED (
    SELECT t.relid, r.relid AS confrelid
      FROM target t
      JOIN target r ON r.n = (t.n + 1)
     WHERE t.kind = 'key'
),
keyed (relid, confrelid) AS (
    SELECT k.relid, k.confrelid
      FROM key k
     WHERE EXISTS (
           SELECT FROM pg_catalog.pg_partitioned_table
            WHERE partrelid = k.relid
           OFFSET 0)
  UNION
    SELECT h.inhrelid, k.confrelid
      FROM keyed k
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= k.relid AND inhparent <= k.relid
           LIMIT (SELECT 2147483647)) h
),
key_of_part AS MATERIALIZED (
    SELECT k.relid, k.confrelid
      FROM keyed k
     CROSS JOIN LATERAL (
           SELECT FROM pg_catalog.pg_constraint o
            WHERE o.conrelid = k.relid
              AND o.contype = 'f'
              AND o.confrelid = k.confrelid
              AND o.conparentid = 0
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
