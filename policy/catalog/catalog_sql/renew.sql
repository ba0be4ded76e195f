-- Forget what this transaction has seen of pg_stat_activity; no row.
SELECT pg_catalog.pg_stat_clear_snapshot() OFFSET 1
