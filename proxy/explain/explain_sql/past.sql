-- How many sessions use the relations $1 at this moment, and how many of them
-- come from where no Lockstep is known to be.  One is known to be where this
-- session comes from, and where the fleet speaks from whose database is $2.
-- All of the server's own machine is one place.
WITH
people AS (
    SELECT a.pid, a.application_name, a.datname, a.usesysid, a.client_port,
           CASE WHEN a.client_addr IS NULL
                  OR pg_catalog.array_position(
                         ARRAY['127.0.0.1', '::1', pg_catalog.host(
                                   pg_catalog.inet_server_addr())],
                         pg_catalog.host(a.client_addr)) IS NOT NULL
           THEN 'local'
           ELSE pg_catalog.host(a.client_addr) END AS place
      FROM pg_catalog.pg_stat_activity a
),
known (place) AS (
    SELECT p.place
      FROM people p
     WHERE p.client_port IS NOT NULL
       AND (p.pid = pg_catalog.pg_backend_pid()
            OR (p.application_name = 'lockstep fleet'
                AND p.datname = $2::pg_catalog.text))
),
users AS (
    SELECT p.application_name, p.client_port IS NULL AS is_untold,
           p.client_port IS NOT NULL
           AND pg_catalog.array_position(
                   ARRAY(SELECT k.place FROM known k), p.place) IS NULL
           AS is_past
      FROM people p
     WHERE p.usesysid IS NOT NULL
       AND p.pid <> pg_catalog.pg_backend_pid()
       AND EXISTS (
           SELECT FROM pg_catalog.pg_locks l
            WHERE l.pid = p.pid
              AND l.locktype = 'relation'
              AND pg_catalog.array_position(
                      $1::pg_catalog.oid[], l.relation) IS NOT NULL
              AND l.database = (SELECT d.oid
                                  FROM pg_catalog.pg_database d
                                 WHERE d.datname
                                       = pg_catalog.current_database()))
)
SELECT pg_catalog.count(*) AS users,
       pg_catalog.count(*) FILTER (WHERE u.is_past) AS past,
       pg_catalog.count(*) FILTER (WHERE u.is_untold) AS untold,
       pg_catalog.string_agg(DISTINCT u.application_name, ', ')
           FILTER (WHERE u.is_past) AS past_of
  FROM users u
