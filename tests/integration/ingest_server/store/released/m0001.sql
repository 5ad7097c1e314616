-- A database of the schema m0001 with data, as pg_dump writes it.

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA lineside;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE lineside.agent_event (
    event_id bigint NOT NULL,
    edge_id integer NOT NULL,
    batch bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    kind text NOT NULL,
    device text,
    from_ts timestamp with time zone,
    to_ts timestamp with time zone,
    cause text,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL
);
ALTER TABLE lineside.agent_event ALTER COLUMN event_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lineside.agent_event_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lineside.alarm (
    occurrence text NOT NULL,
    rule text NOT NULL,
    "bit" integer,
    equipment text NOT NULL,
    plant text NOT NULL,
    tag_id integer NOT NULL,
    raised_at timestamp with time zone NOT NULL,
    cleared_at timestamp with time zone,
    acknowledged_at timestamp with time zone,
    acknowledged_by text,
    state text NOT NULL,
    priority text NOT NULL,
    late boolean DEFAULT false NOT NULL,
    learned_at timestamp with time zone DEFAULT now() NOT NULL
);
COMMENT ON COLUMN lineside.alarm.occurrence IS 'plant:rule@raise: unique over all plants';
CREATE TABLE lineside.alarm_event (
    event_id bigint NOT NULL,
    occurrence text NOT NULL,
    plant text NOT NULL,
    rule text NOT NULL,
    equipment text NOT NULL,
    tag_id integer,
    event text NOT NULL,
    at timestamp with time zone NOT NULL,
    value double precision,
    actor text,
    learned_at timestamp with time zone DEFAULT now() NOT NULL,
    late boolean DEFAULT false NOT NULL,
    provisional boolean DEFAULT false NOT NULL
);
ALTER TABLE lineside.alarm_event ALTER COLUMN event_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lineside.alarm_event_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lineside.assignment (
    assignment_id bigint NOT NULL,
    plant text NOT NULL,
    equipment text NOT NULL,
    at timestamp with time zone NOT NULL,
    order_no text,
    operation text,
    source text NOT NULL,
    author text NOT NULL,
    tag_id integer,
    batch bigint,
    noted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT assignment_source_check CHECK ((source = ANY (ARRAY['plc'::text, 'scan'::text, 'explicit'::text])))
);
COMMENT ON COLUMN lineside.assignment.order_no IS 'null: from then on this source assigns nothing';
ALTER TABLE lineside.assignment ALTER COLUMN assignment_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lineside.assignment_assignment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lineside.batch (
    edge_id integer NOT NULL,
    batch bigint NOT NULL,
    epoch uuid NOT NULL,
    class text NOT NULL,
    seq bigint NOT NULL,
    committed_at timestamp with time zone DEFAULT now() NOT NULL,
    rows integer NOT NULL,
    from_ts timestamp with time zone,
    to_ts timestamp with time zone
);
COMMENT ON COLUMN lineside.batch.seq IS 'the record this batch was: readings trace back to it';
CREATE TABLE lineside.count_fact (
    tag_id integer NOT NULL,
    ts timestamp with time zone NOT NULL,
    from_ts timestamp with time zone NOT NULL,
    raw_before bigint,
    raw bigint,
    quantity double precision NOT NULL,
    cause smallint NOT NULL,
    discontinuous boolean NOT NULL,
    batch bigint NOT NULL
);
COMMENT ON COLUMN lineside.count_fact.quantity IS 'units made in (from_ts, ts]; 0 in rows kept for review';
CREATE TABLE lineside.counter_binding (
    plant text NOT NULL,
    equipment text NOT NULL,
    role text NOT NULL,
    edge text NOT NULL,
    path text NOT NULL,
    kind text NOT NULL,
    modulus numeric(20,0),
    factor double precision DEFAULT 1 NOT NULL,
    max_rate double precision,
    cadence_s double precision,
    gap_s double precision,
    CONSTRAINT counter_binding_kind_check CHECK ((kind = ANY (ARRAY['cumulative'::text, 'job_reset'::text, 'pulse'::text]))),
    CONSTRAINT counter_binding_role_check CHECK ((role = ANY (ARRAY['good'::text, 'scrap'::text, 'total'::text])))
);
COMMENT ON COLUMN lineside.counter_binding.plant IS 'of the equipment and of the edge: a plan binds its own';
CREATE TABLE lineside.dead_letter (
    sha256 bytea NOT NULL,
    edge_id integer,
    topic text NOT NULL,
    epoch uuid,
    class text,
    seq bigint,
    code text NOT NULL,
    reason text NOT NULL,
    size integer NOT NULL,
    bytes bytea NOT NULL,
    first_seen timestamp with time zone DEFAULT now() NOT NULL,
    last_seen timestamp with time zone DEFAULT now() NOT NULL,
    seen integer DEFAULT 1 NOT NULL
);
CREATE TABLE lineside.edge (
    edge_id integer NOT NULL,
    plant text NOT NULL,
    edge text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    first_seen timestamp with time zone DEFAULT now() NOT NULL,
    state text DEFAULT 'in_service'::text NOT NULL,
    status jsonb,
    online boolean DEFAULT false NOT NULL,
    last_seen timestamp with time zone,
    next_batch bigint DEFAULT 1 NOT NULL,
    CONSTRAINT edge_state_check CHECK ((state = ANY (ARRAY['in_service'::text, 'planned_off'::text, 'retired'::text])))
);
COMMENT ON COLUMN lineside.edge.status IS 'last status message of the edge, as received';
COMMENT ON COLUMN lineside.edge.next_batch IS 'number of the next batch: rises with every record applied';
ALTER TABLE lineside.edge ALTER COLUMN edge_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lineside.edge_edge_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lineside.equipment (
    plant text NOT NULL,
    equipment text NOT NULL,
    line text NOT NULL,
    name text DEFAULT ''::text NOT NULL
);
CREATE TABLE lineside.fold_state (
    tag_id integer NOT NULL,
    fold text NOT NULL,
    state jsonb NOT NULL
)
WITH (fillfactor='50');
COMMENT ON COLUMN lineside.fold_state.fold IS 'counter, order, or rule:<id>';
CREATE TABLE lineside.gap (
    gap_id bigint NOT NULL,
    edge_id integer NOT NULL,
    epoch uuid,
    class text,
    device text,
    from_ts timestamp with time zone NOT NULL,
    to_ts timestamp with time zone,
    samples bigint,
    exact boolean DEFAULT false NOT NULL,
    cause text NOT NULL,
    detail jsonb DEFAULT '{}'::jsonb NOT NULL,
    noted_at timestamp with time zone DEFAULT now() NOT NULL,
    accepted_by text,
    accepted_at timestamp with time zone,
    reason text
);
COMMENT ON COLUMN lineside.gap.class IS 'null: both classes';
COMMENT ON COLUMN lineside.gap.to_ts IS 'null: still open';
COMMENT ON COLUMN lineside.gap.samples IS 'how many samples are lost, null where nobody knows';
ALTER TABLE lineside.gap ALTER COLUMN gap_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lineside.gap_gap_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lineside.line (
    plant text NOT NULL,
    line text NOT NULL,
    name text DEFAULT ''::text NOT NULL
);
CREATE TABLE lineside.notice (
    notice_id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    plant text,
    edge text,
    code text NOT NULL,
    params jsonb DEFAULT '{}'::jsonb NOT NULL
);
ALTER TABLE lineside.notice ALTER COLUMN notice_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lineside.notice_notice_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lineside.order_tag (
    plant text NOT NULL,
    equipment text NOT NULL,
    edge text NOT NULL,
    path text NOT NULL
);
CREATE TABLE lineside.plan_version (
    version integer NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    author text NOT NULL,
    plant text NOT NULL,
    sha256 text NOT NULL,
    text text NOT NULL,
    plan jsonb NOT NULL
);
COMMENT ON COLUMN lineside.plan_version.text IS 'the file as it was applied';
COMMENT ON COLUMN lineside.plan_version.plan IS 'what it says: the folds and the next apply read this';
ALTER TABLE lineside.plan_version ALTER COLUMN version ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lineside.plan_version_version_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lineside.plant (
    plant text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    time_zone text DEFAULT 'UTC'::text NOT NULL
);
CREATE TABLE lineside.production_1m (
    plant text NOT NULL,
    equipment text NOT NULL,
    minute timestamp with time zone NOT NULL,
    tag_id integer NOT NULL,
    role text NOT NULL,
    run text NOT NULL,
    quantity double precision NOT NULL
);
CREATE TABLE lineside.production_dirty (
    plant text NOT NULL,
    equipment text NOT NULL,
    minute timestamp with time zone NOT NULL
);
COMMENT ON TABLE lineside.production_dirty IS 'minutes to recompute: append-only marks without a key';
CREATE TABLE lineside.reading (
    ts timestamp with time zone NOT NULL,
    tag_id integer NOT NULL,
    num double precision,
    big bigint,
    txt text,
    q integer NOT NULL,
    batch bigint NOT NULL
)
PARTITION BY RANGE (ts);
CREATE TABLE lineside.reading_origin (
    tag_id integer NOT NULL,
    ts timestamp with time zone NOT NULL,
    origin timestamp with time zone NOT NULL,
    batch bigint NOT NULL
);
COMMENT ON TABLE lineside.reading_origin IS 'device time that was set aside, for the reading of that tag, ts and batch';
CREATE TABLE lineside.reading_p20260101 (
    ts timestamp with time zone CONSTRAINT reading_ts_not_null NOT NULL,
    tag_id integer CONSTRAINT reading_tag_id_not_null NOT NULL,
    num double precision,
    big bigint,
    txt text,
    q integer CONSTRAINT reading_q_not_null NOT NULL,
    batch bigint CONSTRAINT reading_batch_not_null NOT NULL
);
CREATE TABLE lineside.reading_p20260102 (
    ts timestamp with time zone CONSTRAINT reading_ts_not_null NOT NULL,
    tag_id integer CONSTRAINT reading_tag_id_not_null NOT NULL,
    num double precision,
    big bigint,
    txt text,
    q integer CONSTRAINT reading_q_not_null NOT NULL,
    batch bigint CONSTRAINT reading_batch_not_null NOT NULL
);
CREATE TABLE lineside.rule (
    plant text NOT NULL,
    rule text NOT NULL,
    equipment text NOT NULL,
    edge text NOT NULL,
    path text NOT NULL,
    name text DEFAULT ''::text NOT NULL,
    kind text NOT NULL,
    spec jsonb NOT NULL,
    CONSTRAINT rule_kind_check CHECK ((kind = ANY (ARRAY['limit'::text, 'fault_word'::text])))
);
COMMENT ON COLUMN lineside.rule.spec IS 'limits, delays, priority, bits: as in plant.yaml';
CREATE TABLE lineside.schema_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE lineside.state_tag (
    plant text NOT NULL,
    equipment text NOT NULL,
    edge text NOT NULL,
    path text NOT NULL,
    spec jsonb DEFAULT '{}'::jsonb NOT NULL
);
CREATE TABLE lineside.stream (
    edge_id integer NOT NULL,
    epoch uuid NOT NULL,
    class text NOT NULL,
    cursor bigint NOT NULL,
    applied bigint NOT NULL,
    ord integer NOT NULL,
    predecessor uuid,
    predecessor_seq bigint,
    clean boolean,
    forked boolean DEFAULT false NOT NULL,
    opened_at timestamp with time zone,
    last_to timestamp with time zone,
    rows bigint DEFAULT 0 NOT NULL,
    version text DEFAULT ''::text NOT NULL,
    CONSTRAINT stream_class_check CHECK ((class = ANY (ARRAY['key'::text, 'bulk'::text])))
);
COMMENT ON COLUMN lineside.stream.cursor IS 'stored without a hole up to this seq; also the fence of writers';
COMMENT ON COLUMN lineside.stream.applied IS 'folded up to this seq; behind cursor only while folds are parked';
COMMENT ON COLUMN lineside.stream.ord IS 'order in which the epochs of this edge and class were accepted, from 1';
COMMENT ON COLUMN lineside.stream.last_to IS 'everything taken up to then is stored or stands in gap';
CREATE TABLE lineside.tag (
    tag_id integer NOT NULL,
    edge_id integer NOT NULL,
    path text NOT NULL,
    revision integer NOT NULL,
    definition text NOT NULL,
    dtype text NOT NULL,
    unit text DEFAULT ''::text NOT NULL,
    scale double precision[],
    device text DEFAULT ''::text NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    class text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT tag_class_check CHECK ((class = ANY (ARRAY['key'::text, 'bulk'::text])))
);
COMMENT ON COLUMN lineside.tag.revision IS '1 for the first definition of a path, 2 for the next ...';
COMMENT ON COLUMN lineside.tag.definition IS 'SHA-256 of dtype, unit, scale, device, address and class';
CREATE TABLE lineside.tag_latest (
    tag_id integer NOT NULL,
    ts timestamp with time zone NOT NULL,
    num double precision,
    big bigint,
    txt text,
    q integer NOT NULL
)
WITH (fillfactor='70');
CREATE TABLE lineside.tag_number (
    edge_id integer NOT NULL,
    epoch uuid NOT NULL,
    number integer NOT NULL,
    tag_id integer NOT NULL
);
ALTER TABLE lineside.tag ALTER COLUMN tag_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME lineside.tag_tag_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE lineside.work_order (
    order_no text NOT NULL,
    plant text NOT NULL,
    equipment text NOT NULL,
    product text DEFAULT ''::text NOT NULL,
    required double precision NOT NULL,
    due timestamp with time zone,
    completes text DEFAULT 'quantity'::text NOT NULL,
    state text DEFAULT 'released'::text NOT NULL,
    CONSTRAINT work_order_completes_check CHECK ((completes = ANY (ARRAY['quantity'::text, 'explicit'::text])))
);
ALTER TABLE ONLY lineside.reading ATTACH PARTITION lineside.reading_p20260101 FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-01-02 00:00:00+00');
ALTER TABLE ONLY lineside.reading ATTACH PARTITION lineside.reading_p20260102 FOR VALUES FROM ('2026-01-02 00:00:00+00') TO ('2026-01-03 00:00:00+00');
INSERT INTO lineside.agent_event OVERRIDING SYSTEM VALUE VALUES (1, 1, 3, '2026-01-01 10:04:00+00', 'start', NULL, NULL, NULL, NULL, '{}');
INSERT INTO lineside.alarm VALUES ('demo:hot@1', 'hot', NULL, 'press', 'demo', 2, '2026-01-01 10:00:00+00', NULL, NULL, NULL, 'A', 'high', false, '2026-01-01 10:00:00+00');
INSERT INTO lineside.alarm_event OVERRIDING SYSTEM VALUE VALUES (1, 'demo:hot@1', 'demo', 'hot', 'press', NULL, 'raised', '2026-01-01 10:00:00+00', NULL, NULL, '2026-01-01 10:00:00+00', false, false);
INSERT INTO lineside.batch VALUES (1, 1, '11111111-1111-4111-8111-111111111111', 'key', 3, '2026-01-01 10:03:00+00', 12, '2026-01-01 10:00:00+00', '2026-01-01 10:02:45+00');
INSERT INTO lineside.batch VALUES (1, 2, '11111111-1111-4111-8111-111111111111', 'bulk', 2, '2026-01-01 10:03:00+00', 3, '2026-01-01 09:59:00+00', '2026-01-02 00:00:01+00');
INSERT INTO lineside.batch VALUES (1, 3, '11111111-1111-4111-8111-111111111111', 'key', 4, '2026-01-01 10:04:00+00', 0, NULL, NULL);
INSERT INTO lineside.count_fact VALUES (1, '2026-01-01 10:01:00+00', '2026-01-01 10:00:00+00', 100, 104, 4, 1, false, 1);
INSERT INTO lineside.counter_binding VALUES ('demo', 'press', 'good', 'line-a', 'press/good', 'cumulative', NULL, 1, NULL, NULL, NULL);
INSERT INTO lineside.dead_letter VALUES ('\x01', NULL, 't', NULL, NULL, NULL, 'LS-5401', 'bad', 1, '\x00', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', 1);
INSERT INTO lineside.edge OVERRIDING SYSTEM VALUE VALUES (1, 'demo', 'line-a', 'Line A', '2026-11-21 08:01:47.408631+00', 'in_service', NULL, false, NULL, 4);
INSERT INTO lineside.edge OVERRIDING SYSTEM VALUE VALUES (2, 'demo', 'line-b', '', '2026-11-21 08:01:47.408631+00', 'in_service', NULL, false, NULL, 1);
INSERT INTO lineside.equipment VALUES ('demo', 'press', 'line-a', 'Press');
INSERT INTO lineside.fold_state VALUES (1, 'counter', '{"v": 1}');
INSERT INTO lineside.gap OVERRIDING SYSTEM VALUE VALUES (1, 1, '11111111-1111-4111-8111-111111111111', 'bulk', NULL, '2026-01-01 08:00:00+00', '2026-01-01 09:00:00+00', 7, true, 'overflow', '{}', '2026-01-01 10:00:00+00', NULL, NULL, NULL);
INSERT INTO lineside.line VALUES ('demo', 'line-a', 'A');
INSERT INTO lineside.notice OVERRIDING SYSTEM VALUE VALUES (1, '2026-01-01 10:04:00+00', 'demo', 'line-a', 'LS-5412', '{}');
INSERT INTO lineside.plan_version OVERRIDING SYSTEM VALUE VALUES (1, '2026-01-01 00:00:00+00', 'mei', 'demo', 'x', 'plant: demo', '{}');
INSERT INTO lineside.plant VALUES ('demo', 'Demo', 'Asia/Shanghai');
INSERT INTO lineside.production_1m VALUES ('demo', 'press', '2026-01-01 10:01:00+00', 1, 'good', 'order:A-100', 4);
INSERT INTO lineside.reading_origin VALUES (2, '2026-01-01 10:01:00+00', '2000-01-01 00:00:00+00', 2);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 10:00:00+00', 1, 100, NULL, NULL, 0, 1);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 10:00:15+00', 1, 101, NULL, NULL, 0, 1);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 10:00:30+00', 1, 102, NULL, NULL, 0, 1);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 10:00:45+00', 1, 103, NULL, NULL, 0, 1);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 10:01:00+00', 1, 104, NULL, NULL, 0, 1);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 10:01:15+00', 1, 105, NULL, NULL, 0, 1);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 10:01:30+00', 1, 106, NULL, NULL, 0, 1);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 10:01:45+00', 1, 107, NULL, NULL, 0, 1);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 10:02:00+00', 1, 108, NULL, NULL, 0, 1);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 10:02:15+00', 1, 109, NULL, NULL, 0, 1);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 10:02:30+00', 1, 110, NULL, NULL, 0, 1);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 10:02:45+00', 1, 111, NULL, NULL, 0, 1);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 09:59:00+00', 2, 20.5, NULL, NULL, 0, 2);
INSERT INTO lineside.reading_p20260101 VALUES ('2026-01-01 10:01:00+00', 2, NULL, NULL, NULL, -2147155960, 2);
INSERT INTO lineside.reading_p20260102 VALUES ('2026-01-02 00:00:01+00', 2, 21.5, NULL, NULL, 0, 2);
INSERT INTO lineside.schema_version VALUES ('m0001');
INSERT INTO lineside.stream VALUES (1, '11111111-1111-4111-8111-111111111111', 'key', 3, 3, 1, NULL, NULL, NULL, false, NULL, '2026-01-01 10:03:00+00', 12, '');
INSERT INTO lineside.stream VALUES (1, '11111111-1111-4111-8111-111111111111', 'bulk', 2, 2, 1, NULL, NULL, NULL, false, NULL, '2026-01-01 10:03:00+00', 4, '');
INSERT INTO lineside.tag OVERRIDING SYSTEM VALUE VALUES (1, 1, 'press/good', 1, 'a', 'u32', '', NULL, '', '', 'key', '2026-11-21 08:01:47.408631+00');
INSERT INTO lineside.tag OVERRIDING SYSTEM VALUE VALUES (2, 1, 'press/temperature', 1, 'b', 'f32', '', NULL, '', '', 'bulk', '2026-11-21 08:01:47.408631+00');
INSERT INTO lineside.tag OVERRIDING SYSTEM VALUE VALUES (3, 1, 'press/order', 1, 'c', 'str', '', NULL, '', '', 'key', '2026-11-21 08:01:47.408631+00');
INSERT INTO lineside.tag_latest VALUES (1, '2026-01-01 10:02:45+00', 111, NULL, NULL, 0);
INSERT INTO lineside.tag_number VALUES (1, '11111111-1111-4111-8111-111111111111', 1, 1);
INSERT INTO lineside.tag_number VALUES (1, '11111111-1111-4111-8111-111111111111', 2, 2);
INSERT INTO lineside.tag_number VALUES (1, '11111111-1111-4111-8111-111111111111', 3, 3);
INSERT INTO lineside.work_order VALUES ('A-100', 'demo', 'press', '', 50, NULL, 'quantity', 'released');
SELECT pg_catalog.setval('lineside.agent_event_event_id_seq', 1, true);
SELECT pg_catalog.setval('lineside.alarm_event_event_id_seq', 1, true);
SELECT pg_catalog.setval('lineside.assignment_assignment_id_seq', 1, false);
SELECT pg_catalog.setval('lineside.edge_edge_id_seq', 2, true);
SELECT pg_catalog.setval('lineside.gap_gap_id_seq', 1, true);
SELECT pg_catalog.setval('lineside.notice_notice_id_seq', 1, true);
SELECT pg_catalog.setval('lineside.plan_version_version_seq', 1, true);
SELECT pg_catalog.setval('lineside.tag_tag_id_seq', 3, true);
ALTER TABLE ONLY lineside.agent_event
    ADD CONSTRAINT agent_event_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY lineside.alarm_event
    ADD CONSTRAINT alarm_event_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY lineside.alarm
    ADD CONSTRAINT alarm_pkey PRIMARY KEY (occurrence);
