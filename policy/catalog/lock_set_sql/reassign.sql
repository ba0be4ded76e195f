-- REASSIGN OWNED: all relations of these roles.
giver AS MATERIALIZED (
    SELECT pg_catalog.to_regrole(
           CASE WHEN a.name IS NOT NULL
                THEN pg_catalog.quote_ident(a.name)
                WHEN a.part = 'session_user'
                THEN pg_catalog.quote_ident(SESSION_USER)
                ELSE pg_catalog.quote_ident(CURRENT_USER)
           END)::pg_catalog.oid AS id
      FROM asked a
     WHERE a.kind = 'reassign'
),
reassign_lock (relid, mode, phase) AS (
    SELECT s.objid, 8, 1
      FROM giver r
     CROSS JOIN LATERAL (
           SELECT s.objid
             FROM pg_catalog.pg_shdepend s
            WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
              AND s.refobjid = r.id
              AND s.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND s.deptype = 'o'
              AND s.dbid = (
                  SELECT oid FROM pg_catalog.pg_database
                   WHERE datname = pg_catalog.current_database())
           OFFSET 0) s
),
