-- name: add_command
-- Ask something of an edge.
INSERT INTO command (command_id, edge_id, kind, subject, body, author, expires_at)
VALUES (%(command_id)s, %(edge_id)s, %(kind)s, %(subject)s, %(body)s, %(author)s, %(expires_at)s)

-- name: supersede
-- Older commands about the same that nobody answered yet: the newer one says all.
UPDATE command SET state = 'superseded', ended_at = now()
WHERE edge_id = %(edge_id)s AND subject = %(subject)s AND state = 'waiting'

-- name: due_edges
-- Connected edges with something to be sent now.
SELECT e.edge_id, e.plant, e.edge
FROM edge AS e
WHERE e.online AND (
    EXISTS (SELECT 1 FROM command AS c
            WHERE c.edge_id = e.edge_id AND c.state = 'waiting' AND c.due_at <= now())
    OR EXISTS (SELECT 1 FROM edge_config AS p
               WHERE p.edge_id = e.edge_id AND p.state = 'waiting' AND p.due_at <= now()))

-- name: take_commands
-- The next commands due of some edges, oldest first; noted as sent before they are.
UPDATE command SET sent = sent + 1, sent_at = now(), due_at = now() + %(again)s
WHERE command_id IN (
    SELECT command_id FROM command
    WHERE edge_id = ANY (%(edges)s::int[]) AND state = 'waiting' AND due_at <= now()
    ORDER BY number LIMIT %(limit)s)
RETURNING edge_id, number, command_id, kind, body, created_at, expires_at

-- name: take_configs
-- The configurations due of some edges; noted as sent before they are.
UPDATE edge_config SET sent = sent + 1, sent_at = now(), due_at = now() + %(again)s
WHERE edge_id = ANY (%(edges)s::int[]) AND state = 'waiting' AND due_at <= now()
RETURNING edge_id, version, sha256, text, created_at

-- name: ask_again_commands
-- An edge has just connected, or its worker is another one now: what went before may be lost.
UPDATE command SET due_at = now()
WHERE edge_id = ANY (%(edges)s::int[]) AND state = 'waiting' AND due_at > now()

-- name: ask_again_configs
-- The same of configurations.
UPDATE edge_config SET due_at = now()
WHERE edge_id = ANY (%(edges)s::int[]) AND state = 'waiting' AND due_at > now()

-- name: end_command
-- An edge's answer to a command of its own; nothing where it has ended already.
UPDATE command
SET state = %(state)s, ended_at = now(), said_at = %(said_at)s, code = %(code)s, reason = %(reason)s
WHERE command_id = %(command_id)s AND state = 'waiting'
  AND edge_id = (SELECT edge_id FROM edge WHERE plant = %(plant)s AND edge = %(edge)s)

-- name: end_config
-- An edge's answer to a configuration, by its version.
UPDATE edge_config
SET state = %(state)s, ended_at = now(), said_at = %(said_at)s, code = %(code)s, reason = %(reason)s
WHERE version = %(version)s AND state = 'waiting'
  AND edge_id = (SELECT edge_id FROM edge WHERE plant = %(plant)s AND edge = %(edge)s)

-- name: end_config_by_hash
-- The answer of an agent that does not name versions: it names the text.
UPDATE edge_config
SET state = %(state)s, ended_at = now(), said_at = %(said_at)s, code = %(code)s, reason = %(reason)s
WHERE state = 'waiting' AND sha256 LIKE %(hash)s || '%%'
  AND edge_id = (SELECT edge_id FROM edge WHERE plant = %(plant)s AND edge = %(edge)s)

-- name: expire
-- Close what nobody will answer: expired before it was ever sent; expired long ago and its edge has
-- not been heard of; or asked of an edge that is retired.
UPDATE command AS c
SET state = 'expired', ended_at = now(),
    code = CASE WHEN c.sent = 0 THEN %(never_asked)s ELSE %(no_answer)s END
FROM edge AS e
WHERE e.edge_id = c.edge_id AND c.state = 'waiting'
  AND (c.expires_at <= now() AND (c.sent = 0 OR c.expires_at <= now() - %(patience)s)
       OR e.state = 'retired')

-- name: expire_configs
-- Configurations for edges that are retired.
UPDATE edge_config AS p SET state = 'expired', ended_at = now(), code = %(no_answer)s
FROM edge AS e
WHERE e.edge_id = p.edge_id AND p.state = 'waiting' AND e.state = 'retired'

-- name: forget_commands
-- Answered ones beyond the newest so many of each edge.
DELETE FROM command WHERE command_id IN (
    SELECT command_id FROM (
        SELECT command_id, state, row_number() OVER (PARTITION BY edge_id ORDER BY number DESC) AS place
        FROM command) AS ranked
    WHERE place > %(keep)s AND state <> 'waiting')
