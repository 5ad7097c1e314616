-- name: share_plan
-- Hold the plan as it is until the end of the transaction; waits for an apply under way.
SELECT pg_advisory_xact_lock_shared(%(key)s)

-- name: take_plan
-- Keep all folding transactions out until the end of this one; waits for those under way.
SELECT pg_advisory_xact_lock(%(key)s)

-- name: plan_version
-- The version of all plans together: rises with every apply.
SELECT coalesce(max(version), 0) FROM plan_version

-- name: plans
-- The plan in force of every plant.
SELECT DISTINCT ON (plant) plan FROM plan_version ORDER BY plant, version DESC

-- name: share_attribution
-- Facts of a plant are written beside each other; waits for an assignment under way.
SELECT pg_advisory_xact_lock_shared(%(key)s, hashtext(%(plant)s))

-- name: take_attribution
-- An assignment of a plant waits for facts under way, and keeps others out until it is there.
SELECT pg_advisory_xact_lock(%(key)s, hashtext(%(plant)s))

-- name: tags_of_edge
-- Tags of an edge that may be bound, by their path.
SELECT tag_id, path, class FROM tag WHERE edge_id = %(edge_id)s AND path = ANY(%(paths)s::text[])

-- name: fold_states
-- What the folds of some tags remember.
SELECT tag_id, fold, state FROM fold_state WHERE tag_id = ANY(%(tag_ids)s::int[])

-- name: save_fold_states
-- Keep what folds remember; nothing else writes these rows while the edge is ours.
INSERT INTO fold_state (tag_id, fold, state)
SELECT * FROM unnest(%(tag_id)s::int[], %(fold)s::text[], %(state)s::jsonb[])
ON CONFLICT (tag_id, fold) DO UPDATE SET state = excluded.state

-- name: copy_count_facts
-- Binary COPY of quantities, as `copyrows.copy_facts` makes it.
COPY count_fact (tag_id, ts, from_ts, raw_before, raw, quantity, cause, discontinuous, batch)
FROM STDIN (FORMAT binary)

-- name: drop_absorbed
-- States of counters that stand in `fold_block` from now on.
DELETE FROM fold_state WHERE fold = 'counter' AND tag_id = ANY(%(tag_ids)s::int[])

-- name: copy_marks
-- Binary COPY of minutes whose production has to be computed again, as `copyrows.copy_marks` makes it.
COPY production_dirty (plant, equipment, minute) FROM STDIN (FORMAT binary)

-- name: add_assignments
-- What a PLC's order tag said, in stream order.
INSERT INTO assignment (plant, equipment, at, order_no, source, author, tag_id, batch, stepped)
SELECT a.plant, a.equipment, a.at, a.order_no, 'plc', a.author, a.tag_id, a.batch, a.stepped
FROM unnest(%(plant)s::text[], %(equipment)s::text[], %(at)s::timestamptz[], %(order_no)s::text[],
            %(author)s::text[], %(tag_id)s::int[], %(batch)s::int8[], %(stepped)s::boolean[])
     WITH ORDINALITY AS a (plant, equipment, at, order_no, author, tag_id, batch, stepped, place)
ORDER BY a.place

-- name: mark_assigned
-- Mark what was made from each assignment's time until its source says something else. Both ends
-- of a fact count: it may reach across the boundary.
INSERT INTO production_dirty (plant, equipment, minute)
SELECT DISTINCT a.plant, a.equipment, date_trunc('minute', f.ts)
FROM unnest(%(plant)s::text[], %(equipment)s::text[], %(at)s::timestamptz[])
     AS a (plant, equipment, at)
CROSS JOIN LATERAL (
    SELECT coalesce(min(n.at), 'infinity') AS until
    FROM assignment AS n
    WHERE n.plant = a.plant AND n.equipment = a.equipment AND n.at > a.at
      AND n.source = %(source)s
) AS n
JOIN counter_binding AS b ON b.plant = a.plant AND b.equipment = a.equipment
JOIN edge AS e ON (e.plant, e.edge) = (b.plant, b.edge)
JOIN tag AS t ON t.edge_id = e.edge_id AND t.path = b.path
JOIN count_fact AS f ON f.tag_id = t.tag_id
WHERE f.quantity <> 0
  AND greatest(f.ts, f.from_ts) >= a.at AND least(f.ts, f.from_ts) <= n.until

-- name: raise_alarm
-- An occurrence begins.
INSERT INTO alarm (occurrence, rule, bit, equipment, plant, tag_id, raised_at, state, priority,
                   late, learned_at)
VALUES (%(occurrence)s, %(rule)s, %(bit)s, %(equipment)s, %(plant)s, %(tag_id)s, %(at)s, %(state)s,
        %(priority)s, %(late)s, %(learned_at)s)
ON CONFLICT (occurrence) DO NOTHING

-- name: clear_alarm
-- The condition of an occurrence is over. Letters by ISA-18.2; who acknowledged it stands in its
-- row, and what hides it (G, H, I) goes on hiding it.
UPDATE alarm
SET cleared_at = %(at)s,
    state = CASE WHEN state IN ('G', 'H', 'I') THEN state
                 WHEN acknowledged_at IS NULL THEN CASE WHEN %(latching)s THEN 'E' ELSE 'D' END
                 ELSE CASE WHEN %(latching)s THEN 'F' ELSE 'A' END END
WHERE occurrence = %(occurrence)s

-- name: add_alarm_event
-- The journal.
INSERT INTO alarm_event (occurrence, plant, rule, equipment, tag_id, event, at, value, actor,
                         learned_at, late)
VALUES (%(occurrence)s, %(plant)s, %(rule)s, %(equipment)s, %(tag_id)s, %(event)s, %(at)s, %(value)s,
        %(actor)s, %(learned_at)s, %(late)s)
