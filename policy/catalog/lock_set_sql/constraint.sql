-- ALTER TABLE ... DROP CONSTRAINT: checks and (from 18 on) not-null
-- constraints go down the tree as columns do, the others on their own.  DROP
-- NOT NULL is the same for a constraint that only its column names.
con AS MATERIALIZED (
    SELECT t.n, t.relid, t.is_only, k.oid, k.conname, k.contype,
           k.confrelid, k.attname,
           NOT k.connoinherit
           AND k.contype = ANY ('{c,n}'::pg_catalog."char"[]) AS is_inherited
      FROM target t
     CROSS JOIN LATERAL (
           SELECT k.oid, k.conname, k.contype, k.confrelid, k.connoinherit,
                  (SELECT a.attname FROM pg_catalog.pg_attribute a
                    WHERE k.contype = 'n'
                      AND a.attrelid = k.conrelid
                      AND a.attnum = k.conkey[1]) AS attname
             FROM pg_catalog.pg_constraint k
            WHERE k.conrelid = t.relid
              AND k.contypid = 0
              AND (t.kind = 'not_null' OR k.conname =
                                          t.part::pg_catalog.name)
           OFFSET 0) k
     WHERE t.kind = 'constraint'
        OR (t.kind = 'not_null' AND k.attname = t.part::pg_catalog.name)
),
same (n, relid, conid, is_local) AS (
    SELECT con.n, con.relid, con.oid, false FROM con
  UNION
    SELECT s.n, h.inhrelid, k.oid, k.conislocal
      FROM same s
      JOIN con ON con.n = s.n
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= s.relid AND inhparent <= s.relid
           LIMIT (SELECT 2147483647)) h
      LEFT JOIN LATERAL (
           SELECT k.oid, k.conislocal
             FROM pg_catalog.pg_constraint k
            WHERE k.conrelid = h.inhrelid
              AND k.contype = con.contype
              AND CASE WHEN con.attname IS NULL
                  THEN k.conname = con.conname
                  ELSE con.attname = (
                       SELECT attname FROM pg_catalog.pg_attribute
                        WHERE attrelid = h.inhrelid
                          AND attnum = k.conkey[1])
                  END
           OFFSET 0) k ON true
     WHERE con.is_inherited AND NOT con.is_only
),
constraint_kept (n, root, relid) AS (
    SELECT s.n, con.relid, s.relid
      FROM same s
      JOIN con ON con.n = s.n
     WHERE s.relid <> con.relid
       AND (s.is_local
            OR EXISTS (
               SELECT FROM pg_catalog.pg_inherits h
                CROSS JOIN LATERAL (
                  SELECT FROM pg_catalog.pg_constraint k
                   WHERE k.conrelid = h.inhparent
                     AND k.contype = con.contype
                     AND NOT k.connoinherit
                     AND CASE WHEN con.attname IS NULL
                         THEN k.conname = con.conname
                         ELSE con.attname = (
                              SELECT attname FROM pg_catalog.pg_attribute
                               WHERE attrelid = h.inhparent
                                 AND attnum = k.conkey[1])
                         END
                  OFFSET 0) k
                WHERE h.inhrelid = s.relid
                  AND NOT ((s.n, h.inhparent) =
                           ANY (SELECT n, relid FROM same))
               OFFSET 0))
  UNION
    SELECT k.n, k.root, h.inhrelid
      FROM constraint_kept k
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= k.relid AND inhparent <= k.relid
              AND inhrelid <> k.root
           LIMIT (SELECT 2147483647)) h
),
constraint_gone (n, relid, conid) AS (
    SELECT s.n, s.relid, s.conid
      FROM same s
     WHERE NOT ((s.n, s.relid) =
                ANY (SELECT n, relid FROM constraint_kept))
),
constraint_seed (classid, objid, objsubid) AS (
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid,
           g.conid, 0
      FROM constraint_gone g WHERE g.conid IS NOT NULL
),
-- A partitioned table is locked with all of its tree, whatever goes.
constraint_tree (relid) AS (
    SELECT t.relid
      FROM target t
     CROSS JOIN LATERAL (
           SELECT FROM pg_catalog.pg_partitioned_table
            WHERE partrelid = t.relid
           OFFSET 0) q
     WHERE t.kind = 'constraint'
  UNION
    SELECT h.inhrelid
      FROM constraint_tree t
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= t.relid AND inhparent <= t.relid
           LIMIT (SELECT 2147483647)) h
),
constraint_lock (relid, mode, phase) AS (
    SELECT g.relid, 8, 1 FROM constraint_gone g
  UNION ALL
    SELECT h.inhrelid, 8, 1
      FROM constraint_gone g
      JOIN con ON con.n = g.n
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= g.relid AND inhparent <= g.relid
           LIMIT (SELECT 2147483647)) h
     WHERE con.is_inherited
  UNION ALL
    SELECT con.confrelid, 8, 3 FROM con
     WHERE con.contype = 'f'
  UNION ALL
    SELECT t.relid, 8, 1 FROM constraint_tree t
),