ALTER TABLE ONLY lineside.assignment
    ADD CONSTRAINT assignment_pkey PRIMARY KEY (assignment_id);
ALTER TABLE ONLY lineside.batch
    ADD CONSTRAINT batch_pkey PRIMARY KEY (edge_id, batch);
ALTER TABLE ONLY lineside.counter_binding
    ADD CONSTRAINT counter_binding_pkey PRIMARY KEY (plant, equipment, role, edge, path);
ALTER TABLE ONLY lineside.dead_letter
    ADD CONSTRAINT dead_letter_pkey PRIMARY KEY (sha256);
ALTER TABLE ONLY lineside.edge
    ADD CONSTRAINT edge_pkey PRIMARY KEY (edge_id);
ALTER TABLE ONLY lineside.edge
    ADD CONSTRAINT edge_plant_edge_key UNIQUE (plant, edge);
ALTER TABLE ONLY lineside.equipment
    ADD CONSTRAINT equipment_pkey PRIMARY KEY (plant, equipment);
ALTER TABLE ONLY lineside.fold_state
    ADD CONSTRAINT fold_state_pkey PRIMARY KEY (tag_id, fold);
ALTER TABLE ONLY lineside.gap
    ADD CONSTRAINT gap_pkey PRIMARY KEY (gap_id);
