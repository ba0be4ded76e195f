-- Who holds locks on the relations $1, or on tables that these reference by
-- foreign keys, oldest transaction first; then, without a relation, who waits
-- for this session, directly or through others.  Each table expression is read
-- twice or more, and so computed once.
WITH RECURSIVE
locks AS (
    SELECT l.* FROM pg_catalog.pg_locks l
),
people AS (
    SELECT a.* FROM pg_catalog.pg_stat_activity a
),
-- The conflicts of a mode are the bits of the others.
modes (name, bit, conflicts) AS (
    VALUES ('AccessShareLock', 1, 128),
           ('RowShareLock', 2, 192),
           ('RowExclusiveLock', 4, 240),
           ('ShareUpdateExclusiveLock', 8, 248),
           ('ShareLock', 16, 236),
           ('ShareRowExclusiveLock', 32, 252),
           ('ExclusiveLock', 64, 254),
           ('AccessExclusiveLock', 128, 255)
),
-- A session that is held by a Lockstep waits for what its last look names, and
-- the server does not see that: holders.c writes it there.
held (pid, mode, tag) AS (
    SELECT a.pid, m.parts[2],
           pg_catalog.concat_ws(' ', 'relation', m.parts[1], 'of database',
               a.datid)
      FROM people a
     CROSS JOIN LATERAL pg_catalog.regexp_matches(
               pg_catalog.split_part(a.query, '*/', 1),
               '([0-9]+) ([A-Za-z]+)[,;]', 'g') m (parts)
     WHERE pg_catalog.starts_with(a.query, '/* Lockstep waits for ')
       AND a.xact_start IS NOT NULL
       AND a.pid <> pg_catalog.pg_backend_pid()
),
-- Empty, at no cost, where nobody waits.  For parallel workers the leader
-- stands.
tagged (pid, granted, mode, tag, locktype, is_held) AS (
    SELECT COALESCE(a.leader_pid, l.pid), l.granted, l.mode,
           pg_catalog.concat_ws(' ',
               CASE WHEN l.locktype = 'transactionid'
               THEN 'transaction' ELSE l.locktype END,
               l.relation, l.page, l.tuple, l.virtualxid, l.transactionid,
               l.classid, l.objid, l.objsubid,
               'of database ' || l.database::pg_catalog.text),
           l.locktype, false
      FROM locks l
      LEFT JOIN people a ON a.pid = l.pid
     WHERE EXISTS (SELECT FROM locks w WHERE NOT w.granted)
        OR EXISTS (SELECT FROM held)
  UNION ALL
    SELECT h.pid, false, h.mode, h.tag, 'relation', true
      FROM held h
),
-- Whoever merely queues in front of another one does not count: there the
-- server would change the order.
waits (pid, blocker, mode, tag, locktype, is_held) AS (
    SELECT w.pid, h.pid, w.mode, w.tag, w.locktype, w.is_held
      FROM tagged w
      JOIN modes n ON n.name = w.mode
      JOIN tagged h ON h.tag = w.tag
      JOIN modes m ON m.name = h.mode
     WHERE h.granted
       AND NOT w.granted
       AND h.pid <> w.pid
       AND n.conflicts & m.bit <> 0
),
behind (pid) AS (
    SELECT pg_catalog.pg_backend_pid()
  UNION
    SELECT w.pid
      FROM behind b
      JOIN waits w ON w.blocker = b.pid
),
waiters AS (
    SELECT DISTINCT ON (w.pid) w.*,
           w.blocker = pg_catalog.pg_backend_pid() AS is_direct
      FROM waits w
      JOIN behind b ON b.pid = w.blocker
     WHERE w.pid <> pg_catalog.pg_backend_pid()
     ORDER BY w.pid, is_direct DESC
)
SELECT COALESCE(l.pid, 0),
       l.relation,
       l.mode,
       a.usename,
       a.application_name,
       a.state,
       pg_catalog.floor(EXTRACT(epoch FROM
           pg_catalog.clock_timestamp() - a.xact_start) * 1000
           )::pg_catalog.int8 AS age_ms,
       -- nobody else who holds locks on tables has no user
       a.pid IS NOT NULL AND a.usesysid IS NULL,
       l.virtualtransaction,
       w.blocker,
       w.tag,
       NULL,
       NULL,
       NULL
  FROM locks l
  LEFT JOIN people a ON a.pid = l.pid
  LEFT JOIN waiters w ON w.pid = COALESCE(a.leader_pid, l.pid)
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
UNION ALL
SELECT w.pid AS pid,
       NULL AS relid,
       w.mode AS mode,
       NULL AS user_name,
       NULL AS application_name,
       NULL AS state,
       NULL AS age_ms,
       false AS is_autovacuum,
       NULL AS transaction,
       w.blocker AS blocker,
       w.tag AS waits_on,
       w.is_direct AS is_direct,
       -- an advisory lock is waited for by who means to, and a virtual
       -- transaction by CREATE INDEX CONCURRENTLY
       w.is_direct
       AND w.locktype <> 'advisory'
       AND w.locktype <> 'virtualxid' AS is_stalled,
       w.is_held
       AND w.pid > pg_catalog.pg_backend_pid() AS gives_way
  FROM waiters w
 ORDER BY age_ms DESC NULLS LAST
