"""The file in which records are carried by hand: the stored bytes as they are, and a checksum.

    offset  size  field
    0       4     magic "LSDX"
    4       1     version of this format (1)
    5       3     zero
    8       4     length n of the header
    12      n     header, JSON: who, when, and which records of which streams follow
            4     length of a record, then the record as it is sent (wire/frame.py); repeated
            4     zero: no more records
            32    SHA-256 of everything before

Integers are little-endian. Streams follow in the order in which they are sent (older epochs first,
`key` before `bulk`), the records of each by seq.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from wire.errors import WireError
from wire.frame import MAX_PACKED

MAGIC: Final = b"LSDX"
VERSION: Final = 1
_HEAD: Final = struct.Struct("<4sB3xI")
_LENGTH: Final = struct.Struct("<I")
_MOST_HEADER: Final = 4 * 1024 * 1024


class Readable(Protocol):
    """A file open for reading bytes."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes."""


class Damaged(WireError):
    """The file is not whole, or no such file; `record` and `offset` say where it was noticed."""

    def __init__(self, *, file: str, record: int, offset: int, reason: str) -> None:
        super().__init__("LS-2040", file=file, record=record, offset=offset, reason=reason)
        self.record = record
        self.offset = offset


@dataclass(frozen=True, kw_only=True, slots=True)
class Carried:
    """A record and where it stands: counted from 1, and the byte at which it begins."""

    number: int
    offset: int
    record: bytes


def pieces(header: dict[str, Any], records: Iterable[bytes]) -> Iterator[bytes]:
    """The file's bytes, piece by piece."""
    digest = hashlib.sha256()
    for piece in _content(header, records):
        digest.update(piece)
        yield piece
    yield digest.digest()


def _content(header: dict[str, Any], records: Iterable[bytes]) -> Iterator[bytes]:
    told = json.dumps(header, ensure_ascii=False, sort_keys=True).encode()
    yield _HEAD.pack(MAGIC, VERSION, len(told)) + told
    for record in records:
        yield _LENGTH.pack(len(record)) + record
    yield _LENGTH.pack(0)


class Reader:
    """Reads such a file once from its start: `header`, then every record.

    What `records` gave is all there is only when it has ended without raising Damaged: the checksum
    stands at the end. Each record has a checksum of its own (wire/frame.py), the header has none.
    """

    def __init__(self, file: Readable, name: str) -> None:
        self._file = file
        self._name = name
        self._digest = hashlib.sha256()
        self._number = 0
        self.offset = 0
        """Bytes read so far."""
        magic, version, length = _HEAD.unpack(self._take(_HEAD.size))
        if magic != MAGIC or version != VERSION or length > _MOST_HEADER:
            raise self._damaged("not a records file of a known version")
        try:
            header = json.loads(self._take(length))
        except (ValueError, RecursionError) as error:
            raise self._damaged(str(error)) from error
        if not isinstance(header, dict):
            raise self._damaged("the header is no object")
        self.header: dict[str, Any] = header

    def records(self) -> Iterator[Carried]:
        """Every record in order. Raises Damaged."""
        while True:
            self._number += 1
            (length,) = _LENGTH.unpack(self._take(_LENGTH.size))
            if length == 0:
                break
            if length > MAX_PACKED:
                raise self._damaged(f"a record of {length} bytes")
            offset = self.offset
            yield Carried(number=self._number, offset=offset, record=self._take(length))
        expected = self._digest.digest()
        if self._take(len(expected)) != expected or self._file.read(1):
            raise self._damaged("the checksum does not fit")

    def _take(self, size: int) -> bytes:
        found = self._file.read(size)
        self.offset += len(found)
        if len(found) != size:
            raise self._damaged("it ends early")
        self._digest.update(found)
        return found

    def _damaged(self, reason: str) -> Damaged:
        return Damaged(file=self._name, record=self._number, offset=self.offset, reason=reason)
