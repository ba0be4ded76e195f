-- A notification is not worth a wait for the disk, nor for a standby.
SET synchronous_commit TO off;
LISTEN lockstep
