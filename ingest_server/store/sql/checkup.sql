-- What `lineside-server doctor` looks at; nothing here changes anything.

-- name: server
-- The database server itself, whatever is in the database.
SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::int / 10000 AS major,
       pg_database_size(current_database()) AS bytes,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       current_setting('max_connections')::int AS most_connections,
       current_setting('fsync')::boolean AS fsync,
       current_setting('full_page_writes')::boolean AS full_page_writes,
       pg_is_in_recovery() AS standby,
       getdatabaseencoding() AS encoding,
       (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescaledb,
       (SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb') AS available,
       to_regclass('lineside.schema_version') IS NOT NULL AS has_schema,
       clock_timestamp() AS now

-- name: revision
-- What the schema was brought to.
SELECT version_num FROM lineside.schema_version

-- name: state
-- How far the work is.
SELECT (SELECT count(*) FROM ingest_worker WHERE until > clock_timestamp()) AS workers,
       (SELECT count(*) FROM lease JOIN ingest_worker USING (worker)
        WHERE until > clock_timestamp()) AS shards,
       (SELECT count(*) FROM edge WHERE state = 'in_service') AS edges,
       (SELECT count(*) FROM edge WHERE state = 'in_service' AND online) AS online,
       (SELECT count(*) FROM stream WHERE applied < cursor) AS parked,
       (SELECT count(*) FROM dead_letter) AS letters,
       (SELECT count(*) FROM gap WHERE accepted_at IS NULL) AS gaps,
       (SELECT count(DISTINCT plant) FROM plan_version) AS plants

-- name: away
-- Edges in service that are not connected, the one that is away longest first.
SELECT plant || '/' || edge AS edge, last_seen
FROM edge
WHERE state = 'in_service' AND NOT online
ORDER BY last_seen NULLS FIRST, plant, edge LIMIT 10
