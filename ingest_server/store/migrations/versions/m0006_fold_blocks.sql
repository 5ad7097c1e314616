-- What folds remember of each tag, in columns: a row for many tags instead of a row a tag.
-- States of counters that stand in `fold_state` are taken over by the first fold that needs them.

CREATE TABLE fold_block (
    edge_id int NOT NULL REFERENCES edge,
    kind    text NOT NULL CHECK (kind IN ('counter', 'last')),
    block   int NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (edge_id, kind, block)
) WITH (fillfactor = 40);
ALTER TABLE fold_block ALTER COLUMN content SET STORAGE EXTERNAL;
COMMENT ON TABLE fold_block IS 'what folds remember of the tags of an edge, in columns';
COMMENT ON COLUMN fold_block.kind IS 'counter: states of counters; last: last readings of tags with rules';
COMMENT ON COLUMN fold_block.block IS 'of the tags in it: tag_id / 256';
COMMENT ON COLUMN fold_state.fold IS 'order, or rule:<id>; counter: of an earlier release';
