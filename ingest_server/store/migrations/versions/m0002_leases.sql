-- Who of several ingest workers serves which shards.
--
-- A worker's connections carry its identity in `application_name`: that is how the others see
-- whether it lives, and which backends to end when it is taken over. Every statement on these
-- tables is a transaction of its own: a process that stops in the middle holds no lock here.

CREATE TABLE ingest_worker (
    worker     uuid PRIMARY KEY,
    name       text NOT NULL,
    joined_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    renewed_at timestamptz NOT NULL,
    until      timestamptz NOT NULL
);
COMMENT ON TABLE ingest_worker IS 'ingest workers that live; a row that is deleted never returns';
COMMENT ON COLUMN ingest_worker.name IS 'host and process id, for people';

CREATE TABLE lease (
    shard  int PRIMARY KEY CHECK (shard BETWEEN 0 AND 63),
    worker uuid,
    since  timestamptz
);
COMMENT ON TABLE lease IS 'which worker serves a shard; it ends with the worker''s row';
INSERT INTO lease (shard) SELECT * FROM generate_series(0, 63);
