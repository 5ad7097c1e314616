-- What is missing, what was refused, what the system tells.

-- name: gaps
-- Gaps, newest first.
SELECT g.gap_id, e.plant, e.edge, p.time_zone, g.class, g.device, g.from_ts, g.to_ts, g.samples,
       g.exact, g.cause, g.detail, g.noted_at, g.accepted_by, g.accepted_at, g.reason
FROM gap g
JOIN edge e ON e.edge_id = g.edge_id
LEFT JOIN plant p ON p.plant = e.plant
WHERE (%(gap)s::bigint IS NULL OR g.gap_id = %(gap)s)
  AND (%(plant)s::text IS NULL OR e.plant = %(plant)s)
  AND (%(edge)s::text IS NULL OR e.edge = %(edge)s)
  AND (%(cause)s::text IS NULL OR g.cause = %(cause)s)
  AND (%(open)s::bool IS NULL OR (g.to_ts IS NULL) = %(open)s)
  AND (%(accepted)s::bool IS NULL OR (g.accepted_at IS NOT NULL) = %(accepted)s)
  AND (%(from_ts)s::timestamptz IS NULL OR g.to_ts IS NULL OR g.to_ts > %(from_ts)s)
  AND (%(to_ts)s::timestamptz IS NULL OR g.from_ts < %(to_ts)s)
  AND (%(before_ts)s::timestamptz IS NULL
       OR (g.from_ts, g.gap_id) < (%(before_ts)s, %(before_id)s::bigint))
ORDER BY g.from_ts DESC, g.gap_id DESC
LIMIT %(limit)s;

-- name: accept_gap
-- Accepts a gap nobody has accepted yet; gives its edge, or nothing.
UPDATE gap g
SET accepted_by = %(by)s, accepted_at = %(at)s, reason = %(reason)s
FROM edge e
WHERE g.gap_id = %(gap)s AND g.accepted_at IS NULL AND e.edge_id = g.edge_id
RETURNING e.plant, e.edge, g.cause, g.from_ts;

-- name: accepted
-- Who accepted a gap, if there is that gap.
SELECT accepted_by, accepted_at FROM gap WHERE gap_id = %(gap)s;

-- name: tell
-- Writes a notice.
INSERT INTO notice (at, plant, edge, code, params)
VALUES (%(at)s, %(plant)s, %(edge)s, %(code)s, %(params)s)
RETURNING notice_id;

-- name: dead_letters
-- Messages that could not be used, first seen last come first; without their bytes.
SELECT d.letter_id, encode(d.sha256, 'hex') AS sha256, e.plant, e.edge, p.time_zone, d.topic, d.epoch, d.class,
       d.seq, d.code, d.params, d.reason, d.size, d.first_seen, d.last_seen, d.seen, d.replayed_at,
       d.replayed_by
FROM dead_letter d
LEFT JOIN edge e ON e.edge_id = d.edge_id
LEFT JOIN plant p ON p.plant = e.plant
WHERE (%(plant)s::text IS NULL OR e.plant = %(plant)s)
  AND (%(edge)s::text IS NULL OR e.edge = %(edge)s)
  AND (%(code)s::text IS NULL OR d.code = %(code)s)
  AND (%(before_ts)s::timestamptz IS NULL
       OR (d.first_seen, d.letter_id) < (%(before_ts)s, %(before_id)s::bigint))
ORDER BY d.first_seen DESC, d.letter_id DESC
LIMIT %(limit)s;

-- name: dead_letter
-- One of them, with its bytes.
SELECT d.letter_id, encode(d.sha256, 'hex') AS sha256, e.plant, e.edge, p.time_zone, d.topic, d.epoch, d.class,
       d.seq, d.code, d.params, d.reason, d.size, d.first_seen, d.last_seen, d.seen, d.replayed_at,
       d.replayed_by, d.bytes
FROM dead_letter d
LEFT JOIN edge e ON e.edge_id = d.edge_id
LEFT JOIN plant p ON p.plant = e.plant
WHERE d.letter_id = %(letter)s;

-- name: notices
-- Notices, newest first.
SELECT n.notice_id, n.at, n.plant, n.edge, p.time_zone, n.code, n.params
FROM notice n
LEFT JOIN plant p ON p.plant = n.plant
WHERE (%(plant)s::text IS NULL OR n.plant = %(plant)s)
  AND (%(edge)s::text IS NULL OR n.edge = %(edge)s)
  AND (%(code)s::text IS NULL OR n.code = %(code)s)
  AND (%(from_ts)s::timestamptz IS NULL OR n.at >= %(from_ts)s)
  AND (%(to_ts)s::timestamptz IS NULL OR n.at < %(to_ts)s)
  AND (%(before_ts)s::timestamptz IS NULL
       OR (n.at, n.notice_id) < (%(before_ts)s, %(before_id)s::bigint))
ORDER BY n.at DESC, n.notice_id DESC
LIMIT %(limit)s;
