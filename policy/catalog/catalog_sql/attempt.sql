-- An attempt, in the parts that attempt.c joins; it fills in the printf
-- conversions.  In the block, b is when it began, l how much of the bound is
-- left, in ms, and s the item that it is at.  Between poll and again stand the
-- locks to be tried until all of them are to be had at one time.

-- part: begin
DO %s DECLARE
b pg_catalog.timestamptz := pg_catalog.clock_timestamp();
l pg_catalog.int4; s pg_catalog.int4;
BEGIN

-- part: turn
s := %zu;
IF NOT pg_catalog.pg_try_advisory_xact_lock(%s) THEN
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
RAISE INFO USING MESSAGE = s::pg_catalog.text, ERRCODE = '%s';
WHEN OTHERS THEN
RAISE INFO USING MESSAGE = SQLERRM, ERRCODE = '%s';
END %s
