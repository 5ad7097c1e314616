"""`scripts/bench edge|ingest|...|all`: runs what was asked for, prints every figure and keeps it.

`scripts/bench render` makes the page from what is kept, without measuring.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import (
    backlog,
    browse,
    flat_out,
    ingest,
    ingest_growth,
    kept,
    latency,
    machine,
    page,
    replica,
    rows,
    sizes,
    steady,
    storage,
    tags,
)
from benchmarks.kept import Run
from benchmarks.peers import app as peers
from benchmarks.results import QUICK_ROUNDS, ROUNDS, Result, as_json
from benchmarks.skipped import CannotMeasureError, missing, parts_missing
from runtime import logs

Benchmark = Callable[[int], Awaitable[list[Result]]]

BENCHMARKS: Final[dict[str, dict[str, Benchmark]]] = {
    "edge": {
        "sizes": sizes.measure,
        "modbus": flat_out.modbus,
        "opcua": flat_out.opcua,
        "changes": steady.changes,
        "steady": steady.steady,
        "backlog": backlog.backlog,
        "returns": backlog.returns,
        "browse": browse.browse,
        "tags": tags.tags,
    },
    "ingest": {
        "rate": ingest.rates,
        "edges": ingest_growth.edges,
        "workers": ingest_growth.workers,
    },
    "latency": {
        "stages": latency.latency,
    },
    "storage": {
        "bytes": storage.measure,
    },
    "rows": {
        "rows": rows.measure,
        "replica": replica.replica,
    },
    "peers": {
        "gateways": peers.measure,
    },
}


def main(argv: Sequence[str] | None = None) -> int:
    """0: every goal was met; 1: one was not, or a benchmark failed; 2: wrong arguments."""
    asked = _parse(argv)
    if asked.what == "render":
        return _render(asked.docs, asked.forget)
    logs.configure(json=False, level="warning", stream=sys.stderr)
    with_rows: Benchmark = partial(rows.measure, sizes=asked.rows, keep=asked.keep)
    benchmarks = {**BENCHMARKS, "rows": {**BENCHMARKS["rows"], "rows": with_rows}}
    keep: Callable[[Run], None] = partial(page.add, asked.docs) if asked.write else _forget
    try:
        results, failed = asyncio.run(
            run(benchmarks, asked.what, asked.only, quick=asked.quick, keep=keep)
        )
    except page.PageError as error:
        print(error, file=sys.stderr)
        return 2
    if asked.as_json:
        print(as_json(results), flush=True)
    else:
        for result in results:
            print(told(result))
    return 0 if not failed and all(result.met for result in results) else 1


async def run(
    benchmarks: Mapping[str, Mapping[str, Benchmark]],
    what: str,
    only: Collection[str],
    *,
    quick: bool,
    keep: Callable[[Run], None],
) -> tuple[list[Result], list[str]]:
    """All results of a group, or of `all` groups, and what failed; `only` these of it, none: every.

    Each run is kept as soon as it is over. What cannot run here is told at the end, with the
    reason; one that fails does not hold up the others.
    """
    results: list[Result] = []
    failed: list[str] = []
    skipped: list[str] = []
    for group, of_group in benchmarks.items():
        if what not in (group, "all"):
            continue
        for name, benchmark in of_group.items():
            if only and name not in only:
                continue
            label = f"{group}/{name}"
            if why := missing(label):
                skipped.append(f"{label} was not run: {why}")
                continue
            skipped += [f"{label}: {part}" for part in parts_missing(label)]
            print(f"--- {group} {name}", file=sys.stderr, flush=True)
            try:
                found = await measured(label, benchmark, quick=quick)
            except CannotMeasureError as error:
                skipped.append(f"{label} was not run: {error}")
                continue
            except Exception:  # noqa: BLE001 - the outermost loop: the others go on
                failed.append(label)
                traceback.print_exc()
                continue
            for result in found.results:
                print(told(result), file=sys.stderr, flush=True)
            results += found.results
            keep(found)
    for line in [*skipped, *[f"{label} FAILED" for label in failed]]:
        print(line, file=sys.stderr, flush=True)
    return results, failed


async def measured(label: str, benchmark: Benchmark, *, quick: bool) -> Run:
    """One run of a benchmark with its circumstances."""
    started, load, commit = datetime.now(UTC), machine.load(), machine.commit()
    rounds = QUICK_ROUNDS if quick else ROUNDS
    results = await benchmark(rounds)
    return Run(
        benchmark=label,
        rounds=rounds,
        quick=quick,
        started=started,
        ended=datetime.now(UTC),
        load=(load, machine.load()),
        commit=commit,
        machine=machine.describe(),
        results=tuple(results),
    )


def _render(docs: Path, forget: str) -> int:
    """Make page and plots from what is kept, without the figures that are to be forgotten."""
    file = docs / page.FILE
    runs = kept.load(file)
    try:
        if forget:
            runs = kept.without(runs, forget)
            page.write(docs, runs)
            kept.save(file, runs)
        else:
            page.write(docs, runs)
    except page.PageError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _forget(_run: Run) -> None:
    """A trial is not kept."""


def told(result: Result) -> str:
    """A line for people."""
    shown = result.as_json()
    beside = "" if result.ratio is None else f"  of {shown['ceiling']} = {shown['ratio']}"
    verdict = (
        "" if result.goal is None else f"  [{shown['goal']}: {'met' if result.met else 'MISSED'}]"
    )
    return f"{result.name:<44} {shown['value']:>10} {result.unit}{beside}{verdict}"


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures Lineside beside its ceilings, in the same run. Exits 0 only if every "
        "goal was met.",
    )
    parser.add_argument(
        "what",
        choices=(*BENCHMARKS, "all", "render"),
        help="which part is measured; render: measure nothing, make docs/performance.md from what "
        "is kept",
    )
    names = ", ".join(
        f"{group}: {', '.join(benchmarks)}" for group, benchmarks in BENCHMARKS.items()
    )
    parser.add_argument(
        "--only", default="", metavar="NAME,...", help=f"these benchmarks alone ({names})"
    )
    parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON array")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds instead of {ROUNDS}"
    )
    parser.add_argument(
        "--no-write",
        dest="write",
        action="store_false",
        help=f"a trial: keep nothing in docs/{page.FILE}, leave docs/{page.PAGE} as it is",
    )
    parser.add_argument(
        "--docs", type=Path, default=page.DOCS, metavar="DIR", help="where page and figures are"
    )
    parser.add_argument(
        "--forget",
        default="",
        metavar="NAME",
        help="of `render`: drop the kept figures of this name (* for anything)",
    )
    parser.add_argument(
        "--rows",
        type=_sizes,
        default=rows.SIZES,
        metavar="N[,N...]",
        help="of `rows`: how many are stored (default: "
        + ",".join(map(str, rows.SIZES))
        + "; 100 million need 20 GB of disk in plain PostgreSQL)",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="of `rows`: leave the filled databases there, and take those that are there",
    )
    asked = parser.parse_args(argv)
    asked.only = [name for name in asked.only.split(",") if name]
    known = _names(asked.what)
    if unknown := [name for name in asked.only if name not in known]:
        parser.error(
            f"--only: {asked.what} has no {', '.join(unknown)}; there are {', '.join(known)}"
        )
    return asked


def _names(what: str) -> list[str]:
    """The benchmarks of a group, or of all."""
    groups = {group: of for group, of in BENCHMARKS.items() if what in (group, "all")}
    return [name for benchmarks in groups.values() for name in benchmarks]


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(float(part)) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
