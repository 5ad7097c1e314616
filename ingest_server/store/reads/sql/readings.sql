-- Readings of several tags in one call, as they are or in buckets.

-- name: known_tags
-- Which of some names are those of tags.
SELECT DISTINCT e.plant, e.edge, t.path
FROM unnest(%(plants)s::text[], %(edges)s::text[], %(paths)s::text[]) AS w(plant, edge, path)
JOIN edge e ON (e.plant, e.edge) = (w.plant, w.edge)
JOIN tag t ON t.edge_id = e.edge_id AND t.path = w.path;

-- name: look
-- All that is told of some tags beside their readings, as JSON: a question each would cost more than all of this. Every definition a path has
-- had is a series of its own, since unit or type may differ; of each edge and class up to when everything is known; gaps that touch the span;
-- minutes and hours that have to be rolled up anew (texts have no rollups).
WITH wanted AS MATERIALIZED (
    SELECT t.tag_id, t.edge_id, e.plant, e.edge, t.path, t.revision, t.dtype, t.unit, t.device,
           t.class, p.time_zone, f.before AS kept_since
    FROM unnest(%(plants)s::text[], %(edges)s::text[], %(paths)s::text[]) AS w(plant, edge, path)
    JOIN edge e ON (e.plant, e.edge) = (w.plant, w.edge)
    JOIN tag t ON t.edge_id = e.edge_id AND t.path = w.path
    LEFT JOIN plant p ON p.plant = e.plant
    LEFT JOIN frozen f ON f.class = t.class
), at AS MATERIALIZED (
    SELECT array_agg(DISTINCT edge_id) AS edges,
           array_agg(DISTINCT edge_id) FILTER (WHERE dtype <> 'str') AS rolled
    FROM wanted
)
SELECT
    (SELECT json_agg(w ORDER BY w.plant, w.edge, w.path, w.revision)::text FROM wanted w),
    (SELECT json_agg(k)::text FROM (
        SELECT DISTINCT ON (s.edge_id, s.class) s.edge_id, s.class, s.last_to AS complete_to
        FROM stream s
        WHERE s.edge_id = ANY((SELECT edges FROM at)::int[]) AND s.last_to IS NOT NULL
        ORDER BY s.edge_id, s.class, s.ord DESC
    ) k),
    (SELECT json_agg(k)::text FROM (
        SELECT g.edge_id, g.class, g.device, g.from_ts, g.to_ts, g.cause, g.samples, g.exact,
               g.accepted_at IS NOT NULL AS accepted
        FROM gap g
        WHERE g.edge_id = ANY((SELECT edges FROM at)::int[])
          AND g.from_ts < %(to_ts)s AND (g.to_ts IS NULL OR g.to_ts > %(from_ts)s)
        ORDER BY g.from_ts DESC
        LIMIT %(limit)s
    ) k),
    (SELECT json_agg(DISTINCT d.minute)::text
     FROM dirty d
     WHERE d.edge_id = ANY((SELECT rolled FROM at)::int[])
       AND d.minute > %(from_ts)s::timestamptz - interval '1 minute' AND d.minute < %(to_ts)s),
    (SELECT json_agg(DISTINCT d.hour)::text
     FROM dirty_hour d
     WHERE d.edge_id = ANY((SELECT rolled FROM at)::int[])
       AND d.hour > %(from_ts)s::timestamptz - interval '1 hour' AND d.hour < %(to_ts)s),
    -- For the statements that follow in this transaction: which days a span touches is found as well when they
    -- are carried out, and to plan a month of partitions anew takes longer than to read its hours.
    set_config('plan_cache_mode', 'force_generic_plan', true);

