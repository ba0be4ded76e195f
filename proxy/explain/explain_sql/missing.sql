-- True if the role sees no relation of the name $1.
SELECT pg_catalog.to_regclass($1::pg_catalog.text) IS NULL AS is_missing
