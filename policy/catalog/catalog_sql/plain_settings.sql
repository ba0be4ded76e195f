-- A client's settings reach what runs in its session: they can make a question
-- a thousand times as dear, by other plans and by compiling them, or change its
-- answer.  So those that do are set to what PostgreSQL has by itself for as
-- long as questions run, and set back before anything of the client's does.

-- part: set
-- A cost, a limit or a timeout counts only where it is worse than that.  $1 is
-- the jit_above_cost of before, $2 that of now; where nothing differs, nothing
-- is written.
SELECT pg_catalog.count(
       pg_catalog.set_config(d.name, d.value, true)) AS differing,
       CASE WHEN pg_catalog.count(*) > 0
              OR pg_catalog.current_setting('lockstep.settings_before', true)
                 <> ''
       THEN pg_catalog.set_config('lockstep.settings_before', COALESCE(
            pg_catalog.string_agg(
            pg_catalog.concat(d.name, '=', d.was), ','), ''), true)
       END AS before
  FROM (SELECT w.name, w.value,
               CASE WHEN w.name = 'jit_above_cost'
               THEN $1::pg_catalog.text
               ELSE pg_catalog.current_setting(w.name, true)
               END AS was
          FROM ROWS FROM (
               pg_catalog.unnest('{array_nulls,quote_all_identifiers,
                 exit_on_error,statement_timeout,plan_cache_mode,
                 enable_nestloop,enable_hashjoin,enable_mergejoin,
                 enable_seqscan,enable_indexscan,enable_indexonlyscan,
                 enable_bitmapscan,enable_hashagg,enable_sort,enable_material,
                 jit_above_cost,work_mem,seq_page_cost,random_page_cost,
                 cpu_tuple_cost,cpu_index_tuple_cost,cpu_operator_cost,
                 recursive_worktable_factor,geqo_threshold,
                 from_collapse_limit,join_collapse_limit,force_parallel_mode,
                 debug_parallel_query,parallel_setup_cost,parallel_tuple_cost,
                 min_parallel_table_scan_size,min_parallel_index_scan_size
                 }'::pg_catalog.text[]),
               pg_catalog.unnest('{on,off,off,0,auto,on,on,on,on,on,on,on,on,
                 on,on,100000,4MB,1,4,0.01,0.005,0.0025,10,12,8,8,off,off,
                 1000,0.1,8MB,512kB}'::pg_catalog.text[]))
               AS w (name, value)
        OFFSET 0) d
 WHERE CASE
       WHEN COALESCE(d.was, d.value) = d.value THEN false
       WHEN d.name = 'random_page_cost' THEN d.was::pg_catalog.float8 > 4
       WHEN d.name = 'work_mem'
       THEN pg_catalog.pg_size_bytes(d.was) < 4194304
       WHEN d.name = 'statement_timeout'
       THEN d.was::pg_catalog.interval < '10s'::pg_catalog.interval
       WHEN d.name = 'jit_above_cost' THEN d.was <> $2::pg_catalog.text
       ELSE true END

-- part: execute
-- The server computes what EXECUTE passes without a plan, and so without
-- compiling it, even where jit_above_cost is 0.
EXECUTE %s (
pg_catalog.current_setting('jit_above_cost'),
CASE WHEN pg_catalog.current_setting('jit_above_cost') = '100000'
THEN '100000'
ELSE pg_catalog.set_config('jit_above_cost', '100000', true) END)

-- part: restore
SELECT pg_catalog.count(
       pg_catalog.set_config(pg_catalog.split_part(b.item, '=', 1),
       pg_catalog.split_part(b.item, '=', 2), true)) AS restored,
       CASE WHEN pg_catalog.count(*) > 0
       THEN pg_catalog.set_config('lockstep.settings_before', '', true)
       END AS before
  FROM pg_catalog.unnest(pg_catalog.string_to_array(
       pg_catalog.current_setting('lockstep.settings_before', true), ','))
       AS b (item)
