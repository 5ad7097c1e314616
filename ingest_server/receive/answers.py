"""What the edges are still to be told on this connection, and its sending.

Invariants:
- an edge hears `hello` first from every worker id, then answers;
- what was handed to the connection is not said again until there is news.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from ingest_server.receive.acks import Answer, open_streams
from runtime import platform
from wire.control import Ack
from wire.topics import down

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingest_server.receive.draft import Outcome
    from ingest_server.store.rows import EdgeRow
    from runtime.clock import Clock
    from runtime.mqtt import Connection
    from wire.ids import EdgeId


class AnswerDesk:
    """Collects answers by edge; `send_due` sends those whose time has come."""

    def __init__(self, stamp: Clock, *, elapsed: Clock = platform.elapsed_us) -> None:
        """`stamp` is what the edges are told; what is due goes by a clock that nobody sets."""
        self._stamp = stamp
        self._clock = elapsed
        self._worker = uuid4()
        self._answers: dict[EdgeId, Answer] = {}
        self._greeted: set[EdgeId] = set()

    def begin_anew(self) -> None:
        """Be another worker from now on: every edge is greeted before it is answered."""
        self._worker = uuid4()
        self._greeted.clear()

    def greet(self, rows: Iterable[EdgeRow]) -> None:
        """Have something to say at once to edges that may not have spoken yet."""
        for row in rows:
            answer = self._answers.get(row.edge, Answer())
            self._answers[row.edge] = answer.with_news(row, now_us=self._clock(), urgent=True)

    def note(self, edge: EdgeId, row: EdgeRow, outcome: Outcome) -> None:
        """A message of the edge was dealt with."""
        self._answers[edge] = self._answers.get(edge, Answer()).with_news(
            row,
            now_us=self._clock(),
            applied=outcome.applied,
            urgent=outcome.urgent or edge not in self._greeted,
            rewinds=outcome.rewinds,
            refused=outcome.refused,
        )

    def send_due(self, mqtt: Connection) -> None:
        """Send what is due now."""
        now_us = self._clock()
        for edge, answer in self._answers.items():
            due_us = answer.due_us()
            if due_us is not None and due_us <= now_us and answer.edge is not None:
                self._send(mqtt, edge, answer, answer.edge, now_us)

    def _send(
        self, mqtt: Connection, edge: EdgeId, answer: Answer, row: EdgeRow, now_us: int
    ) -> None:
        ack = Ack(
            kind="ack" if edge in self._greeted else "hello",
            worker=self._worker,
            at_us=self._stamp(),
            streams=open_streams(row),
            rewind=list(answer.rewinds),
            refused=list(answer.refused),
        )
        mqtt.send(down(edge, "ack"), ack.encode(), qos=1, retain=True)
        self._greeted.add(edge)
        self._answers[edge] = answer.sent(now_us)
