-- One buffer on two machines: what both read is folded once, also when it was parked in between.

ALTER TABLE unfolded ADD COLUMN beside boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN unfolded.beside IS 'another stream of the class tells of the same time';
