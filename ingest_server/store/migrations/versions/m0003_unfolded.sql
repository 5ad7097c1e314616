-- What the folds of a parked stream still have to see.

CREATE TABLE unfolded (
    edge_id     int NOT NULL REFERENCES edge,
    batch       bigint NOT NULL,
    epoch       uuid NOT NULL,
    class       text NOT NULL CHECK (class IN ('key', 'bulk')),
    seq         bigint NOT NULL,
    interrupts  boolean NOT NULL,
    complete_to timestamptz,
    readings    bytea,
    PRIMARY KEY (edge_id, batch)
);
CREATE INDEX unfolded_class ON unfolded (edge_id, class, batch);
COMMENT ON TABLE unfolded IS 'records of parked streams, until they are folded';
COMMENT ON COLUMN unfolded.batch IS 'the order in which they are to be folded, over all epochs';
COMMENT ON COLUMN unfolded.readings IS 'of bound tags, in the order in which they were taken: `reading` does not keep that';
