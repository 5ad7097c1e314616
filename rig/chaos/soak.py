"""A long run without faults: memory, handles, disk and lag of every program, sampled and judged.

The first part of a run is left out: caches fill and the databases' files are made. What is then
compared are the medians of the first and the last third of the rest. Disk may grow, for readings
are kept; memory, open files and lag may not, but the open files of PostgreSQL, which keeps up to
1,000 a process open to find them again sooner.
"""

from __future__ import annotations

import asyncio
import csv
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import psutil

from rig.chaos.house import House
from rig.edge_page import edge_status
from rig.server_view import ServerView

FILE: Final = "soak.csv"
PLOT: Final = "soak.svg"
Grown = dict[str, dict[str, list[float]]]
_EVERY_S: Final = 5.0
_DISK_EVERY_S: Final = 60.0
"""Files are many, and more with every hour: the size of a folder is asked for less often."""
_WARM_UP: Final = 0.2
# How much more the last third may have than the first: a share of it, or that much, if it is more.
_MORE: Final[Mapping[str, tuple[float, float]]] = {
    "memory_mib": (0.1, 8.0),
    "handles": (0.1, 10.0),
    "lag_s": (0.0, 2.0),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One look at one part; memory and disk in MiB, lag (oldest unconfirmed record) in seconds.

    `readings`: how many the server had stored by then; of the part `database` only.
    """

    at_s: float
    part: str
    memory_mib: float
    handles: int
    disk_mib: float
    lag_s: float
    readings: int = 0


async def soak(house: House, *, minutes: float, stop: asyncio.Event) -> list[Sample]:
    """Look every few seconds, for so long or until `stop`; the samples stand in `soak.csv`, too."""
    began = time.monotonic()
    samples: list[Sample] = []
    disks: dict[str, tuple[float, float]] = {}
    begin(house.folder / FILE)
    while not stop.is_set() and time.monotonic() - began < minutes * 60:
        at_s = round(time.monotonic() - began, 1)
        fresh = [await _look(house, part, pid, at_s, disks) for part, pid in _pids(house)]
        append(house.folder / FILE, fresh)
        samples += fresh
        try:
            await asyncio.wait_for(stop.wait(), _EVERY_S)
        except TimeoutError:
            continue
    return samples


def grown(samples: Sequence[Sample]) -> Grown:
    """Per part and quantity: the medians of the first and the last third, the warm-up left out."""
    end_s = max((one.at_s for one in samples), default=0.0)
    begin_s = end_s * _WARM_UP
    third_s = (end_s - begin_s) / 3
    told: Grown = {}
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


def not_flat(told: Grown) -> list[str]:
    """What grew though it may not, in words."""
    found = []
    for part, quantities in told.items():
        for name, (share, most) in _MORE.items():
            if (part, name) == ("database", "handles"):
                continue
            first, last = quantities[name]
            if last - first > max(share * first, most):
                found.append(f"{part}: {name} grew from {first:g} to {last:g}")
    return found


def rate(samples: Sequence[Sample]) -> float | None:
    """Readings a second that were stored, from the first look to the last."""
    counts = [(one.at_s, one.readings) for one in samples if one.readings]
    if len(counts) < 2:
        return None
    (first_s, first), (last_s, last) = counts[0], counts[-1]
    return round((last - first) / (last_s - first_s), 1)


def begin(file: Path) -> None:
    """Begin a file of samples as CSV: its head and nothing else."""
    with file.open("w", newline="", encoding="utf-8") as target:
        csv.writer(target).writerow(field.name for field in fields(Sample))


def append(file: Path, samples: Sequence[Sample]) -> None:
    """Add samples to the file: what a look costs does not grow with how many there were."""
    with file.open("a", newline="", encoding="utf-8") as target:
        csv.writer(target).writerows(list(asdict(one).values()) for one in samples)


def _pids(house: House) -> list[tuple[str, int]]:
    programs = {**house.edges, **house.servers}
    found = [(name, program.pid) for name, program in programs.items()]
    return [*found, ("broker", house.broker.pid), ("database", house.database.pid)]


async def _look(
    house: House, part: str, pid: int, at_s: float, disks: dict[str, tuple[float, float]]
) -> Sample:
    """`disks`: when each part's folder was measured last (s), and what it had then (MiB)."""
    memory, handles = await asyncio.to_thread(_weigh, pid)
    if part not in disks or at_s - disks[part][0] >= _DISK_EVERY_S:
        place = {"broker": house.broker.data_dir, "database": house.database.data_dir}
        size = await asyncio.to_thread(_size, place.get(part, house.data / part))
        disks[part] = (at_s, round(size / 2**20, 2))
    status: dict[str, Any] | None = await edge_status(house, part) if part in house.edges else None
    lag_s = 0.0 if status is None else float(status["buffer"].get("oldest_unacked_s", 0.0))
    readings = await asyncio.to_thread(_stored, house) if part == "database" else 0
    return Sample(
        at_s=at_s,
        part=part,
        memory_mib=round(memory / 2**20, 2),
        handles=handles,
        disk_mib=disks[part][1],
        lag_s=lag_s,
        readings=readings,
    )


def _stored(house: House) -> int:
    with ServerView(house.database.dsn) as view:
        return view.rows()


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
