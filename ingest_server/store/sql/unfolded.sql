-- name: keep
-- A record that was stored and not folded.
INSERT INTO unfolded (edge_id, batch, epoch, class, seq, interrupts, beside, complete_to, readings)
VALUES (%(edge_id)s, %(batch)s, %(epoch)s, %(class)s, %(seq)s, %(interrupts)s, %(beside)s,
        %(complete_to)s, %(readings)s)

-- name: parked
-- Edges and classes with streams whose folds stand still.
SELECT DISTINCT e.edge_id, e.plant, e.edge, s.class
FROM stream AS s JOIN edge AS e USING (edge_id)
WHERE s.applied < s.cursor
  AND (%(plant)s::text IS NULL OR (e.plant, e.edge) = (%(plant)s, %(edge)s))
ORDER BY e.plant, e.edge, s.class

-- name: hold_edge
-- Keep the edge's writer out until the end of the transaction; what it remembers is stale then.
UPDATE edge SET next_batch = next_batch + 1 WHERE edge_id = %(edge_id)s

-- name: next
-- The oldest of them.
SELECT batch, epoch, seq, interrupts, beside, complete_to, readings
FROM unfolded WHERE edge_id = %(edge_id)s AND class = %(class)s
ORDER BY batch LIMIT %(limit)s

-- name: drop
-- They are folded now.
DELETE FROM unfolded
WHERE edge_id = %(edge_id)s AND class = %(class)s AND batch = ANY(%(batch)s::int8[])

-- name: left
-- How many are still to be folded.
SELECT count(*) FROM unfolded WHERE edge_id = %(edge_id)s AND class = %(class)s

-- name: advance
-- Streams are folded up to the record before the first that is kept, or up to their cursor.
UPDATE stream AS s
SET applied = greatest(s.applied, coalesce(
    (SELECT min(u.seq) - 1 FROM unfolded AS u
     WHERE u.edge_id = s.edge_id AND u.epoch = s.epoch AND u.class = s.class), s.cursor))
WHERE s.edge_id = %(edge_id)s AND s.class = %(class)s AND s.applied < s.cursor
