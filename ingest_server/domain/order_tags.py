"""A PLC's order tag to assignments: a pure fold in stream order that speaks only when it changes.

- An empty text releases the equipment; padding is taken off (`cleaned_order`).
- Bad quality says nothing: what ran goes on running as far as anybody knows.
- Where the device's clock steps back, the order that runs is said again at the earlier time, so
  that pieces stamped in the repeated hour are not given to what ran there the first time.
- Historical readings are left out, as in all folds.
- Any split into batches, with the state saved and restored between any two, gives the same result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ingest_server.domain.assignments import Assignment, cleaned_order
from ingest_server.domain.facts import Int64s
from wire.quality import HISTORICAL, NO_VALUE, is_good

_VERSION: Final = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderTagState:
    """`order`: what the tag said last. `at_us`: its last usable reading, None before the first.

    `said`: how many assignments it made; numbers them.
    """

    order: str | None = None
    at_us: int | None = None
    said: int = 0

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values, with its version under `v`."""
        return {"v": _VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> OrderTagState:
        """The state saved by `to_json`; ValueError for a version this release does not know."""
        if saved.get("v") != _VERSION:
            raise ValueError(f"order tag state of version {saved.get('v')!r}")
        return cls(**{name: value for name, value in saved.items() if name != "v"})


def fold(
    state: OrderTagState,
    ts_us: Int64s,
    text: NDArray[np.object_],
    q: NDArray[np.uint32],
    *,
    equipment: str,
    author: str,
) -> tuple[OrderTagState, tuple[Assignment, ...]]:
    """Applies n readings of the tag; `text` holds str (or None where there is no value).

    `author` names the tag, e.g. `line-a:line-a/press-1/order`.
    """
    usable = is_good(q) & ((q & np.uint32(NO_VALUE | HISTORICAL)) == 0)
    ts_us, text = ts_us[usable], text[usable]
    if len(ts_us) == 0:
        return state, ()
    # Only readings that differ from their neighbour, or step back, are looked at one by one.
    turns = np.ones(len(ts_us), dtype=np.bool_)
    turns[1:] = (text[1:] != text[:-1]) | (ts_us[1:] < ts_us[:-1])
    made: list[Assignment] = []
    order, said = state.order, state.said
    for index in np.flatnonzero(turns).tolist():
        at_us = int(ts_us[index])
        before_us = int(ts_us[index - 1]) if index else state.at_us
        now = cleaned_order(text[index])
        steps_back = before_us is not None and at_us < before_us
        if now == order and not steps_back and before_us is not None:
            continue
        order, said = now, said + 1
        made.append(
            Assignment(
                equipment=equipment,
                at_us=at_us,
                order=order,
                source="plc",
                author=author,
                seq=said,
            )
        )
    return OrderTagState(order=order, at_us=int(ts_us[-1]), said=said), tuple(made)
