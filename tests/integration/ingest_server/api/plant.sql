-- A small plant at 2026-03-01T00:00Z (08:00 in Shanghai) and two hours after.
INSERT INTO plant (plant, name, time_zone) VALUES ('demo', 'Demo plant', 'Asia/Shanghai'), ('nord', 'North', 'Europe/Berlin');
INSERT INTO line (plant, line, name, area) VALUES ('demo', 'press', 'Press line', 'Hall 1'), ('nord', 'mill', '', '');
INSERT INTO equipment (equipment, plant, line, name) VALUES ('press-1', 'demo', 'press', 'Press 1'), ('press-2', 'demo', 'press', '');

INSERT INTO edge (plant, edge, name, online, first_seen, last_seen, status) VALUES
  ('demo', 'line-a', 'Line A', true, '2026-02-01Z', '2026-03-01 01:59:59Z',
   '{"agent": "0.1.0", "offset_us": -250000, "streams": [
      {"epoch": "00000000-0000-0000-0000-000000000001", "cls": "key", "last_seq": 12, "acked": 10,
       "from_us": 1772326740000000, "to_us": 1772326800000000},
      {"epoch": "00000000-0000-0000-0000-000000000001", "cls": "bulk", "last_seq": 40, "acked": 40}]}'),
  ('demo', 'line-b', 'Line B', false, '2026-02-01Z', '2026-03-01 00:30Z', NULL),
  ('nord', 'mill-1', '', false, '2026-02-01Z', NULL, NULL);
UPDATE edge SET state = 'retired' WHERE edge = 'mill-1';

INSERT INTO stream (edge_id, epoch, class, cursor, applied, ord, opened_at, last_to, rows) VALUES
  (1, '00000000-0000-0000-0000-000000000000', 'key', 5, 5, 1, '2026-02-01Z', '2026-02-28Z', 50),
  (1, '00000000-0000-0000-0000-000000000001', 'key', 10, 9, 2, '2026-03-01Z', '2026-03-01 01:59Z', 100),
  (1, '00000000-0000-0000-0000-000000000001', 'bulk', 40, 40, 2, '2026-03-01Z', '2026-03-01 01:30Z', 900),
  (1, '00000000-0000-0000-0000-000000000002', 'bulk', 1, 1, 3, '2026-03-01 01:59Z', NULL, 0),
  (2, '00000000-0000-0000-0000-000000000003', 'key', 7, 7, 1, '2026-03-01Z', '2026-03-01 00:30Z', 7);

INSERT INTO tag (edge_id, path, revision, definition, dtype, unit, device, class) VALUES
  (1, 'press-1/count', 1, 'd1', 'u32', 'pcs', 'plc-1', 'key'),        -- 1
  (1, 'press-1/temp', 1, 'd2', 'f64', 'C', 'plc-1', 'bulk'),          -- 2
  (1, 'press-1/temp', 2, 'd3', 'f64', 'F', 'plc-1', 'bulk'),          -- 3
  (1, 'press-1/serial', 1, 'd4', 'u64', '', 'plc-1', 'bulk'),         -- 4
  (1, 'press-1/recipe', 1, 'd5', 'str', '', 'plc-1', 'key'),          -- 5
  (1, 'press-1/door', 1, 'd6', 'bool', '', 'plc-2', 'key'),           -- 6
  (1, 'press-1/since', 1, 'd7', 'time', '', 'plc-2', 'key'),          -- 7
  (2, 'press-2/count', 1, 'd8', 'u32', 'pcs', 'plc-3', 'key'),        -- 8
  (1, '100%_a', 1, 'd9', 'i64', '', 'plc-9', 'bulk');                 -- 9

-- Tag 2: a reading every 10 s for 10 minutes, 0.0 .. 59.0; from 00:05 on bad for one minute.
INSERT INTO reading (ts, tag_id, num, q, batch)
SELECT timestamptz '2026-03-01Z' + n * interval '10 s', 2,
       CASE WHEN n BETWEEN 30 AND 35 THEN NULL ELSE n END,
       CASE WHEN n BETWEEN 30 AND 35 THEN x'80050008'::bit(32)::int ELSE 0 END, 1
FROM generate_series(0, 59) n;
-- Tag 3: the same temperature in another unit, later.
INSERT INTO reading (ts, tag_id, num, q, batch) VALUES ('2026-03-01 00:20Z', 3, 99.5, 0, 2);
-- Tag 4: beyond what doubles, and what int8, can hold.
INSERT INTO reading (ts, tag_id, big, txt, q, batch) VALUES
  ('2026-03-01 00:01Z', 4, 9007199254740993, NULL, 0, 1),
  ('2026-03-01 00:02Z', 4, NULL, '18446744073709551615', 0, 1),
  ('2026-03-01 00:03Z', 4, 5, NULL, 0, 1);
