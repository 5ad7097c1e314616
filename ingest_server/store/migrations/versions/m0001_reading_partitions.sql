-- Readings in daily range partitions of plain PostgreSQL, made by `store/partitions.py`.
-- There is no default partition: one would have to be searched for each partition that is attached.

CREATE TABLE reading (
    ts     timestamptz NOT NULL,
    tag_id int NOT NULL,
    num    double precision,
    big    bigint,
    txt    text,
    q      int NOT NULL,
    batch  bigint NOT NULL
) PARTITION BY RANGE (ts);
CREATE INDEX reading_tag_ts ON reading (tag_id, ts DESC);
