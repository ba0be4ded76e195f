-- One row for each thing that the statements name.
WITH RECURSIVE
asked AS MATERIALIZED (
  SELECT a.*, s.nspid,
         a.name IS NOT NULL
         AND pg_catalog.has_schema_privilege(s.nspid, 'USAGE') IS NOT FALSE
         AS is_usable
    FROM ROWS FROM (
         pg_catalog.unnest((SELECT $1::pg_catalog.text[])),
         pg_catalog.unnest((SELECT $2::pg_catalog.text[])),
         pg_catalog.unnest((SELECT $3::pg_catalog.text[])),
         pg_catalog.unnest((SELECT $4::pg_catalog.text[])),
         pg_catalog.unnest((SELECT $5::pg_catalog.bool[])),
         pg_catalog.unnest((SELECT $6::pg_catalog.bool[])),
         pg_catalog.unnest((SELECT $7::pg_catalog.bool[])),
         pg_catalog.unnest((SELECT $8::pg_catalog.int4[])))
         WITH ORDINALITY AS a (kind, nspname, name, part, is_only, is_cascade,
                               is_restart, mode, n)
   CROSS JOIN LATERAL (
         SELECT CASE WHEN a.nspname = 'pg_temp'
                     THEN pg_catalog.pg_my_temp_schema()
                     ELSE pg_catalog.to_regnamespace(
                          pg_catalog.quote_ident(a.nspname))::pg_catalog.oid
                END AS nspid
         OFFSET 0) s
),
-- The relations among them.  to_regclass would report a schema that the role
-- may not use as an error.
target AS MATERIALIZED (
  SELECT t.*
    FROM (SELECT a.*,
                 CASE WHEN a.is_usable
                      THEN pg_catalog.to_regclass(
                           pg_catalog.concat_ws('.',
                           pg_catalog.quote_ident(
                           CASE WHEN a.kind = 'replace' AND a.nspname IS NULL
                                THEN pg_catalog.current_schema()::pg_catalog.text
                                ELSE a.nspname END),
                           pg_catalog.quote_ident(a.name)))::pg_catalog.oid
                 END AS relid
            FROM asked a
           WHERE a.mode IS NOT NULL
          OFFSET 0) t
   WHERE t.relid IS NOT NULL
),
server AS MATERIALIZED (
  SELECT pg_catalog.current_setting('server_version_num')
         ::pg_catalog.int4 AS num
),
target_lock (relid, mode, phase) AS (
    SELECT t.relid, t.mode, 1 FROM target t WHERE t.mode > 0
),
