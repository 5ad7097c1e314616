"""Edges are told the database's time, whatever the clock of the worker's computer shows."""

from __future__ import annotations

import orjson

from ingest_server.receive.answers import AnswerDesk
from ingest_server.receive.database_clock import DatabaseClock
from ingest_server.store.rows import EdgeRow
from wire.ids import EdgeId

SECOND = 1_000_000
TRUE = 1_700_000_000 * SECOND


class Worker:
    """Its clock is six hours wrong."""

    def __init__(self) -> None:
        self.elapsed_us = 50 * SECOND
        self.wall_us = TRUE + 6 * 3_600 * SECOND
        self.clock = DatabaseClock(before=lambda: self.wall_us, elapsed=lambda: self.elapsed_us)

    def ask(self, took_us: int) -> None:
        asked_us = self.elapsed_us
        self.elapsed_us += took_us
        self.clock.said(TRUE + asked_us + took_us // 2, asked_us=asked_us)


def test_until_the_database_said_its_time_the_workers_clock_has_to_do() -> None:
    worker = Worker()
    assert worker.clock() == worker.wall_us
    worker.ask(20)
    assert worker.clock() == TRUE + worker.elapsed_us


def test_it_goes_on_by_elapsed_time_and_a_slow_answer_changes_nothing() -> None:
    worker = Worker()
    worker.ask(200)
    worker.elapsed_us += 7 * SECOND
    worker.wall_us = 0
    assert worker.clock() == TRUE + worker.elapsed_us
    worker.clock.said(TRUE, asked_us=worker.elapsed_us - 10 * SECOND)
    assert worker.clock() == TRUE + worker.elapsed_us


def test_a_slow_answer_is_better_than_none() -> None:
    worker = Worker()
    worker.ask(30 * SECOND)
    assert worker.clock() == TRUE + worker.elapsed_us


class Wire:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, topic: str, payload: bytes, **_: object) -> None:
        self.sent.append(payload)


def test_answers_bear_the_databases_time_and_are_due_whatever_it_does() -> None:
    times, elapsed, wire = [TRUE], [5 * SECOND], Wire()
    desk = AnswerDesk(lambda: times[-1], elapsed=lambda: elapsed[-1])
    row = EdgeRow(edge=EdgeId(plant="p", edge="e"), edge_id=1, next_batch=1, streams={})
    for _ in range(2):
        desk.greet([row])
        desk.send_due(wire)  # type: ignore[arg-type]
        times.append(times[-1] - 6 * 3_600 * SECOND)
        elapsed.append(elapsed[-1] + 2 * SECOND)
    assert [orjson.loads(one)["at_us"] for one in wire.sent] == times[:2]