ALTER TABLE ONLY lineside.line
    ADD CONSTRAINT line_pkey PRIMARY KEY (plant, line);
ALTER TABLE ONLY lineside.notice
    ADD CONSTRAINT notice_pkey PRIMARY KEY (notice_id);
ALTER TABLE ONLY lineside.order_tag
    ADD CONSTRAINT order_tag_pkey PRIMARY KEY (plant, equipment);
ALTER TABLE ONLY lineside.plan_version
    ADD CONSTRAINT plan_version_pkey PRIMARY KEY (version);
ALTER TABLE ONLY lineside.plant
    ADD CONSTRAINT plant_pkey PRIMARY KEY (plant);
ALTER TABLE ONLY lineside.production_1m
    ADD CONSTRAINT production_1m_pkey PRIMARY KEY (plant, equipment, minute, tag_id, run);
ALTER TABLE ONLY lineside.rule
    ADD CONSTRAINT rule_pkey PRIMARY KEY (plant, rule);
ALTER TABLE ONLY lineside.schema_version
    ADD CONSTRAINT schema_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY lineside.state_tag
    ADD CONSTRAINT state_tag_pkey PRIMARY KEY (plant, equipment);
ALTER TABLE ONLY lineside.stream
    ADD CONSTRAINT stream_pkey PRIMARY KEY (edge_id, epoch, class);
