-- What edges should run and do run, what they were asked, and what people declared of them.

-- name: one_at_a_time
-- Versions are given by one at a time.
SELECT pg_advisory_xact_lock(%(key)s);

-- name: edge
-- One edge: what people declared, what it said last.
SELECT e.edge_id, e.plant, e.edge, e.name, e.state, e.state_by, e.state_at, e.state_reason,
       e.online, e.first_seen, e.last_seen, e.status, p.time_zone
FROM edge e
LEFT JOIN plant p ON p.plant = e.plant
WHERE e.plant = %(plant)s AND e.edge = %(edge)s;

-- name: fleet
-- Every edge with the configuration it should run; what runs stands in its status.
SELECT e.edge_id, e.plant, e.edge, e.state, e.online, e.last_seen, e.status, w.version AS wanted_version,
       w.sha256 AS wanted_sha256, w.state AS wanted_state,
       (SELECT max(s.last_to) FROM stream s WHERE s.edge_id = e.edge_id AND s.class = 'key')
           AS key_complete_to,
       (SELECT max(s.last_to) FROM stream s WHERE s.edge_id = e.edge_id AND s.class = 'bulk')
           AS bulk_complete_to,
       (SELECT coalesce(sum(s.rows), 0)::int8 FROM stream s WHERE s.edge_id = e.edge_id) AS readings,
       (SELECT count(*) FROM command c WHERE c.edge_id = e.edge_id AND c.state = 'waiting')
           AS commands_waiting
FROM edge e
LEFT JOIN LATERAL (
    SELECT version, sha256, state FROM edge_config c
    WHERE c.edge_id = e.edge_id ORDER BY version DESC LIMIT 1
) w ON true
ORDER BY e.plant, e.edge;

-- name: wanted
-- Of each of some edges the configuration it should run: the one pushed last.
SELECT DISTINCT ON (edge_id) edge_id, version, sha256, author, note, created_at, sent, sent_at, state,
       ended_at, code, reason
FROM edge_config WHERE edge_id = ANY(%(edges)s::int[])
ORDER BY edge_id, version DESC;

-- name: configs
-- Everything pushed to an edge, newest first, without the texts.
SELECT version, sha256, author, note, created_at, sent, sent_at, state, ended_at, code, reason,
       length(text) AS size
FROM edge_config WHERE edge_id = %(edge_id)s
ORDER BY version DESC LIMIT %(limit)s;

-- name: config
-- One of them with its text.
SELECT version, sha256, author, note, created_at, sent, sent_at, state, ended_at, code, reason,
       length(text) AS size, text
FROM edge_config WHERE edge_id = %(edge_id)s AND version = %(version)s;

-- name: config_by_hash
-- The newest version with a certain text.
SELECT version, text FROM edge_config
WHERE edge_id = %(edge_id)s AND sha256 = %(sha256)s ORDER BY version DESC LIMIT 1;

-- name: supersede_configs
-- Those that wait make room for a newer one.
UPDATE edge_config SET state = 'superseded', ended_at = now()
WHERE edge_id = %(edge_id)s AND state = 'waiting'
RETURNING version;

-- name: push
-- A further version for an edge: above all given here, and above the one the edge says it runs.
INSERT INTO edge_config (edge_id, version, author, note, sha256, text)
SELECT e.edge_id,
       1 + greatest((SELECT coalesce(max(c.version), 0) FROM edge_config c
                     WHERE c.edge_id = e.edge_id),
                    coalesce((e.status->>'config_version')::int, 0)),
       %(author)s, %(note)s, %(sha256)s, %(text)s
FROM edge e WHERE e.edge_id = %(edge_id)s
RETURNING version;

-- name: commands
-- What an edge was asked, newest first.
SELECT command_id, number, kind, subject, body, author, created_at, expires_at, sent, sent_at, state,
       ended_at, code, reason
FROM command WHERE edge_id = %(edge_id)s AND (%(before)s::bigint IS NULL OR number < %(before)s)
ORDER BY number DESC LIMIT %(limit)s;

-- name: ask
-- Ask something of an edge.
INSERT INTO command (command_id, edge_id, kind, body, author, expires_at)
VALUES (%(command_id)s, %(edge_id)s, %(kind)s, '{}', %(author)s, %(expires_at)s)
RETURNING number;

-- name: command
-- One command.
SELECT command_id, number, kind, subject, body, author, created_at, expires_at, sent, sent_at, state,
       ended_at, code, reason
FROM command WHERE command_id = %(command_id)s;

-- name: declare
-- People say whether an edge is to deliver.
UPDATE edge SET state = %(state)s, state_by = %(by)s, state_at = %(at)s, state_reason = %(reason)s
WHERE edge_id = %(edge_id)s
RETURNING edge_id;

-- name: forget_orders
-- A computer that was replaced knows no order: it is told all of them again.
UPDATE order_dispatch SET body = '{}' WHERE edge_id = %(edge_id)s AND state = 'dispatched'
RETURNING order_no;

-- name: tell
-- A notice about an edge.
INSERT INTO notice (at, plant, edge, code, params)
VALUES (%(at)s, %(plant)s, %(edge)s, %(code)s, %(params)s)
RETURNING notice_id;