INSERT INTO reading (ts, tag_id, txt, q, batch) VALUES ('2026-03-01 00:01Z', 5, 'recipe A', 0, 1),
  ('2026-03-01 00:02Z', 5, '配方 B', 1, 1);
-- Tag 6: earlier releases kept bits as doubles.
INSERT INTO reading (ts, tag_id, num, big, q, batch) VALUES ('2026-03-01 00:01Z', 6, 1, NULL, 0, 1),
  ('2026-03-01 00:02Z', 6, NULL, 0, x'40900004'::bit(32)::int, 1);
INSERT INTO reading (ts, tag_id, big, q, batch) VALUES ('2026-03-01 00:01Z', 7, 1772323200000001, 0, 1);
-- Tag 8: five readings with one and the same stamp are five readings.
INSERT INTO reading (ts, tag_id, big, q, batch)
SELECT '2026-03-01 00:10Z', 8, n % 2, 0, 1 FROM generate_series(1, 5) n;

-- Written with the readings by the server; nothing is rolled up yet.
INSERT INTO dirty SELECT DISTINCT t.edge_id, date_trunc('minute', r.ts) FROM reading r JOIN tag t USING (tag_id);

INSERT INTO tag_latest (tag_id, ts, num, big, txt, q) VALUES (2, '2026-03-01 00:09:50Z', 59, NULL, NULL, 0),
  (3, '2026-03-01 00:20Z', 99.5, NULL, NULL, 0), (4, '2026-03-01 00:03Z', NULL, 5, NULL, 0),
  (5, '2026-03-01 00:02Z', NULL, NULL, '配方 B', 1),
  (6, '2026-03-01 00:02Z', 0, NULL, NULL, x'80050008'::bit(32)::int);

INSERT INTO gap (edge_id, class, device, from_ts, to_ts, samples, exact, cause) VALUES
  (1, NULL, NULL, '2026-02-28 23:00Z', '2026-03-01 00:00:30Z', NULL, false, 'agent_down'),
  (1, 'bulk', NULL, '2026-03-01 00:40Z', '2026-03-01 00:45Z', 300, true, 'overflow'),
  (1, NULL, 'plc-2', '2026-03-01 01:00Z', NULL, NULL, false, 'device_down'),
  (2, 'key', NULL, '2026-03-01 00:30Z', '2026-03-01 00:31Z', 6, true, 'disk');

INSERT INTO dead_letter (sha256, edge_id, topic, epoch, class, seq, code, reason, size, bytes, first_seen)
SELECT sha256(n::text::bytea), CASE WHEN n > 1 THEN 1 END, 'lineside/v1/demo/line-a/up/data/3',
       NULL, NULL, n, 'LS-2022', 'not JSON', 3, 'abc', timestamptz '2026-03-01Z' + n * interval '1 min'
FROM generate_series(1, 5) n;

INSERT INTO notice (at, plant, edge, code, params) VALUES
  ('2026-03-01 00:10Z', 'demo', 'line-a', 'LS-6050',
   '{"gap": "77", "by": "Li Wei", "reason": "power cut", "cause": "agent_down", "from": "2026-02-28"}'),
  ('2026-03-01 00:20Z', NULL, NULL, 'LS-0000', '{"lang": "xx", "code": 1}');

INSERT INTO counter_binding (equipment, role, plant, edge, path, kind, modulus, factor, max_rate, gap_s)
VALUES ('press-1', 'good', 'demo', 'line-a', 'press-1/count', 'cumulative', 4294967296, 1, 10, 60),
       ('press-2', 'total', 'demo', 'line-b', 'press-2/count', 'cumulative', NULL, 1, 10, NULL);
INSERT INTO rule (rule, equipment, plant, edge, path, name, kind, spec) VALUES
  ('press-1-hot', 'press-1', 'demo', 'line-a', 'press-1/temp', 'Press 1 too hot', 'limit', '{}');
INSERT INTO order_tag (equipment, plant, edge, path) VALUES ('press-1', 'demo', 'line-a', 'press-1/recipe');

INSERT INTO work_order (order_no, plant, equipment, product, required, due, state) VALUES
  ('WO-1', 'demo', 'press-1', 'Lid', 100, '2026-03-02Z', 'released'),
  ('WO-2', 'demo', 'press-1', 'Base', 20, NULL, 'released'),
  ('WO/3', 'demo', 'press-2', 'Rim_1', 0, NULL, 'released');

