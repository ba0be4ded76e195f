-- The relations in columns as lock_set.c reads them; indexes, toast tables,
-- composite types and catalogs are left out, and what is the session's own:
-- nobody else can be in the way there.
SELECT c.oid AS relid,
       c.relkind AS relkind,
       pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.',
                         pg_catalog.quote_ident(c.relname)) AS name,
       l.mode AS mode,
       r.is_lockable AS is_lockable,
       ARRAY (SELECT k.confrelid
                FROM pg_catalog.pg_constraint k
               WHERE k.conrelid = c.oid AND k.contype = 'f'
              UNION
              SELECT h.inhparent
                FROM pg_catalog.pg_inherits h
               WHERE h.inhrelid = c.oid) AS before,
       l.phase AS phase,
       -- What LOCK TABLE cannot take, a change of owner to the present one
       -- locks and leaves as it is, if no event trigger would see that.  By
       -- name, so that it is an index that finds these.
       CASE WHEN l.mode = 8
             AND l.phase < 4
             AND NOT r.is_lockable
             AND c.relkind = ANY ('{r,p,v,m,S,f}'::pg_catalog."char"[])
             AND pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE')
             AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
             AND NOT EXISTS (
                 SELECT FROM pg_catalog.pg_event_trigger e
                  WHERE e.evtname >= ''
                    AND e.evtenabled <> 'D'
                    AND e.evtevent = ANY (
                        '{ddl_command_start,ddl_command_end}'
                        ::pg_catalog.name[])
                    AND (e.evttags IS NULL
                         OR 'ALTER TABLE'::pg_catalog.text
                            = ANY (e.evttags)))
       THEN pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner))
       ELSE '' END AS owner
  FROM (SELECT relid, pg_catalog.max(mode) AS mode,
               pg_catalog.min(phase) AS phase
          FROM lck GROUP BY relid) l
 CROSS JOIN server v
 CROSS JOIN LATERAL (
       SELECT oid, relkind, relname, relnamespace, relowner
         FROM pg_catalog.pg_class
        WHERE oid = l.relid
          AND relkind <> ALL ('{i,I,t,c}'::pg_catalog."char"[])
          AND relnamespace <> 'pg_catalog'::pg_catalog.regnamespace
          AND relnamespace <> pg_catalog.pg_my_temp_schema()
       OFFSET 0) c
 CROSS JOIN LATERAL (
       SELECT nspname FROM pg_catalog.pg_namespace
        WHERE oid = c.relnamespace
       OFFSET 0) n
 CROSS JOIN LATERAL (
       SELECT CASE WHEN l.phase < 4
                    AND c.relkind = ANY ('{r,p}'::pg_catalog."char"[])
                    AND pg_catalog.has_schema_privilege(c.relnamespace,
                                                        'USAGE')
              THEN pg_catalog.has_table_privilege(c.oid,
                   CASE WHEN v.num >= 170000 THEN 'MAINTAIN,' ELSE '' END
                   || CASE WHEN l.mode = 1 AND v.num < 160000 THEN 'SELECT'
                      ELSE 'UPDATE,DELETE,TRUNCATE'
                      || CASE WHEN l.mode = 3
                                OR (l.mode <= 3 AND v.num >= 160000)
                         THEN ',INSERT' ELSE '' END
                      || CASE WHEN l.mode = 1 THEN ',SELECT' ELSE '' END
                      END)
              ELSE false END AS is_lockable
       OFFSET 0) r
