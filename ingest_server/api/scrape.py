"""What Prometheus is told of the database: how far behind each edge is, gaps, dead letters, alarms.

Asked at each scrape, so it is there whichever process received the data; the counters of a process
stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ingest_server.api.database import Database
from ingest_server.api.problems import Unavailable
from ingest_server.store import reads

COUNTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "gaps_open": ("server_gaps_open", "Gaps that still last.", "cause"),
    "gaps_not_accepted": (
        "server_gaps_not_accepted",
        "Gaps that nobody has accepted.",
        "cause",
    ),
    "dead_letters": ("server_dead_letters", "Messages kept that could not be used.", "code"),
    "alarms": ("server_alarms_active", "Alarms that are not back to normal.", "priority"),
    "parked": ("server_parked_streams", "Streams stored, but not folded.", ""),
    "rollup_marks": ("server_rollup_marks", "Marks of minutes to roll up.", ""),
}
DATABASE_UP: Final = "server_database_up"
EDGES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "server_edge_online": ("1 while connected to the broker.", ("plant", "edge")),
    "server_edge_behind_seconds": (
        "How long ago that is, up to when everything is stored or among the gaps.",
        ("plant", "edge", "class"),
    ),
    "server_edge_waiting_records": (
        "Records the edge still has to deliver, as it last said.",
        ("plant", "edge", "class"),
    ),
}


async def scraped(database: Database, now: datetime) -> bytes:
    """The figures in Prometheus' text format; of a database that is away only that it is."""
    try:
        async with database.reading() as connection:
            edges = await reads.rows(connection, "metrics", "edges")
            counts = await reads.rows(connection, "metrics", "counts")
    except Unavailable:
        return _text([_one(DATABASE_UP, "1 while the database answers.", 0)])
    return _text(
        [_one(DATABASE_UP, "1 while the database answers.", 1), *_edges(edges, now), *_of(counts)]
    )


def _edges(rows: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[GaugeMetricFamily]:
    families = {
        name: GaugeMetricFamily(name, description, labels=labels)
        for name, (description, labels) in EDGES.items()
    }
    told: set[tuple[str, str]] = set()
    for row in rows:
        own = (row["plant"], row["edge"])
        if own not in told:
            told.add(own)
            families["server_edge_online"].add_metric(own, float(row["online"]))
        if row["class"] is None:
            continue
        # Nobody waits for one that is off on purpose.
        if row["complete_to"] is not None and row["state"] == "in_service":
            families["server_edge_behind_seconds"].add_metric(
                [*own, row["class"]], (now - row["complete_to"]).total_seconds()
            )
        waiting = _waiting(row["status"], row["class"])
        if waiting is not None:
            families["server_edge_waiting_records"].add_metric([*own, row["class"]], waiting)
    yield from families.values()


def _waiting(status: object, cls: str) -> int | None:
    streams = status.get("streams") if isinstance(status, dict) else None
    if not isinstance(streams, list):
        return None
    said = [each for each in streams if isinstance(each, dict) and each.get("cls") == cls]
    numbers = [(each.get("last_seq"), each.get("acked")) for each in said]
    return sum(
        max(last - acked, 0)
        for last, acked in numbers
        if isinstance(last, int) and isinstance(acked, int)
    )


def _of(rows: Iterable[Mapping[str, Any]]) -> Iterator[GaugeMetricFamily]:
    found: dict[str, list[tuple[str, int]]] = {}
    for row in rows:
        found.setdefault(row["what"], []).append((row["label"], row["number"]))
    for what, (name, description, label) in COUNTS.items():
        family = GaugeMetricFamily(name, description, labels=[label] if label else [])
        for value, number in found.get(what, []):
            family.add_metric([value] if label else [], number)
        yield family


def _one(name: str, description: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, description, value=value)


class _Once(Collector):
    """Families that are there already."""

    def __init__(self, families: Iterable[GaugeMetricFamily]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._families


def _text(families: Iterable[GaugeMetricFamily]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Once(families))
    return generate_latest(registry)
