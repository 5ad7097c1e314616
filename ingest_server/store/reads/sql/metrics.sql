-- Figures for Prometheus and for health that only the database knows.

-- name: edges
-- Of each edge and class: whether it is there, and up to when everything is known.
SELECT DISTINCT ON (e.plant, e.edge, s.class)
       e.plant, e.edge, e.state, e.online, e.status, s.class,
       (SELECT k.last_to FROM stream k
        WHERE k.edge_id = s.edge_id AND k.class = s.class AND k.last_to IS NOT NULL
        ORDER BY k.ord DESC LIMIT 1) AS complete_to
FROM edge e
LEFT JOIN stream s ON s.edge_id = e.edge_id
WHERE e.state <> 'retired'
ORDER BY e.plant, e.edge, s.class, s.ord DESC;

-- name: counts
-- How many of what there is; `label` tells kinds apart.
SELECT 'gaps_open' AS what, g.cause AS label, count(*) AS number
FROM gap g WHERE g.to_ts IS NULL GROUP BY g.cause
UNION ALL
SELECT 'gaps_not_accepted', g.cause, count(*) FROM gap g WHERE g.accepted_at IS NULL GROUP BY g.cause
UNION ALL
SELECT 'dead_letters', d.code, count(*) FROM dead_letter d GROUP BY d.code
UNION ALL
SELECT 'alarms', a.priority, count(*) FROM alarm a WHERE a.state <> 'A' GROUP BY a.priority
UNION ALL
SELECT 'parked', '', count(*) FROM stream s WHERE s.applied < s.cursor
UNION ALL
SELECT 'rollup_marks', '', count(*) FROM dirty;

-- name: parked
-- How many streams are stored and not folded.
SELECT count(*) AS parked FROM stream s WHERE s.applied < s.cursor;