ALTER TABLE ONLY lineside.tag
    ADD CONSTRAINT tag_edge_id_path_definition_key UNIQUE (edge_id, path, definition);
ALTER TABLE ONLY lineside.tag_latest
    ADD CONSTRAINT tag_latest_pkey PRIMARY KEY (tag_id);
ALTER TABLE ONLY lineside.tag_number
    ADD CONSTRAINT tag_number_pkey PRIMARY KEY (edge_id, epoch, number);
ALTER TABLE ONLY lineside.tag
    ADD CONSTRAINT tag_pkey PRIMARY KEY (tag_id);
ALTER TABLE ONLY lineside.work_order
    ADD CONSTRAINT work_order_pkey PRIMARY KEY (order_no);
CREATE INDEX agent_event_edge ON lineside.agent_event USING btree (edge_id, at DESC);
CREATE INDEX alarm_active ON lineside.alarm USING btree (plant, raised_at DESC) WHERE ((cleared_at IS NULL) OR (acknowledged_at IS NULL));
CREATE INDEX alarm_event_at ON lineside.alarm_event USING btree (at DESC);
CREATE INDEX alarm_event_occurrence ON lineside.alarm_event USING btree (occurrence, event_id);
CREATE INDEX alarm_raised_at ON lineside.alarm USING btree (raised_at DESC);
CREATE INDEX alarm_rule ON lineside.alarm USING btree (plant, rule, "bit");
CREATE INDEX assignment_equipment_at ON lineside.assignment USING btree (plant, equipment, at);
CREATE INDEX count_fact_tag_ts ON lineside.count_fact USING btree (tag_id, ts);
CREATE INDEX dead_letter_first_seen ON lineside.dead_letter USING btree (first_seen DESC);
CREATE INDEX gap_edge ON lineside.gap USING btree (edge_id, from_ts DESC);
CREATE INDEX gap_open ON lineside.gap USING btree (edge_id, device) WHERE (to_ts IS NULL);
CREATE INDEX notice_at ON lineside.notice USING btree (at DESC);
CREATE INDEX production_1m_run ON lineside.production_1m USING btree (run, minute);
CREATE INDEX reading_origin_tag_ts ON lineside.reading_origin USING btree (tag_id, ts DESC);
CREATE INDEX reading_tag_ts ON ONLY lineside.reading USING btree (tag_id, ts DESC);
CREATE INDEX reading_p20260101_tag_id_ts_idx ON lineside.reading_p20260101 USING btree (tag_id, ts DESC);
CREATE INDEX reading_p20260102_tag_id_ts_idx ON lineside.reading_p20260102 USING btree (tag_id, ts DESC);
CREATE INDEX stream_ord ON lineside.stream USING btree (edge_id, class, ord DESC);
CREATE INDEX tag_number_latest ON lineside.tag_number USING btree (tag_id);
ALTER INDEX lineside.reading_tag_ts ATTACH PARTITION lineside.reading_p20260101_tag_id_ts_idx;
ALTER INDEX lineside.reading_tag_ts ATTACH PARTITION lineside.reading_p20260102_tag_id_ts_idx;
ALTER TABLE ONLY lineside.agent_event
    ADD CONSTRAINT agent_event_edge_id_fkey FOREIGN KEY (edge_id) REFERENCES lineside.edge(edge_id);
