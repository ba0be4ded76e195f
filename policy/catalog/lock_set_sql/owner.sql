-- A change of owner, schema or persistence takes along the sequences that the
-- relation owns.
owner_lock (relid, mode, phase) AS (
    SELECT p.objid, 8, 3
      FROM target t
     CROSS JOIN server v
     CROSS JOIN LATERAL (
           SELECT relowner, relpersistence FROM pg_catalog.pg_class
            WHERE oid = t.relid
           OFFSET 0) r
     CROSS JOIN LATERAL (
           SELECT p.objid
             FROM pg_catalog.pg_depend p
            WHERE p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND p.refobjid = t.relid
              AND p.refobjsubid > 0
              AND p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND p.objsubid = 0
              AND p.deptype = ANY ('{a,i}'::pg_catalog."char"[])
           OFFSET 0) p
     CROSS JOIN LATERAL (
           SELECT FROM pg_catalog.pg_class
            WHERE oid = p.objid AND relkind = 'S'
           OFFSET 0) c
     WHERE CASE
           WHEN t.kind = 'owner' THEN true
           WHEN t.kind = 'owner_if_other'
           THEN r.relowner <> pg_catalog.to_regrole(
                CASE WHEN t.part = 'current_user'
                     THEN pg_catalog.quote_ident(CURRENT_USER)
                     WHEN t.part = 'session_user'
                     THEN pg_catalog.quote_ident(SESSION_USER)
                     ELSE t.part END)::pg_catalog.oid
           WHEN v.num < 150000 THEN false
           WHEN t.kind = 'owner_if_logged' THEN r.relpersistence = 'p'
           WHEN t.kind = 'owner_if_unlogged' THEN r.relpersistence = 'u'
           END
),
