"""What folds remember survives restarts, other releases, and being unbound for a while."""

from __future__ import annotations

import orjson

from ingest_server.domain.counters import CounterState
from ingest_server.receive.committer import Committer
from ingest_server.store import connection as connections
from ingest_server.store import fold_blocks
from ingest_server.usecases.edge_states import remembered_tags
from tests.integration.ingest_server.receive.model_edge import START_US, Epoch, started
from tests.integration.ingest_server.usecases.conftest import PLAN, Apply, Handle, Rows
from wire.dtypes import DType
from wire.frame import StreamClass
from wire.ids import EdgeId
from wire.records import TagDef

EDGE = EdgeId(plant="demo", edge="line-a")
GOOD, TEMPERATURE = 1, 2
UNBOUND = PLAN.replace("tag: press/good", "tag: press/other")
MADE = "SELECT coalesce(sum(quantity), 0) FROM count_fact"


def counted(rows: Rows) -> float:
    return float(str(rows(MADE)[0][0]))


def test_states_of_an_earlier_release_are_taken_over(
    put: Apply, handle: Handle, committer: Committer, rows: Rows
) -> None:
    put()
    epoch = started(EDGE)
    handle(*epoch.records)
    committer.close()
    state = CounterState(value=100, at_us=START_US, skipped=2).to_json()
    rows("INSERT INTO fold_state (tag_id, fold, state) SELECT tag_id, 'counter', %s::jsonb "
         "FROM tag WHERE path = 'press/good'", orjson.dumps(state).decode())  # fmt: skip
    epoch.sample([(TEMPERATURE, 20.0)])
    handle(epoch.records[-1])
    assert rows("SELECT count(*) FROM fold_state WHERE fold = 'counter'") == [(0,)]
    committer.close()
    epoch.sample([(GOOD, 107)])
    handle(epoch.records[-1])
    assert counted(rows) == 7


def test_a_counter_that_was_unbound_for_a_while_goes_on_from_its_last_reading(
    put: Apply, handle: Handle, rows: Rows, migrated: str
) -> None:
    put()
    epoch = started(EDGE)
    epoch.sample([(GOOD, 5), (GOOD, 9)])
    handle(*epoch.records)
    put(UNBOUND)
    epoch.define(TagDef(n=9, path="press/other", dtype=DType.U32))
    epoch.sample([(GOOD, 20), (9, 3), (9, 4)])
    handle(*epoch.records[-2:])
    assert counted(rows) == 5
    with connections.connect(migrated, name="test") as connection:
        assert len(remembered_tags(fold_blocks.load(connection, 1))) == 2
    put()
    epoch.sample([(GOOD, 22)])
    handle(epoch.records[-1])
    assert counted(rows) == 5 + 13


def test_tags_defined_in_the_transaction_that_reads_them_are_folded(
    put: Apply, handle: Handle, rows: Rows
) -> None:
    put()
    epoch = Epoch(EDGE, StreamClass.BULK)
    epoch.open()
    epoch.define(TagDef(n=1, path="press/good", dtype=DType.U32))
    epoch.sample([(1, 5), (1, 6)])
    # A new definition of the same path is another tag, with a state of its own.
    epoch.define(TagDef(n=2, path="press/good", dtype=DType.U16))
    epoch.sample([(1, 8), (2, 100), (2, 101)])
    epoch.define(TagDef(n=3, path="press/temperature", dtype=DType.F64))
    epoch.sample([(1, 9), (2, 103), (3, 90.0), (3, 91.0), (3, 92.0)])
    handle(*epoch.records)
    assert counted(rows) == 1 + 2 + 1 + 1 + 2
    assert rows("SELECT count(*) FROM alarm") == [(1,)]


def test_a_rule_withdrawn_after_quiet_readings_tells_the_last_value(
    put: Apply, handle: Handle, rows: Rows
) -> None:
    put()
    epoch = started(EDGE)
    epoch.sample([(TEMPERATURE, 90.0)] * 4)
    handle(*epoch.records)
    epoch.sample([(TEMPERATURE, 95.0), (TEMPERATURE, 96.5)])
    handle(epoch.records[-1])
    put(PLAN[: PLAN.index("rules:")] + PLAN[PLAN.index("orders:") :])
    assert rows("SELECT event, value FROM alarm_event ORDER BY event_id") == [
        ("raised", 90.0),
        ("cleared", 96.5),
    ]


def test_a_quiet_rule_writes_its_alarms_once(put: Apply, handle: Handle, rows: Rows) -> None:
    put()
    epoch = started(EDGE)
    epoch.sample([(TEMPERATURE, 20.0)])
    handle(*epoch.records)
    before = rows("SELECT xmin::text, state FROM fold_state WHERE fold = 'rule:hot'")
    for value in (21.0, 22.0, 79.0):
        epoch.sample([(TEMPERATURE, value)])
        handle(epoch.records[-1])
    assert rows("SELECT xmin::text, state FROM fold_state WHERE fold = 'rule:hot'") == before
