"""Identities that cross borders: plant and edge ids, epochs, and the shard an edge belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self
from zlib import crc32

from wire.errors import WireError

ID_PATTERN: Final = r"[a-z0-9][a-z0-9_-]{0,31}"
SHARDS: Final = 64

_ID = re.compile(ID_PATTERN)


def is_id(text: str) -> bool:
    """Whether `text` may name a plant or an edge; no dots, slashes, capitals or wildcards."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class EdgeId:
    """An edge, unique over all plants."""

    plant: str
    edge: str

    def __post_init__(self) -> None:
        for name in (self.plant, self.edge):
            if not is_id(name):
                raise WireError("LS-2001", id=name)

    def __str__(self) -> str:
        return f"{self.plant}/{self.edge}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reverse of `str()`. Raises WireError."""
        plant, slash, edge = text.partition("/")
        if not slash:
            raise WireError("LS-2001", id=text)
        return cls(plant=plant, edge=edge)

    @property
    def shard(self) -> int:
        """0..63; frozen: brokers' access rules and workers' leases depend on it."""
        return crc32(str(self).encode("ascii")) % SHARDS
