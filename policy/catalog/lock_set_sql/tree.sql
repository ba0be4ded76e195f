-- What locks a relation and, unless with ONLY, its children; or only the
-- partitions of one that is partitioned.
child (relid, mode) AS (
    SELECT t.relid, t.mode FROM target t
     WHERE NOT t.is_only
       AND (t.kind = ANY ('{tree,named}'::pg_catalog.text[])
            OR (t.kind = 'partitions'
                AND EXISTS (
                    SELECT FROM pg_catalog.pg_partitioned_table
                     WHERE partrelid = t.relid
                    OFFSET 0)))
  UNION
    SELECT h.inhrelid, c.mode
      FROM child c
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= c.relid AND inhparent <= c.relid
           LIMIT (SELECT 2147483647)) h
),
tree_lock (relid, mode, phase) AS (
    SELECT c.relid, c.mode, 1 FROM child c
),
