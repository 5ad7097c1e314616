"""Once a second: the gauges of the buffer, systemd's watchdog, and whether the clock was set."""

from __future__ import annotations

import asyncio
import contextlib
import time

from edge_agent.buffer.store import BufferBlocked
from edge_agent.buffer.writer import Writer
from edge_agent.page.facts import Facts
from runtime import logs, platform
from wire.records import Event

_log = logs.get("edge")

_CLOCK_STEP_US = 2_000_000
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

    async def run(self) -> None:
        """Look once a second, for ever."""
        clock = self._parts.clock
        watchdog_s = platform.watchdog_interval_s()
        last_watchdog_s = 0.0
        wall_us, steady_us = clock(), time.monotonic_ns() // 1000
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            await self._measure()
            if watchdog_s is not None and time.monotonic() - last_watchdog_s >= watchdog_s:
                last_watchdog_s = time.monotonic()
                platform.notify_watchdog()
            passed_us = time.monotonic_ns() // 1000 - steady_us
            step_us = clock() - wall_us - passed_us
            if abs(step_us) > _CLOCK_STEP_US:
                _tell_clock_step(self._parts.writer, wall_us + passed_us, step_us)
            wall_us, steady_us = clock(), time.monotonic_ns() // 1000

    async def _measure(self) -> None:
        with contextlib.suppress(BufferBlocked):
            depth = await self._parts.depth()
            self._used.set(depth.usage.used)
            self._records.set(depth.records)
            self._unacked.set(depth.unacked)
            self._oldest.set(depth.oldest_s)
        self._waiting.set(self._parts.writer.waiting)


def _tell_clock_step(writer: Writer, expected_us: int, step_us: int) -> None:
    at_us = expected_us + step_us
    _log.warning("LS-4110", step_s=round(step_us / 1e6, 1))
    writer.event(
        Event(
            at_us=at_us,
            kind="clock_step",
            from_us=expected_us,
            to_us=at_us,
            detail={"step_s": step_us / 1e6},
        )
    )
