-- LOCK TABLE: with ONLY or not, what is under a view; of a table its children.
under (relid, mode, is_only) AS (
    SELECT t.relid, t.mode, t.is_only
      FROM target t
     WHERE t.kind = 'under'
  UNION
    SELECT x.relid, u.mode, false
      FROM under u
     CROSS JOIN LATERAL (
           SELECT h.inhrelid
             FROM pg_catalog.pg_inherits h
            WHERE NOT u.is_only
              AND h.inhparent >= u.relid AND h.inhparent <= u.relid
         UNION ALL
           SELECT p.refobjid
             FROM pg_catalog.pg_rewrite w
            CROSS JOIN LATERAL (
                  SELECT p.refobjid
                    FROM pg_catalog.pg_depend p
                   WHERE p.classid =
                         'pg_catalog.pg_rewrite'::pg_catalog.regclass
                     AND p.objid = w.oid
                     AND p.refclassid =
                         'pg_catalog.pg_class'::pg_catalog.regclass
                     AND p.refobjid <> u.relid
                  OFFSET 0) p
            CROSS JOIN LATERAL (
                  SELECT FROM pg_catalog.pg_class
                   WHERE oid = p.refobjid
                     AND relkind = ANY ('{r,p,v}'::pg_catalog."char"[])
                  OFFSET 0) c
            WHERE w.ev_class = u.relid
              AND w.rulename = '_RETURN'::pg_catalog.name
              AND EXISTS (
                  SELECT FROM pg_catalog.pg_class
                   WHERE oid = u.relid AND relkind = 'v'
                  OFFSET 0)
           LIMIT (SELECT 2147483647)) x (relid)
),
under_lock (relid, mode, phase) AS (
    SELECT u.relid, u.mode, 1 FROM under u
),
