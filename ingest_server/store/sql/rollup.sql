-- name: one_at_a_time
-- One roller at a time.
SELECT pg_try_advisory_xact_lock(%(key)s)

-- name: take_marks
-- Take marks of minutes that are over away. What is committed after this statement began leaves its
-- own mark behind, so the statements that follow see either the readings or another mark.
DELETE FROM dirty
WHERE ctid = ANY (ARRAY(SELECT ctid FROM dirty WHERE minute <= %(due)s LIMIT %(limit)s))
RETURNING edge_id, minute

-- name: put_marks
-- Marks for minutes, once each.
INSERT INTO dirty (edge_id, minute)
SELECT * FROM unnest(%(edge_id)s::int[], %(minute)s::timestamptz[])

-- name: tags
-- Tags by edge and class.
SELECT edge_id, class, array_agg(tag_id ORDER BY tag_id)
FROM tag WHERE edge_id = ANY(%(edge_id)s::int[]) GROUP BY edge_id, class

-- name: frozen
-- Up to where the readings of a class may have been dropped already.
SELECT class, before FROM frozen WHERE before IS NOT NULL

-- name: roll_minutes
-- Compute the minutes of a span whole. Gives the later minutes whose beginning is another one now,
-- because the value that is held until then has changed.
WITH old AS (
    SELECT DISTINCT ON (tag_id) tag_id, last_ts, held
    FROM reading_1m
    WHERE tag_id = ANY(%(tags)s) AND ts >= %(from_ts)s AND ts < %(to_ts)s
    ORDER BY tag_id, ts DESC
), fresh AS MATERIALIZED (
    {buckets}
), put AS (
    INSERT INTO reading_1m AS o (tag_id, ts, count, good, min, max, mean, first, last, twa, n,
                                 known_s, held, last_ts)
    SELECT * FROM fresh
    ON CONFLICT (tag_id, ts) DO UPDATE
    SET count = excluded.count, good = excluded.good, min = excluded.min, max = excluded.max,
        mean = excluded.mean, first = excluded.first, last = excluded.last, twa = excluded.twa,
        n = excluded.n, known_s = excluded.known_s, held = excluded.held,
        last_ts = excluded.last_ts
), newest AS (
    SELECT DISTINCT ON (tag_id) tag_id, last_ts, held FROM fresh ORDER BY tag_id, ts DESC
)
SELECT DISTINCT next.ts
FROM newest LEFT JOIN old USING (tag_id)
CROSS JOIN LATERAL (
    SELECT m.ts FROM reading_1m AS m
    WHERE m.tag_id = newest.tag_id AND m.ts >= %(to_ts)s
      AND m.ts <= %(to_ts)s::timestamptz + interval '24 hours'
    ORDER BY m.ts LIMIT 1
) AS next
WHERE (newest.last_ts, newest.held) IS DISTINCT FROM (old.last_ts, old.held)

-- name: put_hours
-- Hours to compute from their minutes.
INSERT INTO dirty_hour (edge_id, hour)
SELECT DISTINCT * FROM unnest(%(edge_id)s::int[], %(hour)s::timestamptz[])
ON CONFLICT DO NOTHING

-- name: take_hours
-- Take marks of hours that are over away.
DELETE FROM dirty_hour
WHERE ctid = ANY (ARRAY(SELECT ctid FROM dirty_hour WHERE hour <= %(due)s
                        ORDER BY hour LIMIT %(limit)s))
RETURNING edge_id, hour

-- name: roll_hours
-- Compute an hour whole from its minutes: the same as from the readings. A minute without readings
-- has no row: what the row before it holds is known there too, at most 24 h.
WITH minutes AS (
    SELECT m.*
    FROM unnest(%(tags)s::int[]) AS w (tag_id)
    CROSS JOIN LATERAL (
        (SELECT k.* FROM reading_1m AS k
         WHERE k.tag_id = w.tag_id AND k.ts >= %(hour)s
           AND k.ts < %(hour)s::timestamptz + interval '1 hour')
        UNION ALL
        (SELECT k.* FROM reading_1m AS k
         WHERE k.tag_id = w.tag_id AND k.ts < %(hour)s
           AND k.ts >= %(hour)s::timestamptz - interval '25 hours'
         ORDER BY k.ts DESC LIMIT 1)
    ) AS m
), step AS (
    SELECT *, ts < %(hour)s AS outside,
           lead(ts) OVER o AS next_ts, row_number() OVER o AS place
    FROM minutes
    WINDOW o AS (PARTITION BY tag_id ORDER BY ts)
), weighed AS (
    SELECT *,
           CASE WHEN held IS NOT NULL THEN greatest(0, date_part('epoch',
               least(next_ts, %(hour)s::timestamptz + interval '1 hour',
                     last_ts + interval '24 hours')
               - greatest(ts + interval '1 minute', %(hour)s))) ELSE 0 END AS after_s
    FROM step
), summed AS (
    SELECT tag_id, sum(count) FILTER (WHERE NOT outside)::int AS count,
           sum(round(good * count)) FILTER (WHERE NOT outside) AS good,
           min(min) FILTER (WHERE NOT outside) AS min, max(max) FILTER (WHERE NOT outside) AS max,
           CASE WHEN bool_and(n = 0 OR mean IS NOT NULL) FILTER (WHERE NOT outside)
                THEN sum(mean * n) FILTER (WHERE NOT outside) END AS total,
           array_agg(first ORDER BY ts) FILTER (WHERE NOT outside AND n > 0) AS firsts,
           array_agg(last ORDER BY ts DESC) FILTER (WHERE NOT outside AND n > 0) AS lasts,
           (array_agg(held ORDER BY ts DESC))[1] AS held,
           sum(n) FILTER (WHERE NOT outside)::int AS n, max(last_ts) AS last_ts,
           sum(CASE WHEN outside THEN 0 ELSE coalesce(twa * known_s, 0) END
               + CASE WHEN after_s > 0 THEN coalesce(calm(held) * after_s, 0) ELSE 0 END) AS area,
           CASE WHEN bool_and((outside OR known_s IS NOT NULL)
                              AND (after_s = 0 OR calm(held) IS NOT NULL))
                THEN sum(CASE WHEN outside THEN 0 ELSE known_s END + after_s) END AS known_s
    FROM weighed
    GROUP BY tag_id
    HAVING bool_or(NOT outside)
)
INSERT INTO reading_1h AS o (tag_id, ts, count, good, min, max, mean, first, last, twa, n, known_s,
                             held, last_ts)
SELECT tag_id, %(hour)s, count, good / count, min, max, total / nullif(n, 0), firsts[1], lasts[1],
       area / nullif(known_s, 0), n, known_s, held, last_ts
FROM summed
ON CONFLICT (tag_id, ts) DO UPDATE
SET count = excluded.count, good = excluded.good, min = excluded.min, max = excluded.max,
    mean = excluded.mean, first = excluded.first, last = excluded.last, twa = excluded.twa,
    n = excluded.n, known_s = excluded.known_s, held = excluded.held, last_ts = excluded.last_ts