ALTER TABLE ONLY lineside.counter_binding
    ADD CONSTRAINT counter_binding_plant_equipment_fkey FOREIGN KEY (plant, equipment) REFERENCES lineside.equipment(plant, equipment);
ALTER TABLE ONLY lineside.dead_letter
    ADD CONSTRAINT dead_letter_edge_id_fkey FOREIGN KEY (edge_id) REFERENCES lineside.edge(edge_id);
ALTER TABLE ONLY lineside.equipment
    ADD CONSTRAINT equipment_plant_fkey FOREIGN KEY (plant) REFERENCES lineside.plant(plant);
ALTER TABLE ONLY lineside.equipment
    ADD CONSTRAINT equipment_plant_line_fkey FOREIGN KEY (plant, line) REFERENCES lineside.line(plant, line);
ALTER TABLE ONLY lineside.fold_state
    ADD CONSTRAINT fold_state_tag_id_fkey FOREIGN KEY (tag_id) REFERENCES lineside.tag(tag_id);
ALTER TABLE ONLY lineside.gap
    ADD CONSTRAINT gap_edge_id_fkey FOREIGN KEY (edge_id) REFERENCES lineside.edge(edge_id);
ALTER TABLE ONLY lineside.line
    ADD CONSTRAINT line_plant_fkey FOREIGN KEY (plant) REFERENCES lineside.plant(plant);
