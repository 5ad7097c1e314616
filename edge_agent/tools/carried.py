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
from typing import Any, Final, Protocol

from runtime.errors import Quarantine
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


class Damaged(Quarantine):
    """The file is not whole, or no such file."""


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

    What `records` gave may be believed only when it has ended without raising Damaged: the checksum
    stands at the end.
    """

    def __init__(self, file: Readable, name: str) -> None:
        self._file = file
        self._name = name
        self._digest = hashlib.sha256()
        magic, version, length = _HEAD.unpack(self._take(_HEAD.size))
        if magic != MAGIC or version != VERSION or length > _MOST_HEADER:
            raise self._damaged("not a records file of a known version")
        try:
            self.header: dict[str, Any] = json.loads(self._take(length))
        except ValueError as error:
            raise self._damaged(str(error)) from error

    def records(self) -> Iterator[bytes]:
        """Every record in order. Raises Damaged."""
        while True:
            (length,) = _LENGTH.unpack(self._take(_LENGTH.size))
            if length == 0:
                break
            if length > MAX_PACKED:
                raise self._damaged(f"a record of {length} bytes")
            yield self._take(length)
        expected = self._digest.digest()
        if self._take(len(expected)) != expected or self._file.read(1):
            raise self._damaged("the checksum does not fit")

    def _take(self, size: int) -> bytes:
        found = self._file.read(size)
        if len(found) != size:
            raise self._damaged("it ends early")
        self._digest.update(found)
        return found

    def _damaged(self, reason: str) -> Damaged:
        return Damaged("LS-4735", file=self._name, reason=reason)
