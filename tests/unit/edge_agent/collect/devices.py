"""Devices for tests: configurations from YAML, columns from lists, a driver that does as told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from drivers.base import Columns, DeviceConfig
from edge_agent.buffer.numbering import TagNumbers
from edge_agent.collect.points import Points, definitions, points_of
from runtime.clock import now_us
from runtime.errors import LinesideError, RetryLater
from runtime.strict_yaml import loads

NOW_US = 1_700_000_000_000_000


def device(groups: str, *, clock: str = "trusted") -> DeviceConfig:
    """A device whose groups are given in YAML."""
    return loads(f"id: dev\ndriver: fake\nclock: {clock}\ngroups:\n{groups}", "test", DeviceConfig)


def points(config: DeviceConfig) -> Points:
    """Its points, numbered from 1."""
    numbers = TagNumbers()
    numbers.define(definitions(config))
    return points_of(config, numbers)


def columns(
    *rows: tuple[int, float | int | str],
    q: Sequence[int] | None = None,
    source_us: Sequence[int] | None = None,
    read_us: int = NOW_US,
) -> Columns:
    """Raw values by point; the Python type chooses the column."""
    count = len(rows)
    f, i = np.zeros(count, np.float64), np.zeros(count, np.int64)
    s = np.full(count, "", np.object_)
    for row, (_, value) in enumerate(rows):
        if isinstance(value, str):
            s[row] = value
        elif isinstance(value, float):
            f[row] = value
        else:
            i[row] = value
    return Columns(
        point=np.array([point for point, _ in rows], np.int32),
        f=f,
        i=i,
        s=s if (s != "").any() else None,
        q=np.zeros(count, np.uint32) if q is None else np.array(q, np.uint32),
        source_us=None if source_us is None else np.array(source_us, np.int64),
        read_us=read_us,
    )


class Plant:
    """What the connections of a fake device share: their orders, and what they did."""

    def __init__(self, config: DeviceConfig) -> None:
        self.config = config
        self.reachable = True
        self.refusal: LinesideError | Exception | None = None
        self.value = 0
        self.reads = 0
        self.connections = 0
        self.read_s = 0.0
        self.connect_s = 0.0
        self.swallows_cancels = False
        self.reports: asyncio.Queue[Columns | Exception] = asyncio.Queue()

    def connect(self) -> Connection:
        """A fresh connection."""
        return Connection(self)


class Connection:
    """A driver's device, by hand."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self.counts: Mapping[str, int] = Counter()

    def _check(self) -> None:
        if self._plant.refusal is not None:
            raise self._plant.refusal
        if not self._plant.reachable:
            raise RetryLater("LS-3110", device="dev", address="nowhere", reason="off")

    async def _take(self, seconds: float) -> None:
        """As long as a library takes that, now and then, does not notice a cancel."""
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            if not self._plant.swallows_cancels:
                raise

    async def __aenter__(self) -> Self:
        await self._take(self._plant.connect_s)
        self._check()
        self._plant.connections += 1
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        return None

    async def read(self, group: int) -> Columns:
        """The plant's value for every point."""
        if self._plant.read_s:
            await self._take(self._plant.read_s)
        self._check()
        self._plant.reads += 1
        starts = self._plant.config.starts
        rows = [(point, self._plant.value) for point in range(starts[group], starts[group + 1])]
        return columns(*rows, read_us=now_us())

    async def changes(self) -> AsyncIterator[Columns]:
        """What the test puts into `reports`."""
        while True:
            one = await self._plant.reports.get()
            if isinstance(one, Exception):
                raise one
            yield one

    def requests(self, group: int) -> Sequence[str]:
        """None worth telling."""
        return [f"group {group}"]


Factory = Callable[[], Connection]
