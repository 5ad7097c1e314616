-- The views for BI tools and dashboards, in a schema of their own: see docs/sql.md.
--
-- They are put there again whenever this text changes: columns are only ever added, at the end.

CREATE OR REPLACE VIEW lineside_bi.tag AS
SELECT t.tag_id, e.plant, e.edge, t.path, e.plant || '/' || e.edge || '/' || t.path AS tag,
       t.revision, t.dtype, t.unit, t.device, t.class, t.created_at
FROM lineside.tag t
JOIN lineside.edge e USING (edge_id);

CREATE OR REPLACE VIEW lineside_bi.tag_use AS
SELECT b.plant, q.line, b.equipment, q.name AS equipment_name,
       b.plant || '/' || b.edge || '/' || b.path AS tag, b.edge, b.path, b.use
FROM (SELECT plant, edge, path, equipment, 'counter:' || role AS use FROM lineside.counter_binding
      UNION ALL SELECT plant, edge, path, equipment, 'order' FROM lineside.order_tag
      UNION ALL SELECT plant, edge, path, equipment, 'state' FROM lineside.state_tag
      UNION ALL SELECT plant, edge, path, equipment, 'rule:' || rule FROM lineside.rule) b
JOIN lineside.equipment q USING (plant, equipment);

CREATE OR REPLACE VIEW lineside_bi.reading AS
SELECT r.ts, e.plant, e.edge, t.path, e.plant || '/' || e.edge || '/' || t.path AS tag, t.unit,
       coalesce(r.num, r.big::double precision) AS value,
       coalesce(r.txt, CASE WHEN t.dtype IN ('i64', 'u64', 'time') THEN r.big::text END)
           AS value_text,
       r.q BETWEEN 0 AND 1073741823 AND r.q & 8 = 0 AS good,
       r.q::bigint & 4294967295 AS quality, r.tag_id
FROM lineside.reading r
JOIN lineside.tag t USING (tag_id)
JOIN lineside.edge e USING (edge_id);

CREATE OR REPLACE VIEW lineside_bi.reading_1m AS
SELECT r.ts, e.plant, e.edge, t.path, e.plant || '/' || e.edge || '/' || t.path AS tag, t.unit,
       r.count AS samples, r.good, r.min, r.max, r.mean, r.twa, r.first, r.last, r.tag_id
FROM lineside.reading_1m r
JOIN lineside.tag t USING (tag_id)
JOIN lineside.edge e USING (edge_id);

CREATE OR REPLACE VIEW lineside_bi.reading_1h AS
SELECT r.ts, e.plant, e.edge, t.path, e.plant || '/' || e.edge || '/' || t.path AS tag, t.unit,
       r.count AS samples, r.good, r.min, r.max, r.mean, r.twa, r.first, r.last, r.tag_id
FROM lineside.reading_1h r
JOIN lineside.tag t USING (tag_id)
JOIN lineside.edge e USING (edge_id);

CREATE OR REPLACE VIEW lineside_bi.latest AS
SELECT l.ts, e.plant, e.edge, t.path, e.plant || '/' || e.edge || '/' || t.path AS tag, t.unit,
       coalesce(l.num, l.big::double precision) AS value,
       coalesce(l.txt, CASE WHEN t.dtype IN ('i64', 'u64', 'time') THEN l.big::text END)
           AS value_text,
       l.q BETWEEN 0 AND 1073741823 AND l.q & 8 = 0 AS good,
       l.q::bigint & 4294967295 AS quality, l.tag_id
FROM lineside.tag_latest l
JOIN lineside.tag t USING (tag_id)
JOIN lineside.edge e USING (edge_id);

CREATE OR REPLACE VIEW lineside_bi.edge AS
SELECT e.plant, e.edge, e.name, e.state, e.online, e.last_seen, e.status ->> 'agent' AS agent,
       k.complete_to AS key_complete_to, b.complete_to AS bulk_complete_to,
       (SELECT count(*) FROM lineside.gap g
        WHERE g.edge_id = e.edge_id AND g.to_ts IS NULL) AS gaps_open,
       (SELECT count(*) FROM lineside.gap g
        WHERE g.edge_id = e.edge_id AND g.accepted_at IS NULL) AS gaps_not_accepted,
       EXISTS (SELECT FROM lineside.stream s
               WHERE s.edge_id = e.edge_id AND s.applied < s.cursor) AS parked
FROM lineside.edge e
LEFT JOIN LATERAL (
    SELECT s.last_to AS complete_to FROM lineside.stream s
    WHERE s.edge_id = e.edge_id AND s.class = 'key' AND s.last_to IS NOT NULL
    ORDER BY s.ord DESC LIMIT 1
) k ON true
LEFT JOIN LATERAL (
    SELECT s.last_to AS complete_to FROM lineside.stream s
    WHERE s.edge_id = e.edge_id AND s.class = 'bulk' AND s.last_to IS NOT NULL
    ORDER BY s.ord DESC LIMIT 1
) b ON true;

