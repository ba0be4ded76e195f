-- The small question: the same relations as of lock_set_query.c, for tables that
-- nothing special hangs on, and one question for all its parts.  A row for each
-- reason to lock something, and one without relid where the reason is none; any
-- that is not simple sends the whole question back to the large ones.
--
-- kind: l locked, f gets a foreign key, o referenced by that, d dropped, c loses a
-- column, k a constraint.  Catalogs go by their numbers, which no server changes, since a
-- name costs a look-up in each place: 1247 pg_type, 1259 pg_class, 2606
-- pg_constraint, 2620 pg_trigger.

-- part: head
-- What is before what: references only, since whatever has had a child is not
-- simple.
SELECT CASE WHEN c.relnamespace <> pg_catalog.pg_my_temp_schema()
       THEN c.oid END AS relid,
       c.relkind AS relkind,
       pg_catalog.concat(c.relnamespace::pg_catalog.regnamespace, '.',
                         pg_catalog.quote_ident(c.relname)) AS name,
       x.mode AS mode,
       c.is_lockable AS is_lockable,
       ARRAY (SELECT confrelid
                FROM pg_catalog.pg_constraint
               WHERE c.relkind = 'r' AND conrelid = c.oid AND contype = 'f'
              OFFSET 0) AS before,
       x.phase AS phase,
       CASE WHEN x.mode = 8
             AND NOT c.is_lockable
             AND pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE')
             AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
             AND NOT EXISTS (
                 SELECT FROM pg_catalog.pg_event_trigger
                  WHERE evtname >= ''
                    AND evtenabled <> 'D'
                    AND evtevent = ANY (
                        '{ddl_command_start,ddl_command_end}'
                        ::pg_catalog.name[])
                    AND (evttags IS NULL
                         OR 'ALTER TABLE'::pg_catalog.text = ANY (evttags))
                 OFFSET 0)
       THEN pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner))
       ELSE '' END AS owner,
       CASE WHEN x.is_named
       THEN c.is_plain
            AND NOT (c.relispartition
                     AND a.kind = ANY ('{d,c}'::pg_catalog.text[]))
       ELSE x.is_simple AND c.relhassubclass IS NOT TRUE END AS is_simple
  FROM ROWS FROM (
       pg_catalog.unnest($1::pg_catalog.text[]),
       pg_catalog.unnest($2::pg_catalog.text[]),
       pg_catalog.unnest($3::pg_catalog.text[]),
       pg_catalog.unnest($4::pg_catalog.text[]),
       pg_catalog.unnest($5::pg_catalog.int4[]))
       AS a (kind, nspname, name, part, mode)
 CROSS JOIN LATERAL (
       SELECT CASE WHEN pg_catalog.has_schema_privilege(
                   pg_catalog.to_regnamespace(a.nspname)::pg_catalog.oid,
                   'USAGE') IS NOT FALSE
              THEN pg_catalog.to_regclass(a.name)::pg_catalog.oid END AS relid
       OFFSET 0) t

-- part: table
-- What is walked from: the table itself.
 CROSS JOIN LATERAL (
       SELECT '1259'::pg_catalog.oid AS classid, t.relid AS objid, 0 AS sub
       OFFSET 0) r

-- part: part
-- Or a column of it, or a constraint.
 CROSS JOIN LATERAL (
       SELECT CASE WHEN a.kind = 'k' THEN '2606' ELSE '1259'
              END::pg_catalog.oid AS classid,
              CASE WHEN a.kind = 'k'
              THEN (SELECT oid FROM pg_catalog.pg_constraint
                     WHERE conrelid = t.relid
                       AND contypid = '0'
                       AND conname = a.part::pg_catalog.name
                    OFFSET 0)
              ELSE t.relid END AS objid,
              CASE WHEN a.kind = 'c'
              THEN (SELECT attnum FROM pg_catalog.pg_attribute
                     WHERE attrelid = t.relid
                       AND attname = a.part::pg_catalog.name
                       AND NOT attisdropped
                    OFFSET 0)
              ELSE 0 END AS sub
       OFFSET 0) r

