-- name: move_edges
-- Compare-and-set on the version of each edge; fewer rows than asked for: somebody else was here.
UPDATE edge SET next_batch = m.after, last_seen = now()
FROM unnest(%(edge_id)s::int[], %(before)s::int8[], %(after)s::int8[]) AS m (edge_id, before, after)
WHERE edge.edge_id = m.edge_id AND edge.next_batch = m.before

-- name: move_streams
-- Compare-and-set on the cursor of each stream.
UPDATE stream
SET cursor = m.cursor, applied = m.applied, opened_at = m.opened_at, last_to = m.last_to,
    rows = m.rows
FROM unnest(%(edge_id)s::int[], %(epoch)s::uuid[], %(class)s::text[], %(before)s::int8[],
            %(cursor)s::int8[], %(applied)s::int8[], %(opened_at)s::timestamptz[],
            %(last_to)s::timestamptz[], %(rows)s::int8[])
     AS m (edge_id, epoch, class, before, cursor, applied, opened_at, last_to, rows)
WHERE stream.edge_id = m.edge_id AND stream.epoch = m.epoch AND stream.class = m.class
  AND stream.cursor = m.before

-- name: add_stream
-- A stream's first record; an error of class 23 never comes of it, somebody else's row counts 0.
INSERT INTO stream (edge_id, epoch, class, cursor, applied, ord, predecessor, predecessor_seq,
                    clean, forked, opened_at, last_to, rows, version)
VALUES (%(edge_id)s, %(epoch)s, %(class)s, %(cursor)s, %(applied)s, %(ord)s, %(predecessor)s,
        %(predecessor_seq)s, %(clean)s, %(forked)s, %(opened_at)s, %(last_to)s, %(rows)s,
        %(version)s)
ON CONFLICT DO NOTHING

-- name: add_batches
-- One row a record applied.
INSERT INTO batch (edge_id, batch, epoch, class, seq, rows, from_ts, to_ts)
SELECT * FROM unnest(%(edge_id)s::int[], %(batch)s::int8[], %(epoch)s::uuid[], %(class)s::text[],
                     %(seq)s::int8[], %(rows)s::int[], %(from_ts)s::timestamptz[],
                     %(to_ts)s::timestamptz[])

-- name: add_tag_numbers
-- What numbers of an epoch mean. A number is given once: a second meaning is an error of class 23.
INSERT INTO tag_number (edge_id, epoch, number, tag_id)
SELECT %(edge_id)s, %(epoch)s, * FROM unnest(%(number)s::int[], %(tag_id)s::int[])

-- name: copy_readings
-- Binary COPY of readings, as `copyrows.copy_readings` makes it.
COPY reading (ts, tag_id, num, big, txt, q, batch) FROM STDIN (FORMAT binary)

-- name: copy_origins
-- Binary COPY of set-aside device times, as `copyrows.copy_origins` makes it.
COPY reading_origin (tag_id, ts, origin, batch) FROM STDIN (FORMAT binary)

-- name: mark_minutes
-- Minutes whose rollups have to be computed (again).
INSERT INTO dirty (edge_id, minute)
SELECT * FROM unnest(%(edge_id)s::int[], %(minute)s::timestamptz[])

-- name: add_gap
-- A time without data.
INSERT INTO gap (edge_id, epoch, class, device, from_ts, to_ts, samples, exact, cause, detail)
VALUES (%(edge_id)s, %(epoch)s, %(class)s, %(device)s, %(from_ts)s, %(to_ts)s, %(samples)s,
        %(exact)s, %(cause)s, %(detail)s)

-- name: mark_missed
-- Mark what was counted by the readings that ended a time without polls.
INSERT INTO production_dirty (plant, equipment, minute)
SELECT DISTINCT b.plant, b.equipment, date_trunc('minute', f.ts)
FROM tag AS t
JOIN edge AS e ON e.edge_id = t.edge_id
JOIN counter_binding AS b ON (b.plant, b.edge, b.path) = (e.plant, e.edge, t.path)
JOIN count_fact AS f ON f.tag_id = t.tag_id
WHERE t.edge_id = %(edge_id)s AND t.device = %(device)s
  AND f.ts > %(from_ts)s AND f.ts <= %(to_ts)s AND f.quantity <> 0

