"""The readings of a record as the folds take them: by tag, as numbers, as order numbers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest_server.domain.assignments import cleaned_order
from ingest_server.store.rows import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest_server.store.copyrows import Readings

_BEYOND: Final = 2**62
"""Stands for integers that int64 cannot hold: no fold takes it for a value."""


def by_tag(readings: Readings, mask: NDArray[np.bool_]) -> list[tuple[int, Readings]]:
    """The readings of each bound tag, in the order in which they were taken."""
    tag_ids = readings.tag_id
    rows = bound_rows(tag_ids, mask)
    if not rows.size:
        return []
    rows = rows[np.argsort(tag_ids[rows], kind="stable")]
    found, starts = np.unique(tag_ids[rows], return_index=True)
    parts = np.split(rows, starts[1:])
    return [
        (tag_id, readings.take(part)) for tag_id, part in zip(found.tolist(), parts, strict=True)
    ]


def bound_rows(tag_ids: NDArray[np.int32], mask: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The rows of tags that are bound; `mask[tag_id]` says which are."""
    within = np.minimum(tag_ids, mask.shape[0] - 1)
    return np.flatnonzero(mask[within] & (tag_ids < mask.shape[0]))


def values(part: Readings) -> NDArray[Any]:
    """The numbers of one tag's readings; those in texts are beyond what any fold counts."""
    if (part.shape == Shape.FROM_FLOAT).any():
        return part.f
    if (part.shape == Shape.TEXT).any():
        return np.where(part.shape == Shape.TEXT, np.int64(_BEYOND), part.i)
    return part.i


def orders(part: Readings, rows: NDArray[np.intp]) -> list[str | None]:
    """What these readings of an order tag name, None: no order."""
    if part.s is not None and (part.shape[rows] == Shape.TEXT).any():
        return [cleaned_order(text) for text in part.s[rows].tolist()]
    if (part.shape[rows] == Shape.FROM_FLOAT).any():
        return [cleaned_order(f"{value:g}") for value in part.f[rows].tolist()]
    # An order number kept as an integer: 0 is what PLCs hold where there is none.
    return [str(value) if value else None for value in part.i[rows].tolist()]
