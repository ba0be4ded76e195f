-- Which foreign keys a DROP TABLE or DROP COLUMN would drop can go before it,
-- each alone, and what brings each back.
-- part: seed
seed (classid, objid, objsubid) AS MATERIALIZED (
    SELECT * FROM drop_seed
  UNION ALL
    SELECT * FROM column_seed
    LIMIT (SELECT 2147483647)
),
-- part: answer
-- What goes along by itself; for all else that the walk has found, the
-- statement must say CASCADE.
alone (classid, objid, objsubid) AS (
    SELECT s.classid, s.objid, s.objsubid FROM seed s
  UNION
    SELECT p.classid, p.objid, p.objsubid
      FROM alone o
     CROSS JOIN LATERAL (
           SELECT p.classid, p.objid, p.objsubid
             FROM pg_catalog.pg_depend p
            WHERE p.refclassid = o.classid
              AND p.refobjid = o.objid
              AND p.deptype = ANY ('{a,i,P,S}'::pg_catalog."char"[])
              AND (o.objsubid = 0 OR p.refobjsubid = o.objsubid)
           LIMIT (SELECT 2147483647)) p
),
dropping AS MATERIALIZED (
    SELECT t.*
      FROM target t
     WHERE t.kind = ANY ('{drop,column}'::pg_catalog.text[])
),
-- Tables of the role's own, and columns, that nothing else holds.
fit (n) AS (
    SELECT d.n
      FROM dropping d
     CROSS JOIN LATERAL (
           SELECT oid, reloftype FROM pg_catalog.pg_class
            WHERE oid = d.relid
              AND oid >= '16384'::pg_catalog.oid
              AND relkind = 'r'
              AND relnamespace <> 'pg_catalog'::pg_catalog.regnamespace
              AND pg_catalog.pg_has_role(relowner, 'USAGE')
           OFFSET 0) c
     WHERE NOT EXISTS (
           SELECT FROM pg_catalog.pg_inherits
            WHERE inhparent >= c.oid AND inhparent <= c.oid
           OFFSET 0)
       AND NOT EXISTS (
           SELECT FROM pg_catalog.pg_depend
            WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND objid = c.oid
              AND deptype = ANY ('{i,e}'::pg_catalog."char"[])
           OFFSET 0)
       AND (d.kind = 'drop'
            OR (c.reloftype = 0 AND EXISTS (
                SELECT FROM pg_catalog.pg_attribute
                 WHERE attrelid = c.oid
                   AND attname = d.part::pg_catalog.name
                   AND attnum > 0
                   AND attinhcount = 0
                   AND NOT attisdropped
                OFFSET 0)))
),
-- Clauses are carried out one after the other: what ties two columns to each
-- other can be in the way of the second, as it is to be named twice.
tied (relid) AS (
    SELECT d.relid
      FROM dropping d
     WHERE d.kind = 'column'
     GROUP BY d.relid, d.part
    HAVING pg_catalog.count(*) > 1
  UNION ALL
    SELECT d.relid
      FROM dropping d
     WHERE d.kind = 'column'
       AND (SELECT pg_catalog.count(*) FROM dropping) > 1
       AND (EXISTS (
            SELECT FROM pg_catalog.pg_attribute
             WHERE attrelid = d.relid AND attgenerated <> ''
            OFFSET 0)
            OR EXISTS (
            SELECT FROM pg_catalog.pg_constraint
             WHERE conrelid = d.relid
               AND confrelid = d.relid
               AND contype = 'f'
            OFFSET 0))
),
-- The statement will succeed, as far as the catalogs tell.
sound (is_sound) AS MATERIALIZED (
    SELECT (SELECT pg_catalog.count(*) FROM asked)
           = (SELECT pg_catalog.count(*) FROM target)
       AND (SELECT pg_catalog.count(*) FROM dropping)
           = (SELECT pg_catalog.count(*) FROM fit)
       AND NOT EXISTS (SELECT FROM tied)
       AND ((SELECT pg_catalog.bool_and(is_cascade) FROM dropping)
            OR NOT EXISTS (
               SELECT FROM one o
                WHERE NOT EXISTS (
                      SELECT FROM alone a
                       WHERE a.classid = o.classid
                         AND a.objid = o.objid
                         AND (a.objsubid = 0 OR a.objsubid = o.objsubid))))
),
-- Keys with one end that stays: of those between two tables that go none
-- would be spared.
going AS MATERIALIZED (
    SELECT k.*
      FROM one o
     CROSS JOIN LATERAL (
           SELECT k.oid, k.conname, k.conrelid, k.confrelid, k.conkey
             FROM pg_catalog.pg_constraint k
            WHERE k.oid = o.objid
              AND k.contype = 'f'
              AND k.conparentid = 0
              AND k.coninhcount = 0
              AND k.conrelid <> k.confrelid
           OFFSET 0) k
     WHERE o.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
       AND NOT (EXISTS (
                SELECT FROM one g
                 WHERE g.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                   AND g.objid = k.conrelid AND g.objsubid = 0)
                AND EXISTS (
                SELECT FROM one g
                 WHERE g.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                   AND g.objid = k.confrelid AND g.objsubid = 0))
)
-- The definition names the referenced table as the search_path has it; it is to
-- mean the same under any.
SELECT t.name AS relation,
       pg_catalog.quote_ident(k.conname) AS name,
       pg_catalog.concat('ALTER TABLE ONLY ', t.name, ' ADD CONSTRAINT ',
       pg_catalog.quote_ident(k.conname), ' ',
       CASE WHEN pg_catalog.strpos(d.definition, pg_catalog.concat(
                 d.head, pg_catalog.quote_ident(r.relname), '(')) = 1
            THEN pg_catalog.concat(d.head, pg_catalog.quote_ident(r.nspname),
                 '.', pg_catalog.substr(d.definition,
                 pg_catalog.length(d.head) + 1))
            ELSE d.definition END) AS restore
  FROM sound s
 CROSS JOIN going k
 CROSS JOIN LATERAL (
       SELECT pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.',
                                pg_catalog.quote_ident(c.relname)) AS name
         FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = k.conrelid
          AND c.relkind = 'r'
          AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
          AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       OFFSET 0) t
 CROSS JOIN LATERAL (
       SELECT c.relname, n.nspname
         FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = k.confrelid
       OFFSET 0) r
 CROSS JOIN LATERAL (
       SELECT pg_catalog.pg_get_constraintdef(k.oid) AS definition,
              pg_catalog.concat('FOREIGN KEY (', (
              SELECT pg_catalog.string_agg(
                     pg_catalog.quote_ident(a.attname), ', ' ORDER BY u.at)
                FROM pg_catalog.unnest(k.conkey)
                     WITH ORDINALITY u (attnum, at)
                JOIN pg_catalog.pg_attribute a
                  ON a.attrelid = k.conrelid AND a.attnum = u.attnum),
              ') REFERENCES ') AS head
       OFFSET 0) d
 WHERE s.is_sound
 ORDER BY t.name, k.conname
 LIMIT (SELECT 65)
