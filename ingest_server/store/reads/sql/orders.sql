-- How far orders are, what feeds their figures, and the facts behind them.

-- name: page
-- Orders in the order of their numbers, after a given one; or one alone.
SELECT o.order_no, o.plant, p.time_zone, o.equipment, q.line, o.product, o.required, o.due,
       o.completes, o.state
FROM work_order o
LEFT JOIN plant p ON p.plant = o.plant
LEFT JOIN equipment q ON q.plant = o.plant AND q.equipment = o.equipment
WHERE (%(order)s::text IS NULL OR o.order_no = %(order)s)
  AND (%(plant)s::text IS NULL OR o.plant = %(plant)s)
  AND (%(line)s::text IS NULL OR q.line = %(line)s)
  AND (%(equipment)s::text IS NULL OR o.equipment = %(equipment)s)
  AND (%(q)s::text IS NULL OR o.order_no ILIKE %(q)s OR o.product ILIKE %(q)s)
  AND o.order_no > %(after)s::text
ORDER BY o.order_no
LIMIT %(limit)s;

-- name: made
-- What each counter role of each equipment made for some orders, and when.
SELECT substr(m.run, 7) AS order_no, m.plant, m.equipment, m.role, sum(m.quantity) AS quantity,
       min(m.minute) AS first_minute, max(m.minute) AS last_minute
FROM production_1m m
WHERE m.run = ANY(%(runs)s::text[])
GROUP BY m.run, m.plant, m.equipment, m.role
ORDER BY m.run, m.plant, m.equipment, m.role;

-- name: not_attributed
-- What was made in a span and belongs to no order: nobody named one, or its timing is unknown.
SELECT m.plant, m.equipment, q.name, q.line, p.time_zone, m.role,
       coalesce(sum(m.quantity) FILTER (WHERE m.run = 'unassigned'), 0) AS unassigned,
       coalesce(sum(m.quantity) FILTER (WHERE m.run = 'unallocated'), 0) AS unallocated
FROM production_1m m
LEFT JOIN equipment q ON q.plant = m.plant AND q.equipment = m.equipment
LEFT JOIN plant p ON p.plant = m.plant
WHERE m.run IN ('unassigned', 'unallocated')
  AND m.minute >= date_trunc('minute', %(from_ts)s::timestamptz) AND m.minute < %(to_ts)s
  AND (%(plant)s::text IS NULL OR m.plant = %(plant)s)
  AND (%(equipment)s::text IS NULL OR m.equipment = %(equipment)s)
GROUP BY m.plant, m.equipment, q.name, q.line, p.time_zone, m.role
ORDER BY m.plant, m.equipment, m.role;

-- name: feeds
-- The counters of some equipment, and up to when the stream of each is complete; in_service: its
-- edge is to deliver.
SELECT b.plant, b.equipment, b.role, b.plant || '/' || b.edge || '/' || b.path AS tag,
       coalesce(e.state, 'in_service') = 'in_service' AS in_service, s.last_to AS complete_to
FROM unnest(%(plant)s::text[], %(equipment)s::text[]) AS w(plant, equipment)
JOIN counter_binding b ON b.plant = w.plant AND b.equipment = w.equipment
LEFT JOIN edge e ON (e.plant, e.edge) = (b.plant, b.edge)
LEFT JOIN LATERAL (
    SELECT t.class FROM tag t
    WHERE t.edge_id = e.edge_id AND t.path = b.path
    ORDER BY t.revision DESC LIMIT 1
) t ON true
LEFT JOIN LATERAL (
    SELECT k.last_to FROM stream k
    WHERE k.edge_id = e.edge_id AND k.class = t.class AND k.last_to IS NOT NULL
    ORDER BY k.ord DESC LIMIT 1
) s ON true
ORDER BY b.plant, b.equipment, b.role, tag;

-- name: said
-- What each source said about some equipment in a span, and what it had said last before. Of what
-- holds from a batch of its edge on alone: which.
SELECT a.assignment_id, a.plant, a.equipment, a.at, a.order_no, a.operation, a.source, a.author,
       CASE WHEN a.stepped THEN t.edge_id END AS since_edge, a.batch AS since_batch
FROM unnest(%(plant)s::text[], %(equipment)s::text[]) AS w(plant, equipment)
CROSS JOIN unnest(ARRAY['plc', 'scan', 'explicit']) AS o(source)
CROSS JOIN LATERAL (
    SELECT coalesce(max(p.at), '-infinity') AS at FROM assignment p
    WHERE p.plant = w.plant AND p.equipment = w.equipment AND p.source = o.source
      AND p.at <= %(from_ts)s::timestamptz AND NOT p.stepped
) first
JOIN assignment a
  ON a.plant = w.plant AND a.equipment = w.equipment AND a.source = o.source AND a.at >= first.at
LEFT JOIN tag t ON t.tag_id = a.tag_id
WHERE a.at <= %(to_ts)s::timestamptz;

-- name: running
-- Every equipment of which a source last said something, with what each source said.
SELECT DISTINCT ON (a.plant, a.equipment, a.source)
       a.assignment_id, a.plant, a.equipment, a.at, a.order_no, a.operation, a.source, a.author
FROM assignment a
WHERE a.at <= %(now)s::timestamptz
  AND (a.plant, a.equipment) IN (
      SELECT x.plant, x.equipment FROM assignment x WHERE x.order_no = ANY(%(orders)s::text[]))
ORDER BY a.plant, a.equipment, a.source, a.at DESC, a.assignment_id DESC;

-- name: facts
-- The facts in the minutes in which an order produced, in the order of (ts, tag), from a place on.
-- A minute may hold another order's facts too: the caller attributes each.
-- `discontinuous` as in the folding of progress: what ends a time without polls counts, too.
SELECT f.ts, f.from_ts, f.tag_id, f.raw_before, f.raw, f.quantity, f.cause,
       f.discontinuous OR EXISTS (
           SELECT FROM unpolled_before(t.edge_id, t.device, f.from_ts, f.ts)) AS discontinuous,
       m.plant, m.equipment, m.role, b.kind, b.modulus, coalesce(b.factor, 1) AS factor, b.gap_s,
       e.plant || '/' || e.edge || '/' || t.path AS tag, t.dtype, t.edge_id, f.batch,
       c.epoch, c.class, c.seq
FROM production_1m m
JOIN count_fact f
  ON f.tag_id = m.tag_id AND f.ts >= m.minute AND f.ts < m.minute + interval '1 minute'
JOIN tag t ON t.tag_id = f.tag_id
JOIN edge e ON e.edge_id = t.edge_id
LEFT JOIN counter_binding b
  ON (b.plant, b.equipment, b.role, b.edge, b.path)
   = (m.plant, m.equipment, m.role, e.edge, t.path)
LEFT JOIN batch c ON c.edge_id = t.edge_id AND c.batch = f.batch
WHERE m.run = %(run)s
  AND f.quantity <> 0
  AND (f.ts, f.tag_id) >= (%(after_ts)s::timestamptz, %(after_tag)s::int)
ORDER BY f.ts, f.tag_id, m.plant, m.equipment, f.batch, f.from_ts, f.quantity, f.raw
LIMIT %(limit)s::bigint OFFSET %(skip)s::bigint;
