"""Once a second: the gauges of the buffer, systemd's watchdog, and what time it is."""

from __future__ import annotations

import asyncio
import contextlib
import time

from edge_agent.buffer.store import BufferBlocked
from edge_agent.clock import told
from edge_agent.clock.timeline import Change, Choice
from edge_agent.page.facts import Facts
from runtime import logs, platform

_log = logs.get("edge")

_WATCH_EVERY_S = 1.0


class Watch:
    """Looks at the parts of an agent; `run` is its task."""

    def __init__(self, parts: Facts) -> None:
        self._parts = parts
        gauge = parts.metrics.gauge
        self._used = gauge("edge_buffer_bytes", "Bytes in use in the buffer.")
        self._records = gauge("edge_buffer_records", "Records in the buffer.")
        self._unacked = gauge(
            "edge_buffer_unacked_records", "Records the server has not confirmed."
        )
        self._oldest = gauge("edge_buffer_oldest_seconds", "Age of the oldest unconfirmed record.")
        self._waiting = gauge("edge_samples_waiting", "Samples not yet on disk.")
        self._clock_off = gauge(
            "edge_clock_off_seconds", "The computer's clock minus the agent's time."
        )

    async def run(self) -> None:
        """Look once a second, for ever."""
        watchdog_s = platform.watchdog_interval_s()
        last_watchdog_s = 0.0
        while True:
            await self._look_at_clocks()
            await asyncio.sleep(_WATCH_EVERY_S)
            await self._measure()
            if watchdog_s is not None and time.monotonic() - last_watchdog_s >= watchdog_s:
                last_watchdog_s = time.monotonic()
                platform.notify_watchdog()

    async def _look_at_clocks(self) -> None:
        clock = self._parts.clock
        change = clock.look()
        if change is not None:
            tell(change)
            self._parts.writer.event(told.event(change))
        self._clock_off.set(clock.wall_off_us / 1e6)
        if clock.save_due():
            await asyncio.to_thread(clock.save)

    async def _measure(self) -> None:
        with contextlib.suppress(BufferBlocked):
            depth = await self._parts.depth()
            self._used.set(depth.usage.used)
            self._records.set(depth.records)
            self._unacked.set(depth.unacked)
            self._oldest.set(depth.oldest_s)
        self._waiting.set(self._parts.writer.waiting)


def tell(change: Change) -> None:
    """Say in the log what was decided about the time."""
    code, params = told.message(change)
    if change.choice is Choice.AGREED:
        _log.info("the computer's clock agrees again", **params)
    else:
        _log.warning(code, **params)
