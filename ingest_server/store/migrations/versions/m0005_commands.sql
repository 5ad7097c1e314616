-- What edges are asked: commands, orders sent to the lines, configurations; and who declared an edge
-- planned off or retired.

CREATE TABLE command (
    command_id uuid PRIMARY KEY,
    number     bigint GENERATED ALWAYS AS IDENTITY,
    edge_id    int NOT NULL REFERENCES edge,
    kind       text NOT NULL,
    subject    text,
    body       jsonb NOT NULL DEFAULT '{}',
    author     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    due_at     timestamptz NOT NULL DEFAULT now(),
    sent       int NOT NULL DEFAULT 0,
    sent_at    timestamptz,
    state      text NOT NULL DEFAULT 'waiting'
               CHECK (state IN ('waiting', 'done', 'refused', 'expired', 'superseded')),
    ended_at   timestamptz,
    said_at    timestamptz,
    code       text,
    reason     text,
    CHECK ((state = 'waiting') = (ended_at IS NULL))
);
CREATE INDEX command_waiting ON command (edge_id, number) WHERE state = 'waiting';
CREATE INDEX command_edge ON command (edge_id, number DESC);
COMMENT ON COLUMN command.subject IS 'what it is about: a later command about the same supersedes it';
COMMENT ON COLUMN command.due_at IS 'while it waits: when it is to be sent (again)';
COMMENT ON COLUMN command.said_at IS 'clock of the edge when it answered';

CREATE TABLE edge_config (
    edge_id    int NOT NULL REFERENCES edge,
    version    int NOT NULL CHECK (version >= 1),
    author     text NOT NULL,
    note       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    sha256     text NOT NULL,
    text       text NOT NULL,
    due_at     timestamptz NOT NULL DEFAULT now(),
    sent       int NOT NULL DEFAULT 0,
    sent_at    timestamptz,
    state      text NOT NULL DEFAULT 'waiting'
               CHECK (state IN ('waiting', 'done', 'refused', 'expired', 'superseded')),
    ended_at   timestamptz,
    said_at    timestamptz,
    code       text,
    reason     text,
    PRIMARY KEY (edge_id, version),
    CHECK ((state = 'waiting') = (ended_at IS NULL))
);
CREATE INDEX edge_config_waiting ON edge_config (edge_id) WHERE state = 'waiting';
COMMENT ON TABLE edge_config IS 'every configuration pushed to an edge; the highest version is the wanted one';

CREATE TABLE order_dispatch (
    edge_id   int NOT NULL REFERENCES edge,
    plant     text NOT NULL,
    order_no  text NOT NULL,
    equipment text NOT NULL,
    revision  int NOT NULL,
    state     text NOT NULL CHECK (state IN ('dispatched', 'withdrawn')),
    body      jsonb NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (edge_id, order_no, equipment)
);
CREATE INDEX order_dispatch_plant ON order_dispatch (plant) WHERE state = 'dispatched';
COMMENT ON TABLE order_dispatch IS 'what each edge was told last about an order; revisions only rise';

ALTER TABLE edge ADD COLUMN state_by text;
ALTER TABLE edge ADD COLUMN state_at timestamptz;
ALTER TABLE edge ADD COLUMN state_reason text;
COMMENT ON COLUMN edge.state_by IS 'who declared the state; null: nobody did, it is in service';
