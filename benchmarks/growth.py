"""What is measured at several sizes: how a figure grows, as a sentence and as a plot's points."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.results import Result, figure

Points = list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """A figure by size. `names`: the results, with groups `size` and, of several, `series`.

    `of`: what is drawn. `ceilings`: the ceilings are a line of their own, with this name.
    `beside`: the size whose own figure stands as ceiling of the others'.
    """

    benchmark: str
    plot: str
    title: str
    unit: str
    sizes: str
    names: str
    of: Literal["value", "ratio"] = "value"
    ceilings: str = ""
    beside: float | None = None
    by_tens: Literal["", "x", "xy"] = ""
    """Which axes are logarithmic."""

    def points(self, results: Sequence[Result]) -> dict[str, Points]:
        """(size, figure) of every series in order of size; no size 0 where it cannot be drawn."""
        found: dict[str, dict[float, float]] = {}
        for result in results:
            match = re.fullmatch(self.names, result.name)
            value = result.value if self.of == "value" else result.ratio
            if match is None or value is None:
                continue
            size, series = float(match["size"]), match.groupdict().get("series") or ""
            found.setdefault(series, {})[size] = value
            if self.beside is not None and result.ceiling is not None:
                found[series][self.beside] = result.ceiling
            if self.ceilings and result.ceiling is not None:
                name = f"{series}, {self.ceilings}" if series else self.ceilings
                found.setdefault(name, {})[size] = result.ceiling
        ordered = {
            series: sorted(
                (size, value) for size, value in of.items() if size > 0 or not self.by_tens
            )
            for series, of in found.items()
        }
        return {series: points for series, points in ordered.items() if len(points) > 1}

    def told(self, results: Sequence[Result]) -> str:
        """How it grows from the least to the largest size; "" where one alone was measured."""
        said = []
        for series, points in self.points(results).items():
            (least, first), (largest, last) = points[0], points[-1]
            times = f", {figure(last / first)} times" if first else ""
            name = f"{series}: " if series else ""
            said.append(
                f"{name}{figure(first)} to {figure(last)} {self.unit} from {figure(least)} to"
                f" {figure(largest)} {self.sizes}{times}"
            )
        return "; ".join(said)


GROWTHS: Final = (
    Growth(
        benchmark="edge/tags",
        plot="edge-tags",
        title="What a reading costs the agent",
        unit="us/reading",
        sizes="tags",
        names=r"edge/tags/(?P<size>\d+)/cpu",
        by_tens="xy",
    ),
    Growth(
        benchmark="edge/tags",
        plot="edge-tags-memory",
        title="Memory of the agent",
        unit="MiB",
        sizes="tags",
        names=r"edge/tags/(?P<size>\d+)/memory",
    ),
    Growth(
        benchmark="edge/backlog",
        plot="edge-backlog",
        title="How fast a backlog is sent",
        unit="readings/s",
        sizes="hours",
        names=r"edge/backlog/(?P<size>\d+)h/rate",
    ),
    Growth(
        benchmark="ingest/edges",
        plot="ingest-edges",
        title="What a row costs, by how many edges it comes from",
        unit="us/row",
        sizes="edges",
        names=r"ingest/cost/(?P<size>\d+)-edges-beside-10",
        beside=10,
        by_tens="x",
    ),
    Growth(
        benchmark="ingest/workers",
        plot="ingest-workers",
        title="Rows stored by several workers",
        unit="rows/s",
        sizes="workers",
        names=r"ingest/workers/(?P<series>\w+)/(?P<size>\d+)-workers",
    ),
    Growth(
        benchmark="rows/rows",
        plot="rows-trend",
        title="A month's trend of one tag",
        unit="ms",
        sizes="stored readings",
        names=r"rows/trend/(?P<series>\w+)/(?P<size>\d+)",
        ceilings="bare SQL",
        by_tens="x",
    ),
    Growth(
        benchmark="rows/rows",
        plot="rows-ingest",
        title="Ingestion beside that into an empty database",
        unit="of its rate",
        sizes="stored readings",
        names=r"rows/ingest/(?P<series>\w+)/(?P<size>\d+)",
        of="ratio",
        by_tens="x",
    ),
)


def of_benchmark(benchmark: str) -> tuple[Growth, ...]:
    """Those of its figures that are measured at several sizes."""
    return tuple(one for one in GROWTHS if one.benchmark == benchmark)
