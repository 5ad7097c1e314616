-- Where a line stands.

ALTER TABLE line ADD COLUMN area text NOT NULL DEFAULT '';
COMMENT ON COLUMN line.area IS 'hall or department, as people call it';
