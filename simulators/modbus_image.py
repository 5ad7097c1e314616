"""The registers and bits of one Modbus unit at one tick: packed once, then only sliced."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from simulators.addresses import Table, TagAddress

Value = int | float | bool | str

_FORMATS = {"u16": "H", "i32": "i", "u32": "I", "u64": "Q", "f32": "f", "f64": "d"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Addresses without a hole from `first`: `body` holds big-endian registers, or for coils and
    discrete inputs `count` bits, the first address in the lowest bit."""

    table: Table
    first: int
    count: int
    body: bytes
    bits: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """What a unit answers at one tick. Never changed: a new tick is a new image."""

    blocks: tuple[Block, ...]

    def read(self, table: Table, address: int, count: int) -> bytes | None:
        """The bytes of a Modbus answer, or None where an address does not exist."""
        for block in self.blocks:
            start = address - block.first
            if block.table == table and start >= 0 and start + count <= block.count:
                if table in ("holding", "input"):
                    return block.body[2 * start : 2 * (start + count)]
                wanted = block.bits >> start & ((1 << count) - 1)
                return wanted.to_bytes((count + 7) // 8, "little")
        return None


class _Layout:
    """How the values of consecutive addresses of one table become a block."""

    def __init__(self, tags: Sequence[tuple[int, TagAddress]]) -> None:
        first = tags[0][1]
        last = tags[-1][1]
        self.table: Table = first.table
        self.first = first.address
        self.count = last.address + max(last.registers, 1) - first.address
        self.places = [place for place, _ in tags]
        self.dtypes = [tag.dtype for _, tag in tags]
        self.format = struct.Struct(
            ">" + "".join(_FORMATS.get(tag.dtype, f"{tag.length}s") for _, tag in tags)
            if first.table in ("holding", "input")
            else ">"
        )
        self.swapped = [
            (2 * (tag.address - self.first), tag.registers)
            for _, tag in tags
            if tag.word_order == "CDAB"
        ]
        self.seconds = {place for place, tag in tags if tag.name == "plc_time"}

    def pack(self, values: Sequence[Value]) -> Block:
        if self.table in ("coil", "discrete"):
            bits = sum(1 << at for at, place in enumerate(self.places) if values[place])
            return Block(table=self.table, first=self.first, count=self.count, body=b"", bits=bits)
        row = [self._raw(place, values[place]) for place in self.places]
        body = self.format.pack(*row)
        if self.swapped:
            words = bytearray(body)
            for at, registers in self.swapped:
                words[at : at + 2 * registers] = _swap_words(body[at : at + 2 * registers])
            body = bytes(words)
        return Block(table=self.table, first=self.first, count=self.count, body=body)

    def _raw(self, place: int, value: Value) -> int | float | bytes:
        if isinstance(value, str):
            return value.encode()
        return int(value) // 1_000_000 if place in self.seconds else value


class Packer:
    """Packs the values of one unit, given in the order of the address map."""

    def __init__(self, tags: Sequence[TagAddress]) -> None:
        self._layouts = [_Layout(run) for run in _runs(tags)]

    def pack(self, values: Sequence[Value]) -> Image:
        """The image of `values`."""
        return Image(blocks=tuple(layout.pack(values) for layout in self._layouts))


def _runs(tags: Sequence[TagAddress]) -> list[list[tuple[int, TagAddress]]]:
    """Tags (with their place) in runs of consecutive addresses of one table."""
    placed = sorted(enumerate(tags), key=lambda known: (known[1].table, known[1].address))
    runs: list[list[tuple[int, TagAddress]]] = []
    for place, tag in placed:
        last = runs[-1][-1][1] if runs else None
        follows = (
            last is not None
            and last.table == tag.table
            and last.address + max(last.registers, 1) == tag.address
        )
        if follows:
            runs[-1].append((place, tag))
        else:
            runs.append([(place, tag)])
    return runs


def decode(tag: TagAddress, body: bytes, start: int) -> Value:
    """The value of `tag` in an answer, `start` registers (or bits) from its beginning.

    A time in seconds comes back as seconds; a string without its padding.
    """
    if tag.table in ("coil", "discrete"):
        return bool(body[start // 8] >> start % 8 & 1)
    raw = body[2 * start : 2 * (start + tag.registers)]
    if tag.dtype == "str":
        return raw.rstrip(b"\0").decode()
    if tag.word_order == "CDAB":
        raw = _swap_words(raw)
    value: Value = struct.unpack(f">{_FORMATS[tag.dtype]}", raw)[0]
    return value


def _swap_words(raw: bytes) -> bytes:
    return b"".join(raw[at : at + 2] for at in reversed(range(0, len(raw), 2)))
