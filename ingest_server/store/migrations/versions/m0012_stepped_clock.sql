-- Where a device's clock stepped back, its order tag speaks of times it has spoken of before.

ALTER TABLE assignment ADD COLUMN stepped boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN assignment.stepped IS
    'said of a time the tag had spoken of before: holds for what its edge told from batch on';
