-- Make the client's transaction fail in the server.

-- part: timeout
DO $lockstep$BEGIN
RAISE EXCEPTION USING ERRCODE = '55P03',
  MESSAGE = 'canceling statement due to lock timeout';
END$lockstep$

-- part: deadlock
DO $lockstep$BEGIN
RAISE EXCEPTION USING ERRCODE = '40P01',
  MESSAGE = 'deadlock detected';
END$lockstep$

-- part: abort
DO $lockstep$BEGIN
RAISE EXCEPTION USING ERRCODE = '25P02',
  MESSAGE = 'Lockstep: a statement of the transaction has failed';
END$lockstep$
