"""Results as tables of the page: a line a figure, or sizes and stages across."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.results import Result, figure


@dataclass(frozen=True, kw_only=True, slots=True)
class Across:
    """Figures that stand side by side. `names`: the results, with groups `row` and `column`.

    Several of one place are joined (median / 99th percentile). A ceiling is the whole of which the
    value is a part.
    """

    benchmark: str
    rows: str
    names: str


ACROSS: Final = (
    Across(benchmark="edge/tags", rows="tags", names=r"edge/tags/(?P<row>\d+)/(?P<column>\w+)"),
    Across(
        benchmark="latency/stages",
        rows="from the change at the PLC",
        names=r"latency/(?P<column>\d+%)/(?P<row>[a-z-]+)/p\d+",
    ),
    Across(
        benchmark="peers/gateways", rows="gateway", names=r"peers/(?P<row>[^/]+)/(?P<column>.+)"
    ),
)


def tables(benchmark: str, results: Sequence[tuple[Result, str]]) -> list[str]:
    """Markdown tables of a benchmark's results, each given with the letter of its run or ""."""
    across = [one for one in ACROSS if one.benchmark == benchmark]
    rest, found = list(results), []
    for one in across:
        fit = [result for result, _ in rest if re.fullmatch(one.names, result.name)]
        rest = [pair for pair in rest if pair[0] not in fit]
        if fit:
            found.append(_across(one, fit))
    if rest:
        found.insert(0, _one_a_line(benchmark.partition("/")[0] + "/", rest))
    return found


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


def verdict(result: Result) -> str:
    """Whether its goal was met, or by how much it was not."""
    if result.goal is None:
        return ""
    if result.met:
        return "met"
    return f"**missed {result.goal.missed_by(result.value, result.ratio)}**".replace(" **", "**")


def _one_a_line(group: str, results: Sequence[tuple[Result, str]]) -> str:
    runs = any(run for _, run in results)
    rows = [
        [
            result.name.removeprefix(group) + (f" ({result.note})" if result.note else ""),
            f"{figure(result.value)} {result.unit}",
            "-" if result.ceiling is None else figure(result.ceiling),
            "-" if result.ratio is None else figure(float(f"{result.ratio:.3g}")),
            "-" if result.goal is None else str(result.goal),
            verdict(result),
            *([run] if runs else []),
        ]
        for result, run in results
    ]
    head = ["what", "product", "ceiling", "ratio", "goal", "", *(["run"] if runs else [])]
    return markdown(head, rows)


def _across(of: Across, results: Sequence[Result]) -> str:
    cells: dict[str, dict[str, list[str]]] = {}
    notes: dict[str, str] = {}
    columns: dict[str, None] = {}
    for result in results:
        match = re.fullmatch(of.names, result.name)
        assert match is not None
        column = f"{match['column'].replace('-', ' ')}, {result.unit}"
        columns[column] = None
        notes.setdefault(match["row"], result.note)
        whole = "" if result.ceiling is None else f" of {figure(result.ceiling)}"
        cells.setdefault(match["row"], {}).setdefault(column, []).append(
            figure(result.value) + whole
        )
    return markdown(
        [of.rows, *columns],
        [
            [_label(row, notes), *(" / ".join(found.get(name, ["-"])) for name in columns)]
            for row, found in cells.items()
        ],
    )


def _label(row: str, notes: Mapping[str, str]) -> str:
    shown = figure(float(row)) if row.isdigit() else row.replace("-", " ")
    return f"{shown} {notes[row]}".strip()
