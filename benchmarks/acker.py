"""A server that stores nothing: it answers cursors, and counts readings where it is asked to.

Answers as the server does, after half a window of records or a tenth of a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np

from benchmarks.children import write_json
from runtime.clock import now_us
from runtime.mqtt import BrokerAddress, Connection
from wire.columns import decode_columns
from wire.control import Ack, Cursor
from wire.frame import Kind, StreamClass, read_prefix, unpack_body
from wire.ids import EdgeId
from wire.records import TagTable, decode_record
from wire.topics import down, up

HALF_A_WINDOW = 8
_LONGEST_S = 0.1


class Count:
    """Of the tags of a device: good values that rise from 1, how many, and the last of each."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._numbers: set[int] = set()
        self.seen = 0
        self.highest = 0

    def take(self, record: bytes, kind: Kind) -> None:
        """Count one record's."""
        prefix = read_prefix(record)
        if kind is Kind.TAGS:
            table = decode_record(kind, unpack_body(record, prefix))
            assert isinstance(table, TagTable)
            self._numbers |= {tag.n for tag in table.tags if tag.device == self._device}
        elif kind is Kind.SAMPLES:
            samples, _ = decode_columns(unpack_body(record, prefix))
            ours = np.isin(samples.tag, np.fromiter(self._numbers, np.int32))
            rising = samples.i[ours & (samples.i > 0)]
            self.seen += int(rising.size)
            self.highest = max(self.highest, int(rising.max(initial=0)))


class Acker:
    """Cursors of one edge."""

    def __init__(self, edge: EdgeId, count: Count | None) -> None:
        self.count = count
        self._edge = edge
        self._worker = uuid4()
        self._cursors: dict[tuple[UUID, StreamClass], int] = {}
        self._since = 0

    def take(self, record: bytes) -> bool:
        """Move on if this record is the next; whether an answer is due."""
        prefix = read_prefix(record)
        key = (prefix.epoch, prefix.cls)
        if prefix.seq == self._cursors.get(key, 0) + 1:
            self._cursors[key] = prefix.seq
            if self.count is not None:
                self.count.take(record, prefix.kind)
        self._since += 1
        return self._since >= HALF_A_WINDOW

    def answer(self, connection: Connection, *, hello: bool = False) -> None:
        """Send all cursors."""
        self._since = 0
        ack = Ack(
            kind="hello" if hello else "ack",
            worker=self._worker,
            at_us=now_us(),
            streams=[
                Cursor(epoch=epoch, cls=cls, cursor=cursor)
                for (epoch, cls), cursor in self._cursors.items()
            ],
        )
        connection.send(down(self._edge, "ack"), ack.encode(), retain=True)

    @property
    def waits(self) -> bool:
        """Whether something was taken since the last answer."""
        return self._since > 0


async def main() -> None:
    """Answer until killed; with `device`, write what was counted every second."""
    settings = json.loads(sys.argv[1])
    edge = EdgeId(plant=settings["plant"], edge=settings["edge"])
    count = Count(settings["device"]) if settings.get("device") else None
    acker = Acker(edge, count)
    address = BrokerAddress(host="127.0.0.1", port=settings["port"])
    async with Connection(address, client_id="bench-acker") as connection:
        await connection.subscribe(up(edge, "data"), up(edge, "status"))
        acker.answer(connection, hello=True)
        write_json(Path(settings["ready"]), {})
        background = [asyncio.create_task(_often(acker, connection))]
        if count is not None:
            background.append(asyncio.create_task(_tell(count, Path(settings["out"]))))
        async for message in connection.messages():
            due = message.topic == up(edge, "status") or acker.take(message.payload)
            message.ack()
            if due:
                acker.answer(connection)
        for task in background:
            task.cancel()


async def _often(acker: Acker, connection: Connection) -> None:
    while True:
        await asyncio.sleep(_LONGEST_S)
        if acker.waits:
            acker.answer(connection)


async def _tell(count: Count, out: Path) -> None:
    while True:
        await asyncio.sleep(0.5)
        found: dict[str, Any] = {"seen": count.seen, "highest": count.highest}
        write_json(out, found)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
