-- name: current
-- The plan of a plant in force.
SELECT version, plan FROM plan_version WHERE plant = %(plant)s ORDER BY version DESC LIMIT 1

-- name: orders_with_facts
-- Orders that something was counted for or that somebody named.
SELECT DISTINCT substr(run, 7) FROM production_1m WHERE run LIKE 'order:%%'
UNION
SELECT DISTINCT order_no FROM assignment WHERE order_no IS NOT NULL

-- name: orders_elsewhere
-- Which of these orders are another plant's: an order number is one in all plants.
SELECT order_no FROM work_order WHERE order_no = ANY (%(orders)s::text[]) AND plant <> %(plant)s

-- name: add_version
-- What was applied, by whom.
INSERT INTO plan_version (author, plant, sha256, text, plan)
VALUES (%(author)s, %(plant)s, %(sha256)s, %(text)s, %(plan)s)
RETURNING version

-- name: clear_bindings
-- The bindings of a plant are written anew as a whole.
WITH a AS (DELETE FROM counter_binding WHERE plant = %(plant)s),
     b AS (DELETE FROM order_tag WHERE plant = %(plant)s),
     c AS (DELETE FROM state_tag WHERE plant = %(plant)s)
DELETE FROM rule WHERE plant = %(plant)s

-- name: drop_orders
-- Orders that the plan no longer has.
DELETE FROM work_order WHERE plant = %(plant)s AND order_no <> ALL (%(keep)s::text[])

-- name: drop_equipment
-- Equipment that the plan no longer has; what it made stays where it is.
DELETE FROM equipment WHERE plant = %(plant)s AND equipment <> ALL (%(keep)s::text[])

-- name: drop_lines
-- Lines that the plan no longer has.
DELETE FROM line WHERE plant = %(plant)s AND line <> ALL (%(keep)s::text[])

-- name: put_plant
-- The plant.
INSERT INTO plant (plant, name, time_zone) VALUES (%(plant)s, %(name)s, %(time_zone)s)
ON CONFLICT (plant) DO UPDATE SET name = excluded.name, time_zone = excluded.time_zone

-- name: put_line
-- A line.
INSERT INTO line (plant, line, name, area) VALUES (%(plant)s, %(line)s, %(name)s, %(area)s)
ON CONFLICT (plant, line) DO UPDATE SET name = excluded.name, area = excluded.area

-- name: put_equipment
-- An equipment.
INSERT INTO equipment (equipment, plant, line, name)
VALUES (%(equipment)s, %(plant)s, %(line)s, %(name)s)
ON CONFLICT (plant, equipment) DO UPDATE SET line = excluded.line, name = excluded.name

-- name: put_counter
-- A tag that counts.
INSERT INTO counter_binding (equipment, role, plant, edge, path, kind, modulus, factor, max_rate,
                             cadence_s, gap_s)
VALUES (%(equipment)s, %(role)s, %(plant)s, %(edge)s, %(path)s, %(kind)s, %(modulus)s, %(factor)s,
        %(max_rate)s, %(cadence_s)s, %(gap_s)s)

-- name: put_order_tag
-- A tag that names the order.
INSERT INTO order_tag (equipment, plant, edge, path)
VALUES (%(equipment)s, %(plant)s, %(edge)s, %(path)s)

-- name: put_state_tag
-- A tag that tells the state.
INSERT INTO state_tag (equipment, plant, edge, path)
VALUES (%(equipment)s, %(plant)s, %(edge)s, %(path)s)

-- name: put_rule
-- What raises alarms.
INSERT INTO rule (rule, equipment, plant, edge, path, name, kind, spec)
VALUES (%(rule)s, %(equipment)s, %(plant)s, %(edge)s, %(path)s, %(name)s, %(kind)s, %(spec)s)

-- name: put_order
-- A work order; its state is not the plan's to say.
INSERT INTO work_order (order_no, plant, equipment, product, required, due, completes)
VALUES (%(order)s, %(plant)s, %(equipment)s, %(product)s, %(required)s, %(due)s, %(completes)s)
ON CONFLICT (order_no) DO UPDATE
SET equipment = excluded.equipment, product = excluded.product, required = excluded.required,
    due = excluded.due, completes = excluded.completes

-- name: mark_equipment
-- Everything that equipment made has to be attributed again: its counters are others now.
INSERT INTO production_dirty (plant, equipment, minute)
SELECT plant, equipment, minute FROM production_1m
WHERE plant = %(plant)s AND equipment = ANY (%(equipment)s::text[])
UNION
SELECT b.plant, b.equipment, date_trunc('minute', f.ts)
FROM counter_binding AS b
JOIN edge AS e ON (e.plant, e.edge) = (b.plant, b.edge)
JOIN tag AS t ON t.edge_id = e.edge_id AND t.path = b.path
JOIN count_fact AS f ON f.tag_id = t.tag_id
WHERE b.plant = %(plant)s AND b.equipment = ANY (%(equipment)s::text[]) AND f.quantity <> 0

-- name: rule_states
-- What the folds of a rule of a plant remember, by tag.
SELECT s.tag_id, e.edge_id, e.edge, t.path, s.state
FROM fold_state AS s JOIN tag AS t USING (tag_id) JOIN edge AS e USING (edge_id)
WHERE s.fold = %(fold)s AND e.plant = %(plant)s

-- name: drop_state
-- A rule is gone from a tag.
DELETE FROM fold_state WHERE tag_id = %(tag_id)s AND fold = %(fold)s
