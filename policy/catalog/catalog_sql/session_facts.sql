-- What the guard must know of the session it works in; $1: a transaction block
-- is open.  pg_locks costs a pass over the whole lock table, so it is read only
-- where a block can hold locks at all.  Held are the relations that the
-- transaction has locked or made, and the session's own temporary ones: so many
-- at most, since the rest is merely guarded for nothing.  The statement_timeout may be set aside
-- for our questions; see plain_settings.sql.
SELECT pg_catalog.current_setting('transaction_read_only') AS read_only,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       pg_catalog.current_setting('transaction_isolation') AS isolation,
       CASE WHEN $1::pg_catalog.bool
       THEN EXISTS (
            SELECT FROM pg_catalog.pg_locks l
             WHERE l.pid = pg_catalog.pg_backend_pid()
               AND l.locktype = 'relation'::pg_catalog.text
               AND l.granted
               AND pg_catalog.array_position(
                   ARRAY['ShareLock', 'ShareRowExclusiveLock',
                   'ExclusiveLock', 'AccessExclusiveLock'
                   ]::pg_catalog.text[], l.mode) IS NOT NULL)
       ELSE false END AS strong_locks,
       pg_catalog.current_setting('client_min_messages') AS min_messages,
       pg_catalog.current_setting('lock_timeout') AS lock_timeout,
       COALESCE(pg_catalog.substring(pg_catalog.current_setting(
           'lockstep.settings_before', true), 'statement_timeout=([^,]*)'),
           pg_catalog.current_setting('statement_timeout')) AS statement_timeout,
       pg_catalog.current_setting('deadlock_timeout') AS deadlock_timeout,
       pg_catalog.current_setting('idle_session_timeout', true)
         AS idle_timeout,
       pg_catalog.current_setting('idle_in_transaction_session_timeout', true)
         AS block_idle_timeout,
       EXISTS (
       SELECT FROM pg_catalog.pg_language g
        WHERE g.lanname = 'plpgsql'::pg_catalog.name
          AND pg_catalog.has_language_privilege(g.oid, 'USAGE')
       ) AS can_attempt,
       EXISTS (
       SELECT FROM pg_catalog.pg_event_trigger e
        WHERE e.evtname >= ''
          AND e.evtenabled <> 'D'
          AND e.evtevent = 'ddl_command_start'::pg_catalog.name
       ) AS start_trigger,
       pg_catalog.pg_current_snapshot()::pg_catalog.text AS snapshot,
       pg_catalog.array_to_string(ARRAY(
           (SELECT pg_catalog.concat(l.relation, ':', pg_catalog.array_position(
                       ARRAY['AccessShareLock', 'RowShareLock',
                       'RowExclusiveLock', 'ShareUpdateExclusiveLock',
                       'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                       'AccessExclusiveLock']::pg_catalog.text[], l.mode))
              FROM pg_catalog.pg_locks l
             WHERE $1::pg_catalog.bool
               AND l.pid = pg_catalog.pg_backend_pid()
               AND l.locktype = 'relation'::pg_catalog.text
               AND l.granted
               AND l.relation >= '16384'::pg_catalog.oid
             LIMIT 1000)
         UNION ALL
           (SELECT pg_catalog.concat(d.objid, ':8')
              FROM pg_catalog.pg_depend d
             WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
               AND d.refobjid = pg_catalog.pg_my_temp_schema()
               AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
             LIMIT 1000)), ',') AS held
