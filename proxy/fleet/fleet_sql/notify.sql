-- $1: a message.
SELECT pg_catalog.pg_notify('lockstep', $1::pg_catalog.text) AS sent