-- name: raw
-- Readings in the order of (ts, tag), from a place on. Rows equal in all columns are interchangeable,
-- so "skip n at this stamp and tag" is a stable place although readings have no key.
SELECT r.ts, r.tag_id, r.num, r.big, r.txt, r.q
FROM unnest(%(tags)s::int[]) AS w(tag_id)
CROSS JOIN LATERAL (
    SELECT k.ts, k.tag_id, k.num, k.big, k.txt, k.q, k.batch
    FROM reading k
    WHERE k.tag_id = w.tag_id
      AND k.ts >= %(from_ts)s AND k.ts < %(to_ts)s
      AND (k.ts > %(from_ts)s OR k.tag_id >= %(after_tag)s)
    ORDER BY k.ts, k.batch, k.num, k.big, k.txt, k.q
    LIMIT %(limit)s::bigint + %(skip)s::bigint
) r
ORDER BY r.ts, r.tag_id, r.batch, r.num, r.big, r.txt, r.q
LIMIT %(limit)s::bigint OFFSET %(skip)s::bigint;

-- name: of_one_tag
-- All readings of a tag in a span, in the order of time.
SELECT r.ts, r.num, r.big, r.txt, r.q
FROM reading r
WHERE r.tag_id = %(tag)s AND r.ts >= %(from_ts)s AND r.ts < %(to_ts)s
ORDER BY r.ts, r.batch, r.num, r.big, r.txt, r.q;

-- name: bucketed
-- Buckets with samples, by the number of their begin (from 1, `before` added). `good`: severity good (bits 30-31 zero) and a value (flag 8 not set); all
-- figures but `samples` are of these. `most` bounds what is read of each tag: whoever gets that
-- many samples has asked for too much. `wide` tags are unsigned 64-bit integers, whose values from
-- 2^63 on stand as text. `small` tags are integers that a double holds exactly: of them some may
-- stand in `num` (earlier releases put them there) and some in `big`. The bounds of time are said again for the first and the last one, so that
-- other days' partitions are not even planned.
SELECT %(piece)s::int AS piece, w.tag_id, %(before)s::int + b.bucket AS bucket, b.samples, b.good,
       b.min_num, b.max_num, b.mean_num,
       coalesce(b.min_wide, b.min_big) AS min_big, coalesce(b.max_wide, b.max_big) AS max_big,
       coalesce(b.mean_wide, b.mean_big)::float8 AS mean_big,
       f.num AS first_num, f.big AS first_big, f.txt AS first_txt,
       l.num AS last_num, l.big AS last_big, l.txt AS last_txt
FROM unnest(%(tags)s::int[], %(wide)s::bool[], %(small)s::bool[]) AS w(tag_id, wide, small)
CROSS JOIN LATERAL (
    SELECT width_bucket(k.ts, %(begins)s::timestamptz[]) AS bucket,
           count(*) AS samples,
           count(*) FILTER (WHERE k.good) AS good,
           min(k.num) FILTER (WHERE k.good) AS min_num,
           max(k.num) FILTER (WHERE k.good) AS max_num,
           CASE WHEN count(calm(k.num)) FILTER (WHERE k.good) = count(k.num) FILTER (WHERE k.good)
                THEN avg(calm(k.num)) FILTER (WHERE k.good) END AS mean_num,
           min(k.big) FILTER (WHERE k.good) AS min_big,
           max(k.big) FILTER (WHERE k.good) AS max_big,
           avg(k.big) FILTER (WHERE k.good AND NOT w.wide) AS mean_big,
           min(k.wide) FILTER (WHERE k.good) AS min_wide,
           max(k.wide) FILTER (WHERE k.good) AS max_wide,
           avg(k.wide) FILTER (WHERE k.good) AS mean_wide,
           min(k.ts) FILTER (WHERE k.good) AS first_ts,
           max(k.ts) FILTER (WHERE k.good) AS last_ts
    FROM (
        SELECT r.ts,
               CASE WHEN w.small THEN coalesce(r.num, r.big::float8) ELSE r.num END AS num,
               CASE WHEN NOT w.small THEN r.big END AS big,
               CASE WHEN w.wide THEN coalesce(r.big::numeric, r.txt::numeric) END AS wide,
               r.q BETWEEN 0 AND 1073741823 AND r.q & 8 = 0 AS good
        FROM reading r
        WHERE r.tag_id = w.tag_id AND r.ts >= %(from_ts)s AND r.ts < %(to_ts)s
        LIMIT %(most)s
    ) k
    GROUP BY 1
) b
LEFT JOIN LATERAL (
    SELECT r.num, r.big, r.txt FROM reading r
    WHERE r.tag_id = w.tag_id AND r.ts = b.first_ts
      AND r.ts >= %(from_ts)s AND r.ts < %(to_ts)s
      AND r.q BETWEEN 0 AND 1073741823 AND r.q & 8 = 0
    ORDER BY r.batch, r.num, r.big, r.txt LIMIT 1
) f ON true
LEFT JOIN LATERAL (
    SELECT r.num, r.big, r.txt FROM reading r
    WHERE r.tag_id = w.tag_id AND r.ts = b.last_ts
      AND r.ts >= %(from_ts)s AND r.ts < %(to_ts)s
      AND r.q BETWEEN 0 AND 1073741823 AND r.q & 8 = 0
    ORDER BY r.batch DESC, r.num DESC, r.big DESC, r.txt DESC LIMIT 1
) l ON true
ORDER BY w.tag_id, b.bucket;

