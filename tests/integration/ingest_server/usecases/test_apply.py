"""A plant.yaml is put into force whole, once, with its author; the same file changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest_server.plant.diff import PlanRefused
from tests.integration.ingest_server.receive.model_edge import started
from tests.integration.ingest_server.usecases.conftest import PLAN, Apply, Handle, Rows
from wire.ids import EdgeId

EDGE = EdgeId(plant="demo", edge="line-a")


def test_a_plan_is_written_with_author_and_version(put: Apply, rows: Rows) -> None:
    done = put(author="mei")
    assert done.version == 1
    assert {(change.action, change.kind) for change in done.changes} == {
        ("added", kind) for kind in ("plant", "line", "equipment", "counter", "rule", "order")
    }
    assert rows("SELECT version, author, plant, text FROM plan_version") == [
        (1, "mei", "demo", PLAN)
    ]
    assert rows("SELECT order_no, required, state, due AT TIME ZONE 'UTC' IS NULL "
                "FROM work_order ORDER BY order_no") == [
        ("A-100", 50.0, "released", True),
        ("工单七", 10.0, "released", False),
    ]  # fmt: skip
    assert rows("SELECT due::text FROM work_order WHERE due IS NOT NULL") == [
        ("2026-01-01 22:00:00+00",)  # six in the morning in Shanghai
    ]
    assert rows("SELECT equipment, role, path, max_rate FROM counter_binding") == [
        ("press", "good", "press/good", 1000.0)
    ]
    assert rows("SELECT rule, kind, spec->>'high' FROM rule") == [("hot", "limit", "80.0")]


def test_the_same_file_twice_changes_nothing(put: Apply, rows: Rows) -> None:
    put()
    again = put()
    assert (again.changes, again.version) == ((), None)
    assert rows("SELECT count(*) FROM plan_version") == [(1,)]


def test_a_dry_run_writes_nothing(put: Apply, rows: Rows) -> None:
    assert put(dry_run=True).changes
    assert rows("SELECT count(*) FROM plan_version") == [(0,)]
    assert rows("SELECT count(*) FROM plant") == [(0,)]


def test_what_the_file_no_longer_has_goes(put: Apply, rows: Rows) -> None:
    put()
    rows("UPDATE work_order SET state = 'held' RETURNING 1")
    shorter = PLAN.replace("  - {order: 工单七", "  # - {order: 工单七").replace("50", "60")
    done = put(shorter)
    assert [(c.action, c.kind, c.id) for c in done.changes] == [
        ("changed", "order", "A-100"),
        ("removed", "order", "工单七"),
    ]
    assert rows("SELECT order_no, required, state FROM work_order") == [("A-100", 60.0, "held")]


def test_an_order_that_was_worked_on_stays(put: Apply, handle: Handle, rows: Rows) -> None:
    put()
    epoch = started(EDGE)
    epoch.sample([(4, "工单七")])
    handle(*epoch.records)
    with pytest.raises(PlanRefused):
        put(PLAN.replace("  - {order: 工单七", "  # - {order: 工单七"))
    assert rows("SELECT count(*) FROM work_order") == [(2,)]


def test_a_rule_that_goes_clears_its_standing_alarm(put: Apply, handle: Handle, rows: Rows) -> None:
    put()
    epoch = started(EDGE)
    epoch.sample([(2, 90.0)] * 4)
    handle(*epoch.records)
    assert rows("SELECT state FROM alarm") == [("B",)]
    start = PLAN.index("rules:")
    put(PLAN[:start] + PLAN[PLAN.index("orders:") :], author="lee")
    assert rows("SELECT state, cleared_at IS NULL FROM alarm") == [("D", False)]
    assert rows("SELECT event, actor FROM alarm_event ORDER BY event_id") == [
        ("raised", None),
        ("cleared", "lee"),
    ]
    assert rows("SELECT count(*) FROM fold_state WHERE fold = 'rule:hot'") == [(0,)]
    epoch.sample([(2, 95.0)] * 4)
    handle(*epoch.records)
    assert rows("SELECT count(*) FROM alarm") == [(1,)]


def test_a_counter_that_changes_its_role_is_counted_anew(
    put: Apply, handle: Handle, drain: Callable[[], int], rows: Rows
) -> None:
    put()
    epoch = started(EDGE)
    epoch.sample([(1, 0), (1, 7)])
    handle(*epoch.records)
    drain()
    put(PLAN.replace("role: good", "role: scrap"))
    drain()
    assert rows("SELECT role, sum(quantity) FROM production_1m GROUP BY role") == [("scrap", 7)]
