-- A change of owner or schema takes the relation's own sequences along.
owner_lock (relid, mode, phase) AS (
    SELECT p.objid, 8, 3
      FROM target t
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
     WHERE t.kind = 'owner'
),
