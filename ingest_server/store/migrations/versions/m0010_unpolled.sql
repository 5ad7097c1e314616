-- What "a fact ends a time without polls" means, for all who ask it: what it counted is real, its
-- timing is not.
--
-- Agents join such times for a minute at most, and one that is longer began behind the reading before
-- it: so none begins long before the fact, and the index on (edge_id, from_ts) finds them.
-- Rows, not a truth value: only so does the planner put the text of the function in place of its call.

CREATE FUNCTION unpolled_before(edge integer, of_device text, read_before timestamptz, read_at timestamptz)
RETURNS TABLE (gap_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
AS $$
    SELECT g.gap_id FROM lineside.gap AS g
    WHERE g.edge_id = edge AND g.cause = 'not_collected' AND g.device = of_device
      AND g.from_ts BETWEEN least(read_at, read_before) - interval '2 min' AND read_at
      AND g.from_ts < read_at AND g.to_ts >= read_at
$$;
COMMENT ON FUNCTION unpolled_before(integer, text, timestamptz, timestamptz) IS
    'times without polls that end with a reading of the device at read_at, its last one at read_before';
