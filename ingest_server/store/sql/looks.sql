-- name: dead_letters
-- Messages that could not be used, newest first.
SELECT encode(sha256, 'hex') AS id, first_seen, seen, topic, class, seq, code, reason, size
FROM dead_letter ORDER BY first_seen DESC LIMIT %(limit)s

-- name: dead_letter
-- One of them by the start of its hash.
SELECT encode(sha256, 'hex') AS id, first_seen, last_seen, seen, topic, epoch, class, seq, code,
       reason, size, bytes
FROM dead_letter WHERE encode(sha256, 'hex') LIKE %(start)s || '%%' LIMIT 2

-- name: gaps
-- Times without data, newest first.
SELECT e.plant || '/' || e.edge AS edge, g.class, g.device, g.from_ts, g.to_ts, g.cause, g.samples,
       g.exact, g.accepted_by
FROM gap AS g JOIN edge AS e USING (edge_id)
WHERE %(edge)s::text IS NULL OR e.plant || '/' || e.edge = %(edge)s
ORDER BY g.from_ts DESC LIMIT %(limit)s

-- name: edges
-- Every edge with the state of its newest streams.
SELECT e.plant || '/' || e.edge AS edge, e.state, e.online, e.last_seen,
       (SELECT max(last_to) FROM stream AS s WHERE s.edge_id = e.edge_id AND class = 'key')
           AS key_complete_to,
       (SELECT max(last_to) FROM stream AS s WHERE s.edge_id = e.edge_id AND class = 'bulk')
           AS bulk_complete_to,
       (SELECT coalesce(sum(rows), 0)::int8 FROM stream AS s WHERE s.edge_id = e.edge_id) AS readings
FROM edge AS e ORDER BY e.plant, e.edge
