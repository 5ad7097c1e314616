-- name: join
-- A new worker, with an identity of its own.
INSERT INTO ingest_worker (worker, name, renewed_at, until)
VALUES (%(worker)s, %(name)s, clock_timestamp(),
        clock_timestamp() + make_interval(secs => %(lease_s)s))

-- name: renew
-- Live on; no row: it was evicted, or its time is over.
UPDATE ingest_worker
SET renewed_at = clock_timestamp(),
    until = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE worker = %(worker)s AND until > clock_timestamp()

-- name: now
-- The time by the clock of the database.
SELECT clock_timestamp()

-- name: connections
-- What each connection of a worker is for, and whose it is.
SELECT split_part(application_name, ' ', 2), split_part(application_name, ' ', 3)::uuid
FROM pg_stat_activity
WHERE datname = current_database()
  AND application_name ~ '^lineside [a-z]+ [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'

-- name: workers
-- All workers, and the time now.
SELECT worker, name, renewed_at, until, clock_timestamp() FROM ingest_worker

-- name: owners
-- Who holds each shard.
SELECT shard, worker FROM lease

-- name: evict
-- Workers that showed no sign of life since they were looked at.
DELETE FROM ingest_worker AS w
USING unnest(%(worker)s::uuid[], %(renewed_at)s::timestamptz[]) AS seen (worker, renewed_at)
WHERE w.worker = seen.worker AND w.renewed_at = seen.renewed_at

-- name: cut
-- End the writing connections of workers that have no row any more, and wait for the end of each:
-- a process that was stopped would hold its locks for ever.
SELECT pg_terminate_backend(pid, 2000)
FROM pg_stat_activity
WHERE datname = current_database()
  AND application_name ~ '^lineside (ingest|partitions|latest) '
  AND split_part(application_name, ' ', 3) = ANY(%(worker)s::text[])
  AND NOT EXISTS (
      SELECT FROM ingest_worker WHERE worker::text = split_part(application_name, ' ', 3))

-- name: claim
-- Take shards that are still held as they were seen to be.
UPDATE lease SET worker = %(worker)s, since = clock_timestamp()
FROM unnest(%(shard)s::int[], %(owner)s::uuid[]) AS seen (shard, owner)
WHERE lease.shard = seen.shard AND lease.worker IS NOT DISTINCT FROM seen.owner
  AND EXISTS (SELECT FROM ingest_worker AS w
              WHERE w.worker = %(worker)s AND w.until > clock_timestamp())
RETURNING lease.shard

-- name: release
-- Give shards back.
UPDATE lease SET worker = NULL, since = NULL
WHERE shard = ANY(%(shard)s::int[]) AND worker = %(worker)s

-- name: release_all
-- Give all shards back.
UPDATE lease SET worker = NULL, since = NULL WHERE worker = %(worker)s

-- name: leave
-- This worker has ended.
DELETE FROM ingest_worker WHERE worker = %(worker)s

-- name: holds
-- Whether a worker still lives.
SELECT 1 FROM ingest_worker WHERE worker = %(worker)s AND until > clock_timestamp()
