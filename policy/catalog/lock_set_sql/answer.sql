-- The relations in columns as lock_set.c reads them; indexes, toast tables
-- and catalogs are left out.
SELECT c.oid AS relid,
       c.relkind AS relkind,
       pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.',
                         pg_catalog.quote_ident(c.relname)) AS name,
       l.mode AS mode,
       CASE WHEN l.phase < 4
             AND c.relkind = ANY ('{r,p}'::pg_catalog."char"[])
             AND pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE')
       THEN pg_catalog.has_table_privilege(c.oid,
            CASE WHEN v.num >= 170000 THEN 'MAINTAIN,' ELSE '' END
            || CASE WHEN l.mode = 1 AND v.num < 160000 THEN 'SELECT'
               ELSE 'UPDATE,DELETE,TRUNCATE'
               || CASE WHEN l.mode = 3
                         OR (l.mode <= 3 AND v.num >= 160000)
                  THEN ',INSERT' ELSE '' END
               || CASE WHEN l.mode = 1 THEN ',SELECT' ELSE '' END
               END)
       ELSE false END AS is_lockable,
       ARRAY (SELECT k.confrelid
                FROM pg_catalog.pg_constraint k
               WHERE k.conrelid = c.oid AND k.contype = 'f'
              UNION
              SELECT h.inhparent
                FROM pg_catalog.pg_inherits h
               WHERE h.inhrelid = c.oid) AS before,
       l.phase AS phase
  FROM (SELECT relid, pg_catalog.max(mode) AS mode,
               pg_catalog.min(phase) AS phase
          FROM lck GROUP BY relid) l
 CROSS JOIN server v
 CROSS JOIN LATERAL (
       SELECT oid, relkind, relname, relnamespace
         FROM pg_catalog.pg_class
        WHERE oid = l.relid
          AND relkind <> ALL ('{i,I,t}'::pg_catalog."char"[])
          AND relnamespace <> 'pg_catalog'::pg_catalog.regnamespace
       OFFSET 0) c
 CROSS JOIN LATERAL (
       SELECT nspname FROM pg_catalog.pg_namespace
        WHERE oid = c.relnamespace
       OFFSET 0) n
