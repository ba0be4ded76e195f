-- Wait for one relation in a mode that conflicts with an autovacuum and with
-- hardly anything else; the error at the end lets go again.
DO %s BEGIN
PERFORM pg_catalog.set_config('lock_timeout', '%u', true);
LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE;
RAISE lock_not_available;
EXCEPTION WHEN OTHERS THEN
RAISE INFO USING MESSAGE = '%zu', ERRCODE = '%s';
END %s
