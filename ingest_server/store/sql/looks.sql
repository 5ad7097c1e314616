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
SELECT g.gap_id AS gap, e.plant || '/' || e.edge AS edge, g.class, g.device, g.from_ts, g.to_ts, g.cause, g.samples,
       g.exact, g.accepted_by
FROM gap AS g JOIN edge AS e USING (edge_id)
WHERE %(edge)s::text IS NULL OR e.plant || '/' || e.edge = %(edge)s
ORDER BY g.from_ts DESC LIMIT %(limit)s
