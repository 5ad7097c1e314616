"""Numbers of records and tags: which seq comes next, which tag number means what.

Invariants: a seq is given once, without holes; a tag number is given once in an epoch and never
means anything else; a definition that changed gets a new number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from wire.errors import LimitExceeded
from wire.frame import Body, StreamClass
from wire.records import MAX_TAGS_A_RECORD, TagDef, TagTable, encode_record


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """What a tag is, before it has a number."""

    path: str
    cls: StreamClass
    dtype: str
    unit: str = ""
    scale: tuple[float, float] | None = None
    device: str = ""
    address: str = ""


def seqs(last: Mapping[StreamClass, int], classes: Sequence[StreamClass]) -> list[int]:
    """The seq of each record of a commit, given the last seq of each class."""
    at = dict(last)
    given = []
    for cls in classes:
        at[cls] = at.get(cls, 0) + 1
        given.append(at[cls])
    return given


@dataclass(slots=True)
class TagNumbers:
    """The tag numbers of one epoch; append-only."""

    _of: dict[Definition, int] = field(default_factory=dict)

    def number(self, definition: Definition) -> int:
        """The number of a definition that `define` has taken. Raises KeyError."""
        return self._of[definition]

    def copy(self) -> TagNumbers:
        """The same numbers, to be added to on trial."""
        return TagNumbers(dict(self._of))

    def define(self, definitions: Iterable[Definition]) -> dict[StreamClass, list[TagDef]]:
        """Number what is new; the table entries to send before first use, by class."""
        new: dict[StreamClass, list[TagDef]] = {}
        for definition in definitions:
            if definition in self._of:
                continue
            number = self._of[definition] = len(self._of) + 1
            new.setdefault(definition.cls, []).append(
                TagDef.model_validate(
                    {
                        "n": number,
                        "path": definition.path,
                        "dtype": definition.dtype,
                        "unit": definition.unit,
                        "scale": definition.scale,
                        "device": definition.device,
                        "address": definition.address,
                    }
                )
            )
        return new

    def __len__(self) -> int:
        return len(self._of)


def tables(tags: Sequence[TagDef]) -> Iterator[Body]:
    """The tags as records, as few as the limits allow."""
    for start in range(0, len(tags), MAX_TAGS_A_RECORD):
        yield from _split(tags[start : start + MAX_TAGS_A_RECORD])


def _split(tags: Sequence[TagDef]) -> Iterator[Body]:
    try:
        yield encode_record(TagTable(tags=list(tags)))
    except LimitExceeded:
        if len(tags) == 1:
            raise
        yield from _split(tags[: len(tags) // 2])
        yield from _split(tags[len(tags) // 2 :])
