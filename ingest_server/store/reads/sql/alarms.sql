-- Alarms that need somebody, the journal of what happened, and acknowledging.

-- name: alarms
-- Alarms that are not normal, or one by its occurrence; newest raise first. No window of time: what
-- stands for weeks is still there.
SELECT a.occurrence, a.rule, a.bit, r.name, r.kind, r.spec, a.equipment, q.name AS equipment_name,
       q.line, a.plant, p.time_zone, e.plant || '/' || e.edge || '/' || t.path AS tag,
       a.raised_at, a.cleared_at, a.acknowledged_at, a.acknowledged_by, a.state, a.priority,
       a.late, a.learned_at,
       (SELECT coalesce(bool_and(v.provisional), false) FROM alarm_event v
        WHERE v.occurrence = a.occurrence AND v.event = 'raised') AS provisional,
       (SELECT v.value FROM alarm_event v
        WHERE v.occurrence = a.occurrence AND v.event = 'raised'
        ORDER BY v.event_id LIMIT 1) AS value
FROM alarm a
LEFT JOIN rule r ON r.plant = a.plant AND r.rule = a.rule
LEFT JOIN equipment q ON q.plant = a.plant AND q.equipment = a.equipment
LEFT JOIN plant p ON p.plant = a.plant
LEFT JOIN tag t ON t.tag_id = a.tag_id
LEFT JOIN edge e ON e.edge_id = t.edge_id
WHERE CASE WHEN %(occurrence)s::text IS NULL THEN a.state <> 'A'
           ELSE a.occurrence = %(occurrence)s END
  AND (%(plant)s::text IS NULL OR a.plant = %(plant)s)
  AND (%(line)s::text IS NULL OR q.line = %(line)s)
  AND (%(equipment)s::text IS NULL OR a.equipment = %(equipment)s)
  AND (%(priority)s::text IS NULL OR a.priority = %(priority)s)
  AND (%(unacknowledged)s::bool IS NULL OR (a.acknowledged_at IS NULL) = %(unacknowledged)s)
  AND (%(before_ts)s::timestamptz IS NULL
       OR (a.raised_at, a.occurrence) < (%(before_ts)s, %(before_occurrence)s::text))
ORDER BY a.raised_at DESC, a.occurrence DESC
LIMIT %(limit)s;

-- name: journal
-- What happened to alarms, newest event time first.
SELECT v.event_id, v.occurrence, v.rule, r.name, v.equipment, q.name AS equipment_name, q.line,
       v.plant, p.time_zone, e.plant || '/' || e.edge || '/' || t.path AS tag,
       v.event, v.at, v.value, v.actor, v.learned_at, v.late, v.provisional,
       a.state, a.priority, a.bit
FROM alarm_event v
LEFT JOIN alarm a ON a.occurrence = v.occurrence
LEFT JOIN rule r ON r.plant = v.plant AND r.rule = v.rule
LEFT JOIN equipment q ON q.plant = v.plant AND q.equipment = v.equipment
LEFT JOIN plant p ON p.plant = v.plant
LEFT JOIN tag t ON t.tag_id = v.tag_id
LEFT JOIN edge e ON e.edge_id = t.edge_id
WHERE (%(plant)s::text IS NULL OR v.plant = %(plant)s)
  AND (%(line)s::text IS NULL OR q.line = %(line)s)
  AND (%(equipment)s::text IS NULL OR v.equipment = %(equipment)s)
  AND (%(rule)s::text IS NULL OR v.rule = %(rule)s)
  AND (%(occurrence)s::text IS NULL OR v.occurrence = %(occurrence)s)
  AND (%(from_ts)s::timestamptz IS NULL OR v.at >= %(from_ts)s)
  AND (%(to_ts)s::timestamptz IS NULL OR v.at < %(to_ts)s)
  AND (%(before_ts)s::timestamptz IS NULL
       OR (v.at, v.event_id) < (%(before_ts)s, %(before_id)s::bigint))
ORDER BY v.at DESC, v.event_id DESC
LIMIT %(limit)s;

-- name: hold
-- One alarm, held until the transaction ends.
SELECT a.occurrence, a.rule, a.equipment, a.tag_id, a.state, a.acknowledged_at
FROM alarm a
WHERE a.occurrence = %(occurrence)s
FOR UPDATE;

-- name: acknowledge
-- Writes an acknowledgement into the alarm and, as who did what and when, into the journal.
WITH done AS (
    UPDATE alarm
    SET acknowledged_at = %(at)s, acknowledged_by = %(by)s, state = %(state)s
    WHERE occurrence = %(occurrence)s
    RETURNING occurrence, plant, rule, equipment, tag_id
)
INSERT INTO alarm_event (occurrence, plant, rule, equipment, tag_id, event, at, actor)
SELECT occurrence, plant, rule, equipment, tag_id, 'acknowledged', %(at)s, %(by)s FROM done
RETURNING event_id;