-- name: brief
-- As `bucketed`, with the columns of the rollups, for a short time and tags whose values a double holds exactly: the readings are
-- looked through once, and sorted.
SELECT %(piece)s::int AS piece, w.tag_id, %(before)s::int + b.bucket AS bucket, b.samples, b.good, b.mean, b.min, b.max,
       b.first, b.last, NULL::float8 AS twa
FROM unnest(%(tags)s::int[]) AS w(tag_id)
CROSS JOIN LATERAL (
    SELECT width_bucket(k.ts, %(begins)s::timestamptz[]) AS bucket,
           count(*) AS samples,
           count(*) FILTER (WHERE k.good) AS good,
           CASE WHEN count(calm(k.value)) FILTER (WHERE k.good) = count(k.value) FILTER (WHERE k.good)
                THEN avg(calm(k.value)) FILTER (WHERE k.good) END AS mean,
           min(k.value) FILTER (WHERE k.good) AS min,
           max(k.value) FILTER (WHERE k.good) AS max,
           (array_agg(k.value ORDER BY k.ts, k.batch, k.num, k.big, k.txt)
                FILTER (WHERE k.good))[1] AS first,
           (array_agg(k.value ORDER BY k.ts DESC, k.batch DESC, k.num DESC, k.big DESC, k.txt DESC)
                FILTER (WHERE k.good))[1] AS last
    FROM (
        SELECT r.ts, r.batch, r.num, r.big, r.txt, coalesce(r.num, r.big::float8) AS value,
               r.q BETWEEN 0 AND 1073741823 AND r.q & 8 = 0 AS good
        FROM reading r
        WHERE r.tag_id = w.tag_id AND r.ts >= %(from_ts)s AND r.ts < %(to_ts)s
        LIMIT %(most)s
    ) k
    GROUP BY 1
) b
ORDER BY 2, 3;

-- name: most
-- How many readings the tag with the most has in a span, at most `limit`.
SELECT max(n.readings) AS most
FROM unnest(%(tags)s::int[]) AS w(tag_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS readings
    FROM (SELECT FROM reading r
          WHERE r.tag_id = w.tag_id AND r.ts >= %(from_ts)s AND r.ts < %(to_ts)s
          LIMIT %(limit)s) k
) n;

-- name: rolled_1m
-- What the rollups per minute say about buckets, by the number of their begin (from 1, `before` added).
SELECT %(piece)s::int AS piece, r.tag_id, %(before)s::int + width_bucket(r.ts, %(begins)s::timestamptz[]) AS bucket,
       sum(r.count)::bigint AS samples, sum(round(r.good * r.count))::bigint AS good,
       CASE WHEN bool_and(r.n = 0 OR r.mean IS NOT NULL)
            THEN sum(r.mean * r.n) / nullif(sum(r.n), 0) END AS mean,
       min(r.min) AS min, max(r.max) AS max,
       (array_agg(r.first ORDER BY r.ts) FILTER (WHERE r.n > 0))[1] AS first,
       (array_agg(r.last ORDER BY r.ts DESC) FILTER (WHERE r.n > 0))[1] AS last,
       CASE WHEN count(*) = 1 THEN min(r.twa) END AS twa
