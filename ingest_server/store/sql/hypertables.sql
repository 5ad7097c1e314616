-- name: take_time
-- Whole days are copied in one statement; nobody else works here, so locks are had soon.
SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '10s', false)

-- name: keep_servers_out
-- A server that starts waits for this lock, as it does for another's migration.
SELECT pg_try_advisory_lock(%(key)s)

-- name: others
-- Lineside's own connections to this database but this one.
SELECT application_name FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND application_name LIKE 'lineside %%'

-- name: can_install
-- The loader of TimescaleDB defines its parameters only where it was preloaded.
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
       AND EXISTS (SELECT FROM pg_settings WHERE name LIKE 'timescaledb.%%')

-- name: install
-- Needs the right to do so; nothing where it is there.
CREATE EXTENSION IF NOT EXISTS timescaledb SCHEMA public

-- name: is_partitioned
-- Whether a table is still partitioned by us.
SELECT relkind = 'p' FROM pg_class WHERE oid = %(table)s::regclass

-- name: is_prepared
-- Whether the hypertable it is to become is there.
SELECT to_regclass(%(moving)s) IS NOT NULL

-- name: partitions
-- What is still to be moved, oldest first.
SELECT child.relname
FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = %(table)s::regclass ORDER BY child.relname

-- name: prepare
-- Same columns, same indexes.
CREATE TABLE {moving} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING COMMENTS)

-- name: to_hypertable
-- Chunks as long as the partitions were.
SELECT create_hypertable(%(moving)s::regclass, 'ts', chunk_time_interval => make_interval(days => %(days)s), create_default_indexes => false)

-- name: hold
-- Nobody writes here; should somebody, it is not lost unseen.
LOCK TABLE {part} IN ACCESS EXCLUSIVE MODE

-- name: count
-- How many rows have to arrive.
SELECT count(*) FROM {part}

-- name: copy
-- All rows of a partition.
INSERT INTO {moving} SELECT * FROM {part}

-- name: detach
-- It has been copied and counted.
ALTER TABLE {table} DETACH PARTITION {part}

-- name: drop
-- In the same transaction.
DROP TABLE {part}

-- name: belongings
-- Statements that give a table of this name the owner, rights and comment that the present one has.
WITH c AS (SELECT oid, relname, relowner, relacl FROM pg_class WHERE oid = %(table)s::regclass),
grants AS (
    SELECT g.*, NULL::text AS columns FROM c, aclexplode(c.relacl) AS g
    UNION ALL
    SELECT g.*, format('(%%I)', a.attname)
    FROM c JOIN pg_attribute AS a ON a.attrelid = c.oid, aclexplode(a.attacl) AS g
)
SELECT format('ALTER TABLE lineside.%%I OWNER TO %%I', relname, pg_get_userbyid(relowner))
FROM c WHERE pg_get_userbyid(relowner) <> current_user
UNION ALL
SELECT format('GRANT %%s %%s ON lineside.%%I TO %%s %%s', g.privilege_type, g.columns, c.relname,
              CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END,
              CASE WHEN g.is_grantable THEN 'WITH GRANT OPTION' END)
FROM c, grants AS g WHERE g.grantee <> c.relowner
UNION ALL
SELECT format('COMMENT ON TABLE lineside.%%I IS %%L', relname, obj_description(oid, 'pg_class'))
FROM c WHERE obj_description(oid, 'pg_class') IS NOT NULL

-- name: drop_empty
-- No partition is left, and so no row; views on it are made again.
DROP TABLE {table} CASCADE

-- name: rename
-- From now on it is the table.
ALTER TABLE {moving} RENAME TO {short}

-- name: rename_indexes
-- Statements that give the indexes the names which a new database gives them.
SELECT format('ALTER INDEX lineside.%%I RENAME TO %%I', i.relname, replace(
           CASE WHEN x.indisprimary THEN t.relname || '_pkey' ELSE 'reading_tag_ts' END, '_moving', ''))
FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS t ON t.oid = x.indrelid
WHERE x.indrelid = %(table)s::regclass AND i.relname LIKE '%%moving%%'
