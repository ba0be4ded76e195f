-- ALTER PUBLICATION ... SET: the tables that it has had.
publication_lock (relid, mode, phase) AS (
    SELECT r.prrelid, 4, 1
      FROM asked a
     CROSS JOIN LATERAL (
           SELECT oid FROM pg_catalog.pg_publication
            WHERE pubname = a.name::pg_catalog.name
           OFFSET 0) p
     CROSS JOIN LATERAL (
           SELECT prrelid FROM pg_catalog.pg_publication_rel
            WHERE prpubid = p.oid
           OFFSET 0) r
     WHERE a.kind = 'publication'
),
