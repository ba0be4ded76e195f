-- Make the client's transaction fail in the server.
DO $lockstep$BEGIN
RAISE EXCEPTION USING ERRCODE = '55P03',
  MESSAGE = 'canceling statement due to lock timeout';
END$lockstep$
