-- Which transactions have ended by now.
SELECT pg_catalog.pg_current_snapshot()::pg_catalog.text AS snapshot