-- part: named
 CROSS JOIN LATERAL (
       SELECT t.relid AS relid, a.mode AS mode,
              CASE WHEN a.kind = 'o' THEN 3 ELSE 1 END AS phase,
              true AS is_named, true AS is_simple
        WHERE t.relid IS NOT NULL OR a.kind = 'f'

-- part: key
-- What a key that goes has referenced.
     UNION ALL
       SELECT k.confrelid, 8, 3, false, true
         FROM pg_catalog.pg_constraint k
        WHERE a.kind = 'k' AND k.oid = r.objid AND k.contype = 'f'

-- part: walk
-- What depends on it by itself or as a part is a thing of the table's own: only
-- sequences and keys lead to other relations.  What else refers to it, or to
-- one of these, is not simple: it has to be found by the walk to be among them.
-- Neither is what belongs to another thing, too: a member of an extension, a
-- trigger FROM another table, a column that is computed of the one that goes.
     UNION ALL
       SELECT CASE WHEN d.classid = '1259' THEN d.objid
                   WHEN k.conrelid = t.relid THEN k.confrelid
                   ELSE k.conrelid END,
              8, CASE WHEN d.classid = '1259' THEN 2 ELSE 3 END, false,
              d.objsubid = 0
              AND CASE WHEN d.classid = '2606'
                  -- one that is not enforced has no triggers
                  THEN k.convalidated OR k.contype <> 'f'
                  ELSE d.deptype = ANY ('{a,i}'::pg_catalog."char"[]) END
              AND NOT EXISTS (
                  SELECT FROM pg_catalog.pg_depend p
                   WHERE p.refclassid = d.classid
                     AND p.refobjid = d.objid
                     AND CASE WHEN p.deptype = 'n' OR p.classid = '2606'
                         THEN NOT EXISTS (
                              SELECT FROM pg_catalog.pg_depend
                               WHERE classid = p.classid
                                 AND objid = p.objid
                                 AND refclassid = r.classid
                                 AND refobjid = r.objid
                                 AND (r.sub = 0 OR refobjsubid = r.sub)
                              OFFSET 0)
                         WHEN p.classid = '1247'
                         THEN EXISTS (
                              SELECT FROM pg_catalog.pg_depend
                               WHERE refclassid = p.classid
                                 AND refobjid = p.objid
                              OFFSET 0)
                         ELSE p.deptype <>
                              ALL ('{a,i}'::pg_catalog."char"[]) END
                  OFFSET 0)
              AND NOT EXISTS (
                  SELECT FROM pg_catalog.pg_depend
                   WHERE classid = d.classid
                     AND objid = d.objid
                     AND CASE WHEN deptype = 'i'
                         THEN r.sub <> 0
                              AND refclassid = '1259' AND refobjsubid <> r.sub
                         WHEN deptype = 'a'
                         THEN d.classid = '2620' AND refobjid <> t.relid
                         ELSE deptype = 'e' END
                  OFFSET 0)
         FROM pg_catalog.pg_depend d
         LEFT JOIN LATERAL (
              SELECT conrelid, confrelid, contype, convalidated
                FROM pg_catalog.pg_constraint
               WHERE oid = d.objid
              OFFSET 0) k ON d.classid = '2606'
        WHERE a.kind = ANY ('{d,c,k}'::pg_catalog.text[])
          AND d.refclassid = r.classid
          AND d.refobjid = r.objid
          AND (r.sub = 0 OR d.refobjsubid = r.sub)
          AND NOT (d.classid = '1259' AND d.objid = t.relid AND r.sub = 0)

-- part: tail
       OFFSET 0) x
  LEFT JOIN LATERAL (
       SELECT oid, relkind, relname, relnamespace, relowner, relhassubclass,
              relispartition,
              relkind = 'r'
              AND NOT relhassubclass
              AND (relpersistence <> 't'
                   OR relnamespace = pg_catalog.pg_my_temp_schema())
              AS is_plain,
              relkind = ANY ('{r,p}'::pg_catalog."char"[])
              AND pg_catalog.has_schema_privilege(relnamespace, 'USAGE')
              AND pg_catalog.has_table_privilege(oid,
                  CASE WHEN pg_catalog.current_setting('server_version_num')
                            >= '170000'
                  THEN 'MAINTAIN,UPDATE,DELETE,TRUNCATE'
                  ELSE 'UPDATE,DELETE,TRUNCATE' END) AS is_lockable
         FROM pg_catalog.pg_class
        WHERE oid = x.relid
          AND relkind <> ALL ('{i,I,t,c}'::pg_catalog."char"[])
          AND relnamespace <> 'pg_catalog'::pg_catalog.regnamespace
       OFFSET 0) c ON true
