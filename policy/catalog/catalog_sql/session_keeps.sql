-- Whether this session keeps a lock outside of transactions.  Those of this
-- question are on relations, and on a virtual transaction.
SELECT EXISTS (
       SELECT FROM pg_catalog.pg_locks l
        WHERE l.pid = pg_catalog.pg_backend_pid()
          AND l.relation IS NULL
          AND l.virtualxid IS NULL
       ) AS keeps
