"""What was measured and when: one file beside the page, from which the page can be made again.

A figure stands there once, by its benchmark and name: one that is measured again leaves the run it
came from. So a part can be repeated alone, and what a short run leaves out stays as it was, with
the date, load and commit of its own run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from benchmarks.results import Goal, Result


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One benchmark, run once. `load`: averages of a minute, at its start and at its end."""

    benchmark: str
    rounds: int
    quick: bool
    started: datetime
    ended: datetime
    load: tuple[float, float]
    commit: str
    machine: Mapping[str, str]
    results: tuple[Result, ...]


Kept = tuple[Run, ...]
"""In the order in which they ran."""


def with_run(kept: Kept, run: Run) -> Kept:
    """The same with a run more; figures that it has anew are gone from older ones."""
    new = {result.name for result in run.results}
    older = [
        one if one.benchmark != run.benchmark else _without(one, new.__contains__) for one in kept
    ]
    return (*[one for one in older if one.results], run)


def without(kept: Kept, pattern: str) -> Kept:
    """The same without the figures whose name fits (`*` for anything)."""
    left = [_without(one, lambda name: fnmatchcase(name, pattern)) for one in kept]
    return tuple(one for one in left if one.results)


def of_benchmark(kept: Kept, benchmark: str) -> Kept:
    """Its runs, oldest first."""
    return tuple(one for one in kept if one.benchmark == benchmark)


def load(file: Path) -> Kept:
    """What the file has; nothing where there is none."""
    if not file.exists():
        return ()
    return tuple(_run(one) for one in json.loads(file.read_text("utf-8"))["runs"])


def save(file: Path, kept: Kept) -> None:
    """Write all of it, a figure a line: changes of two people can be brought together."""
    parts = []
    for run in sorted(kept, key=lambda one: (one.benchmark, one.started)):
        head = {
            "benchmark": run.benchmark,
            "rounds": run.rounds,
            "quick": run.quick,
            "started": run.started.isoformat(timespec="seconds"),
            "ended": run.ended.isoformat(timespec="seconds"),
            "load": list(run.load),
            "commit": run.commit,
            "machine": dict(run.machine),
        }
        lines = ",\n".join(f"  {_line(result)}" for result in run.results)
        parts.append(f'{json.dumps(head)[:-1]}, "results": [\n{lines}\n]}}')
    new = file.with_name(file.name + ".new")
    new.write_text('{"runs": [\n' + ",\n".join(parts) + "\n]}\n", "utf-8")
    new.replace(file)


def _without(run: Run, gone: Any) -> Run:
    return replace(run, results=tuple(one for one in run.results if not gone(one.name)))


def _line(result: Result) -> str:
    shown = {name: value for name, value in result.as_json().items() if name not in _DERIVED}
    return json.dumps({**shown, "note": result.note} if result.note else shown)


_DERIVED = ("ratio", "met")


def _run(found: Mapping[str, Any]) -> Run:
    return Run(
        benchmark=found["benchmark"],
        rounds=found["rounds"],
        quick=found["quick"],
        started=_moment(found["started"]),
        ended=_moment(found["ended"]),
        load=(found["load"][0], found["load"][1]),
        commit=found["commit"],
        machine=found["machine"],
        results=results_of(found["results"]),
    )


def results_of(found: Sequence[Mapping[str, Any]]) -> tuple[Result, ...]:
    """Results as `scripts/bench --json` prints them, or as they are kept."""
    return tuple(
        Result(
            name=one["name"],
            value=one["value"],
            unit=one["unit"],
            ceiling=one["ceiling"],
            goal=Goal.parse(one["goal"]),
            note=one.get("note", ""),
        )
        for one in found
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
