-- The table of an index that is named.
indexed_lock (relid, mode, phase) AS (
    SELECT i.indrelid, t.mode, 1
      FROM target t
     CROSS JOIN LATERAL (
           SELECT indrelid FROM pg_catalog.pg_index
            WHERE indexrelid = t.relid
           OFFSET 0) i
     WHERE t.kind = ANY ('{indexed,named}'::pg_catalog.text[])
),
