-- Rollups in range partitions of plain PostgreSQL (7 and 364 days), made by `store/partitions.py`.

CREATE TABLE reading_1m (
    tag_id  int NOT NULL,
    ts      timestamptz NOT NULL,
    count   int NOT NULL,
    good    double precision NOT NULL,
    min     double precision,
    max     double precision,
    mean    double precision,
    first   double precision,
    last    double precision,
    twa     double precision,
    n       int NOT NULL,
    known_s double precision,
    held    double precision,
    last_ts timestamptz NOT NULL,
    PRIMARY KEY (tag_id, ts)
) PARTITION BY RANGE (ts);
CREATE TABLE reading_1h (
    tag_id  int NOT NULL,
    ts      timestamptz NOT NULL,
    count   int NOT NULL,
    good    double precision NOT NULL,
    min     double precision,
    max     double precision,
    mean    double precision,
    first   double precision,
    last    double precision,
    twa     double precision,
    n       int NOT NULL,
    known_s double precision,
    held    double precision,
    last_ts timestamptz NOT NULL,
    PRIMARY KEY (tag_id, ts)
) PARTITION BY RANGE (ts);
COMMENT ON TABLE reading_1m IS 'readings per tag and minute; only minutes with readings have a row';
COMMENT ON TABLE reading_1h IS 'readings per tag and hour; only hours with readings have a row';
COMMENT ON COLUMN reading_1m.count IS 'readings, of any quality';
COMMENT ON COLUMN reading_1m.good IS 'share of them that is good and has a value, 0 to 1';
COMMENT ON COLUMN reading_1m.twa IS 'mean weighted by time, each value held until the next reading, at most 24 h';
COMMENT ON COLUMN reading_1m.n IS 'readings that are good and numeric: those of min, max, mean, first, last';
COMMENT ON COLUMN reading_1m.known_s IS 'seconds of the bucket in which a value is known: the weight of twa';
COMMENT ON COLUMN reading_1m.held IS 'value held when the bucket ends; null: the last reading has none';
COMMENT ON COLUMN reading_1m.last_ts IS 'time of the last reading';
