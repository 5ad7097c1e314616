-- name: list
-- Messages that could not be used, newest first.
SELECT d.letter_id, encode(d.sha256, 'hex') AS sha256, d.first_seen, d.last_seen, d.seen,
       e.plant || '/' || e.edge AS edge, d.topic, d.epoch, d.class, d.seq, d.code, d.params, d.reason,
       d.size, d.replayed_at, d.replayed_by
FROM dead_letter AS d LEFT JOIN edge AS e USING (edge_id)
WHERE %(topic)s::text IS NULL OR d.topic LIKE %(topic)s || '%%'
ORDER BY d.last_seen DESC, d.letter_id DESC LIMIT %(limit)s

-- name: by_number
-- One of them, by its number.
SELECT d.letter_id, encode(d.sha256, 'hex') AS sha256, d.first_seen, d.last_seen, d.seen,
       e.plant || '/' || e.edge AS edge, d.topic, d.epoch, d.class, d.seq, d.code, d.params, d.reason,
       d.size, d.replayed_at, d.replayed_by, d.bytes
FROM dead_letter AS d LEFT JOIN edge AS e USING (edge_id)
WHERE d.letter_id = %(number)s

-- name: by_hash
-- Those whose hash starts so, at most two.
SELECT d.letter_id, encode(d.sha256, 'hex') AS sha256, d.first_seen, d.last_seen, d.seen,
       e.plant || '/' || e.edge AS edge, d.topic, d.epoch, d.class, d.seq, d.code, d.params, d.reason,
       d.size, d.replayed_at, d.replayed_by, d.bytes
FROM dead_letter AS d LEFT JOIN edge AS e USING (edge_id)
WHERE encode(d.sha256, 'hex') LIKE %(start)s || '%%' LIMIT 2

-- name: dropped
-- How many were dropped because there were more than are kept.
SELECT coalesce(sum(count), 0)::int8 AS count, coalesce(sum(bytes), 0)::int8 AS bytes
FROM dead_letter_dropped

-- name: note_replay
-- Its content is stored now.
UPDATE dead_letter SET replayed_at = now(), replayed_by = %(by)s WHERE letter_id = %(number)s

-- name: gap_of
-- The gap that a record given up left.
SELECT gap_id FROM gap
WHERE edge_id = %(edge_id)s AND epoch = %(epoch)s AND class = %(class)s AND cause = 'corrupt'
  AND (detail->>'seq')::int8 = %(seq)s

-- name: drop
-- Somebody has no more use for it: it is gone, the deed stays.
WITH gone AS (DELETE FROM dead_letter WHERE letter_id = %(number)s
              RETURNING edge_id, topic, encode(sha256, 'hex') AS sha256)
INSERT INTO notice (plant, edge, code, params)
SELECT e.plant, e.edge, %(code)s,
       jsonb_build_object('by', %(by)s::text, 'reason', %(reason)s::text, 'topic', gone.topic,
                          'sha256', gone.sha256)
FROM gone LEFT JOIN edge AS e USING (edge_id)
