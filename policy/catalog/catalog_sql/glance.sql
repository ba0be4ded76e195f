-- Whether a statement that changes catalogs alone may run at once, ahead of a
-- plan: whether nothing of a user's runs in it, and an error ends no session.

-- part: columns
-- A database that never had an event trigger has no page of them.
SELECT pg_catalog.current_setting('lock_timeout') AS lock_timeout,
       pg_catalog.current_setting('client_min_messages') AS min_messages,
       pg_catalog.current_setting('deadlock_timeout') AS deadlock_timeout,
       pg_catalog.current_setting('exit_on_error') = 'off'
       AND pg_catalog.pg_relation_size(
           'pg_catalog.pg_event_trigger'::pg_catalog.regclass) = 0

-- part: truncates
-- Which tables it comes to, as partitions or by CASCADE, is not known: none may
-- have a trigger for it, as far as that is soon seen.
       AND CASE WHEN pg_catalog.pg_relation_size(
                     'pg_catalog.pg_trigger'::pg_catalog.regclass) <= 1048576
           THEN NOT EXISTS (
                SELECT FROM pg_catalog.pg_trigger t
                 WHERE t.tgtype & '32'::pg_catalog.int2 <> 0
                OFFSET 0)
           ELSE false END

-- part: end
       AS is_plain
