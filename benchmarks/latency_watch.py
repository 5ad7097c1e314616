"""Notes when changes of the probe are on the broker, confirmed, and visible at the API."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.children import write_json
from runtime.clock import now_us
from runtime.mqtt import BrokerAddress, Connection
from wire.columns import decode_columns
from wire.control import Ack
from wire.frame import Kind, read_prefix, unpack_body
from wire.ids import EdgeId
from wire.records import TagTable, decode_record
from wire.topics import down, up

_LOOK_S: Final = 0.02
_Stream = tuple[str, str]


class Watch:
    """What is known of each change, by its number."""

    def __init__(self, path: str) -> None:
        self.readings: list[dict[str, Any]] = []
        """One of each reading of the probe: value, read_us, broker_us, epoch, cls, seq."""
        self.acked: list[tuple[_Stream, int, int]] = []
        """Stream, cursor, when it was heard of."""
        self.shown: list[tuple[int, int]] = []
        """Value at the API, when it was first there."""
        self._path = path
        self._numbers: dict[str, int] = {}

    def record(self, raw: bytes) -> None:
        """A record on the broker."""
        at_us, prefix = now_us(), read_prefix(raw)
        epoch = str(prefix.epoch)
        if prefix.kind is Kind.TAGS:
            table = decode_record(prefix.kind, unpack_body(raw, prefix))
            assert isinstance(table, TagTable)
            for tag in table.tags:
                if tag.path == self._path:
                    self._numbers[epoch] = tag.n
        elif prefix.kind is Kind.SAMPLES and epoch in self._numbers:
            samples, _ = decode_columns(unpack_body(raw, prefix))
            ours = samples.tag == self._numbers[epoch]
            place = {"epoch": epoch, "cls": str(prefix.cls), "seq": prefix.seq, "broker_us": at_us}
            self.readings += [
                {"value": value, "read_us": read_us, **place}
                for value, read_us in zip(
                    samples.i[ours].tolist(), samples.ts[ours].tolist(), strict=True
                )
            ]

    def ack(self, raw: bytes) -> None:
        """An acknowledgement."""
        at_us = now_us()
        self.acked += [
            ((str(each.epoch), str(each.cls)), each.cursor, at_us)
            for each in Ack.decode(raw).streams
        ]

    def show(self, answer: bytes) -> None:
        """What the API says of the newest value."""
        at_us = now_us()
        for item in orjson.loads(answer)["items"]:
            for of in ("stored", "live"):
                said = item[of]
                value = None if said is None else said["value"]
                if isinstance(value, int) and (not self.shown or value > self.shown[-1][0]):
                    self.shown.append((value, at_us))


async def main() -> None:
    """Watch until killed; tell all of it every second."""
    settings = json.loads(sys.argv[1])
    edge = EdgeId(plant=settings["plant"], edge=settings["edge"])
    watch = Watch(settings["path"])
    url = f"{settings['api']}/api/v1/latest?tag={edge}/{settings['path']}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {settings['token']}"})

    def ask() -> bytes:
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: bytes = answer.read()
            return found

    async def look() -> None:
        while True:
            try:
                watch.show(await asyncio.to_thread(ask))
            except OSError:  # no such tag yet
                await asyncio.sleep(0.5)
            await asyncio.sleep(_LOOK_S)

    async def tell() -> None:
        while True:
            await asyncio.sleep(1.0)
            found = {"readings": watch.readings, "acked": watch.acked, "shown": watch.shown}
            write_json(Path(settings["out"]), found)

    async def listen(connection: Connection) -> None:
        async for message in connection.messages():
            message.ack()
            if message.topic == up(edge, "data"):
                watch.record(message.payload)
            else:
                watch.ack(message.payload)

    address = BrokerAddress(host="127.0.0.1", port=settings["port"])
    async with Connection(address, client_id="bench-latency") as connection:
        await connection.subscribe(up(edge, "data"), down(edge, "ack"))
        write_json(Path(settings["ready"]), {})
        async with asyncio.TaskGroup() as tasks:
            for work in (look(), tell(), listen(connection)):
                tasks.create_task(work)


if __name__ == "__main__":
    asyncio.run(main())
