"""A long run without faults: memory, handles, disk and lag of every program, sampled.

The first part of a run is left out: caches fill and the databases' files are made. What is then
compared are the medians of the first and the last third of the rest.
"""

from __future__ import annotations

import asyncio
import csv
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import psutil

from rig.chaos.house import House
from rig.chaos.plan import EDGES
from rig.edge_page import edge_status

FILE: Final = "soak.csv"
_EVERY_S: Final = 5.0
_WARM_UP: Final = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One look at one part; memory and disk in MiB, lag (oldest unconfirmed record) in seconds."""

    at_s: float
    part: str
    memory_mib: float
    handles: int
    disk_mib: float
    lag_s: float


async def soak(house: House, *, minutes: float, stop: asyncio.Event) -> list[Sample]:
    """Look every few seconds, for so long or until `stop`; the samples stand in `soak.csv`, too."""
    began = time.monotonic()
    samples: list[Sample] = []
    while not stop.is_set() and time.monotonic() - began < minutes * 60:
        at_s = round(time.monotonic() - began, 1)
        samples += [await _look(house, part, pid, at_s) for part, pid in _pids(house)]
        write(house.folder / FILE, samples)
        try:
            await asyncio.wait_for(stop.wait(), _EVERY_S)
        except TimeoutError:
            continue
    return samples


def grown(samples: Sequence[Sample]) -> dict[str, dict[str, list[float]]]:
    """Per part and quantity: the medians of the first and the last third, the warm-up left out."""
    end_s = max((one.at_s for one in samples), default=0.0)
    begin_s = end_s * _WARM_UP
    third_s = (end_s - begin_s) / 3
    told: dict[str, dict[str, list[float]]] = {}
    for part in sorted({one.part for one in samples}):
        mine = [one for one in samples if one.part == part and one.at_s >= begin_s]
        first = [one for one in mine if one.at_s <= begin_s + third_s]
        last = [one for one in mine if one.at_s >= end_s - third_s]
        if first and last:
            told[part] = {
                name: [
                    round(statistics.median(getattr(one, name) for one in some), 2)
                    for some in (first, last)
                ]
                for name in ("memory_mib", "handles", "disk_mib", "lag_s")
            }
    return told


def write(file: Path, samples: Sequence[Sample]) -> None:
    """Write all samples as CSV."""
    with file.open("w", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, [field.name for field in fields(Sample)])
        writer.writeheader()
        writer.writerows(asdict(one) for one in samples)


def _pids(house: House) -> list[tuple[str, int]]:
    programs = {**house.edges, **house.servers}
    found = [(name, program.pid) for name, program in programs.items()]
    return [*found, ("broker", house.broker.pid), ("database", house.database.pid)]


async def _look(house: House, part: str, pid: int, at_s: float) -> Sample:
    memory, handles = await asyncio.to_thread(_weigh, pid)
    place = {"broker": house.broker.data_dir, "database": house.database.data_dir}
    disk = await asyncio.to_thread(_size, place.get(part, house.data / part))
    status: dict[str, Any] | None = await edge_status(house, part) if part in EDGES else None
    lag_s = 0.0 if status is None else float(status["buffer"].get("oldest_unacked_s", 0.0))
    return Sample(
        at_s=at_s,
        part=part,
        memory_mib=round(memory / 2**20, 2),
        handles=handles,
        disk_mib=round(disk / 2**20, 2),
        lag_s=lag_s,
    )


def _weigh(pid: int) -> tuple[int, int]:
    """Memory of a process and its children that is theirs alone (bytes), and its open files."""
    memory = handles = 0
    try:
        first = psutil.Process(pid)
        for process in (first, *first.children(recursive=True)):
            memory += process.memory_full_info().uss
            handles += process.num_fds()
    except psutil.NoSuchProcess:
        return memory, handles
    return memory, handles


def _size(folder: Path) -> int:
    size = 0
    for file in folder.rglob("*"):
        try:
            size += file.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return size
