-- Dead letters: one for each topic the bytes came on, reasons that can be worded, bounded, replayed.

ALTER TABLE dead_letter DROP CONSTRAINT dead_letter_pkey;
ALTER TABLE dead_letter ADD COLUMN letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;
ALTER TABLE dead_letter ADD COLUMN params jsonb NOT NULL DEFAULT '{}';
ALTER TABLE dead_letter ADD COLUMN replayed_at timestamptz;
ALTER TABLE dead_letter ADD COLUMN replayed_by text;
ALTER TABLE dead_letter ADD CONSTRAINT dead_letter_once UNIQUE (sha256, topic);
COMMENT ON COLUMN dead_letter.params IS 'what the text of the code is worded with';

CREATE TABLE dead_letter_dropped (
    day   date PRIMARY KEY,
    count bigint NOT NULL,
    bytes bigint NOT NULL
);
COMMENT ON TABLE dead_letter_dropped IS 'oldest dead letters dropped because there were more than are kept';
