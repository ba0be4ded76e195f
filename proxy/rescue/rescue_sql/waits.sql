-- What the sessions $1, server pids, have locked or want to lock in a mode that
-- keeps others' rows from being read or written, if one of them waits for such
-- a lock: in this database only, whose relations have names here.
WITH
locks AS MATERIALIZED (
    SELECT l.pid, l.relation, l.granted,
           NOT l.granted
           AND l.mode = 'AccessExclusiveLock' AS stops_readers
      FROM pg_catalog.pg_locks l
     WHERE l.locktype = 'relation'
       AND pg_catalog.array_position(
               $1::pg_catalog.oid[], l.pid::pg_catalog.oid) IS NOT NULL
       AND pg_catalog.array_position(
               ARRAY['ShareLock', 'ShareRowExclusiveLock',
                     'ExclusiveLock', 'AccessExclusiveLock'],
               l.mode) IS NOT NULL
       AND l.database = (SELECT d.oid
                           FROM pg_catalog.pg_database d
                          WHERE d.datname
                                = pg_catalog.current_database())
)
SELECT l.pid AS pid, l.relation AS relid, l.stops_readers AS stops_readers
  FROM locks l
 WHERE EXISTS (
       SELECT FROM locks w WHERE w.pid = l.pid AND NOT w.granted)
 ORDER BY l.granted
 LIMIT 1000
