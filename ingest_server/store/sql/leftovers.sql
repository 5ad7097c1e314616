-- name: tags_of
-- The tags of a class.
SELECT tag_id FROM tag WHERE class = %(class)s ORDER BY tag_id

-- name: edges
-- All edges.
SELECT edge_id FROM edge ORDER BY edge_id

-- name: drop_origins
-- Some device times of readings of a class that are gone.
DELETE FROM reading_origin
WHERE ctid = ANY (ARRAY(
    SELECT o.ctid FROM tag AS t JOIN reading_origin AS o USING (tag_id)
    WHERE t.class = %(class)s AND o.ts < %(before)s LIMIT %(limit)s))

-- name: drop_batches
-- Some of the oldest batches of an edge: committed, and read, before the time.
DELETE FROM batch AS b
USING (SELECT edge_id, batch FROM batch WHERE edge_id = %(edge_id)s
       ORDER BY batch LIMIT %(limit)s) AS old
WHERE b.edge_id = old.edge_id AND b.batch = old.batch
  AND b.committed_at < %(before)s AND coalesce(b.to_ts, b.committed_at) < %(before)s
