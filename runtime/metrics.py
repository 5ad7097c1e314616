"""Counters, gauges and histograms by name, one registry an app object: nothing global.

Asking for a name again gives the same metric, so that parts of a program need not share objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics import MetricWrapperBase

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""The media type of `Metrics.render`."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bucket ends for durations in seconds: from a fast poll to a stuck database."""

_M = TypeVar("_M", bound=MetricWrapperBase)


class Metrics:
    """The metrics of one program; names follow Prometheus (`edge_batches_sent_total`)."""

    def __init__(self, *, process: bool = False) -> None:
        """`process` adds CPU, memory, open files of this process (Linux) and Python's version."""
        self.registry = CollectorRegistry(auto_describe=True)
        self._known: dict[str, MetricWrapperBase] = {}
        if process:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)

    def counter(self, name: str, description: str, labels: Iterable[str] = ()) -> Counter:
        """What only grows: `counter("edge_dropped_total", "...", ["cause"]).labels(c).inc(n)`."""
        made = self._earlier(Counter, name, labels)
        return made or self._keep(
            name, Counter(name, description, tuple(labels), registry=self.registry)
        )

    def gauge(self, name: str, description: str, labels: Iterable[str] = ()) -> Gauge:
        """What goes up and down."""
        made = self._earlier(Gauge, name, labels)
        return made or self._keep(
            name, Gauge(name, description, tuple(labels), registry=self.registry)
        )

    def histogram(
        self,
        name: str,
        description: str,
        labels: Iterable[str] = (),
        *,
        buckets: Iterable[float] = SECONDS,
    ) -> Histogram:
        """How values spread, by default durations in seconds."""
        made = self._earlier(Histogram, name, labels)
        return made or self._keep(
            name,
            Histogram(
                name, description, tuple(labels), registry=self.registry, buckets=tuple(buckets)
            ),
        )

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def _earlier(self, kind: type[_M], name: str, labels: Iterable[str]) -> _M | None:
        known = self._known.get(name)
        if known is None:
            return None
        if not isinstance(known, kind) or known._labelnames != tuple(labels):
            raise ValueError(f"the metric {name} exists with another kind or other labels")
        return known

    def _keep(self, name: str, metric: _M) -> _M:
        self._known[name] = metric
        return metric