CREATE OR REPLACE VIEW lineside_bi.equipment AS
SELECT q.plant, p.name AS plant_name, p.time_zone, q.line, l.name AS line_name, q.equipment,
       q.name AS equipment_name, l.area
FROM lineside.equipment q
JOIN lineside.plant p USING (plant)
JOIN lineside.line l USING (plant, line);

CREATE OR REPLACE VIEW lineside_bi.production_1m AS
SELECT m.minute AS ts, m.plant, q.line, m.equipment, q.name AS equipment_name, m.role,
       CASE WHEN m.run LIKE 'order:%' THEN 'order' ELSE m.run END AS attribution,
       CASE WHEN m.run LIKE 'order:%' THEN substr(m.run, 7) END AS order_no, m.quantity,
       (m.minute AT TIME ZONE coalesce(p.time_zone, 'UTC'))::date AS plant_day, m.tag_id
FROM lineside.production_1m m
LEFT JOIN lineside.equipment q ON q.plant = m.plant AND q.equipment = m.equipment
LEFT JOIN lineside.plant p ON p.plant = m.plant;

CREATE OR REPLACE VIEW lineside_bi.production_day AS
SELECT d.plant_day, d.plant, d.line, d.equipment, d.equipment_name, d.attribution, d.order_no,
       coalesce(d.good, d.total - coalesce(d.scrap, 0)) AS good, coalesce(d.scrap, 0) AS scrap,
       d.first_minute, d.last_minute
FROM (SELECT plant_day, plant, line, equipment, equipment_name, attribution, order_no,
             sum(quantity) FILTER (WHERE role = 'good') AS good,
             sum(quantity) FILTER (WHERE role = 'scrap') AS scrap,
             sum(quantity) FILTER (WHERE role = 'total') AS total,
             min(ts) AS first_minute, max(ts) AS last_minute
      FROM lineside_bi.production_1m
      GROUP BY plant_day, plant, line, equipment, equipment_name, attribution, order_no) d;

CREATE OR REPLACE VIEW lineside_bi.work_order AS
SELECT o.order_no, o.plant, q.line, o.equipment, o.product, o.required, o.due,
       o.state AS declared_state, coalesce(d.good, 0) AS good, coalesce(d.scrap, 0) AS scrap,
       greatest(o.required - coalesce(d.good, 0), 0) AS remaining,
       100 * coalesce(d.good, 0) / nullif(o.required, 0) AS percent,
       d.first_minute, d.last_minute
FROM lineside.work_order o
LEFT JOIN lineside.equipment q ON q.plant = o.plant AND q.equipment = o.equipment
LEFT JOIN LATERAL (
    SELECT sum(e.good) AS good, sum(e.scrap) AS scrap,
           min(e.first_minute) AS first_minute, max(e.last_minute) AS last_minute
    FROM (SELECT coalesce(sum(m.quantity) FILTER (WHERE m.role = 'good'),
                          sum(m.quantity) FILTER (WHERE m.role = 'total')
                          - coalesce(sum(m.quantity) FILTER (WHERE m.role = 'scrap'), 0)) AS good,
                 coalesce(sum(m.quantity) FILTER (WHERE m.role = 'scrap'), 0) AS scrap,
                 min(m.minute) AS first_minute, max(m.minute) AS last_minute
          FROM lineside.production_1m m
          WHERE m.run = 'order:' || o.order_no
          GROUP BY m.plant, m.equipment) e
) d ON true;

CREATE OR REPLACE VIEW lineside_bi.alarm AS
SELECT a.occurrence, a.plant, q.line, a.equipment, q.name AS equipment_name, a.rule, a.bit,
       r.name, a.priority, a.state, a.state <> 'A' AS active, a.raised_at, a.cleared_at,
       a.acknowledged_at, a.acknowledged_by, a.learned_at, a.late,
       e.plant || '/' || e.edge || '/' || t.path AS tag
FROM lineside.alarm a
LEFT JOIN lineside.rule r ON r.plant = a.plant AND r.rule = a.rule
LEFT JOIN lineside.equipment q ON q.plant = a.plant AND q.equipment = a.equipment
LEFT JOIN lineside.tag t ON t.tag_id = a.tag_id
LEFT JOIN lineside.edge e ON e.edge_id = t.edge_id;

CREATE OR REPLACE VIEW lineside_bi.alarm_event AS
SELECT v.at AS ts, v.occurrence, v.plant, q.line, v.equipment, v.rule, v.event, v.value, v.actor,
       v.learned_at, v.late, v.provisional
FROM lineside.alarm_event v
LEFT JOIN lineside.equipment q ON q.plant = v.plant AND q.equipment = v.equipment;

CREATE OR REPLACE VIEW lineside_bi.gap AS
SELECT e.plant, e.edge, g.device, g.class, g.cause, g.from_ts, g.to_ts, g.to_ts IS NULL AS open,
       g.samples, g.exact, g.noted_at, g.accepted_by, g.accepted_at, g.reason
FROM lineside.gap g
JOIN lineside.edge e USING (edge_id);
