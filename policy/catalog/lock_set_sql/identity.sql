-- The sequence of an identity column.
identity_lock (relid, mode, phase) AS (
    SELECT p.objid, t.mode, 1
      FROM target t
     CROSS JOIN LATERAL (
           SELECT attnum FROM pg_catalog.pg_attribute
            WHERE attrelid = t.relid
              AND attname = t.part::pg_catalog.name
           OFFSET 0) a
     CROSS JOIN LATERAL (
           SELECT p.objid
             FROM pg_catalog.pg_depend p
            WHERE p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND p.refobjid = t.relid
              AND p.refobjsubid = a.attnum
              AND p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND p.deptype = 'i'
           OFFSET 0) p
     WHERE t.kind = 'identity'
),
