"""Which facts are an order's, as its trace shows them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ingest_server.api.tracing import attributed
from ingest_server.domain.assignments import Assignment

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
START_US = int(START.timestamp()) * 1_000_000
MINUTE_US = 60_000_000
PRESS = ("demo", "press")
EDGE, OTHER = 1, 2


def fact(minute: int, quantity: float, *, batch: int, edge: int = EDGE) -> dict[str, Any]:
    at = START + timedelta(minutes=minute)
    return {
        "plant": "demo",
        "equipment": "press",
        "ts": at,
        "from_ts": at - timedelta(seconds=1),
        "quantity": quantity,
        "cause": 1,
        "discontinuous": False,
        "gap_s": None,
        "edge_id": edge,
        "batch": batch,
    }


def word(minute: int, order: str, seq: int, *, since: tuple[int, int] | None = None) -> Assignment:
    return Assignment(
        equipment="press",
        at_us=START_US + minute * MINUTE_US,
        order=order,
        source="plc",
        seq=seq,
        since=since,
    )


def traced(order: str, said: list[Assignment], *facts: dict[str, Any]) -> list[float]:
    return [row["quantity"] for row, _ in attributed(facts, {PRESS: said}, order)]


def test_a_fact_belongs_to_what_its_time_names() -> None:
    said = [word(0, "A", 1), word(10, "B", 2)]
    facts = [fact(5, 1, batch=9), fact(15, 2, batch=3)]
    assert traced("A", said, *facts) == [1]
    assert traced("B", said, *facts) == [2]
    assert list(attributed(facts, {}, "A")) == []


def test_what_was_told_before_a_clock_stepped_back_keeps_its_order() -> None:
    """In batch 7 the device is back at minute 5, and runs C where A and B had been."""
    since = (EDGE, 7)
    said = [
        word(0, "A", 1),
        word(10, "B", 2),
        word(5, "C", 3, since=since),
        word(10, "C", 4, since=since),
    ]
    before = [fact(6, 1, batch=3), fact(12, 2, batch=4)]
    after = [fact(6, 4, batch=7), fact(12, 8, batch=8)]
    elsewhere = fact(6, 16, batch=1, edge=OTHER)
    facts = [*before, *after, elsewhere]
    assert traced("A", said, *facts) == [1]
    assert traced("B", said, *facts) == [2]
    assert traced("C", said, *facts) == [4, 8, 16]
