-- name: fold_blocks
-- What the folds of an edge's tags remember, in columns.
SELECT kind, block, content FROM fold_block WHERE edge_id = %(edge_id)s

-- name: save_fold_blocks
-- Keep what folds remember; nothing else writes these rows while the edge is ours.
INSERT INTO fold_block (edge_id, kind, block, content)
SELECT * FROM unnest(%(edge_id)s::int[], %(kind)s::text[], %(block)s::int[], %(content)b::bytea[])
ON CONFLICT (edge_id, kind, block) DO UPDATE SET content = excluded.content
