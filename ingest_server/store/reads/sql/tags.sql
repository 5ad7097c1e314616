-- Tags by name, what they are bound to, and their newest stored value.

-- name: page
-- One row a path (its definition that spoke last), in the order of (plant, edge, path).
WITH bound AS (
    SELECT plant, edge, path, equipment, 'counter:' || role AS use FROM counter_binding
    UNION ALL SELECT plant, edge, path, equipment, 'order' FROM order_tag
    UNION ALL SELECT plant, edge, path, equipment, 'state' FROM state_tag
    UNION ALL SELECT plant, edge, path, equipment, 'rule:' || rule FROM rule
), page AS (
    SELECT e.edge_id, e.plant, e.edge, t.path
    FROM tag t
    JOIN edge e ON e.edge_id = t.edge_id
    WHERE (%(plant)s::text IS NULL OR e.plant = %(plant)s)
      AND (%(edge)s::text IS NULL OR e.edge = %(edge)s)
      AND (%(paths)s::text[] IS NULL OR e.plant || '/' || e.edge || '/' || t.path = ANY(%(paths)s))
      AND (%(like)s::text IS NULL OR t.path ILIKE %(like)s OR t.device ILIKE %(like)s)
      AND (%(equipment)s::text IS NULL OR EXISTS (
               SELECT FROM bound b
               WHERE b.equipment = %(equipment)s
                 AND (b.plant, b.edge, b.path) = (e.plant, e.edge, t.path)))
      AND (%(line)s::text IS NULL OR EXISTS (
               SELECT FROM bound b
               JOIN equipment q ON q.plant = b.plant AND q.equipment = b.equipment
               WHERE q.line = %(line)s
                 AND (b.plant, b.edge, b.path) = (e.plant, e.edge, t.path)))
      AND (%(area)s::text IS NULL OR EXISTS (
               SELECT FROM bound b
               JOIN equipment q ON q.plant = b.plant AND q.equipment = b.equipment
               JOIN line l ON l.plant = q.plant AND l.line = q.line
               WHERE l.area = %(area)s
                 AND (b.plant, b.edge, b.path) = (e.plant, e.edge, t.path)))
      AND (e.plant, e.edge, t.path)
          > (%(after_plant)s::text, %(after_edge)s::text, %(after_path)s::text)
    GROUP BY e.edge_id, e.plant, e.edge, t.path
    ORDER BY e.plant, e.edge, t.path
    LIMIT %(limit)s
), used AS MATERIALIZED (
    -- Once for the whole page: asked for each tag it would read all bindings each time.
    SELECT u.plant, u.edge, u.path,
           json_agg(json_build_object('equipment', u.equipment, 'line', u.line, 'uses', u.uses)
                    ORDER BY u.equipment) AS bound
    FROM (SELECT b.plant, b.edge, b.path, b.equipment, q.line,
                 json_agg(b.use ORDER BY b.use) AS uses
          FROM bound b
          LEFT JOIN equipment q ON q.plant = b.plant AND q.equipment = b.equipment
          WHERE (b.plant, b.edge, b.path) IN (SELECT plant, edge, path FROM page)
          GROUP BY b.plant, b.edge, b.path, b.equipment, q.line) u
    GROUP BY u.plant, u.edge, u.path
)
SELECT g.edge_id, g.plant, g.edge, g.path, p.time_zone,
       t.revision, t.dtype, t.unit, t.device, t.class, t.created_at,
       t.ts, t.num, t.big, t.txt, t.q,
       (SELECT array_agg(o.tag_id) FROM tag o
        WHERE o.edge_id = g.edge_id AND o.path = g.path) AS tag_ids,
       coalesce(s.bound, '[]') AS bound
FROM page g
LEFT JOIN plant p ON p.plant = g.plant
LEFT JOIN used s ON (s.plant, s.edge, s.path) = (g.plant, g.edge, g.path)
CROSS JOIN LATERAL (
    SELECT o.*, l.ts, l.num, l.big, l.txt, l.q
    FROM tag o
    LEFT JOIN tag_latest l ON l.tag_id = o.tag_id
    WHERE o.edge_id = g.edge_id AND o.path = g.path
    ORDER BY l.ts DESC NULLS LAST, o.revision DESC
    LIMIT 1
) t
ORDER BY g.plant, g.edge, g.path;

-- name: hierarchy
-- Every equipment with its line and plant; plants and lines without any stand alone.
SELECT p.plant, p.name AS plant_name, p.time_zone, l.line, l.name AS line_name, l.area,
       q.equipment, q.name AS equipment_name,
       (SELECT array_agg(DISTINCT b.tag ORDER BY b.tag) FROM (
            SELECT plant || '/' || edge || '/' || path AS tag FROM counter_binding c
            WHERE c.plant = q.plant AND c.equipment = q.equipment
            UNION ALL SELECT plant || '/' || edge || '/' || path FROM order_tag c
            WHERE c.plant = q.plant AND c.equipment = q.equipment
            UNION ALL SELECT plant || '/' || edge || '/' || path FROM state_tag c
            WHERE c.plant = q.plant AND c.equipment = q.equipment
            UNION ALL SELECT plant || '/' || edge || '/' || path FROM rule c
            WHERE c.plant = q.plant AND c.equipment = q.equipment) b) AS tags
FROM plant p
LEFT JOIN line l ON l.plant = p.plant
LEFT JOIN equipment q ON q.plant = l.plant AND q.line = l.line
WHERE (%(plant)s::text IS NULL OR p.plant = %(plant)s)
  AND (%(area)s::text IS NULL OR l.area = %(area)s)
ORDER BY p.plant, l.area, l.line, q.equipment;
