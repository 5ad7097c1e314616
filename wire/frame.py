"""The bytes of one record: a fixed prefix that names its place in a stream, then a packed body.

    offset  size  field
    0       4     magic "LSDR"
    4       1     contract version (1)
    5       1     class: 1 key, 2 bulk
    6       1     kind: 1 samples, 2 opening, 3 tags, 4 tombstone, 5 events
    7       1     packing of the body: 0 plain JSON, 1 zstd
    8       16    epoch (UUID bytes)
    24      8     seq, unsigned, from 1
    32      4     length of the unpacked body
    36      4     CRC-32 of the packed body
    40      4     CRC-32 of bytes 0..39
    44            packed body

Integers are little-endian. The prefix has a checksum of its own, so that a damaged body can still
be answered for by stream and seq, while a damaged prefix is trusted for nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final
from uuid import UUID
from zlib import crc32

import zstandard

from wire.errors import BadBody, DamagedBody, LimitExceeded, UnknownVersion, UnreadablePrefix

MAGIC: Final = b"LSDR"
VERSION: Final = 1
MAX_PACKED: Final = 256 * 1024
"""Bytes of a whole record, prefix included."""
MAX_UNPACKED: Final = 4 * 1024 * 1024
PACK_ABOVE: Final = 200
"""Bodies shorter than this stay plain: zstd makes them longer."""

_HEAD = struct.Struct("<4sBBBB16sQII")
_CRC = struct.Struct("<I")
PREFIX_SIZE: Final = _HEAD.size + _CRC.size


class StreamClass(StrEnum):
    """What is sent first after an outage (`key`) and what follows (`bulk`)."""

    KEY = "key"
    BULK = "bulk"


class Kind(IntEnum):
    """What a record says."""

    SAMPLES = 1
    OPENING = 2
    TAGS = 3
    TOMBSTONE = 4
    EVENTS = 5


_CLASS_CODE: Final = {StreamClass.KEY: 1, StreamClass.BULK: 2}
_CLASS_OF: Final = {code: name for name, code in _CLASS_CODE.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """A packed body that has no place in a stream yet."""

    kind: Kind
    packing: int
    unpacked_size: int
    packed: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefix:
    """What a record's prefix says."""

    epoch: UUID
    cls: StreamClass
    seq: int
    kind: Kind
    packing: int
    unpacked_size: int
    body_crc: int


def pack_body(kind: Kind, plain: bytes) -> Body:
    """Pack the JSON of a body. Raises LimitExceeded where it would not fit into one record."""
    if len(plain) > MAX_UNPACKED:
        raise LimitExceeded("LS-2010", size=len(plain), limit=MAX_UNPACKED)
    packed, packing = plain, 0
    if len(plain) > PACK_ABOVE:
        smaller = zstandard.ZstdCompressor(level=3, write_checksum=False).compress(plain)
        if len(smaller) < len(plain):
            packed, packing = smaller, 1
    if PREFIX_SIZE + len(packed) > MAX_PACKED:
        raise LimitExceeded("LS-2010", size=PREFIX_SIZE + len(packed), limit=MAX_PACKED)
    return Body(kind=kind, packing=packing, unpacked_size=len(plain), packed=packed)


def frame(*, epoch: UUID, cls: StreamClass, seq: int, body: Body) -> bytes:
    """The record's bytes, as they are stored, sent and hashed."""
    head = _HEAD.pack(
        MAGIC,
        VERSION,
        _CLASS_CODE[cls],
        body.kind,
        body.packing,
        epoch.bytes,
        seq,
        body.unpacked_size,
        crc32(body.packed),
    )
    return head + _CRC.pack(crc32(head)) + body.packed


def read_prefix(record: bytes) -> Prefix:
    """What the prefix says, once its own checksum holds.

    Raises UnreadablePrefix where nothing can be trusted, UnknownVersion for another contract.
    """
    if len(record) < PREFIX_SIZE or record[:4] != MAGIC:
        raise UnreadablePrefix("LS-2011", size=len(record))
    if record[4] != VERSION:
        raise UnknownVersion("LS-2012", version=record[4], known=VERSION)
    _, _, cls, kind, packing, epoch, seq, unpacked, body_crc = _HEAD.unpack_from(record)
    (head_crc,) = _CRC.unpack_from(record, _HEAD.size)
    if crc32(record[: _HEAD.size]) != head_crc:
        raise UnreadablePrefix("LS-2013", size=len(record))
    if cls not in _CLASS_OF or kind not in _KINDS or packing > 1 or seq < 1:
        raise UnreadablePrefix("LS-2014", cls=cls, kind=kind, packing=packing, seq=seq)
    return Prefix(
        epoch=UUID(bytes=epoch),
        cls=_CLASS_OF[cls],
        seq=seq,
        kind=Kind(kind),
        packing=packing,
        unpacked_size=unpacked,
        body_crc=body_crc,
    )


_KINDS: Final = frozenset(int(kind) for kind in Kind)


def unpack_body(record: bytes, prefix: Prefix) -> bytes:
    """The plain JSON of the body.

    Bounded before anything is unpacked: at most `MAX_UNPACKED` bytes, and exactly as many as the
    prefix promises. Raises DamagedBody (checksum) or BadBody (anything else).
    """
    packed = record[PREFIX_SIZE:]
    if len(record) > MAX_PACKED:
        raise BadBody("LS-2010", size=len(record), limit=MAX_PACKED)
    if crc32(packed) != prefix.body_crc:
        raise DamagedBody("LS-2015", epoch=prefix.epoch, seq=prefix.seq)
    if prefix.unpacked_size > MAX_UNPACKED:
        raise BadBody("LS-2010", size=prefix.unpacked_size, limit=MAX_UNPACKED)
    plain = packed if prefix.packing == 0 else _decompress(packed, prefix.unpacked_size)
    if len(plain) != prefix.unpacked_size:
        raise BadBody("LS-2016", size=len(plain), promised=prefix.unpacked_size)
    return plain


def _decompress(packed: bytes, promised: int) -> bytes:
    try:
        # The library allocates what the zstd frame announces, whatever limit it is given: so the
        # announcement is read first.
        announced = zstandard.frame_content_size(packed)
        if announced != promised:
            raise BadBody("LS-2016", size=announced, promised=promised)
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=promised)
    except zstandard.ZstdError as error:
        raise BadBody("LS-2017", reason=str(error)) from error
