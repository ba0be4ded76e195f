-- ALTER COLUMN ... TYPE: every constraint that the column is part of, on
-- either side of a foreign key, is dropped and made anew.
retyped (relid, attname, is_only) AS (
    SELECT t.relid, t.part::pg_catalog.name, t.is_only
      FROM target t
     WHERE t.kind = 'retype'
  UNION
    SELECT h.inhrelid, r.attname, r.is_only
      FROM retyped r
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= r.relid AND inhparent <= r.relid
           LIMIT (SELECT 2147483647)) h
     WHERE NOT r.is_only
),
remade AS MATERIALIZED (
    SELECT p.classid, p.objid, p.deptype
      FROM retyped r
     CROSS JOIN LATERAL (
           SELECT attnum FROM pg_catalog.pg_attribute
            WHERE attrelid = r.relid AND attname = r.attname
           OFFSET 0) a
     CROSS JOIN LATERAL (
           SELECT p.classid, p.objid, p.deptype
             FROM pg_catalog.pg_depend p
            WHERE p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND p.refobjid = r.relid
              AND p.refobjsubid = a.attnum
           OFFSET 0) p
),
retype_seed (classid, objid, objsubid) AS (
    SELECT m.classid, m.objid, 0
      FROM remade m
     WHERE m.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
),
-- What a new key references.
remade_to (relid) AS (
    SELECT k.confrelid
      FROM remade m
     CROSS JOIN LATERAL (
           SELECT confrelid FROM pg_catalog.pg_constraint
            WHERE oid = m.objid
              AND contype = 'f'
           OFFSET 0) k
     WHERE m.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
  UNION
    SELECT h.inhrelid
      FROM remade_to r
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= r.relid AND inhparent <= r.relid
           LIMIT (SELECT 2147483647)) h
     WHERE EXISTS (
           SELECT FROM pg_catalog.pg_partitioned_table
            WHERE partrelid = r.relid
           OFFSET 0)
),
retype_lock (relid, mode, phase) AS (
    SELECT r.relid, 8, 1 FROM retyped r
  UNION ALL
    SELECT r.relid, 6, 3 FROM remade_to r
  UNION ALL
    -- an identity column's sequence changes its type too
    SELECT m.objid, 6, 1
      FROM remade m
     CROSS JOIN LATERAL (
           SELECT FROM pg_catalog.pg_class
            WHERE oid = m.objid AND relkind = 'S'
           OFFSET 0) c
     WHERE m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
       AND m.deptype = 'i'
),
