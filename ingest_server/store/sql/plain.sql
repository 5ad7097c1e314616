-- name: tags
-- The tags of a device of an edge, in the order of their revisions.
SELECT path, dtype, tag_id FROM tag
WHERE edge_id = %(edge_id)s AND device = %(device)s ORDER BY path, revision

-- name: next_batch
-- The next number is taken: whoever counted on it reads the edge afresh.
UPDATE edge SET next_batch = next_batch + 1, last_seen = now()
WHERE edge_id = %(edge_id)s RETURNING next_batch - 1