FROM reading_1m r
WHERE r.tag_id = ANY(%(tags)s::int[]) AND r.ts >= %(from_ts)s AND r.ts < %(to_ts)s
GROUP BY 2, 3
ORDER BY 2, 3;

-- name: each_1m
-- As rolled_1m where each minute is a bucket, the first of them at `from_ts`.
SELECT %(piece)s::int AS piece, r.tag_id, %(before)s::int + 1 + (date_part('epoch', r.ts - %(from_ts)s::timestamptz) / 60)::int AS bucket,
       r.count::bigint AS samples, round(r.good * r.count)::bigint AS good,
       CASE WHEN r.n > 0 THEN r.mean END AS mean, r.min, r.max,
       CASE WHEN r.n > 0 THEN r.first END AS first, CASE WHEN r.n > 0 THEN r.last END AS last,
       r.twa
FROM reading_1m r
WHERE r.tag_id = ANY(%(tags)s::int[]) AND r.ts >= %(from_ts)s AND r.ts < %(to_ts)s
ORDER BY 2, 3;

-- name: beyond_1m
-- Those of some tags whose rollups per minute have values a double may not hold exactly.
SELECT w.tag_id
FROM unnest(%(tags)s::int[]) AS w(tag_id)
WHERE EXISTS (SELECT FROM reading_1m r
              WHERE r.tag_id = w.tag_id AND r.ts >= %(from_ts)s AND r.ts < %(to_ts)s
                AND (r.max > %(most)s OR r.min < -%(most)s::float8));

-- name: rolled_1h
-- What the rollups per hour say about buckets, by the number of their begin (from 1, `before` added).
SELECT %(piece)s::int AS piece, r.tag_id, %(before)s::int + width_bucket(r.ts, %(begins)s::timestamptz[]) AS bucket,
       sum(r.count)::bigint AS samples, sum(round(r.good * r.count))::bigint AS good,
       CASE WHEN bool_and(r.n = 0 OR r.mean IS NOT NULL)
            THEN sum(r.mean * r.n) / nullif(sum(r.n), 0) END AS mean,
       min(r.min) AS min, max(r.max) AS max,
       (array_agg(r.first ORDER BY r.ts) FILTER (WHERE r.n > 0))[1] AS first,
       (array_agg(r.last ORDER BY r.ts DESC) FILTER (WHERE r.n > 0))[1] AS last,
       CASE WHEN count(*) = 1 THEN min(r.twa) END AS twa
FROM reading_1h r
WHERE r.tag_id = ANY(%(tags)s::int[]) AND r.ts >= %(from_ts)s AND r.ts < %(to_ts)s
GROUP BY 2, 3
ORDER BY 2, 3;

-- name: each_1h
-- As rolled_1h where each hour is a bucket, the first of them at `from_ts`.
SELECT %(piece)s::int AS piece, r.tag_id, %(before)s::int + 1 + (date_part('epoch', r.ts - %(from_ts)s::timestamptz) / 3600)::int AS bucket,
       r.count::bigint AS samples, round(r.good * r.count)::bigint AS good,
       CASE WHEN r.n > 0 THEN r.mean END AS mean, r.min, r.max,
       CASE WHEN r.n > 0 THEN r.first END AS first, CASE WHEN r.n > 0 THEN r.last END AS last,
       r.twa
FROM reading_1h r
WHERE r.tag_id = ANY(%(tags)s::int[]) AND r.ts >= %(from_ts)s AND r.ts < %(to_ts)s
ORDER BY 2, 3;

-- name: beyond_1h
-- Those of some tags whose rollups per hour have values a double may not hold exactly.
SELECT w.tag_id
FROM unnest(%(tags)s::int[]) AS w(tag_id)
WHERE EXISTS (SELECT FROM reading_1h r
              WHERE r.tag_id = w.tag_id AND r.ts >= %(from_ts)s AND r.ts < %(to_ts)s
                AND (r.max > %(most)s OR r.min < -%(most)s::float8));
