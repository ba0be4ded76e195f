-- Whether a statement that changes catalogs alone may run at once, ahead of a
-- plan: whether nothing of a user's runs in it, and an error ends no session.

-- part: before
-- $1 is what the last glance has told, in one text: a glance says of the same
-- whether it is plain.
pg_catalog.concat_ws(' ',
    pg_catalog.current_setting('lock_timeout'),
    pg_catalog.current_setting('deadlock_timeout'),
    pg_catalog.current_setting('jit_above_cost'),
    pg_catalog.current_setting('exit_on_error'),
    pg_catalog.pg_relation_size(
        'pg_catalog.pg_event_trigger'::pg_catalog.regclass),
    pg_catalog.pg_relation_size(
        'pg_catalog.pg_inherits'::pg_catalog.regclass) = 0)
= $1::pg_catalog.text

-- part: fails
-- The error ends no session, whatever exit_on_error says.
pg_catalog.concat('Lockstep: not as before',
    pg_catalog.left(pg_catalog.set_config('exit_on_error', 'off', true), 0))
    ::pg_catalog.int4

-- part: columns
-- A database that never had an event trigger, or a child of a relation, has no
-- page of such.
SELECT pg_catalog.current_setting('lock_timeout') AS lock_timeout,
       pg_catalog.current_setting('client_min_messages') AS min_messages,
       pg_catalog.current_setting('deadlock_timeout') AS deadlock_timeout,
       pg_catalog.current_setting('jit_above_cost') AS jit_above_cost,
       pg_catalog.pg_relation_size(
           'pg_catalog.pg_inherits'::pg_catalog.regclass) = 0 AS is_flat,
       pg_catalog.current_setting('exit_on_error') = 'off'
       AND pg_catalog.pg_relation_size(
           'pg_catalog.pg_event_trigger'::pg_catalog.regclass) = 0

-- part: names
-- Thousands of partitions, or children, are long to lock.
           NOT EXISTS (
           SELECT FROM pg_catalog.pg_class c
            WHERE c.oid = ANY (ARRAY (
                  SELECT CASE WHEN pg_catalog.has_schema_privilege(
                              pg_catalog.to_regnamespace(a.nspname)
                              ::pg_catalog.oid, 'USAGE') IS NOT FALSE
                         THEN pg_catalog.to_regclass(a.name)::pg_catalog.oid
                         END
                    FROM ROWS FROM (
                         pg_catalog.unnest($1::pg_catalog.text[]),
                         pg_catalog.unnest($2::pg_catalog.text[]))
                         AS a (nspname, name)
                  OFFSET 0))
              AND (c.relhassubclass

-- part: truncates
-- What a foreign server does there is not always undone.
                   OR c.relkind = 'f'
                   OR (c.relhastriggers
                       AND EXISTS (
                           SELECT FROM pg_catalog.pg_trigger t
                            WHERE t.tgrelid = c.oid
                              AND t.tgtype & '32'::pg_catalog.int2 <> 0
                           OFFSET 0))

-- part: tail
                  )
           OFFSET 0)

-- part: cascades
-- Which tables it comes to is not known: by CASCADE, or as names have changed.
-- None may have such a trigger, as far as that is soon seen.
       AND CASE WHEN pg_catalog.pg_relation_size(
                     'pg_catalog.pg_trigger'::pg_catalog.regclass) <= 1048576
           THEN NOT EXISTS (
                SELECT FROM pg_catalog.pg_trigger t
                 WHERE t.tgtype & '32'::pg_catalog.int2 <> 0
                OFFSET 0)
           ELSE false END

-- part: end
       AS is_plain
