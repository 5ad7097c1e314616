-- The whole schema of release 1. It runs with search_path = lineside, public.
--
-- Rules that hold for every table:
--   * no database integer leaves this database: plants, edges, tags and orders are known outside by
--     their names;
--   * equipment, lines and rules are named by their plant: two plants may use the same ids. An order
--     number is one in all plants;
--   * `reading` has no unique key, no trigger and no foreign key: the cursor of `stream` is what
--     makes every record count once, and equal stamps are real data;
--   * text in `run`: 'order:<number>', 'unassigned' or 'unallocated'.

-- Who sends -----------------------------------------------------------------------------------

CREATE TABLE edge (
    edge_id     int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plant       text NOT NULL,
    edge        text NOT NULL,
    name        text NOT NULL DEFAULT '',
    first_seen  timestamptz NOT NULL DEFAULT now(),
    state       text NOT NULL DEFAULT 'in_service'
                CHECK (state IN ('in_service', 'planned_off', 'retired')),
    status      jsonb,
    online      boolean NOT NULL DEFAULT false,
    last_seen   timestamptz,
    next_batch  bigint NOT NULL DEFAULT 1,
    UNIQUE (plant, edge)
);
COMMENT ON COLUMN edge.status IS 'last status message of the edge, as received';
COMMENT ON COLUMN edge.next_batch IS 'number of the next batch: rises with every record applied';

CREATE TABLE stream (
    edge_id         int NOT NULL REFERENCES edge,
    epoch           uuid NOT NULL,
    class           text NOT NULL CHECK (class IN ('key', 'bulk')),
    cursor          bigint NOT NULL,
    applied         bigint NOT NULL,
    ord             int NOT NULL,
    predecessor     uuid,
    predecessor_seq bigint,
    clean           boolean,
    forked          boolean NOT NULL DEFAULT false,
    opened_at       timestamptz,
    last_to         timestamptz,
    rows            bigint NOT NULL DEFAULT 0,
    version         text NOT NULL DEFAULT '',
    PRIMARY KEY (edge_id, epoch, class)
);
CREATE INDEX stream_ord ON stream (edge_id, class, ord DESC);
COMMENT ON COLUMN stream.cursor IS 'stored without a hole up to this seq; also the fence of writers';
COMMENT ON COLUMN stream.applied IS 'folded up to this seq; behind cursor only while folds are parked';
COMMENT ON COLUMN stream.ord IS 'order in which the epochs of this edge and class were accepted, from 1';
COMMENT ON COLUMN stream.last_to IS 'everything taken up to then is stored or stands in gap';

