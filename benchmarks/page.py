"""The page of all figures: what stands between its marks is made from the kept runs alone.

<!-- bench GROUP/NAME -->  table, plots, how it grows, when and where it was measured
<!-- /bench -->            what follows is prose, by hand
<!-- bench machine -->     the machines of all runs
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks import growth, kept, machine, plots
from benchmarks.kept import Kept, Run
from benchmarks.results import Result
from benchmarks.tables import markdown, tables

DOCS: Final = machine.ROOT / "docs"
PAGE: Final = "performance.md"
FILE: Final = "performance.json"
PLOTS: Final = "plots"
MACHINE: Final = "machine"
_BLOCK: Final = re.compile(r"<!-- bench (\S+) -->\n(.*?)<!-- /bench -->", re.DOTALL)
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


class PageError(Exception):
    """The page has not the marks that it needs; says which, and what to do."""


def rendered(text: str, runs: Kept) -> str:
    """The page with everything between its marks made anew. Raises PageError."""
    marks = [match[1] for match in _BLOCK.finditer(text)]
    known = {run.benchmark for run in runs}
    if twice := sorted({mark for mark in marks if marks.count(mark) > 1}):
        raise PageError(f"{PAGE} has these marks twice, keep one: {', '.join(twice)}")
    if missing := sorted(known - set(marks)):
        wanted = " ".join(f"<!-- bench {name} --> <!-- /bench -->" for name in missing)
        raise PageError(f"{PAGE} has no place for {', '.join(missing)}: add these lines: {wanted}")
    machines = _machines(runs)

    def block(match: re.Match[str]) -> str:
        name = match[1]
        if name == MACHINE:
            inside = _machine_table(machines)
        else:
            inside = _benchmark(name, kept.of_benchmark(runs, name), machines)
        return f"<!-- bench {name} -->\n{inside}\n<!-- /bench -->"

    return _BLOCK.sub(block, text)


def pictures(runs: Kept) -> dict[str, str]:
    """Every plot there are figures for: SVG by name."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(run.benchmark for run in runs):
        found |= plots.drawn(name, _results(kept.of_benchmark(runs, name)))
    return found


def write(docs: Path, runs: Kept) -> None:
    """Write page and plots into the folder. Raises PageError, and then writes nothing."""
    page = docs / PAGE
    text = rendered(page.read_text("utf-8"), runs)
    (docs / PLOTS).mkdir(exist_ok=True)
    for name, picture in pictures(runs).items():
        (docs / PLOTS / f"{name}.svg").write_text(picture, "utf-8")
    page.write_text(text, "utf-8")


def add(docs: Path, run: Run) -> None:
    """Keep a run, and make the page anew."""
    file = docs / FILE
    kept.save(file, kept.with_run(kept.load(file), run))
    write(docs, kept.load(file))


def _benchmark(name: str, runs: Sequence[Run], machines: Sequence[Mapping[str, str]]) -> str:
    group, _, only = name.partition("/")
    again = f"`scripts/bench {group} --only {only}`"
    if not runs:
        return f"Not measured here yet: {again}."
    several = len(runs) > 1
    results = [
        (result, _LETTERS[number] if several else "")
        for number, run in enumerate(runs)
        for result in run.results
    ]
    results.sort(key=lambda pair: _natural(pair[0].name) if several else [])
    parts = tables(name, results)
    parts += [
        f"![{one.title}]({PLOTS}/{one.plot}.svg)\n\nHow it grows: {told}."
        for one in growth.of_benchmark(name)
        if (told := one.told(_results(runs)))
    ]
    if name == "latency/stages" and plots.latency(_results(runs)):
        parts.append(f"![Latency by stage]({PLOTS}/latency.svg)")
    said = []
    for number, run in enumerate(runs):
        letter = f"run {_LETTERS[number]}: " if several else ""
        on = f", machine {machines.index(run.machine) + 1}" if len(machines) > 1 else ""
        said.append(f"{letter}{_when(run)}{on}")
    parts.append(f"*Measured: {'; '.join(said)}. Again: {again}.*")
    return "\n\n".join(parts)


def _when(run: Run) -> str:
    ended = run.ended.strftime("%H:%M" if run.ended.date() == run.started.date() else "%F %H:%M")
    rounds = "--quick" if run.quick else "in full"
    load = f"load average {run.load[0]:.1f} at the start, {run.load[1]:.1f} at the end"
    commit = f", commit {run.commit}" if run.commit else ""
    return f"{run.started:%F %H:%M} to {ended} UTC, {rounds}, {load}{commit}"


def _machines(runs: Kept) -> list[Mapping[str, str]]:
    found: list[Mapping[str, str]] = []
    for run in runs:
        if run.machine not in found:
            found.append(run.machine)
    return found


def _machine_table(machines: Sequence[Mapping[str, str]]) -> str:
    names = dict.fromkeys(name for one in machines for name in one)
    head = ["", *(f"machine {number}" for number in range(1, len(machines) + 1))]
    if len(machines) == 1:
        head = ["", "of all figures here"]
    return markdown(head, [[name, *(one.get(name, "-") for one in machines)] for name in names])


def _results(runs: Sequence[Run]) -> list[Result]:
    return [result for run in runs for result in run.results]


def _natural(name: str) -> list[tuple[bool, float, str]]:
    """Sorts numbers in names by their size."""
    parts = re.split(r"(\d+)", name)
    return [(part.isdigit(), float(part) if part.isdigit() else 0.0, part) for part in parts]
