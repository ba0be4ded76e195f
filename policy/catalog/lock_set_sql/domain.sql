-- ALTER DOMAIN with a constraint to be checked: whatever has a column of the
-- domain, or of one over it.  The lock on what keeps no rows of its own is let
-- go at once, but waited for.  (VALIDATE took a weaker lock in the first
-- releases of 18.)
domained (id) AS (
    SELECT y.oid
      FROM asked a
     CROSS JOIN LATERAL (
           SELECT y.oid
             FROM pg_catalog.pg_type y
            WHERE y.typname = a.name::pg_catalog.name
              AND y.typtype = 'd'
              AND CASE WHEN a.nspname IS NULL
                  THEN pg_catalog.pg_type_is_visible(y.oid)
                  ELSE y.typnamespace = a.nspid END
              AND CASE WHEN a.kind = 'domain_if_nullable'
                  THEN NOT y.typnotnull
                  WHEN a.kind = 'domain_if_unproven'
                  THEN EXISTS (
                       SELECT FROM pg_catalog.pg_constraint k
                        WHERE k.contypid = y.oid
                          AND k.conname = a.part::pg_catalog.name
                          AND NOT k.convalidated
                       OFFSET 0)
                  ELSE a.kind = 'domain' END
           OFFSET 0) y
     WHERE a.mode IS NULL AND a.is_usable
  UNION
    SELECT y.oid
      FROM domained m
     CROSS JOIN LATERAL (
           SELECT p.objid
             FROM pg_catalog.pg_depend p
            WHERE p.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
              AND p.refobjid = m.id
              AND p.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
           OFFSET 0) p
     CROSS JOIN LATERAL (
           SELECT oid FROM pg_catalog.pg_type
            WHERE oid = p.objid AND typtype = 'd'
           OFFSET 0) y
),
domain_lock (relid, mode, phase) AS (
    SELECT p.objid, 5, 1
      FROM domained m
     CROSS JOIN LATERAL (
           SELECT p.objid
             FROM pg_catalog.pg_depend p
            WHERE p.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
              AND p.refobjid = m.id
              AND p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND p.objsubid > 0
           OFFSET 0) p
),
