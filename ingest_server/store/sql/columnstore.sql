-- name: edition
-- Whether readings lie in a hypertable, and under which licence TimescaleDB runs.
SELECT relkind <> 'p', current_setting('timescaledb.license', true)
FROM pg_class WHERE oid = 'lineside.reading'::regclass

-- name: is_packed
-- Whether the columnstore is on for readings.
SELECT compression_enabled FROM timescaledb_information.hypertables
WHERE hypertable_schema = 'lineside' AND hypertable_name = 'reading'

-- name: turn
-- Servers that start at once do this one after the other.
SELECT pg_advisory_xact_lock(x'4C5344450007'::bigint), %(table)s::text

-- name: policy
-- After how many days a table is packed; no row: it is not.
SELECT extract(epoch FROM (config ->> 'compress_after')::interval)::int / 86400
FROM timescaledb_information.jobs
WHERE hypertable_schema = 'lineside' AND hypertable_name = %(table)s
  AND proc_name = 'policy_compression'

-- name: jobs
-- The jobs that pack our tables.
SELECT job_id FROM timescaledb_information.jobs
WHERE hypertable_schema = 'lineside' AND proc_name = 'policy_compression' ORDER BY job_id

-- name: remove_policy
-- Before another one is set.
CALL remove_columnstore_policy(format('lineside.%%I', %(table)s::text)::regclass, if_exists => true)

-- name: enable_reading
-- One segment a tag, in the order of time: a trend of one tag reads only its own.
ALTER TABLE reading SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'tag_id', timescaledb.orderby = 'ts')

-- name: enable_reading_1m
-- As readings.
ALTER TABLE reading_1m SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'tag_id', timescaledb.orderby = 'ts')

-- name: add_policy
-- From then on TimescaleDB's scheduler does it.
CALL add_columnstore_policy(format('lineside.%%I', %(table)s::text)::regclass, after => make_interval(days => %(days)s))
