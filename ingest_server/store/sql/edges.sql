-- name: do_not_wait
-- The commit of this transaction does not wait for the disk; the next one that does takes it along.
SET LOCAL synchronous_commit = off

-- name: add_edge
-- Have a row for an edge; nothing where it is known.
INSERT INTO edge (plant, edge) VALUES (%(plant)s, %(edge)s) ON CONFLICT (plant, edge) DO NOTHING

-- name: edge
-- Identity and version of an edge.
SELECT edge_id, next_batch FROM edge WHERE plant = %(plant)s AND edge = %(edge)s

-- name: edges
-- Every edge known.
SELECT plant, edge FROM edge WHERE state <> 'retired' ORDER BY plant, edge

-- name: streams
-- All streams of an edge.
SELECT epoch, class, cursor, applied, ord, predecessor, predecessor_seq, clean, forked, opened_at,
       last_to, rows, version
FROM stream WHERE edge_id = %(edge_id)s

-- name: tag_numbers
-- What the tag numbers of one epoch mean.
SELECT n.number, n.tag_id, t.dtype
FROM tag_number AS n JOIN tag AS t USING (tag_id)
WHERE n.edge_id = %(edge_id)s AND n.epoch = %(epoch)s

-- name: add_tags
-- Have a row for each definition; a path's further definitions get the next revisions.
INSERT INTO tag (edge_id, path, revision, definition, dtype, unit, scale, device, address, class)
SELECT %(edge_id)s, d.path,
       1 + coalesce((SELECT max(revision) FROM tag WHERE edge_id = %(edge_id)s AND path = d.path), 0),
       d.definition, d.dtype, d.unit,
       CASE WHEN d.factor IS NULL THEN NULL ELSE ARRAY[d.factor, d.shift] END,
       d.device, d.address, %(class)s
FROM unnest(%(path)s::text[], %(definition)s::text[], %(dtype)s::text[], %(unit)s::text[],
            %(factor)s::float8[], %(shift)s::float8[], %(device)s::text[], %(address)s::text[])
     AS d (path, definition, dtype, unit, factor, shift, device, address)
WHERE NOT EXISTS (
    SELECT 1 FROM tag WHERE edge_id = %(edge_id)s AND path = d.path AND definition = d.definition)
ON CONFLICT (edge_id, path, definition) DO NOTHING

-- name: tags_of
-- Tag ids of (path, definition) pairs.
SELECT t.path, t.definition, t.tag_id
FROM unnest(%(path)s::text[], %(definition)s::text[]) AS d (path, definition)
JOIN tag AS t ON t.edge_id = %(edge_id)s AND t.path = d.path AND t.definition = d.definition

-- name: status
-- The status an edge told last.
SELECT status FROM edge WHERE plant = %(plant)s AND edge = %(edge)s

-- name: save_status
-- Keep what an edge told of itself.
UPDATE edge SET status = %(status)s, online = %(online)s, last_seen = now()
WHERE edge_id = %(edge_id)s

-- name: seen_dead_letter
-- A row if these bytes were set aside before, on the same topic.
SELECT 1 FROM dead_letter WHERE sha256 = %(sha256)s AND topic = %(topic)s
