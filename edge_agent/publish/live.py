"""The latest value of each tag for screens: unnumbered, at most once a second, never stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from wire import quality
from wire.control import Live

MOST_TAGS: Final = 500
"""Tags in one message, so that it stays below the wire's limit for control messages."""
MOST_TEXT: Final = 100
"""Characters of a text that are shown live."""


class LatestColumns(Protocol):
    """Columns over the points of a device; `fresh`: changed since they were last sent."""

    f: NDArray[np.float64]
    i: NDArray[np.int64]
    s: NDArray[np.object_]
    q: NDArray[np.uint32]
    ts: NDArray[np.int64]
    fresh: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveSource:
    """One device: its tag numbers, what they are (0 float, 1 integer, 2 text), their values."""

    tag: NDArray[np.int32]
    kind: NDArray[np.int8]
    columns: LatestColumns


def messages(devices: Sequence[LiveSource], epoch: UUID, at_us: int) -> Iterator[Live]:
    """What changed since the last call, in messages of at most `MOST_TAGS`."""
    for device in devices:
        held = device.columns
        rows = np.flatnonzero(held.fresh)
        held.fresh[rows] = False
        for start in range(0, rows.size, MOST_TAGS):
            part = rows[start : start + MOST_TAGS]
            # Our own columns: to check each value again would cost more than all else here.
            yield Live.model_construct(
                epoch=epoch,
                at_us=at_us,
                tags=device.tag[part].tolist(),
                ts=held.ts[part].tolist(),
                values=_values(held, device.kind, part),
                quality=held.q[part].tolist(),
            )


def _values(held: LatestColumns, kind: NDArray[np.int8], rows: NDArray[np.intp]) -> list[Any]:
    """Values as JSON can hold them, None where there is none."""
    shown = np.empty(rows.size, np.object_)
    kinds = kind[rows]
    for code, column in ((0, held.f), (1, held.i), (2, held.s)):
        chosen = np.flatnonzero(kinds == code)
        shown[chosen] = column[rows[chosen]].tolist()
    large = np.flatnonzero((kinds == 1) & (held.s[rows] != ""))
    shown[large] = held.s[rows[large]]
    texts = np.flatnonzero(kinds == 2)
    shown[texts] = [text[:MOST_TEXT] for text in shown[texts]]
    shown[~quality.has_value(held.q[rows])] = None
    result: list[Any] = shown.tolist()
    return result
