-- Marks of changed minutes, and what is remembered of retention. The tables `reading_1m` and
-- `reading_1h` follow from m0004_rollups_partitions.sql or m0004_rollups_hypertable.sql.

CREATE TABLE dirty (
    edge_id int NOT NULL,
    minute  timestamptz NOT NULL
);
COMMENT ON TABLE dirty IS 'minutes with new readings: append-only marks without a key, written with the readings';

CREATE TABLE dirty_hour (
    edge_id int NOT NULL,
    hour    timestamptz NOT NULL,
    PRIMARY KEY (edge_id, hour)
);
COMMENT ON TABLE dirty_hour IS 'hours with changed minutes; only the one roller writes here';

CREATE TABLE frozen (
    class  text PRIMARY KEY CHECK (class IN ('key', 'bulk')),
    before timestamptz
);
INSERT INTO frozen (class) VALUES ('key'), ('bulk');
COMMENT ON TABLE frozen IS 'readings before this time are no longer taken into `reading`; null: all are';

-- Values whose squares and products with times neither overflow nor underflow: a PLC's registers
-- read in the wrong order give such numbers, and one of them must not stop a whole sum.
CREATE FUNCTION calm(value double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN abs(value) > 1e150 THEN NULL WHEN abs(value) < 1e-150 THEN 0 ELSE value END;

-- What was stored before there were marks. A batch that spans much more than its time has readings
-- with stale device times: its readings tell their minutes themselves.
INSERT INTO dirty (edge_id, minute)
SELECT DISTINCT b.edge_id, m.minute
FROM batch AS b
CROSS JOIN LATERAL generate_series(
    date_trunc('minute', b.from_ts), b.to_ts, interval '1 minute') AS m (minute)
WHERE b.to_ts - b.from_ts <= interval '1 hour'
UNION
SELECT t.edge_id, date_trunc('minute', r.ts)
FROM (SELECT edge_id, min(from_ts) AS from_ts, max(to_ts) AS to_ts FROM batch
      WHERE to_ts - from_ts > interval '1 hour' GROUP BY edge_id) AS b
JOIN tag AS t USING (edge_id)
JOIN reading AS r ON r.tag_id = t.tag_id AND r.ts BETWEEN b.from_ts AND b.to_ts;
