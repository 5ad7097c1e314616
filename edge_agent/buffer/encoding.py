"""Samples and events to the records they are stored and sent as. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_agent.buffer.rows import Entry
from wire.columns import MAX_SAMPLES, encode_columns
from wire.errors import LimitExceeded
from wire.frame import Kind, StreamClass, pack_body
from wire.records import Event, Events, encode_record
from wire.samples import Samples

_MOST_EVENTS = 1_000


def of_samples(
    cls: StreamClass, samples: Samples, families: NDArray[np.int8], *, to_us: int, last_us: int
) -> list[Entry]:
    """One record, or several where the limits ask for it; only the last says `to_us`.

    `families`: by tag number. The others are complete to `last_us`.
    """
    try:
        plain = encode_columns(samples, families, complete_to_us=to_us)
        body = pack_body(Kind.SAMPLES, plain)
    except LimitExceeded:
        if len(samples) < 2:
            raise
        half = len(samples) // 2
        first, second = samples.take(slice(0, half)), samples.take(slice(half, None))
        return [
            *of_samples(cls, first, families, to_us=last_us, last_us=last_us),
            *of_samples(cls, second, families, to_us=to_us, last_us=last_us),
        ]
    count = len(samples)
    return [
        Entry(
            cls=cls,
            body=body,
            samples=count,
            from_us=int(samples.ts.min()) if count else to_us,
            to_us=int(samples.ts.max()) if count else to_us,
        )
    ]


def of_events(events: Sequence[Event], to_us: int) -> list[Entry]:
    """Records of events, complete to `to_us`."""
    entries = []
    for start in range(0, len(events), _MOST_EVENTS):
        part = list(events[start : start + _MOST_EVENTS])
        entries.append(
            Entry(
                cls=StreamClass.KEY,
                body=encode_record(Events(events=part, to=to_us)),
                from_us=min(event.at_us for event in part),
                to_us=max(event.at_us for event in part),
            )
        )
    return entries


def slices(samples: Samples) -> list[Samples]:
    """Pieces of at most `MAX_SAMPLES`; one empty piece where there is none."""
    if len(samples) <= MAX_SAMPLES:
        return [samples]
    return [
        samples.take(slice(start, start + MAX_SAMPLES))
        for start in range(0, len(samples), MAX_SAMPLES)
    ]
