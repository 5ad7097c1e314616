-- name: is_partitioned
-- Whether a table is partitioned by us; a hypertable is not.
SELECT relkind = 'p' FROM pg_class WHERE oid = %(table)s::regclass

-- name: partitions
-- Tables attached to it, with their bytes.
SELECT child.relname, pg_total_relation_size(child.oid)
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = %(table)s::regclass

-- name: chunks
-- Chunks of a hypertable, with their bytes in both forms.
SELECT c.chunk_schema, c.chunk_name, c.range_start, c.range_end, coalesce(s.total_bytes, 0),
       c.is_compressed
FROM timescaledb_information.chunks AS c
LEFT JOIN chunks_detailed_size(%(table)s::regclass) AS s USING (chunk_schema, chunk_name)
WHERE c.hypertable_schema = 'lineside' AND c.hypertable_name = %(name)s

-- name: ddl_timeout
-- Give up on a lock soon: somebody's long transaction must not queue writers behind this DDL.
SET LOCAL lock_timeout = '500ms'

-- name: take_time
-- Whole days are read and written here.
SET LOCAL statement_timeout = 0

-- name: decompress_freely
-- What came late into a chunk may have to be looked at row by row.
SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0

-- name: drop_chunks
-- The chunk of a span.
SELECT drop_chunks(%(table)s::regclass, older_than => %(to_ts)s::timestamptz,
                   newer_than => %(from_ts)s::timestamptz)

-- name: detach
-- First it leaves the table, in the same transaction it goes.
ALTER TABLE {table} DETACH PARTITION {name}

-- name: drop
-- The table of a span.
DROP TABLE {name}

-- name: has
-- A row if some of these tags have readings there.
SELECT 1 FROM {name} WHERE tag_id = ANY(%(tags)s::int[]) LIMIT 1

-- name: count
-- How many readings there are.
SELECT count(*) FROM {name}

-- name: delete
-- Readings of some tags in a span.
DELETE FROM reading
WHERE ts >= %(from_ts)s AND ts < %(to_ts)s AND tag_id = ANY(%(tags)s::int[])

-- name: hold
-- Nobody writes into it from now on; reading goes on.
LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE

-- name: set_apart
-- What stays.
CREATE TEMP TABLE kept ON COMMIT DROP AS
SELECT * FROM {name} WHERE tag_id <> ALL(%(tags)s::int[])

-- name: empty
-- The only way to give the space back at once, without waiting for a second copy of everything.
TRUNCATE {name}

-- name: put_back
-- What stays, in a table without holes.
INSERT INTO {name} SELECT * FROM kept ORDER BY ts
