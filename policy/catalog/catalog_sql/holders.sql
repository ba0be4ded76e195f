-- Who holds locks on the relations $1, or on tables that these reference by
-- foreign keys; oldest transaction first.
SELECT COALESCE(l.pid, 0) AS pid,
       l.relation AS relid,
       l.mode AS mode,
       a.usename AS user_name,
       a.application_name AS application_name,
       a.state AS state,
       pg_catalog.floor(EXTRACT(epoch FROM
           pg_catalog.clock_timestamp() - a.xact_start) * 1000
           )::pg_catalog.int8 AS age_ms,
       -- nobody else who holds locks on tables has no user
       a.pid IS NOT NULL AND a.usesysid IS NULL AS is_autovacuum,
       l.virtualtransaction AS transaction
  FROM pg_catalog.pg_locks l
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.granted
   AND l.locktype = 'relation'::pg_catalog.text
   AND pg_catalog.array_position(
       $1::pg_catalog.oid[]
       || ARRAY(SELECT k.confrelid
                  FROM pg_catalog.unnest($1::pg_catalog.oid[]) u (relid)
                 CROSS JOIN LATERAL (
                       SELECT confrelid FROM pg_catalog.pg_constraint
                        WHERE conrelid = u.relid
                          AND contype = 'f'
                        LIMIT (SELECT 2147483647)) k),
       l.relation) IS NOT NULL
   AND COALESCE(l.pid, 0) <> pg_catalog.pg_backend_pid()
   AND l.database = (SELECT d.oid
                       FROM pg_catalog.pg_database d
                      WHERE d.datname = pg_catalog.current_database())
 ORDER BY a.xact_start
