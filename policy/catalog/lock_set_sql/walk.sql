-- From the seeds, backwards over pg_depend to all that depends on them.
obj (classid, objid, objsubid, how) AS (
    SELECT s.classid, s.objid, s.objsubid, 'O'::pg_catalog."char"
      FROM seed s
  UNION
    SELECT d.classid, d.objid, d.objsubid, d.how
      FROM obj o
     CROSS JOIN LATERAL (
           -- of a whole object all parts count, but not as its dependents
           SELECT p.classid, p.objid, p.objsubid, p.deptype AS how
             FROM pg_catalog.pg_depend p
            WHERE p.refclassid = o.classid
              AND p.refobjid = o.objid
              AND p.deptype <> 'p'
              AND (o.objsubid = 0 OR p.refobjsubid = o.objsubid)
              AND (o.objsubid <> 0
                   OR p.classid <> o.classid OR p.objid <> o.objid)
         UNION ALL
           -- what o is an internal part or an extension member of goes too;
           -- an object that the statement names itself is refused instead
           SELECT p.refclassid, p.refobjid, p.refobjsubid,
                  'R'::pg_catalog."char"
             FROM pg_catalog.pg_depend p
            WHERE o.how <> 'O'
              AND p.classid = o.classid
              AND p.objid = o.objid
              AND p.deptype = ANY ('{i,e}'::pg_catalog."char"[])
              AND (o.objsubid = 0 OR p.objsubid = o.objsubid)
              AND (o.objsubid <> 0
                   OR p.refclassid <> o.classid OR p.refobjid <> o.objid)
              AND NOT ((p.refclassid, p.refobjid, p.refobjsubid) =
                       ANY (SELECT classid, objid, objsubid FROM seed))
           LIMIT (SELECT 2147483647)) d
),
one (classid, objid, objsubid, is_named) AS (
    SELECT classid, objid, objsubid, pg_catalog.bool_or(how = 'O')
      FROM obj
     GROUP BY classid, objid, objsubid
),
-- The tables of a partitioned index that is named.
index_tree (relid) AS (
    SELECT i.indrelid
      FROM one o
     CROSS JOIN LATERAL (
           SELECT i.indrelid
             FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
            WHERE c.oid = o.objid AND c.relkind = 'I'
           OFFSET 0) i
     WHERE o.is_named
       AND o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  UNION
    SELECT h.inhrelid
      FROM index_tree t
     CROSS JOIN LATERAL (
           SELECT inhrelid FROM pg_catalog.pg_inherits
            WHERE inhparent >= t.relid AND inhparent <= t.relid
           LIMIT (SELECT 2147483647)) h
),
-- Each object is mapped to the relation that its deletion locks.
walk_lock (relid, mode, phase) AS (
    SELECT t.relid, 8, 1 FROM index_tree t
  UNION ALL
    SELECT o.objid, 8, CASE WHEN o.is_named THEN 1 ELSE 2 END
      FROM one o
     WHERE o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  UNION ALL
    SELECT r.relid, r.mode,
           CASE WHEN o.is_named AND r.is_early THEN 1 ELSE 3 END
      FROM one o
     CROSS JOIN LATERAL (
           -- an index: its table
           SELECT i.indrelid, 8, true
             FROM pg_catalog.pg_index i
            WHERE o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND i.indexrelid = o.objid
         UNION ALL
           -- a partition: its parent, and the default partition
           SELECT y.relid, 8, y.is_early
             FROM (SELECT h.inhparent
                     FROM pg_catalog.pg_class c
                     JOIN pg_catalog.pg_inherits h ON h.inhrelid = c.oid
                    WHERE o.classid =
                          'pg_catalog.pg_class'::pg_catalog.regclass
                      AND c.oid = o.objid
                      AND o.objsubid = 0
                      AND c.relispartition
                      AND c.relkind <>
                          ALL ('{i,I}'::pg_catalog."char"[])
                   LIMIT (SELECT 2147483647)) h
            CROSS JOIN LATERAL (
                  SELECT partdefid FROM pg_catalog.pg_partitioned_table
                   WHERE partrelid = h.inhparent
                  OFFSET 0) q
            CROSS JOIN LATERAL (
                  VALUES (h.inhparent, true), (q.partdefid, false))
                  y (relid, is_early)
         UNION ALL
           SELECT k.conrelid, 8, false
             FROM pg_catalog.pg_constraint k
            WHERE o.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
              AND k.oid = o.objid
         UNION ALL
           -- a foreign key's triggers lead to both tables
           SELECT g.tgrelid, 8, true
             FROM pg_catalog.pg_trigger g
            WHERE o.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass
              AND g.oid = o.objid
         UNION ALL
           SELECT w.ev_class, 8, true
             FROM pg_catalog.pg_rewrite w
            WHERE o.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
              AND w.oid = o.objid
         UNION ALL
           SELECT y.polrelid, 8, true
             FROM pg_catalog.pg_policy y
            WHERE o.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass
              AND y.oid = o.objid
         UNION ALL
           SELECT f.adrelid, 8, false
             FROM pg_catalog.pg_attrdef f
            WHERE o.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
              AND f.oid = o.objid
         UNION ALL
           SELECT x.stxrelid, 4, false
             FROM pg_catalog.pg_statistic_ext x
            WHERE o.classid =
                  'pg_catalog.pg_statistic_ext'::pg_catalog.regclass
              AND x.oid = o.objid
           LIMIT (SELECT 2147483647)) r (relid, mode, is_early)
),
