-- A notification is not worth a wait for the disk, nor for a standby.
SET synchronous_commit TO off;
LISTEN lockstep;
-- The pid that notifications bear; a pooler of sessions may have told another.
SELECT pg_catalog.pg_backend_pid() AS pid
