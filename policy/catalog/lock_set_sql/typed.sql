-- ALTER TYPE ... CASCADE of a composite type: its typed tables change, with
-- their children, and where they lose a column all that depends on it goes.
typed (relid, part) AS (
    SELECT c.oid, t.part
      FROM target t
     CROSS JOIN LATERAL (
           SELECT reltype FROM pg_catalog.pg_class
            WHERE oid = t.relid
           OFFSET 0) y
     CROSS JOIN LATERAL (
           SELECT p.objid
             FROM pg_catalog.pg_depend p
            WHERE p.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass
              AND p.refobjid = y.reltype
              AND p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND p.objsubid = 0
           OFFSET 0) p
     CROSS JOIN LATERAL (
           SELECT oid FROM pg_catalog.pg_class
            WHERE oid = p.objid AND reloftype = y.reltype
           OFFSET 0) c
     WHERE t.kind = 'typed' AND t.is_cascade
  UNION
    SELECT h.inhrelid, y.part
      FROM typed y
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= y.relid AND inhparent <= y.relid
           LIMIT (SELECT 2147483647)) h
),
typed_seed (classid, objid, objsubid) AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid,
           y.relid, a.attnum::pg_catalog.int4
      FROM typed y
     CROSS JOIN LATERAL (
           SELECT attnum FROM pg_catalog.pg_attribute
            WHERE attrelid = y.relid
              AND attname = y.part::pg_catalog.name
              AND NOT attisdropped
           OFFSET 0) a
),
typed_lock (relid, mode, phase) AS (
    SELECT y.relid, 8, 1 FROM typed y
),
