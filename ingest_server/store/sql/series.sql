-- name: buckets
-- Buckets of some tags over a span, from the readings. Parameters: tags (int[]), from_ts and to_ts
-- (both on bounds of buckets), width (interval), origin (timestamptz, any bound of a bucket).
--
-- A reading is good when its severity is (bits 30-31 of q are zero) and it has a value (flag 8 is
-- not set). min, max, mean, first and last are of good numeric readings. At any time t the value is
-- that of the newest reading not after t, unless that one is not good, or older than 24 h: then
-- none is known. twa is the mean of that function over the known part of the bucket (known_s), so
-- the first reading of a bucket ends what was held from before.
-- Readings with equal stamps are ordered by batch, then value.
WITH wanted AS (
    SELECT t.tag_id, t.dtype = 'u64' AS wide
    FROM unnest(%(tags)s::int[]) AS w (tag_id) JOIN tag AS t USING (tag_id)
), known AS (
    SELECT w.tag_id, r.*
    FROM wanted AS w
    CROSS JOIN LATERAL (
        (SELECT k.ts, k.batch,
                date_bin(%(width)s::interval, k.ts, %(origin)s::timestamptz) AS start,
                k.q BETWEEN 0 AND 1073741823 AND k.q & 8 = 0 AS good,
                CASE WHEN k.q BETWEEN 0 AND 1073741823 AND k.q & 8 = 0 THEN coalesce(k.num,
                    k.big::float8, CASE WHEN w.wide THEN k.txt::float8 END) END AS v
         FROM reading AS k
         WHERE k.tag_id = w.tag_id AND k.ts >= %(from_ts)s AND k.ts < %(to_ts)s)
        UNION ALL
        (SELECT k.ts, k.batch, NULL, k.q BETWEEN 0 AND 1073741823 AND k.q & 8 = 0,
                CASE WHEN k.q BETWEEN 0 AND 1073741823 AND k.q & 8 = 0 THEN coalesce(k.num,
                    k.big::float8, CASE WHEN w.wide THEN k.txt::float8 END) END AS v
         FROM reading AS k
         WHERE k.tag_id = w.tag_id AND k.ts < %(from_ts)s
           AND k.ts > %(from_ts)s::timestamptz - interval '24 hours'
         ORDER BY k.ts DESC, k.batch DESC, v DESC LIMIT 1)
    ) AS r
), step AS (
    SELECT tag_id, start, ts, batch, good, v,
           lead(ts) OVER o AS next_ts, lag(ts) OVER o AS prior_ts, lag(v) OVER o AS prior,
           lag(start) OVER o IS DISTINCT FROM start AS enters
    FROM known
    WINDOW o AS (PARTITION BY tag_id ORDER BY ts, batch, v)
), weighed AS (
    SELECT tag_id, start, ts, batch, good, v, calm(v) AS w, next_ts,
           CASE WHEN v IS NOT NULL THEN date_part('epoch', least(
               next_ts, start + %(width)s::interval, ts + interval '24 hours') - ts) END AS own_s,
           CASE WHEN enters THEN prior END AS prior,
           CASE WHEN enters AND prior IS NOT NULL THEN greatest(0, date_part('epoch', least(
               ts, prior_ts + interval '24 hours') - start)) END AS prior_s
    FROM step
    WHERE start IS NOT NULL
), summed AS (
    SELECT tag_id, start, count(*)::int AS count,
           count(*) FILTER (WHERE good)::float8 / count(*) AS good,
           min(v) AS min, max(v) AS max,
           CASE WHEN count(w) = count(v) THEN avg(w) END AS mean,
           array_agg(v ORDER BY ts, batch, v) FILTER (WHERE v IS NOT NULL) AS all_v,
           (array_agg(v ORDER BY ts DESC, batch DESC, v DESC))[1] AS held,
           count(v)::int AS n, max(ts) AS last_ts,
           sum(coalesce(w * own_s, 0) + coalesce(calm(prior) * prior_s, 0)) AS area,
           CASE WHEN count(w) = count(v) AND count(prior) = count(calm(prior))
                THEN sum(coalesce(own_s, 0) + coalesce(prior_s, 0)) END AS known_s
    FROM weighed
    GROUP BY tag_id, start
)
SELECT tag_id, start AS ts, count, good, min, max, mean, all_v[1] AS first, all_v[n] AS last,
       area / nullif(known_s, 0) AS twa, n, known_s, held, last_ts
FROM summed
