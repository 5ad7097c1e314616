"""How long readings and rollups are kept, each class of tags for itself (role `work`).

Invariants:
- a class is frozen before anything of it goes: what comes later for that time goes to `gap`;
- nothing is frozen that has not been summed up;
- `plan` decides purely, from what is kept, what is there and the time; each action is done whole,
  and doing them again after a stop goes on where it ended;
- gaps, events, notices, dead letters, counts, orders and alarms are never touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ingest_server.store import connection as connections
from ingest_server.store import horizon, leftovers
from ingest_server.store.partitions import DAY_US, HOURS, MINUTES, READING
from ingest_server.store.spans import Span, Spans

if TYPE_CHECKING:
    from ingest_server.config import RetentionConfig
    from ingest_server.store.connection import Connection

CLASSES: Final = ("key", "bulk")


@dataclass(frozen=True, kw_only=True, slots=True)
class Keep:
    """Days; None: for ever. Readings by class, rollups by table."""

    readings: Mapping[str, int | None]
    rollups: Mapping[str, int | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What is there: spans by table, and how far retention has come by class."""

    spans: Mapping[str, Sequence[Span]]
    frozen: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Freeze:
    """Take no more readings of a class before a time."""

    cls: str
    before_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Drop:
    """Remove a whole span."""

    span: Span


@dataclass(frozen=True, kw_only=True, slots=True)
class Thin:
    """Remove the readings of a class from a span; the other class is kept longer."""

    cls: str
    span: Span


Action = Freeze | Drop | Thin


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """An action and what became of it; `waits`: readings of that time are not summed up yet."""

    action: Action
    rows: int | None = None
    waits: bool = False


def keep_of(config: RetentionConfig) -> Keep:
    """What the configuration says."""
    return Keep(
        readings={"key": config.key_days, "bulk": config.bulk_days},
        rollups={MINUTES.table: config.minutes_days, HOURS.table: config.hours_days},
    )


def plan(keep: Keep, found: Found, now_us: int, *, assume: bool = False) -> list[Action]:
    """What is to be done; classes are frozen first.

    `assume`: as if that were done already, for a look at the whole.
    """
    freezes = [
        Freeze(cls=cls, before_us=before)
        for cls in CLASSES
        if (before := _cutoff(keep.readings.get(cls), now_us)) is not None
        and before > found.frozen.get(cls, -(2**62))
    ]
    frozen = dict(found.frozen)
    if assume:
        frozen |= {each.cls: each.before_us for each in freezes}
    actions: list[Action] = [*freezes]
    gone_us = min(frozen.get(cls, -(2**62)) for cls in CLASSES)
    readings = found.spans.get(READING.table, ())
    actions += [Drop(span=span) for span in readings if span.to_us <= gone_us]
    actions += [
        Thin(cls=cls, span=span)
        for cls in CLASSES
        for span in readings
        if gone_us < span.to_us <= frozen.get(cls, -(2**62))
        and span.to_us > found.dropped.get(cls, -(2**62))
    ]
    for table, days in keep.rollups.items():
        before = _cutoff(days, now_us)
        if before is not None:
            actions += [
                Drop(span=span) for span in found.spans.get(table, ()) if span.to_us <= before
            ]
    return actions


def _cutoff(days: int | None, now_us: int) -> int | None:
    return None if days is None else (now_us // DAY_US - days) * DAY_US


def look(connection: Connection) -> Found:
    """What there is. Raises StoreError."""
    spans = Spans(connection)
    return Found(
        spans={table.table: spans.of(table) for table in (READING, MINUTES, HOURS)},
        frozen=horizon.frozen(connection),
        dropped=horizon.dropped(connection),
    )


def planned(dsn: str, keep: Keep, *, now_us: int) -> list[Action]:
    """What `run` would do. Raises StoreError."""
    with connections.connect(dsn, name="retention") as connection:
        return plan(keep, look(connection), now_us, assume=True)


def run(dsn: str, keep: Keep, *, now_us: int) -> list[Done]:
    """Do all that is due; what was done. Blocking. Raises StoreError."""
    with connections.connect(dsn, name="retention") as connection:
        done: list[Done] = []
        for action in plan(keep, look(connection), now_us):
            if isinstance(action, Freeze):
                frozen = horizon.freeze(connection, action.cls, action.before_us)
                done.append(Done(action=action, waits=not frozen))
        found = look(connection)
        spans = Spans(connection)
        for action in plan(keep, found, now_us):
            if isinstance(action, Drop):
                spans.drop(action.span)
                done.append(Done(action=action))
            elif isinstance(action, Thin):
                rows = spans.thin(action.span, leftovers.tags_of(connection, action.cls))
                horizon.set_dropped(connection, action.cls, action.span.to_us)
                done.append(Done(action=action, rows=rows))
        for cls, before_us in found.frozen.items():
            leftovers.drop_origins(connection, cls, before_us)
            horizon.set_dropped(connection, cls, before_us)
        if len(found.frozen) == len(CLASSES):
            leftovers.drop_batches(connection, min(found.frozen.values()))
        return done
