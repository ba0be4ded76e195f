-- An attempt, in the parts that attempt.c joins; it fills in the printf
-- conversions.  In the block, b is when it began, l how much of the bound is
-- left, in ms, s the item that it is at, and r who has the turn.  Between poll
-- and again stand the locks to be tried until all of them are to be had at one
-- time.

-- part: begin
DO %s DECLARE
b pg_catalog.timestamptz := pg_catalog.clock_timestamp();
l pg_catalog.int4; s pg_catalog.int4; r pg_catalog.text := '';
BEGIN

-- part: turn
-- No LOCK TABLE reaches the item; an advisory lock stands for it.  A user's
-- name may have any character, so it comes last.
s := %zu;
IF NOT pg_catalog.pg_try_advisory_xact_lock(%d, %d) THEN
  r := (SELECT pg_catalog.concat(l.pid, ' ', a.application_name, pg_catalog.chr(10),
                                 a.usename)
          FROM pg_catalog.pg_locks l
          LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
         WHERE l.locktype = 'advisory'::pg_catalog.text
           AND l.classid = '%u'::pg_catalog.oid
           AND l.objid = '%u'::pg_catalog.oid
           AND l.objsubid = 2::pg_catalog.int2
           AND l.granted
           AND l.database = (SELECT d.oid
                               FROM pg_catalog.pg_database d
                              WHERE d.datname = pg_catalog.current_database())
         LIMIT 1);
  RAISE lock_not_available;
END IF;

-- part: near
-- Somebody holds what the relations reference, beside them.
s := 0;
IF EXISTS (
   SELECT FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'relation'::pg_catalog.text
      AND l.granted
      AND pg_catalog.array_position('{%s}'::pg_catalog.oid[],
                                    l.relation) IS NOT NULL
      AND COALESCE(l.pid, 0) <> pg_catalog.pg_backend_pid()
      AND l.database = (SELECT d.oid
                          FROM pg_catalog.pg_database d
                         WHERE d.datname = pg_catalog.current_database()))
THEN
  RAISE lock_not_available;
END IF;

-- part: item
s := %zu;

-- part: poll
LOOP
BEGIN

-- part: again
EXIT;
EXCEPTION WHEN lock_not_available THEN
END;
PERFORM pg_catalog.pg_sleep(0.001);

-- part: left
l := %u - (EXTRACT(epoch FROM pg_catalog.clock_timestamp() - b)
  * 1000)::pg_catalog.int4;
IF l <= 0 THEN
  RAISE lock_not_available;
END IF;

-- part: loop
END LOOP;

-- part: limit
PERFORM pg_catalog.set_config('lock_timeout', l::pg_catalog.text, true);

-- part: lock
LOCK TABLE ONLY %s IN %s MODE%s;

-- part: moment
-- The shortest wait, for what has no NOWAIT.
PERFORM pg_catalog.set_config('lock_timeout', '1', true);

-- part: owner
-- To the present owner: this takes ACCESS EXCLUSIVE and changes nothing.
ALTER TABLE ONLY %s OWNER TO %s;

-- part: restore
PERFORM pg_catalog.set_config('lock_timeout', '%s', true);

-- part: end
-- OTHERS are all errors but a cancel.
RAISE INFO USING MESSAGE = '%zu', ERRCODE = '%s';
EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
RAISE INFO USING MESSAGE = s::pg_catalog.text, DETAIL = COALESCE(r, ''),
  ERRCODE = '%s';
WHEN OTHERS THEN
RAISE INFO USING MESSAGE = SQLERRM, ERRCODE = '%s';
END %s
