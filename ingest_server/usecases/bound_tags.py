"""The tags of one edge that feed folds, and their readings of a record as columns. Pure.

A tag's place is its index among them, sorted by tag id. Tags that were bound once and are not any
more keep their place, so that what is remembered of them stays until they are bound again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest_server.domain import alarm_columns, counter_columns
from ingest_server.domain.assignments import cleaned_order
from ingest_server.domain.tag_rows import Places, TagRows
from ingest_server.store.copyrows import mark_fields
from ingest_server.store.rows import Shape
from wire.quality import NO_VALUE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ingest_server.domain.alarm_columns import RuleTable
    from ingest_server.domain.counter_columns import CounterTable
    from ingest_server.domain.facts import Bools
    from ingest_server.plant.bindings import RuleBinding
    from ingest_server.store.copyrows import Readings
    from ingest_server.usecases.bindings import Uses

BEYOND: Final = 2**62
"""Stands for integers that int64 cannot hold: no fold takes it for a value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BoundTags:
    """Columns by place. `feeds`: bound now; `equipment_of`: the equipment a counter counts for.

    `equipment`: for each equipment the fields of its marks.
    """

    plant: str
    tag_ids: NDArray[np.int32]
    feeds: Bools
    uses: tuple[Uses | None, ...]
    of_class: Mapping[str, Bools]
    counters: CounterTable
    rules: RuleTable
    rule_bindings: tuple[RuleBinding, ...]
    orders: Places
    equipment: NDArray[np.object_]
    equipment_of: Places

    def places(self, tag_ids: NDArray[Any]) -> tuple[Places, Bools]:
        """The place of each tag id, and which of them have one."""
        if not len(self.tag_ids):
            return np.zeros(len(tag_ids), np.intp), np.zeros(len(tag_ids), np.bool_)
        place = np.minimum(np.searchsorted(self.tag_ids, tag_ids), len(self.tag_ids) - 1)
        return place, self.tag_ids[place] == tag_ids

    def rows(self, readings: Readings) -> tuple[Places, Places]:
        """The readings that feed folds, sorted by tag and then as taken: their places and rows."""
        place, known = self.places(readings.tag_id)
        if len(self.feeds):
            known &= self.feeds[place]
        rows = np.flatnonzero(known)
        place = place[rows]
        order = np.argsort(place, kind="stable")
        return place[order], rows[order]

    def columns(self, readings: Readings) -> tuple[TagRows, Places]:
        """The same as the columns that folds take, and which readings they are."""
        tag, rows = self.rows(readings)
        shape, q, i = readings.shape[rows], readings.q[rows], readings.i[rows]
        empty, text = shape == Shape.UNKNOWN, shape == Shape.TEXT
        if empty.any():
            q = np.where(empty, q | np.uint32(NO_VALUE), q)
        if text.any():
            i = np.where(text, np.int64(BEYOND), i)
        columns = TagRows(
            tag=tag,
            ts_us=readings.ts[rows],
            f=readings.f[rows],
            i=i,
            floating=shape == Shape.FROM_FLOAT,
            q=q,
        )
        return columns, rows


def bound_tags(
    plant: str, bound: Mapping[int, tuple[str, Uses]], remembered: Sequence[int]
) -> BoundTags:
    """The columns of tags given with class and uses, and of those merely remembered."""
    tag_ids = sorted({*bound, *remembered})
    uses = tuple(bound[tag_id][1] if tag_id in bound else None for tag_id in tag_ids)
    classes = np.array([bound[tag][0] if tag in bound else "" for tag in tag_ids], np.object_)
    counting = [one.counters[0] if one is not None and one.counters else None for one in uses]
    rules = [
        (place, rule)
        for place, one in enumerate(uses)
        if one is not None
        for rule in one.rules
    ]  # fmt: skip
    equipment = sorted({one.equipment for one in counting if one is not None})
    number = {name: place for place, name in enumerate(equipment)}
    fields = np.empty(len(equipment), np.object_)
    fields[:] = [mark_fields(plant, name) for name in equipment]
    return BoundTags(
        plant=plant,
        tag_ids=np.array(tag_ids, np.int32),
        feeds=np.array([one is not None for one in uses], np.bool_),
        uses=uses,
        of_class={cls: np.asarray(classes == cls, np.bool_) for cls in ("key", "bulk")},
        counters=counter_columns.table([None if one is None else one.config for one in counting]),
        rules=alarm_columns.table(len(tag_ids), [(place, one.rule) for place, one in rules]),
        rule_bindings=tuple(one for _, one in rules),
        orders=np.flatnonzero([one is not None and bool(one.orders) for one in uses]),
        equipment=fields,
        equipment_of=np.array(
            [0 if one is None else number[one.equipment] for one in counting], np.intp
        ),
    )


def orders(part: Readings, rows: Places) -> list[str | None]:
    """What these readings of an order tag name, None: no order."""
    if part.s is not None and (part.shape[rows] == Shape.TEXT).any():
        return [cleaned_order(text) for text in part.s[rows].tolist()]
    if (part.shape[rows] == Shape.FROM_FLOAT).any():
        return [cleaned_order(f"{value:g}") for value in part.f[rows].tolist()]
    # An order number kept as an integer: 0 is what PLCs hold where there is none.
    return [str(value) if value else None for value in part.i[rows].tolist()]
