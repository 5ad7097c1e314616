"""`scripts/bench edge|ingest|...|all`: runs what was asked for and prints every figure."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks import (
    backlog,
    browse,
    flat_out,
    ingest,
    ingest_growth,
    latency,
    replica,
    rows,
    sizes,
    steady,
    storage,
    tags,
)
from benchmarks.results import QUICK_ROUNDS, ROUNDS, Result, as_json
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
}


def main(argv: Sequence[str] | None = None) -> int:
    """0: every goal was met; 1: one was not; 2: wrong arguments."""
    asked = _parse(argv)
    logs.configure(json=False, level="warning", stream=sys.stderr)
    with_rows: Benchmark = partial(rows.measure, sizes=asked.rows, keep=asked.keep)
    benchmarks = {**BENCHMARKS, "rows": {**BENCHMARKS["rows"], "rows": with_rows}}
    rounds = ROUNDS if not asked.quick else QUICK_ROUNDS
    results = asyncio.run(run(benchmarks, asked.what, asked.only, rounds))
    if asked.as_json:
        print(as_json(results), flush=True)
    else:
        for result in results:
            print(told(result))
    return 0 if all(result.met for result in results) else 1


async def run(
    benchmarks: Mapping[str, Mapping[str, Benchmark]],
    what: str,
    only: Collection[str],
    rounds: int,
) -> list[Result]:
    """All results of a group, or of `all` groups; `only` these benchmarks of it, none: every."""
    results: list[Result] = []
    for group, of_group in benchmarks.items():
        if what not in (group, "all"):
            continue
        for name, benchmark in of_group.items():
            if not only or name in only:
                print(f"--- {group} {name}", file=sys.stderr, flush=True)
                found = await benchmark(rounds)
                for result in found:
                    print(told(result), file=sys.stderr, flush=True)
                results += found
    return results


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
    parser.add_argument("what", choices=(*BENCHMARKS, "all"), help="which part is measured")
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
    groups = BENCHMARKS if what == "all" else {what: BENCHMARKS[what]}
    return [name for benchmarks in groups.values() for name in benchmarks]


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(float(part)) for part in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