-- press-1 makes WO-1 from 00:00:30 to 00:02:30, then WO-2; the plan's own start says WO-2 too.
INSERT INTO assignment (plant, equipment, at, order_no, source, author, tag_id) VALUES
  ('demo', 'press-1', '2026-03-01 00:00:30Z', 'WO-1', 'plc', 'demo/line-a/press-1/recipe', 5),
  ('demo', 'press-1', '2026-03-01 00:02:30Z', 'WO-2', 'plc', 'demo/line-a/press-1/recipe', 5),
  ('demo', 'press-2', '2026-02-28 20:00Z', NULL, 'explicit', 'Li Wei', NULL);
INSERT INTO batch (edge_id, batch, epoch, class, seq, rows) VALUES
  (1, 1, '00000000-0000-0000-0000-000000000001', 'key', 4, 10);
-- A baseline, 10 before anybody named an order, 70 for WO-1, a reset, and in 00:02 both orders.
INSERT INTO count_fact (tag_id, ts, from_ts, raw_before, raw, quantity, cause, discontinuous, batch) VALUES
  (1, '2026-03-01 00:00:00Z', '2026-03-01 00:00:00Z', NULL, 1000, 0, 5, false, 1),
  (1, '2026-03-01 00:00:10Z', '2026-03-01 00:00:00Z', 1000, 1010, 10, 1, false, 1),
  (1, '2026-03-01 00:01:10Z', '2026-03-01 00:01:00Z', 1010, 1080, 70, 1, false, 1),
  (1, '2026-03-01 00:02:10Z', '2026-03-01 00:02:00Z', 1080, 35, 35, 3, false, 1),
  (1, '2026-03-01 00:02:40Z', '2026-03-01 00:02:35Z', 35, 42, 7, 1, false, 1),
  (1, '2026-03-01 00:05:00Z', '2026-03-01 00:02:00Z', 42, 47, 5, 1, true, 1);
INSERT INTO production_1m (plant, equipment, minute, tag_id, role, run, quantity) VALUES
  ('demo', 'press-1', '2026-03-01 00:00Z', 1, 'good', 'unassigned', 10),
  ('demo', 'press-1', '2026-03-01 00:01Z', 1, 'good', 'order:WO-1', 70),
  ('demo', 'press-1', '2026-03-01 00:02Z', 1, 'good', 'order:WO-1', 35),
  ('demo', 'press-1', '2026-03-01 00:02Z', 1, 'good', 'order:WO-2', 7),
  ('demo', 'press-1', '2026-03-01 00:05Z', 1, 'good', 'unallocated', 5),
  ('demo', 'press-2', '2026-03-01 00:05Z', 8, 'total', 'unassigned', 3);

INSERT INTO alarm (occurrence, rule, bit, equipment, plant, tag_id, raised_at, cleared_at,
                   acknowledged_at, acknowledged_by, state, priority, late, learned_at) VALUES
  ('press-1-hot@1.1', 'press-1-hot', NULL, 'press-1', 'demo', 2, '2025-12-01Z', NULL, NULL, NULL,
   'B', 'high', false, '2025-12-01Z'),
  ('press-1-hot@2.2', 'press-1-hot', NULL, 'press-1', 'demo', 2, '2026-03-01 00:10Z',
   '2026-03-01 00:12Z', NULL, NULL, 'D', 'high', true, '2026-03-01 01:00Z'),
  ('press-1-hot@3.3', 'press-1-hot', NULL, 'press-1', 'demo', 2, '2026-03-01 00:20Z',
   '2026-03-01 00:22Z', '2026-03-01 00:21Z', 'Li Wei', 'A', 'high', false, '2026-03-01 00:20Z'),
  ('word/3@4.1', 'word', 3, 'press-2', 'demo', 8, '2026-03-01 00:30Z', NULL, NULL, NULL,
   'B', 'low', false, '2026-03-01 00:30Z'),
  ('word/4@5.1', 'word', 4, 'press-2', 'demo', 8, '2026-03-01 00:31Z', NULL, NULL, NULL,
   'G', 'low', false, '2026-03-01 00:31Z');
INSERT INTO alarm_event (occurrence, plant, rule, equipment, tag_id, event, at, value, late, provisional, learned_at) VALUES
  ('press-1-hot@1.1', 'demo', 'press-1-hot', 'press-1', 2, 'raised', '2025-12-01Z', 91.5, false, false, '2025-12-01Z'),
  ('press-1-hot@2.2', 'demo', 'press-1-hot', 'press-1', 2, 'raised', '2026-03-01 00:10Z', 95, true, false, '2026-03-01 01:00Z'),
  ('press-1-hot@2.2', 'demo', 'press-1-hot', 'press-1', 2, 'cleared', '2026-03-01 00:12Z', 80, true, false, '2026-03-01 01:00Z'),
  ('word/3@4.1', 'demo', 'word', 'press-2', 8, 'raised', '2026-03-01 00:30Z', 8, false, true, '2026-03-01 00:30Z');
