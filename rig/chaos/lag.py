"""How late the loop that the fault proxies run in comes to its work: the rig's own part in a delay.

A value that waits here is stamped late by no fault of the product. A result says how late it was,
so that nobody has to believe that it was not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

_EVERY_S: Final = 0.02
_SHARES: Final[Mapping[str, float]] = {"median": 0.5, "p99": 0.99, "most": 1.0}


class Lag:
    """`async with Lag() as lag:` - looks fifty times a second; whole milliseconds are counted."""

    def __init__(self) -> None:
        self._found: Counter[int] = Counter()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def add(self, late_s: float) -> None:
        """Count one look that came so late, in seconds."""
        self._found[max(0, int(late_s * 1_000))] += 1

    def as_json(self) -> dict[str, int]:
        """Median, 99th percentile and greatest, in milliseconds; nothing where nobody looked."""
        looks, seen = self._found.total(), 0
        told: dict[str, int] = {}
        for late_ms, times in sorted(self._found.items()):
            seen += times
            for name, share in _SHARES.items():
                if name not in told and seen >= share * looks:
                    told[name] = late_ms
        return told

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + _EVERY_S
            await asyncio.sleep(_EVERY_S)
            self.add(loop.time() - due_s)
