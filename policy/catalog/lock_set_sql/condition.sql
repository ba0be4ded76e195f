-- As tree.sql, where the statement alone does not tell how far it goes.
conditional (relid, mode, attname) AS (
    -- From 18 on, SET NOT NULL ends where a column has the constraint; one that
    -- is not valid it validates, from there down to the last.
    SELECT t.relid, t.mode,
           CASE WHEN t.kind = 'tree_if_nullable' AND v.num >= 180000
                THEN t.part::pg_catalog.name END
      FROM target t
     CROSS JOIN server v
      LEFT JOIN LATERAL (
           SELECT partrelid FROM pg_catalog.pg_partitioned_table
            WHERE partrelid = t.relid
           OFFSET 0) q ON true
     WHERE NOT t.is_only
       AND CASE
           WHEN t.kind = 'tree_before_18' THEN v.num < 180000
           WHEN t.kind = 'tree_from_18' THEN v.num >= 180000
           WHEN t.kind = 'tree_if_plain' THEN q.partrelid IS NULL
           WHEN t.kind = 'tree_if_check' THEN EXISTS (
                SELECT FROM pg_catalog.pg_constraint k
                 WHERE k.conrelid = t.relid
                   AND k.conname = t.part::pg_catalog.name
                   AND k.contype = ANY ('{c,n}'::pg_catalog."char"[])
                   AND NOT k.connoinherit
                OFFSET 0)
           -- Before, a partition's column has been NOT NULL with its parent's.
           WHEN t.kind = 'tree_if_nullable'
           THEN v.num >= 180000 OR q.partrelid IS NULL OR EXISTS (
                SELECT FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = t.relid
                   AND a.attname = t.part::pg_catalog.name
                   AND NOT a.attnotnull
                OFFSET 0)
           WHEN q.partrelid IS NULL THEN false
           WHEN t.kind = 'partitions_from_15' THEN v.num >= 150000
           WHEN t.kind = 'partitions_from_17'
           THEN v.num >= 170000 AND (t.part IS NULL OR EXISTS (
                SELECT FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = t.relid
                   AND a.attname = t.part::pg_catalog.name
                   AND a.attidentity <> ''
                OFFSET 0))
           WHEN t.kind = 'partitions_if_trigger' THEN EXISTS (
                SELECT FROM pg_catalog.pg_trigger g
                 WHERE g.tgrelid = t.relid
                   AND (t.part IS NULL
                        OR g.tgname = t.part::pg_catalog.name)
                   AND (g.tgtype & 1::pg_catalog.int2) <> 0
                OFFSET 0)
           WHEN t.kind = 'partitions_if_user_trigger' THEN EXISTS (
                SELECT FROM pg_catalog.pg_trigger g
                 WHERE g.tgrelid = t.relid
                   AND NOT g.tgisinternal
                   AND (g.tgtype & 1::pg_catalog.int2) <> 0
                OFFSET 0)
           END
  UNION
    SELECT h.inhrelid, c.mode,
           CASE WHEN k.convalidated IS NULL THEN c.attname END
      FROM conditional c
      LEFT JOIN LATERAL (
           SELECT k.convalidated
             FROM pg_catalog.pg_constraint k
             JOIN pg_catalog.pg_attribute a ON a.attnum = k.conkey[1]
            WHERE k.conrelid = c.relid
              AND k.contype = 'n'
              AND a.attrelid = c.relid
              AND a.attname = c.attname
           OFFSET 0) k ON true
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= c.relid AND inhparent <= c.relid
           LIMIT (SELECT 2147483647)) h
     WHERE k.convalidated IS NOT TRUE
),
condition_lock (relid, mode, phase) AS (
    SELECT c.relid, c.mode, 1 FROM conditional c
),
