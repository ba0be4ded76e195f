-- What the guard must know of the session it works in.  The statement_timeout may
-- be set aside for our questions; see plain_settings.sql.

-- part: columns
SELECT pg_catalog.current_setting('transaction_read_only') AS read_only,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       pg_catalog.current_setting('transaction_isolation') AS isolation,
       h.strong AS strong_locks,
       pg_catalog.current_setting('client_min_messages') AS min_messages,
       pg_catalog.current_setting('lock_timeout') AS lock_timeout,
       COALESCE(pg_catalog.substring(pg_catalog.current_setting(
           'lockstep.settings_before', true), 'statement_timeout=([^,]{0,32})'),
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
       OFFSET 0) AS can_attempt,
       EXISTS (
       SELECT FROM pg_catalog.pg_event_trigger e
        WHERE e.evtname >= ''
          AND e.evtenabled <> 'D'
          AND e.evtevent = 'ddl_command_start'::pg_catalog.name
       OFFSET 0) AS start_trigger,
       pg_catalog.pg_current_snapshot()::pg_catalog.text AS snapshot,
       h.locks AS held
  FROM

-- part: idle
-- No lock is held; $1 says so.
       (SELECT $1::pg_catalog.bool AS strong, '' AS locks) h

-- part: block
-- One pass over the whole lock table, which is only worth it where a block can
-- hold locks at all.  The strongest locks are first, and so many are enough: the
-- rest is merely guarded for nothing.
       (SELECT COALESCE(pg_catalog.bool_or(l.mode >= 5), false) AS strong,
               pg_catalog.string_agg(pg_catalog.concat(l.relation, ':', l.mode),
                                     ',') AS locks
          FROM (SELECT relation,
                       pg_catalog.array_position(
                       ARRAY['AccessShareLock', 'RowShareLock',
                       'RowExclusiveLock', 'ShareUpdateExclusiveLock',
                       'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                       'AccessExclusiveLock']::pg_catalog.text[], mode) AS mode
                  FROM pg_catalog.pg_lock_status()
                 WHERE $1::pg_catalog.bool
                   AND pid = pg_catalog.pg_backend_pid()
                   AND locktype = 'relation'::pg_catalog.text
                   AND granted
                 ORDER BY mode DESC
                 LIMIT 1000) l) h
