-- DROP of what is no relation: the object that its name stands for.  A schema
-- that the role may not use, a name that nothing has or (of functions) that
-- several have: nothing, the statement itself will say so.
role AS MATERIALIZED (
    SELECT pg_catalog.to_regrole(
           CASE WHEN a.name IS NOT NULL
                THEN pg_catalog.quote_ident(a.name)
                WHEN a.part = 'session_user'
                THEN pg_catalog.quote_ident(SESSION_USER)
                ELSE pg_catalog.quote_ident(CURRENT_USER)
           END)::pg_catalog.oid AS id
      FROM asked a
     WHERE a.kind = 'owned'
),
-- What the roles own, and the policies that are for nobody else.  (A policy on
-- another's table stays, by the newest 17, if the role is not a superuser.)
owned (classid, objid) AS (
    SELECT s.classid, s.objid
      FROM role r
     CROSS JOIN LATERAL (
           SELECT s.classid, s.objid
             FROM pg_catalog.pg_shdepend s
            WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
              AND s.refobjid = r.id
              AND s.dbid = (
                  SELECT oid FROM pg_catalog.pg_database
                   WHERE datname = pg_catalog.current_database())
              AND CASE WHEN s.deptype = 'r'
                  THEN s.classid =
                       'pg_catalog.pg_policy'::pg_catalog.regclass
                       AND EXISTS (
                       SELECT FROM pg_catalog.pg_policy y
                        WHERE y.oid = s.objid
                          AND y.polroles <@ ARRAY (SELECT id FROM role)
                       OFFSET 0)
                  ELSE s.deptype = 'o' END
           LIMIT (SELECT 2147483647)) s
),
-- The arguments' types in order; `part` is {{schema,type},...}.  NONE, which
-- no type is called without quotes, is an operator's missing side.
argued (n, types) AS (
    SELECT p.n, ARRAY (
           SELECT CASE WHEN p.types[i][2] = 'NONE' THEN 0
                  WHEN pg_catalog.has_schema_privilege(
                       pg_catalog.to_regnamespace(pg_catalog.quote_ident(
                       p.types[i][1]))::pg_catalog.oid, 'USAGE') IS NOT FALSE
                  THEN pg_catalog.to_regtype(p.types[i][2])::pg_catalog.oid
                  END
             FROM pg_catalog.generate_subscripts(p.types, 1) i
            ORDER BY i)
      FROM (SELECT n, part::pg_catalog.text[] AS types
              FROM asked
             WHERE kind = ANY ('{function,operator}'::pg_catalog.text[])
               AND part IS NOT NULL
            OFFSET 0) p
),
object_seed (classid, objid, objsubid) AS (
    SELECT o.classid, o.objid, 0 FROM owned o
  UNION ALL
    SELECT x.classid, x.objid, 0
      FROM asked a
     CROSS JOIN LATERAL (
           SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass
                  ::pg_catalog.oid,
                  pg_catalog.to_regnamespace(pg_catalog.quote_ident(a.name))
                  ::pg_catalog.oid
            WHERE a.kind = 'schema'
         UNION ALL
           SELECT 'pg_catalog.pg_extension'::pg_catalog.regclass, e.oid
             FROM pg_catalog.pg_extension e
            WHERE a.kind = 'extension'
              AND e.extname = a.name::pg_catalog.name
         UNION ALL
           SELECT 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, f.oid
             FROM pg_catalog.pg_foreign_server f
            WHERE a.kind = 'server'
              AND f.srvname = a.name::pg_catalog.name
         UNION ALL
           SELECT 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass,
                  f.oid
             FROM pg_catalog.pg_foreign_data_wrapper f
            WHERE a.kind = 'wrapper'
              AND f.fdwname = a.name::pg_catalog.name
         UNION ALL
           SELECT 'pg_catalog.pg_language'::pg_catalog.regclass, l.oid
             FROM pg_catalog.pg_language l
            WHERE a.kind = 'language'
              AND l.lanname = a.name::pg_catalog.name
         UNION ALL
           -- to_regtype would report a mere shell as an error
           SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, y.oid
             FROM pg_catalog.pg_type y
            WHERE a.kind = 'type' AND a.is_usable
              AND y.typname = a.name::pg_catalog.name
              AND CASE WHEN a.nspname IS NULL
                  THEN pg_catalog.pg_type_is_visible(y.oid)
                  ELSE y.typnamespace = a.nspid END
         UNION ALL
           SELECT 'pg_catalog.pg_collation'::pg_catalog.regclass,
                  pg_catalog.to_regcollation(pg_catalog.concat_ws('.',
                  pg_catalog.quote_ident(a.nspname),
                  pg_catalog.quote_ident(a.name)))::pg_catalog.oid
            WHERE a.kind = 'collation' AND a.is_usable
         UNION ALL
           SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, x.oid
             FROM pg_catalog.pg_statistic_ext x
            WHERE a.kind = 'statistics' AND a.is_usable
              AND x.stxname = a.name::pg_catalog.name
              AND CASE WHEN a.nspname IS NULL
                  THEN pg_catalog.pg_statistics_obj_is_visible(x.oid)
                  ELSE x.stxnamespace = a.nspid END
         UNION ALL
           SELECT 'pg_catalog.pg_am'::pg_catalog.regclass, m.oid
             FROM pg_catalog.pg_am m
            WHERE a.kind = 'access_method'
              AND m.amname = a.name::pg_catalog.name
         UNION ALL
           SELECT 'pg_catalog.pg_opclass'::pg_catalog.regclass, o.oid
             FROM pg_catalog.pg_am m
             JOIN pg_catalog.pg_opclass o ON o.opcmethod = m.oid
            WHERE a.kind = 'opclass' AND a.is_usable
              AND m.amname = a.part::pg_catalog.name
              AND o.opcname = a.name::pg_catalog.name
              AND CASE WHEN a.nspname IS NULL
                  THEN pg_catalog.pg_opclass_is_visible(o.oid)
                  ELSE o.opcnamespace = a.nspid END
         UNION ALL
           SELECT 'pg_catalog.pg_opfamily'::pg_catalog.regclass, o.oid
             FROM pg_catalog.pg_am m
             JOIN pg_catalog.pg_opfamily o ON o.opfmethod = m.oid
            WHERE a.kind = 'opfamily' AND a.is_usable
              AND m.amname = a.part::pg_catalog.name
              AND o.opfname = a.name::pg_catalog.name
              AND CASE WHEN a.nspname IS NULL
                  THEN pg_catalog.pg_opfamily_is_visible(o.oid)
                  ELSE o.opfnamespace = a.nspid END
         UNION ALL
           SELECT 'pg_catalog.pg_ts_config'::pg_catalog.regclass, x.oid
             FROM pg_catalog.pg_ts_config x
            WHERE a.kind = 'ts_configuration' AND a.is_usable
              AND x.cfgname = a.name::pg_catalog.name
              AND CASE WHEN a.nspname IS NULL
                  THEN pg_catalog.pg_ts_config_is_visible(x.oid)
                  ELSE x.cfgnamespace = a.nspid END
         UNION ALL
           SELECT 'pg_catalog.pg_ts_dict'::pg_catalog.regclass, x.oid
             FROM pg_catalog.pg_ts_dict x
            WHERE a.kind = 'ts_dictionary' AND a.is_usable
              AND x.dictname = a.name::pg_catalog.name
              AND CASE WHEN a.nspname IS NULL
                  THEN pg_catalog.pg_ts_dict_is_visible(x.oid)
                  ELSE x.dictnamespace = a.nspid END
         UNION ALL
           SELECT 'pg_catalog.pg_ts_parser'::pg_catalog.regclass, x.oid
             FROM pg_catalog.pg_ts_parser x
            WHERE a.kind = 'ts_parser' AND a.is_usable
              AND x.prsname = a.name::pg_catalog.name
              AND CASE WHEN a.nspname IS NULL
                  THEN pg_catalog.pg_ts_parser_is_visible(x.oid)
                  ELSE x.prsnamespace = a.nspid END
         UNION ALL
           SELECT 'pg_catalog.pg_ts_template'::pg_catalog.regclass, x.oid
             FROM pg_catalog.pg_ts_template x
            WHERE a.kind = 'ts_template' AND a.is_usable
              AND x.tmplname = a.name::pg_catalog.name
              AND CASE WHEN a.nspname IS NULL
                  THEN pg_catalog.pg_ts_template_is_visible(x.oid)
                  ELSE x.tmplnamespace = a.nspid END
         UNION ALL
           (SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass,
                   pg_catalog.max(p.oid)
              FROM pg_catalog.pg_proc p
             WHERE a.kind = 'function' AND a.is_usable
               AND p.proname = a.name::pg_catalog.name
               AND CASE WHEN a.nspname IS NULL
                   THEN pg_catalog.pg_function_is_visible(p.oid)
                   ELSE p.pronamespace = a.nspid END
               AND (a.part IS NULL
                    OR p.proargtypes = (
                       SELECT pg_catalog.array_to_string(g.types, ' ', '0')
                              ::pg_catalog.oidvector
                         FROM argued g WHERE g.n = a.n))
            HAVING pg_catalog.count(*) = 1)
         UNION ALL
           SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, p.oid
             FROM pg_catalog.pg_operator p
            WHERE a.kind = 'operator' AND a.is_usable
              AND p.oprname = a.name::pg_catalog.name
              AND ARRAY[p.oprleft, p.oprright] = (
                  SELECT g.types FROM argued g WHERE g.n = a.n)
              AND CASE WHEN a.nspname IS NULL
                  THEN pg_catalog.pg_operator_is_visible(p.oid)
                  ELSE p.oprnamespace = a.nspid END
           LIMIT (SELECT 2147483647)) x (classid, objid)
     WHERE x.objid IS NOT NULL
  UNION ALL
    SELECT x.classid, x.objid, 0
      FROM target t
     CROSS JOIN LATERAL (
           SELECT 'pg_catalog.pg_trigger'::pg_catalog.regclass
                  ::pg_catalog.oid, g.oid
             FROM pg_catalog.pg_trigger g
            WHERE t.kind = 'trigger'
              AND g.tgrelid = t.relid
              AND g.tgname = t.part::pg_catalog.name
         UNION ALL
           SELECT 'pg_catalog.pg_rewrite'::pg_catalog.regclass, w.oid
             FROM pg_catalog.pg_rewrite w
            WHERE t.kind = 'rule'
              AND w.ev_class = t.relid
              AND w.rulename = t.part::pg_catalog.name
         UNION ALL
           SELECT 'pg_catalog.pg_policy'::pg_catalog.regclass, y.oid
             FROM pg_catalog.pg_policy y
            WHERE t.kind = 'policy'
              AND y.polrelid = t.relid
              AND y.polname = t.part::pg_catalog.name
           LIMIT (SELECT 2147483647)) x (classid, objid)
),
