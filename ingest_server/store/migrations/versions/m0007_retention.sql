-- Retention works day by day: this is how far it has come.

ALTER TABLE frozen ADD COLUMN dropped_before timestamptz;
COMMENT ON COLUMN frozen.dropped_before IS 'readings of the class before this time are gone';
CREATE INDEX gap_merge ON gap (edge_id, cause, gap_id) WHERE accepted_at IS NULL
    AND cause IN ('late_after_retention', 'implausible_time');
