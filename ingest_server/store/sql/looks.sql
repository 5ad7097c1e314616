-- name: gaps
-- Times without data, newest first.
SELECT g.gap_id AS gap, e.plant || '/' || e.edge AS edge, g.class, g.device, g.from_ts, g.to_ts, g.cause, g.samples,
       g.exact, g.accepted_by
FROM gap AS g JOIN edge AS e USING (edge_id)
WHERE %(edge)s::text IS NULL OR e.plant || '/' || e.edge = %(edge)s
ORDER BY g.from_ts DESC LIMIT %(limit)s
