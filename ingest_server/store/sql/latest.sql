-- name: save
-- Newest readings, in the order of the tags so that two writers never wait for each other in a ring.
INSERT INTO tag_latest AS l (tag_id, ts, num, big, txt, q)
SELECT * FROM unnest(%(tag_id)s::int[], %(ts)s::timestamptz[], %(num)s::float8[], %(big)s::int8[],
                     %(txt)s::text[], %(q)s::int[]) AS n (tag_id, ts, num, big, txt, q)
ORDER BY n.tag_id
ON CONFLICT (tag_id) DO UPDATE
SET ts = excluded.ts, num = excluded.num, big = excluded.big, txt = excluded.txt, q = excluded.q
WHERE excluded.ts >= l.ts

-- name: take_time
-- Many tags over many partitions may take longer than a statement usually may.
SET LOCAL statement_timeout = 0

-- name: edges
-- All edges, those first whose newest readings are looked for.
SELECT edge_id FROM edge ORDER BY last_seen DESC NULLS LAST, edge_id

-- name: rebuild
-- For each tag of an edge the newest reading not older than what stands here.
INSERT INTO tag_latest AS l (tag_id, ts, num, big, txt, q)
SELECT t.tag_id, r.ts, r.num, r.big, r.txt, r.q
FROM tag AS t
LEFT JOIN tag_latest AS k USING (tag_id)
CROSS JOIN LATERAL (
    SELECT ts, num, big, txt, q FROM reading
    WHERE tag_id = t.tag_id AND ts >= coalesce(k.ts, '-infinity')
    ORDER BY ts DESC LIMIT 1
) AS r
WHERE t.edge_id = %(edge_id)s
ORDER BY t.tag_id
ON CONFLICT (tag_id) DO UPDATE
SET ts = excluded.ts, num = excluded.num, big = excluded.big, txt = excluded.txt, q = excluded.q
WHERE excluded.ts >= l.ts
