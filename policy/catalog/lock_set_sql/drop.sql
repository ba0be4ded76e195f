-- DROP of a relation.
drop_seed (classid, objid, objsubid) AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid,
           t.relid, 0
      FROM target t
     WHERE t.kind = 'drop'
),
