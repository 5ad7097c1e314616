-- name: is_partitioned
-- Whether a table is partitioned by us; a hypertable is not.
SELECT relkind = 'p' FROM pg_class WHERE oid = %(table)s::regclass

-- name: attached_partitions
-- Names of the tables attached to it.
SELECT child.relname
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = %(table)s::regclass

-- name: is_attached
-- A row if the table of that name is attached.
SELECT 1
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = %(table)s::regclass AND child.relname = %(name)s

-- name: ddl_timeout
-- Give up on a lock soon: somebody's long transaction must not queue writers behind this DDL.
SET LOCAL lock_timeout = '500ms'

-- name: ddl_turn
-- Wait for other makers of partitions, until the end of the transaction.
SELECT pg_advisory_xact_lock(%(key)s)

-- name: make_partition
-- The table of one span, not attached yet; a left-over of that name cannot exist (one transaction).
CREATE TABLE {name} (
    LIKE {table} INCLUDING DEFAULTS INCLUDING INDEXES,
    CONSTRAINT {check} CHECK (ts >= to_timestamp({start}) AND ts < to_timestamp({end}))
)

-- name: attach_partition
-- The check above spares PostgreSQL the search through the table.
ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM (to_timestamp({start})) TO (to_timestamp({end}))

-- name: drop_check
-- The bound of the partition says the same: no need to test each row twice.
ALTER TABLE {name} DROP CONSTRAINT {check}