CREATE TABLE tag (
    tag_id      int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    edge_id     int NOT NULL REFERENCES edge,
    path        text NOT NULL,
    revision    int NOT NULL,
    definition  text NOT NULL,
    dtype       text NOT NULL,
    unit        text NOT NULL DEFAULT '',
    scale       double precision[],
    device      text NOT NULL DEFAULT '',
    address     text NOT NULL DEFAULT '',
    class       text NOT NULL CHECK (class IN ('key', 'bulk')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (edge_id, path, definition)
);
COMMENT ON COLUMN tag.revision IS '1 for the first definition of a path, 2 for the next ...';
COMMENT ON COLUMN tag.definition IS 'SHA-256 of dtype, unit, scale, device, address and class';

CREATE TABLE tag_number (
    edge_id int NOT NULL REFERENCES edge,
    epoch   uuid NOT NULL,
    number  int NOT NULL,
    tag_id  int NOT NULL REFERENCES tag,
    PRIMARY KEY (edge_id, epoch, number)
);
CREATE INDEX tag_number_latest ON tag_number (tag_id);

CREATE TABLE batch (
    edge_id      int NOT NULL,
    batch        bigint NOT NULL,
    epoch        uuid NOT NULL,
    class        text NOT NULL,
    seq          bigint NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now(),
    rows         int NOT NULL,
    from_ts      timestamptz,
    to_ts        timestamptz,
    PRIMARY KEY (edge_id, batch)
);
COMMENT ON COLUMN batch.seq IS 'the record this batch was: readings trace back to it';

CREATE TABLE agent_event (
    event_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    edge_id   int NOT NULL REFERENCES edge,
    batch     bigint NOT NULL,
    at        timestamptz NOT NULL,
    kind      text NOT NULL,
    device    text,
    from_ts   timestamptz,
    to_ts     timestamptz,
    cause     text,
    detail    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX agent_event_edge ON agent_event (edge_id, at DESC);

-- What was read -------------------------------------------------------------------------------

-- The table `reading` follows from m0001_reading_partitions.sql or m0001_reading_hypertable.sql.

CREATE TABLE reading_origin (
    tag_id int NOT NULL,
    ts     timestamptz NOT NULL,
    origin timestamptz NOT NULL,
    batch  bigint NOT NULL
);
CREATE INDEX reading_origin_tag_ts ON reading_origin (tag_id, ts DESC);
COMMENT ON TABLE reading_origin IS 'device time that was set aside, for the reading of that tag, ts and batch';

CREATE TABLE tag_latest (
    tag_id int PRIMARY KEY,
    ts     timestamptz NOT NULL,
    num    double precision,
    big    bigint,
    txt    text,
    q      int NOT NULL
) WITH (fillfactor = 70);

-- What is missing or was refused --------------------------------------------------------------

CREATE TABLE gap (
    gap_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    edge_id     int NOT NULL REFERENCES edge,
    epoch       uuid,
    class       text,
    device      text,
    from_ts     timestamptz NOT NULL,
    to_ts       timestamptz,
    samples     bigint,
    exact       boolean NOT NULL DEFAULT false,
    cause       text NOT NULL,
    detail      jsonb NOT NULL DEFAULT '{}',
    noted_at    timestamptz NOT NULL DEFAULT now(),
    accepted_by text,
    accepted_at timestamptz,
    reason      text
);
CREATE INDEX gap_edge ON gap (edge_id, from_ts DESC);
CREATE INDEX gap_open ON gap (edge_id, device) WHERE to_ts IS NULL;
COMMENT ON COLUMN gap.class IS 'null: both classes';
COMMENT ON COLUMN gap.to_ts IS 'null: still open';
COMMENT ON COLUMN gap.samples IS 'how many samples are lost, null where nobody knows';

CREATE TABLE dead_letter (
    sha256     bytea PRIMARY KEY,
    edge_id    int REFERENCES edge,
    topic      text NOT NULL,
    epoch      uuid,
    class      text,
    seq        bigint,
    code       text NOT NULL,
    reason     text NOT NULL,
    size       int NOT NULL,
    bytes      bytea NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now(),
    seen       int NOT NULL DEFAULT 1
);
CREATE INDEX dead_letter_first_seen ON dead_letter (first_seen DESC);

CREATE TABLE notice (
    notice_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    plant     text,
    edge      text,
    code      text NOT NULL,
    params    jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX notice_at ON notice (at DESC);

-- The plan: what people declared, written by `apply` alone --------------------------------------

CREATE TABLE plan_version (
    version int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    author  text NOT NULL,
    plant   text NOT NULL,
    sha256  text NOT NULL,
    text    text NOT NULL,
    plan    jsonb NOT NULL
);
COMMENT ON COLUMN plan_version.text IS 'the file as it was applied';
COMMENT ON COLUMN plan_version.plan IS 'what it says: the folds and the next apply read this';

CREATE TABLE plant (
    plant     text PRIMARY KEY,
    name      text NOT NULL DEFAULT '',
    time_zone text NOT NULL DEFAULT 'UTC'
);

CREATE TABLE line (
    plant text NOT NULL REFERENCES plant,
    line  text NOT NULL,
    name  text NOT NULL DEFAULT '',
    PRIMARY KEY (plant, line)
);

CREATE TABLE equipment (
    plant     text NOT NULL REFERENCES plant,
    equipment text NOT NULL,
    line      text NOT NULL,
    name      text NOT NULL DEFAULT '',
    PRIMARY KEY (plant, equipment),
    FOREIGN KEY (plant, line) REFERENCES line
);

CREATE TABLE counter_binding (
    plant     text NOT NULL,
    equipment text NOT NULL,
    role      text NOT NULL CHECK (role IN ('good', 'scrap', 'total')),
    edge      text NOT NULL,
    path      text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('cumulative', 'job_reset', 'pulse')),
    modulus   numeric(20),
    factor    double precision NOT NULL DEFAULT 1,
    max_rate  double precision,
    cadence_s double precision,
    gap_s     double precision,
    PRIMARY KEY (plant, equipment, role, edge, path),
    FOREIGN KEY (plant, equipment) REFERENCES equipment
);
COMMENT ON COLUMN counter_binding.plant IS 'of the equipment and of the edge: a plan binds its own';

CREATE TABLE order_tag (
    plant     text NOT NULL,
    equipment text NOT NULL,
    edge      text NOT NULL,
    path      text NOT NULL,
    PRIMARY KEY (plant, equipment),
    FOREIGN KEY (plant, equipment) REFERENCES equipment
);

CREATE TABLE state_tag (
    plant     text NOT NULL,
    equipment text NOT NULL,
    edge      text NOT NULL,
    path      text NOT NULL,
    spec      jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (plant, equipment),
    FOREIGN KEY (plant, equipment) REFERENCES equipment
);

CREATE TABLE rule (
    plant     text NOT NULL,
    rule      text NOT NULL,
    equipment text NOT NULL,
    edge      text NOT NULL,
    path      text NOT NULL,
    name      text NOT NULL DEFAULT '',
    kind      text NOT NULL CHECK (kind IN ('limit', 'fault_word')),
    spec      jsonb NOT NULL,
    PRIMARY KEY (plant, rule),
    FOREIGN KEY (plant, equipment) REFERENCES equipment
);
COMMENT ON COLUMN rule.spec IS 'limits, delays, priority, bits: as in plant.yaml';

CREATE TABLE work_order (
    order_no  text PRIMARY KEY,
    plant     text NOT NULL REFERENCES plant,
    equipment text NOT NULL,
    product   text NOT NULL DEFAULT '',
    required  double precision NOT NULL,
    due       timestamptz,
    completes text NOT NULL DEFAULT 'quantity' CHECK (completes IN ('quantity', 'explicit')),
    state     text NOT NULL DEFAULT 'released',
    FOREIGN KEY (plant, equipment) REFERENCES equipment
);

-- What follows from readings ------------------------------------------------------------------

CREATE TABLE fold_state (
    tag_id int NOT NULL REFERENCES tag,
    fold   text NOT NULL,
    state  jsonb NOT NULL,
    PRIMARY KEY (tag_id, fold)
) WITH (fillfactor = 50);
COMMENT ON COLUMN fold_state.fold IS 'counter, order, or rule:<id>';

CREATE TABLE count_fact (
    tag_id        int NOT NULL,
    ts            timestamptz NOT NULL,
    from_ts       timestamptz NOT NULL,
    raw_before    bigint,
    raw           bigint,
    quantity      double precision NOT NULL,
    cause         smallint NOT NULL,
    discontinuous boolean NOT NULL,
    batch         bigint NOT NULL
);
CREATE INDEX count_fact_tag_ts ON count_fact (tag_id, ts);
COMMENT ON COLUMN count_fact.quantity IS 'units made in (from_ts, ts]; 0 in rows kept for review';

CREATE TABLE assignment (
    assignment_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plant         text NOT NULL,
    equipment     text NOT NULL,
    at            timestamptz NOT NULL,
    order_no      text,
    operation     text,
    source        text NOT NULL CHECK (source IN ('plc', 'scan', 'explicit')),
    author        text NOT NULL,
    tag_id        int,
    batch         bigint,
    noted_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX assignment_equipment_at ON assignment (plant, equipment, at);
COMMENT ON COLUMN assignment.order_no IS 'null: from then on this source assigns nothing';

CREATE TABLE production_dirty (
    plant     text NOT NULL,
    equipment text NOT NULL,
    minute    timestamptz NOT NULL
);
COMMENT ON TABLE production_dirty IS 'minutes to recompute: append-only marks without a key';

CREATE TABLE production_1m (
    plant     text NOT NULL,
    equipment text NOT NULL,
    minute    timestamptz NOT NULL,
    tag_id    int NOT NULL,
    role      text NOT NULL,
    run       text NOT NULL,
    quantity  double precision NOT NULL,
    PRIMARY KEY (plant, equipment, minute, tag_id, run)
);
CREATE INDEX production_1m_run ON production_1m (run, minute);

CREATE TABLE alarm (
    occurrence      text PRIMARY KEY,
    rule            text NOT NULL,
    bit             int,
    equipment       text NOT NULL,
    plant           text NOT NULL,
    tag_id          int NOT NULL,
    raised_at       timestamptz NOT NULL,
    cleared_at      timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    state           text NOT NULL,
    priority        text NOT NULL,
    late            boolean NOT NULL DEFAULT false,
    learned_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alarm_active ON alarm (plant, raised_at DESC)
    WHERE cleared_at IS NULL OR acknowledged_at IS NULL;
CREATE INDEX alarm_raised_at ON alarm (raised_at DESC);
CREATE INDEX alarm_rule ON alarm (plant, rule, bit);
COMMENT ON COLUMN alarm.occurrence IS 'plant:rule@raise: unique over all plants';

CREATE TABLE alarm_event (
    event_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    occurrence  text NOT NULL,
    plant       text NOT NULL,
    rule        text NOT NULL,
    equipment   text NOT NULL,
    tag_id      int,
    event       text NOT NULL,
    at          timestamptz NOT NULL,
    value       double precision,
    actor       text,
    learned_at  timestamptz NOT NULL DEFAULT now(),
    late        boolean NOT NULL DEFAULT false,
    provisional boolean NOT NULL DEFAULT false
);
CREATE INDEX alarm_event_occurrence ON alarm_event (occurrence, event_id);
CREATE INDEX alarm_event_at ON alarm_event (at DESC);
