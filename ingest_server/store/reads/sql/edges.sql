-- Edges and where their streams stand.

-- name: page
-- Edges in the order of (plant, edge), after a given one.
SELECT e.edge_id, e.plant, e.edge, e.name, e.state, e.state_by, e.state_at, e.state_reason,
       e.online, e.first_seen, e.last_seen, e.status, p.time_zone,
       (SELECT count(*) FROM gap g
        WHERE g.edge_id = e.edge_id AND g.to_ts IS NULL) AS gaps_open,
       (SELECT count(*) FROM gap g
        WHERE g.edge_id = e.edge_id AND g.accepted_at IS NULL) AS gaps_not_accepted
FROM edge e
LEFT JOIN plant p ON p.plant = e.plant
WHERE (%(plant)s::text IS NULL OR e.plant = %(plant)s)
  AND (%(edge)s::text IS NULL OR e.edge = %(edge)s)
  AND (e.plant, e.edge) > (%(after_plant)s::text, %(after_edge)s::text)
ORDER BY e.plant, e.edge
LIMIT %(limit)s;

-- name: streams
-- Of each edge and class: its newest epoch, and up to when everything is known.
SELECT DISTINCT ON (s.edge_id, s.class)
       s.edge_id, s.class, s.epoch, s.cursor, s.applied, s.forked,
       (SELECT k.last_to FROM stream k
        WHERE k.edge_id = s.edge_id AND k.class = s.class AND k.last_to IS NOT NULL
        ORDER BY k.ord DESC LIMIT 1) AS complete_to,
       (SELECT sum(k.rows) FROM stream k
        WHERE k.edge_id = s.edge_id AND k.class = s.class)::bigint AS rows,
       EXISTS (SELECT FROM stream k
               WHERE k.edge_id = s.edge_id AND k.class = s.class
                 AND k.applied < k.cursor) AS parked
FROM stream s
WHERE s.edge_id = ANY(%(edges)s::int[])
ORDER BY s.edge_id, s.class, s.ord DESC;