ALTER TABLE ONLY lineside.order_tag
    ADD CONSTRAINT order_tag_plant_equipment_fkey FOREIGN KEY (plant, equipment) REFERENCES lineside.equipment(plant, equipment);
ALTER TABLE ONLY lineside.rule
    ADD CONSTRAINT rule_plant_equipment_fkey FOREIGN KEY (plant, equipment) REFERENCES lineside.equipment(plant, equipment);
ALTER TABLE ONLY lineside.state_tag
    ADD CONSTRAINT state_tag_plant_equipment_fkey FOREIGN KEY (plant, equipment) REFERENCES lineside.equipment(plant, equipment);
ALTER TABLE ONLY lineside.stream
    ADD CONSTRAINT stream_edge_id_fkey FOREIGN KEY (edge_id) REFERENCES lineside.edge(edge_id);
ALTER TABLE ONLY lineside.tag
    ADD CONSTRAINT tag_edge_id_fkey FOREIGN KEY (edge_id) REFERENCES lineside.edge(edge_id);
ALTER TABLE ONLY lineside.tag_number
    ADD CONSTRAINT tag_number_edge_id_fkey FOREIGN KEY (edge_id) REFERENCES lineside.edge(edge_id);
ALTER TABLE ONLY lineside.tag_number
    ADD CONSTRAINT tag_number_tag_id_fkey FOREIGN KEY (tag_id) REFERENCES lineside.tag(tag_id);
ALTER TABLE ONLY lineside.work_order
    ADD CONSTRAINT work_order_plant_equipment_fkey FOREIGN KEY (plant, equipment) REFERENCES lineside.equipment(plant, equipment);
ALTER TABLE ONLY lineside.work_order
    ADD CONSTRAINT work_order_plant_fkey FOREIGN KEY (plant) REFERENCES lineside.plant(plant);
