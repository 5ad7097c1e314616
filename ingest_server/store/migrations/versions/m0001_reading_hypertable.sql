-- Readings in a hypertable of TimescaleDB, one chunk a day.

CREATE TABLE reading (
    ts     timestamptz NOT NULL,
    tag_id int NOT NULL,
    num    double precision,
    big    bigint,
    txt    text,
    q      int NOT NULL,
    batch  bigint NOT NULL
);
SELECT create_hypertable('lineside.reading', 'ts', chunk_time_interval => interval '1 day', create_default_indexes => false);
CREATE INDEX reading_tag_ts ON reading (tag_id, ts DESC);
