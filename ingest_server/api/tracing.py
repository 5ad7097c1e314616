"""The facts behind an order's figures: which of them are the order's, and how that is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

import numpy as np

from ingest_server.api.figures import Place, place_of
from ingest_server.domain.assignments import Assignment, timeline, timelines_for
from ingest_server.domain.attribution import attribute
from ingest_server.domain.facts import Cause, Facts
from runtime.clock import from_datetime, to_datetime


def attributed(
    rows: Sequence[Mapping[str, Any]], said: Mapping[Place, Sequence[Assignment]], order: str
) -> Iterator[tuple[Mapping[str, Any], Assignment | None]]:
    """Those rows that the domain gives to `order`, each with the assignment that says so."""
    lines = {
        place: timeline(words)
        for place, words in said.items()
        if all(one.since is None for one in words)
    }
    for row in rows:
        line = lines.get(place_of(row))
        if line is None:
            words, batch = said.get(place_of(row), ()), np.array([row["batch"]], np.int64)
            [(_, line)] = timelines_for(words, row["edge_id"], batch)
        gap_us = None if row["gap_s"] is None else int(row["gap_s"] * 1_000_000)
        key = attribute(_as_facts(row), line, gap_us=gap_us).keys[0]
        if key.place != "order" or key.run.order != order:
            continue
        at_us = np.array([from_datetime(row["ts"])], dtype=np.int64)
        segment = int(line.segment(at_us)[0])
        yield row, line.said_by[segment] if segment >= 0 else None


def _as_facts(row: Mapping[str, Any]) -> Facts:
    shown = np.zeros(1, dtype=np.int64)
    return Facts(
        ts_us=np.array([from_datetime(row["ts"])], dtype=np.int64),
        from_us=np.array([from_datetime(row["from_ts"])], dtype=np.int64),
        quantity=np.array([row["quantity"]], dtype=np.float64),
        cause=np.array([row["cause"]], dtype=np.uint8),
        discontinuous=np.array([row["discontinuous"]], dtype=np.bool_),
        before=shown,
        value=shown,
    )


def words_of(row: Mapping[str, Any], assigned: Assignment | None, zone: tzinfo) -> dict[str, Any]:
    """The fields of `TraceFact`."""
    modulus = row["modulus"]
    return {
        "quantity": row["quantity"],
        "role": row["role"],
        "plant": row["plant"],
        "equipment": row["equipment"],
        "tag": row["tag"],
        "from": {"ts": row["from_ts"].astimezone(zone), "value": row["raw_before"]},
        "to": {"ts": row["ts"].astimezone(zone), "value": row["raw"]},
        "rule": {
            "cause": Cause(row["cause"]).name.lower(),
            "kind": row["kind"],
            "modulus": None if modulus is None else str(int(modulus)),
            "factor": row["factor"],
            "discontinuous": row["discontinuous"],
        },
        "assigned_by": None
        if assigned is None
        else {
            "source": assigned.source,
            "author": assigned.author,
            "at": to_datetime(assigned.at_us).astimezone(zone),
        },
        "record": None
        if row["epoch"] is None
        else {"epoch": row["epoch"], "class": row["class"], "seq": row["seq"]},
    }
