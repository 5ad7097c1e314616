"""An OPC UA server for benchmarks: asyncua's, with read answers encoded beforehand.

asyncua's own server is slower at encoding than its client at decoding and would be all that is
measured. Values of reads come from a few images in turn. Changes, where asked for, are counters:
each node rises by 1, so that whoever counts sees every hole.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.server import internal_session, uaprocessor
from asyncua.server.server import Server
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from benchmarks.children import write_json
from benchmarks.generator import BIT, COUNTER, FLOAT, PATTERN, SCALED, Generator

IMAGES = 8
FIRST = 100_000
"""The first node's number, beyond those asyncua gives by itself."""
TYPES = {
    FLOAT: ua.VariantType.Float,
    SCALED: ua.VariantType.UInt16,
    COUNTER: ua.VariantType.UInt32,
    BIT: ua.VariantType.Boolean,
}
_TICKS_A_SECOND = 10
_LEAST_CACHED = 20


class _Ready(list[ua.DataValue]):
    """Results of a read together with their bytes."""

    def __init__(self, results: list[ua.DataValue], encoded: bytes) -> None:
        super().__init__(results)
        self.encoded = encoded


_NONE = 4  # bytes of an empty array: its length


def encode_results(results: list[ua.DataValue]) -> bytes:
    """The bytes of `Results` in a ReadResponse."""
    empty, full = ua.ReadResponse(), ua.ReadResponse()
    full.Results = results
    start = len(struct_to_binary(empty)) - 2 * _NONE
    return bytes(struct_to_binary(full)[start:-_NONE])


class Images:
    """Read answers by request, encoded once; the known requests give the next image each time."""

    def __init__(self, nodes: int) -> None:
        generator = Generator(nodes, start_us=0, every_us=1)
        now = datetime.now(UTC)
        self._images: list[list[ua.DataValue]] = []
        for number in range(IMAGES):
            samples = generator.polls(1)
            stamp = now + timedelta(milliseconds=100 * number)
            self._images.append(
                [
                    _value(kind, float(f), int(i), stamp)
                    for kind, f, i in zip(
                        generator.kinds.tolist(), samples.f, samples.i, strict=True
                    )
                ]
            )
        self._requests: dict[bytes, ua.ReadParameters] = {}
        self._answers: dict[int, Any] = {}

    def parse(self, kind: Any, body: Any) -> Any:
        """As asyncua's, remembering large read requests by their bytes."""
        if kind is not ua.ReadParameters:
            return struct_from_binary(kind, body)
        key = bytes(body)
        known = self._requests.get(key)
        if known is not None:
            return known
        parsed = struct_from_binary(kind, body)
        if len(parsed.NodesToRead) >= _LEAST_CACHED:
            self._requests[key] = parsed
            self._answers[id(parsed)] = cycle(self._encode(parsed))
        return parsed

    def answer(self, asked: ua.ReadParameters) -> _Ready | None:
        """The next answer to a remembered request."""
        answers = self._answers.get(id(asked))
        return None if answers is None else next(answers)

    def _encode(self, asked: ua.ReadParameters) -> list[_Ready]:
        places = [int(node.NodeId.Identifier) - FIRST for node in asked.NodesToRead]
        parts = [[image[place] for place in places] for image in self._images]
        return [_Ready(part, encode_results(part)) for part in parts]

    @staticmethod
    def encode(response: Any) -> bytes:
        """As asyncua's; a ready answer's bytes are put in."""
        ready = getattr(response, "Results", None)
        if not isinstance(ready, _Ready):
            return bytes(struct_to_binary(response))
        response.Results = []
        plain = bytes(struct_to_binary(response))
        return plain[: -2 * _NONE] + ready.encoded + plain[-_NONE:]


def _value(kind: int, f: float, i: int, stamp: datetime) -> ua.DataValue:
    held: Any = f
    if kind == SCALED:
        held = round(f * 4095 / 100)
    elif kind != FLOAT:
        held = bool(i) if kind == BIT else i
    return _stamped(ua.Variant(held, TYPES[kind]), stamp)


def _stamped(value: ua.Variant, at: datetime) -> ua.DataValue:
    stamp: Any = at  # the library takes any datetime for its own subclass
    return ua.DataValue(value, SourceTimestamp=stamp)


def serve_images(nodes: int) -> None:
    """Put the images in front of asyncua's encoder, in this process."""
    images = Images(nodes)
    module: Any = uaprocessor
    module.struct_from_binary = images.parse
    module.struct_to_binary = images.encode
    session: Any = internal_session.InternalSession
    slow = session.read

    async def read(self: Any, params: ua.ReadParameters) -> Any:
        ready = images.answer(params)
        return ready if ready is not None else await slow(self, params)

    session.read = read


async def main() -> None:
    """Serve until killed. With `changes` a second: for `seconds`, once the file `go` is there."""
    settings = json.loads(sys.argv[1])
    nodes, changes = settings["nodes"], settings.get("changes", 0)
    if not changes:
        serve_images(nodes)
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/bench")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    folder = await server.nodes.objects.add_folder(2, "bench")
    ids = []
    for number in range(nodes):
        kind = COUNTER if changes else PATTERN[number % len(PATTERN)]
        empty = ua.Variant(False if kind == BIT else 0, TYPES[kind])
        node_id = ua.NodeId(ua.Int32(FIRST + number), ua.Int16(2))
        node = await folder.add_variable(node_id, str(number), empty)
        ids.append(node.nodeid)
    await server.start()
    try:
        assert server.bserver is not None
        write_json(Path(settings["ready"]), {"port": server.bserver.port})
        if changes:
            go = Path(settings["go"])
            while not go.exists():  # noqa: ASYNC110 - another process makes it
                await asyncio.sleep(0.05)
            made = await change(server, ids, changes, settings["seconds"])
            write_json(Path(settings["out"]), made)
        await asyncio.Event().wait()
    finally:
        await server.stop()


async def change(
    server: Server, ids: list[ua.NodeId], rate: int, seconds: float
) -> dict[str, float]:
    """Raise the counters in turn, so many changes a second."""
    made, began = 0, time.monotonic()
    for tick in range(int(seconds * _TICKS_A_SECOND)):
        due_s = began + tick / _TICKS_A_SECOND
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        stamp = datetime.now(UTC)
        for _ in range(rate // _TICKS_A_SECOND):
            value = ua.Variant(made // len(ids) + 1, ua.VariantType.UInt32)
            await server.write_attribute_value(ids[made % len(ids)], _stamped(value, stamp))
            made += 1
    return {"changes": made, "seconds": time.monotonic() - began}


if __name__ == "__main__":
    asyncio.run(main())