-- name: widen_gap
-- Make a gap of the same stream and cause that is near enough wider; nobody may have accepted it.
UPDATE gap
SET from_ts = least(from_ts, %(from_ts)s), to_ts = greatest(to_ts, %(to_ts)s),
    samples = samples + %(samples)s
WHERE gap_id = (
    SELECT gap_id FROM gap
    WHERE edge_id = %(edge_id)s AND cause = %(cause)s AND accepted_at IS NULL
      AND cause IN ('late_after_retention', 'implausible_time')
      AND epoch = %(epoch)s AND class = %(class)s
      AND from_ts <= %(near_to)s AND to_ts >= %(near_from)s
    ORDER BY gap_id DESC LIMIT 1)

-- name: open_outage
-- A device stopped answering; nothing where that is known.
INSERT INTO gap (edge_id, epoch, device, from_ts, cause)
SELECT %(edge_id)s, %(epoch)s, %(device)s, %(at)s, 'device_down'
WHERE NOT EXISTS (
    SELECT 1 FROM gap
    WHERE edge_id = %(edge_id)s AND device = %(device)s AND to_ts IS NULL AND cause = 'device_down')

-- name: close_outages
-- A device (null: every device) answers again, or its agent is another one now.
UPDATE gap SET to_ts = greatest(from_ts, %(at)s)
WHERE edge_id = %(edge_id)s AND to_ts IS NULL AND cause = 'device_down'
  AND (%(device)s::text IS NULL OR device = %(device)s)

-- name: add_notice
-- Something people should know about an edge.
INSERT INTO notice (plant, edge, code, params)
SELECT plant, edge, %(code)s, %(params)s FROM edge WHERE edge_id = %(edge_id)s

-- name: add_dead_letter
-- Keep bytes that could not be used, once; further sights are counted.
INSERT INTO dead_letter (sha256, edge_id, topic, epoch, class, seq, code, reason, params, size, bytes)
VALUES (%(sha256)s, %(edge_id)s, %(topic)s, %(epoch)s, %(class)s, %(seq)s, %(code)s, %(reason)s,
        %(params)s, %(size)s, %(bytes)s)
ON CONFLICT (sha256, topic) DO UPDATE SET seen = dead_letter.seen + 1, last_seen = now()

-- name: bound_dead_letters
-- Drop the oldest beyond a count and beyond bytes; a row where these are the first of today.
WITH ranked AS (
    SELECT letter_id, row_number() OVER w AS place, sum(octet_length(bytes)) OVER w AS total
    FROM dead_letter WINDOW w AS (ORDER BY letter_id DESC)
), gone AS (
    DELETE FROM dead_letter WHERE letter_id IN (
        SELECT letter_id FROM ranked WHERE place > %(most)s OR total > %(most_bytes)s)
    RETURNING octet_length(bytes) AS size
), counted AS (
    INSERT INTO dead_letter_dropped AS d (day, count, bytes)
    SELECT current_date, count(*), sum(size) FROM gone HAVING count(*) > 0
    ON CONFLICT (day) DO UPDATE SET count = d.count + excluded.count, bytes = d.bytes + excluded.bytes
    RETURNING count, bytes, xmax = 0 AS first
)
INSERT INTO notice (code, params)
SELECT %(code)s, jsonb_build_object('count', count, 'bytes', bytes) FROM counted WHERE first

-- name: add_agent_event
-- What an agent told of itself or its devices.
INSERT INTO agent_event (edge_id, batch, at, kind, device, from_ts, to_ts, cause, detail)
VALUES (%(edge_id)s, %(batch)s, %(at)s, %(kind)s, %(device)s, %(from_ts)s, %(to_ts)s, %(cause)s,
        %(detail)s)
