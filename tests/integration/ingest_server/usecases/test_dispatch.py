"""Lines are told their orders: released, changed, ended; again where an edge lost its memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest_server.store import edges
from ingest_server.store.connection import connect
from ingest_server.usecases.errands import Errands
from runtime.clock import now_us
from tests.integration.ingest_server.receive.model_edge import started
from tests.integration.ingest_server.usecases.conftest import PLAN, Apply, Handle, Rows
from wire.ids import EdgeId

EDGE = EdgeId(plant="demo", edge="line-a")


@pytest.fixture
def known(migrated: str) -> None:
    with connect(migrated, name="test") as connection:
        edges.load_edge(connection, EDGE)


@pytest.fixture
def errands(migrated: str) -> Callable[[], None]:
    def run() -> None:
        made = Errands(migrated, clock=now_us)
        made.run()
        made.close()

    return run


def waiting(rows: Rows) -> list[tuple[object, ...]]:
    return rows(
        "SELECT body->>'order', body->>'state', body->'rank' FROM command "
        "WHERE state = 'waiting' AND kind = 'order' ORDER BY number"
    )


def end_all(rows: Rows) -> None:
    rows("UPDATE command SET state = 'done', ended_at = now() WHERE state = 'waiting' RETURNING 1")


@pytest.mark.usefixtures("known")
def test_a_plan_tells_the_line_its_orders_and_what_changes_of_them(put: Apply, rows: Rows) -> None:
    put()
    assert waiting(rows) == [("工单七", "dispatched", 1), ("A-100", "dispatched", 2)]
    [(body,)] = rows("SELECT body FROM command WHERE body->>'order' = 'A-100'")
    assert isinstance(body, dict)
    first = body.pop("revision")
    assert body == {
        "order": "A-100",
        "equipment": "press",
        "product": "Bolt",
        "quantity": 50.0,
        "due_us": None,
        "rank": 2,
        "note": "",
        "state": "dispatched",
    }
    put()
    put(PLAN.replace("name: Hot", "name: Too hot"))
    assert len(rows("SELECT 1 FROM command")) == 2  # nothing new about orders
    put(PLAN.replace("required: 50", "required: 60"))
    found = rows("SELECT state, body->'quantity' FROM command WHERE body->>'order' = 'A-100'")
    assert sorted(found) == [("superseded", 50.0), ("waiting", 60.0)]
    [(second,)] = rows(
        "SELECT body->'revision' FROM command WHERE body->'quantity' = '60.0'::jsonb"
    )
    assert isinstance(second, int)
    assert isinstance(first, int)
    assert second > first
    end_all(rows)
    put(PLAN.replace("  - {order: A-100, product: Bolt, required: 50, equipment: press}\n", ""))
    assert waiting(rows) == [("A-100", "withdrawn", 2)]


def test_an_edge_that_is_heard_of_later_is_told_then(
    put: Apply, rows: Rows, migrated: str, errands: Callable[[], None]
) -> None:
    put()
    errands()
    assert waiting(rows) == []
    with connect(migrated, name="test") as connection:
        edges.load_edge(connection, EDGE)
    errands()
    errands()
    assert waiting(rows) == [("工单七", "dispatched", 1), ("A-100", "dispatched", 2)]


@pytest.mark.usefixtures("known")
def test_an_order_that_is_done_held_or_cancelled_is_told_once(
    put: Apply, rows: Rows, errands: Callable[[], None]
) -> None:
    put()
    end_all(rows)
    rows(
        "INSERT INTO production_1m VALUES ('demo', 'press', '2026-01-01', 1, 'good', "
        "'order:A-100', 50) RETURNING 1"
    )
    rows("UPDATE work_order SET state = 'held' WHERE order_no <> 'A-100' RETURNING 1")
    errands()
    assert waiting(rows) == [("A-100", "withdrawn", 2)]
    rows("UPDATE work_order SET state = 'cancelled' WHERE order_no <> 'A-100' RETURNING 1")
    errands()
    errands()
    assert waiting(rows) == [("A-100", "withdrawn", 2), ("工单七", "withdrawn", 1)]
    # A correction takes the pieces back: the order is to be made again.
    rows("DELETE FROM production_1m RETURNING 1")
    errands()
    assert waiting(rows) == [("工单七", "withdrawn", 1), ("A-100", "dispatched", 1)]


def test_an_edge_with_a_new_buffer_is_told_everything_again(
    put: Apply, rows: Rows, handle: Handle, errands: Callable[[], None]
) -> None:
    handle(*started(EDGE).records)
    put()
    end_all(rows)
    errands()
    assert waiting(rows) == []
    handle(*started(EDGE).records)  # no predecessor: the old disk is gone
    errands()
    errands()
    assert waiting(rows) == [("工单七", "dispatched", 1), ("A-100", "dispatched", 2)]
