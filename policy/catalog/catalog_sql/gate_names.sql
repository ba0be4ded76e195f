-- Views by the rules that read one of the relations, ancestors by pg_inherits,
-- both as far as they reach; then one step along foreign keys, either way.  What
-- the ACLs of a table or of its schema let nobody use but the owner has a row
-- for each role that is a member of the owner.  OFFSET 0 and LIMIT pin each
-- lookup to an index, as in lock_set_query.c.

-- part: head
WITH RECURSIVE
above (relid) AS (

-- part: asked
    SELECT u.relid FROM pg_catalog.unnest($1::pg_catalog.oid[]) u (relid)

-- part: own
-- What the transaction itself keeps from everybody else.
    SELECT c.oid
      FROM pg_catalog.pg_locks l
     CROSS JOIN LATERAL (
           SELECT oid FROM pg_catalog.pg_class
            WHERE oid = l.relation
              AND relpersistence <> 't'::pg_catalog."char"
              AND relkind = ANY ('{r,p,v,m,f}'::pg_catalog."char"[])
           OFFSET 0) c
     WHERE l.locktype = 'relation'::pg_catalog.text
       AND l.pid = pg_catalog.pg_backend_pid()
       AND l.mode = 'AccessExclusiveLock'::pg_catalog.text

-- part: tail
  UNION
    SELECT r.relid
      FROM above a
     CROSS JOIN LATERAL (
           SELECT w.ev_class
             FROM pg_catalog.pg_depend d
            CROSS JOIN LATERAL (
                  SELECT ev_class FROM pg_catalog.pg_rewrite
                   WHERE oid = d.objid
                  OFFSET 0) w
            WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.refobjid = a.relid
              AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
         UNION ALL
           SELECT h.inhparent
             FROM pg_catalog.pg_inherits h
            WHERE h.inhrelid = a.relid
           LIMIT (SELECT 2147483647)) r (relid)
),
named (relid, reach) AS (
    SELECT a.relid, 'a'::pg_catalog.text FROM above a
  UNION ALL
    SELECT r.relid, r.reach
      FROM above a
     CROSS JOIN LATERAL (
           SELECT k.confrelid, 'n'::pg_catalog.text
             FROM pg_catalog.pg_constraint k
            WHERE k.conrelid = a.relid
              AND k.contype = 'f'
         UNION ALL
           SELECT k.conrelid, 'w'::pg_catalog.text
             FROM pg_catalog.pg_depend d
            CROSS JOIN LATERAL (
                  SELECT conrelid FROM pg_catalog.pg_constraint
                   WHERE oid = d.objid
                     AND contype = 'f'
                  OFFSET 0) k
            WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.refobjid = a.relid
              AND d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
           LIMIT (SELECT 2147483647)) r (relid, reach)
),
found (relid, reach) AS (
    SELECT n.relid, pg_catalog.min(n.reach) FROM named n GROUP BY n.relid
),
known (name, schema, reach, owner) AS (
    SELECT c.relname, s.nspname, f.reach,
           CASE
           WHEN NOT EXISTS (
                SELECT FROM pg_catalog.aclexplode(s.nspacl) g
                 WHERE g.grantee <> s.nspowner)
           THEN s.nspowner
           WHEN NOT EXISTS (
                SELECT FROM pg_catalog.aclexplode(c.relacl) g
                 WHERE g.grantee <> c.relowner)
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = f.relid
                   AND a.attacl IS NOT NULL)
           THEN c.relowner END
      FROM found f
     CROSS JOIN LATERAL (
           SELECT relname, relnamespace, relowner, relacl
             FROM pg_catalog.pg_class
            WHERE oid = f.relid
           OFFSET 0) c
     CROSS JOIN LATERAL (
           SELECT nspname, nspowner, nspacl FROM pg_catalog.pg_namespace
            WHERE oid = c.relnamespace
           OFFSET 0) s
),
readers (owner, reader) AS (
    SELECT DISTINCT k.owner, k.owner FROM known k WHERE k.owner IS NOT NULL
  UNION
    SELECT r.owner, m.member
      FROM readers r
     CROSS JOIN LATERAL (
           SELECT member FROM pg_catalog.pg_auth_members
            WHERE roleid = r.reader
            LIMIT (SELECT 2147483647)) m
)
SELECT k.name AS name, k.schema AS schema, k.reach AS reach,
       COALESCE(pg_catalog.pg_get_userbyid(r.reader), ''::pg_catalog.name)
       AS reader
  FROM known k
  LEFT JOIN readers r ON r.owner = k.owner
