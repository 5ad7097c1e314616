-- name: one_at_a_time
-- One drain at a time: two would compute a minute from different states and write both.
SELECT pg_try_advisory_xact_lock(%(key)s)

-- name: take_marks
-- Take marks away. What is committed after this statement began leaves its own mark behind, so the
-- statements that follow see either the facts or another mark.
DELETE FROM production_dirty
WHERE ctid = ANY (ARRAY(SELECT ctid FROM production_dirty LIMIT %(limit)s))
RETURNING plant, equipment, minute

-- name: facts
-- Quantities of the counters of some minutes, a counter a row, in no order. The reading that ends a
-- time in which its device was not polled says what was made, not when.
SELECT d.plant, d.equipment, f.tag_id, t.edge_id, b.role, b.gap_s,
       array_send(array_agg(f.batch)), array_send(array_agg(f.ts)),
       array_send(array_agg(f.from_ts)), array_send(array_agg(f.quantity)),
       array_send(array_agg(f.discontinuous OR EXISTS (
           SELECT FROM unpolled_before(t.edge_id, t.device, f.from_ts, f.ts))))
FROM unnest(%(plant)s::text[], %(equipment)s::text[], %(minute)s::timestamptz[])
     AS d (plant, equipment, minute)
JOIN counter_binding AS b ON b.plant = d.plant AND b.equipment = d.equipment
JOIN edge AS e ON (e.plant, e.edge) = (b.plant, b.edge)
JOIN tag AS t ON t.edge_id = e.edge_id AND t.path = b.path
JOIN count_fact AS f
  ON f.tag_id = t.tag_id AND f.ts >= d.minute AND f.ts < d.minute + interval '1 minute'
WHERE f.quantity <> 0
GROUP BY d.plant, d.equipment, f.tag_id, t.edge_id, b.role, b.gap_s

-- name: assignments
-- What was said of some equipment that matters for times from `since` on: what each source had said
-- last by then, and all that came after. Of what holds from a batch on alone: its edge and batch.
SELECT a.plant, a.equipment, a.at, a.order_no, a.operation, a.source, a.author, a.assignment_id,
       CASE WHEN a.stepped THEN t.edge_id END, a.batch
FROM unnest(%(plant)s::text[], %(equipment)s::text[], %(since)s::timestamptz[])
     AS w (plant, equipment, since)
CROSS JOIN unnest(ARRAY['plc', 'scan', 'explicit']) AS o (source)
CROSS JOIN LATERAL (
    SELECT coalesce(max(p.at), '-infinity') AS at FROM assignment AS p
    WHERE p.plant = w.plant AND p.equipment = w.equipment AND p.source = o.source
      AND p.at <= w.since AND NOT p.stepped) AS first
JOIN assignment AS a
  ON a.plant = w.plant AND a.equipment = w.equipment AND a.source = o.source AND a.at >= first.at
LEFT JOIN tag AS t ON t.tag_id = a.tag_id

-- name: clear_minutes
-- What stood for these minutes.
DELETE FROM production_1m AS p
USING unnest(%(plant)s::text[], %(equipment)s::text[], %(minute)s::timestamptz[])
      AS d (plant, equipment, minute)
WHERE p.plant = d.plant AND p.equipment = d.equipment AND p.minute = d.minute

-- name: add_rows
-- What stands for them now.
INSERT INTO production_1m (plant, equipment, minute, tag_id, role, run, quantity)
SELECT * FROM unnest(%(plant)s::text[], %(equipment)s::text[], %(minute)s::timestamptz[], %(tag_id)s::int[],
                     %(role)s::text[], %(run)s::text[], %(quantity)s::float8[])
