-- name: one_at_a_time
-- Whoever compares what lines were told with what they should be told goes alone.
SELECT pg_advisory_xact_lock(%(key)s)

-- name: orders
-- All orders, of one plant or of all.
SELECT o.order_no, o.plant, o.equipment, o.product, o.required, o.due, o.completes, o.state
FROM work_order AS o
WHERE %(plant)s::text IS NULL OR o.plant = %(plant)s

-- name: edges
-- The edges that count for equipment or read its order, as far as they were ever heard of.
SELECT DISTINCT b.plant, b.equipment, e.edge_id
FROM (SELECT plant, equipment, edge FROM counter_binding
      UNION SELECT plant, equipment, edge FROM order_tag) AS b
JOIN edge AS e ON (e.plant, e.edge) = (b.plant, b.edge) AND e.state <> 'retired'
WHERE %(plant)s::text IS NULL OR b.plant = %(plant)s

-- name: made
-- What was made for orders, by equipment and counter role.
SELECT substr(m.run, 7), m.plant || '/' || m.equipment, m.role, sum(m.quantity)
FROM production_1m AS m
WHERE m.run = ANY (%(runs)s::text[])
GROUP BY m.run, m.plant, m.equipment, m.role

-- name: told
-- What each edge was told last; forgotten: with a buffer that was lost since, the edge lost this, too.
SELECT d.edge_id, d.plant, d.order_no, d.equipment, d.revision, d.state, d.body,
       EXISTS (SELECT 1 FROM gap AS g
               WHERE g.edge_id = d.edge_id AND g.cause = 'buffer_lost' AND g.noted_at > d.at)
FROM order_dispatch AS d
WHERE %(plant)s::text IS NULL OR d.plant = %(plant)s

-- name: tell
-- Note what an edge is told now.
INSERT INTO order_dispatch (edge_id, plant, order_no, equipment, revision, state, body)
VALUES (%(edge_id)s, %(plant)s, %(order)s, %(equipment)s, %(revision)s, %(state)s, %(body)s)
ON CONFLICT (edge_id, order_no, equipment) DO UPDATE
SET plant = excluded.plant, revision = excluded.revision, state = excluded.state,
    body = excluded.body, at = now()
