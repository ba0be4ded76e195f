-- ALTER TABLE ... DROP COLUMN: from the table down to its children; a child
-- that has the column from elsewhere too keeps it, and so do those below.
reach (n, root, relid, attname, is_only) AS (
    SELECT t.n, t.relid, t.relid, a.attname, t.is_only
      FROM target t
     CROSS JOIN LATERAL (
           SELECT attname FROM pg_catalog.pg_attribute
            WHERE attrelid = t.relid
              AND attname = t.part::pg_catalog.name
              AND NOT attisdropped
           OFFSET 0) a
     WHERE t.kind = 'column'
  UNION
    SELECT r.n, r.root, h.inhrelid, r.attname, r.is_only
      FROM reach r
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= r.relid AND inhparent <= r.relid
           LIMIT (SELECT 2147483647)) h
     WHERE NOT r.is_only
),
column_kept (n, root, relid) AS (
    SELECT r.n, r.root, r.relid
      FROM (SELECT * FROM reach
             WHERE relid <> root
             LIMIT (SELECT 2147483647)) r
     CROSS JOIN LATERAL (
           SELECT attislocal FROM pg_catalog.pg_attribute
            WHERE attrelid = r.relid AND attname = r.attname
           OFFSET 0) a
     WHERE (a.attislocal
            OR EXISTS (
               SELECT FROM pg_catalog.pg_inherits h
                CROSS JOIN LATERAL (
                  SELECT FROM pg_catalog.pg_attribute
                   WHERE attrelid = h.inhparent AND attname = r.attname
                  OFFSET 0) b
                WHERE h.inhrelid = r.relid
                  AND NOT ((r.n, h.inhparent) =
                           ANY (SELECT n, relid FROM reach))
               OFFSET 0))
  UNION
    SELECT k.n, k.root, h.inhrelid
      FROM column_kept k
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= k.relid AND inhparent <= k.relid
              AND inhrelid <> k.root
           LIMIT (SELECT 2147483647)) h
),
column_gone (relid, attname) AS (
    SELECT r.relid, r.attname
      FROM reach r
     WHERE NOT ((r.n, r.relid) = ANY (SELECT n, relid FROM column_kept))
),
column_seed (classid, objid, objsubid) AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid,
           g.relid, a.attnum::pg_catalog.int4
      FROM column_gone g
     CROSS JOIN LATERAL (
           SELECT attnum FROM pg_catalog.pg_attribute
            WHERE attrelid = g.relid AND attname = g.attname
           OFFSET 0) a
),
-- Children of what loses it are locked even where they keep it.
column_lock (relid, mode, phase) AS (
    SELECT g.relid, 8, 1 FROM column_gone g
  UNION ALL
    SELECT h.inhrelid, 8, 1
      FROM column_gone g
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= g.relid AND inhparent <= g.relid
           LIMIT (SELECT 2147483647)) h
),
