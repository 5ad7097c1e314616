"""From bytes to columns: where each value's bytes lie is computed once, decoding is numpy. Pure.

The bytes of all answers of a group form its image: registers with two bytes each as they came, bits
with one byte each. An index array per data type picks the bytes of all its values in big-endian
order, whatever the device's order, so that one numpy view decodes them all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from drivers.modbus.config import ModbusTag, Order
from drivers.modbus.plan import Block, Item
from wire import quality
from wire.dtypes import DType

Bytes = NDArray[np.uint8]
Rows = NDArray[np.intp]

_VIEWS: Final[dict[DType, str]] = {
    DType.I8: ">i1",
    DType.U8: ">u1",
    DType.I16: ">i2",
    DType.U16: ">u2",
    DType.I32: ">i4",
    DType.U32: ">u4",
    DType.I64: ">i8",
    DType.U64: ">u8",
    DType.F32: ">f4",
    DType.F64: ">f8",
}
_OUT_OF_RANGE: Final = np.uint32(quality.BAD_OUT_OF_RANGE | quality.NO_VALUE)
_INFINITE: Final = np.uint32(quality.BAD_OUT_OF_RANGE | quality.NO_VALUE | quality.NOT_FINITE)
_MAX_I64: Final = np.uint64(2**63 - 1)


@dataclass(slots=True)
class Values:
    """The columns of one reading of a group while they are being filled; one row a tag."""

    f: NDArray[np.float64]
    i: NDArray[np.int64]
    q: NDArray[np.uint32]
    s: NDArray[np.object_] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Batch:
    """All values of a group that are decoded in one go."""

    dtype: DType
    bcd: bool
    rows: Rows
    bytes: NDArray[np.intp]
    """[n, size]: where in the image the bytes of each value lie, most significant first."""
    bits: NDArray[np.uint16] | None = None
    """[n]: which bit of the register; None for whole values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Text:
    """One text: its bytes in the image, in their order."""

    row: int
    bytes: NDArray[np.intp]
    charset: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How the image of a group is laid out and decoded."""

    rows: int
    size: int
    """Bytes of the image."""
    offsets: tuple[int, ...]
    """Where in the image each block of the first plan begins."""
    starts: tuple[int, ...]
    """The address at which each of these blocks begins."""
    batches: tuple[_Batch, ...]
    texts: tuple[_Text, ...]

    def image(self) -> Bytes:
        """An image without content."""
        return np.zeros(self.size, np.uint8)

    def put(self, image: Bytes, block: Block, payload: bytes) -> None:
        """Write the data of an answer (without its byte count) to its place in the image."""
        raw = np.frombuffer(payload, np.uint8)
        shift = block.start - self.starts[block.origin]
        if block.table in ("coil", "discrete"):
            begin = self.offsets[block.origin] + shift
            bits = np.unpackbits(raw, count=block.count, bitorder="little")
            image[begin : begin + block.count] = bits
        else:
            begin = self.offsets[block.origin] + 2 * shift
            image[begin : begin + 2 * block.count] = raw

    def decode(self, image: Bytes, q: NDArray[np.uint32]) -> Values:
        """The values of a whole image; `q` has the quality of each row as far as reading went.

        Rows without a value hold 0 and "".
        """
        out = Values(
            f=np.zeros(self.rows, np.float64), i=np.zeros(self.rows, np.int64), q=q, s=None
        )
        for batch in self.batches:
            _decode(batch, image, out)
        for text in self.texts:
            raw = image[text.bytes].tobytes()
            try:
                value = raw.split(b"\0", 1)[0].decode(text.charset).rstrip()
            except UnicodeDecodeError:
                _spoil(q, np.array([text.row]), _OUT_OF_RANGE)
            else:
                _text_column(out)[text.row] = value
        empty = ~quality.has_value(q)
        if empty.any():
            out.f[empty] = 0.0
            out.i[empty] = 0
            if out.s is not None:
                out.s[empty] = ""
        return out


def payload_size(block: Block) -> int:
    """Bytes of data the answer to a block must have."""
    if block.table in ("coil", "discrete"):
        return (block.count + 7) // 8
    return 2 * block.count


def lay_out(tags: Sequence[ModbusTag], blocks: Sequence[Block]) -> Layout:
    """The layout of a group with these tags, read by these blocks (of a first plan)."""
    sizes = [
        block.count if block.table in ("coil", "discrete") else 2 * block.count for block in blocks
    ]
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(int).tolist()
    batches: dict[tuple[DType, bool, bool], list[tuple[int, list[int], int]]] = defaultdict(list)
    texts: list[_Text] = []
    for block in blocks:
        for item in block.items:
            tag, base = tags[item.row], offsets[block.origin]
            if not tag.place.in_registers:
                where = [base + item.address - block.start]
                batches[(DType.BOOL, False, False)].append((item.row, where, 0))
                continue
            at = base + 2 * (item.address - block.start)
            if tag.dtype is DType.STR:
                within = np.arange(2 * item.width) ^ (1 if _bytes_swapped(item.order) else 0)
                texts.append(_Text(row=item.row, bytes=at + within, charset=tag.charset))
            else:
                where = [at + place for place in byte_places(item, tag.dtype)]
                key = (tag.dtype, tag.encoding == "bcd", tag.place.bit is not None)
                batches[key].append((item.row, where, tag.place.bit or 0))
    return Layout(
        rows=len(tags),
        size=offsets[-1],
        offsets=tuple(offsets[:-1]),
        starts=tuple(block.start for block in blocks),
        batches=tuple(
            _Batch(
                dtype=dtype,
                bcd=bcd,
                rows=np.array([row for row, _, _ in found], np.intp),
                bytes=np.array([where for _, where, _ in found], np.intp),
                bits=np.array([bit for _, _, bit in found], np.uint16) if of_bits else None,
            )
            for (dtype, bcd, of_bits), found in batches.items()
        ),
        texts=tuple(texts),
    )


def byte_places(item: Item, dtype: DType) -> list[int]:
    """Where the bytes of a value lie from its first register on, the most significant first.

    A register's first byte is its high one (V1.1b3, 4.2). 8-bit types are the register's low byte.
    """
    swap = 1 if _bytes_swapped(item.order) else 0
    words = range(item.width)
    ordered = reversed(words) if item.order in ("CDAB", "DCBA") else words
    places = [2 * word + (half ^ swap) for word in ordered for half in (0, 1)]
    return places[-1:] if dtype in (DType.I8, DType.U8) else places


def _bytes_swapped(order: Order) -> bool:
    return order in ("BADC", "DCBA")


def _decode(batch: _Batch, image: Bytes, out: Values) -> None:
    raw = np.ascontiguousarray(image[batch.bytes])
    rows = batch.rows
    if batch.bits is not None:
        words = raw.view(">u2").reshape(-1)
        out.i[rows] = (words >> batch.bits) & 1
    elif batch.dtype is DType.BOOL:
        out.i[rows] = raw.reshape(-1)
    elif batch.bcd:
        _decode_bcd(raw, rows, out)
    elif batch.dtype in (DType.F32, DType.F64):
        floats = raw.view(_VIEWS[batch.dtype]).reshape(-1)
        finite = np.isfinite(floats)
        out.f[rows] = np.where(finite, floats, 0)
        _spoil(out.q, rows[~finite], _INFINITE)
    elif batch.dtype is DType.U64:
        large = raw.view(">u8").reshape(-1).astype(np.uint64)
        above = large > _MAX_I64
        out.i[rows] = np.where(above, 0, large).astype(np.int64)
        if above.any():
            _text_column(out)[rows[above]] = [str(value) for value in large[above].tolist()]
    else:
        out.i[rows] = raw.view(_VIEWS[batch.dtype]).reshape(-1)


def _decode_bcd(raw: Bytes, rows: Rows, out: Values) -> None:
    digits = np.empty((raw.shape[0], 2 * raw.shape[1]), np.int64)
    digits[:, 0::2], digits[:, 1::2] = raw >> 4, raw & 15
    wrong = (digits > 9).any(axis=1)
    powers = 10 ** np.arange(digits.shape[1] - 1, -1, -1, dtype=np.int64)
    out.i[rows] = np.where(wrong, 0, digits @ powers)
    _spoil(out.q, rows[wrong], _OUT_OF_RANGE)


def _spoil(q: NDArray[np.uint32], rows: Rows, code: np.uint32) -> None:
    # What was not even read keeps the reason for that.
    read = rows[quality.has_value(q[rows])]
    q[read] = code


def _text_column(out: Values) -> NDArray[np.object_]:
    if out.s is None:
        out.s = np.full(out.q.shape[0], "", np.object_)
    return out.s


_ORDERS: Final[tuple[Order, ...]] = ("ABCD", "CDAB", "BADC", "DCBA")
_BY_WIDTH: Final[dict[int, tuple[DType, ...]]] = {
    1: (DType.U16, DType.I16),
    2: (DType.U32, DType.I32, DType.F32),
    4: (DType.U64, DType.I64, DType.F64),
}


def side_by_side(payload: bytes) -> list[tuple[str, str]]:
    """The bytes of one or more registers decoded in every way that their number allows.

    Pairs of (data type and order, value), for a person who looks for the right one.
    """
    width = len(payload) // 2
    tries: list[ModbusTag] = []
    for registers, dtypes in _BY_WIDTH.items():
        if registers <= width:
            orders = _ORDERS if registers > 1 else ("ABCD", "BADC")
            tries += [
                _try(dtype, order, encoding="bcd" if bcd else "binary")
                for dtype in dtypes
                for bcd in ((False, True) if dtype.value.startswith("u") else (False,))
                for order in orders
            ]
    tries += [_try(DType.STR, order, length=width) for order in ("ABCD", "BADC")]
    items = tuple(
        Item(
            row=row,
            unit=0,
            table="holding",
            address=0,
            width=tag.width,
            order=tag.word_order or "ABCD",
        )
        for row, tag in enumerate(tries)
    )
    block = Block(unit=0, table="holding", start=0, count=width, items=items, origin=0)
    layout = lay_out(tries, [block])
    image = layout.image()
    layout.put(image, block, payload)
    values = layout.decode(image, np.zeros(len(tries), np.uint32))
    return [(_how(tag), _show(values, row, tag)) for row, tag in enumerate(tries)]


def _try(dtype: DType, order: Order, **more: object) -> ModbusTag:
    fields = {"path": "x", "address": "holding:0", "dtype": dtype, "word_order": order, **more}
    return ModbusTag.model_validate(fields)


def _how(tag: ModbusTag) -> str:
    short = {"ABCD": "AB", "BADC": "BA"} if tag.width == 1 or tag.dtype is DType.STR else {}
    order = tag.word_order or "ABCD"
    return f"{tag.dtype.value}{' bcd' if tag.encoding == 'bcd' else ''} {short.get(order, order)}"


def _show(values: Values, row: int, tag: ModbusTag) -> str:
    if not quality.has_value(values.q)[row]:
        return "-"
    text = "" if values.s is None else str(values.s[row])
    read: dict[str, Callable[[], str]] = {
        "i": lambda: text or str(values.i[row]),
        "f32": lambda: str(np.float32(values.f[row])),
        "f64": lambda: str(values.f[row]),
        "s": lambda: repr(text),
    }
    return read[tag.dtype.family]()
