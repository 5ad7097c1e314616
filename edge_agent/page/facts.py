"""The present state of the agent as plain values, gathered from its parts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from drivers.base import DeviceConfig
from edge_agent.buffer.orders import DispatchedOrder
from edge_agent.buffer.rows import Usage
from edge_agent.buffer.store import BufferBlocked, Store
from edge_agent.buffer.writer import Writer
from edge_agent.clock.house import HouseClock
from edge_agent.collect.device import Collector
from edge_agent.collect.typed import TypedTexts
from edge_agent.config import EdgeConfig
from edge_agent.publish.session import Session
from edge_agent.publish.window import Window
from runtime import messages
from runtime.clock import to_datetime
from runtime.errors import LinesideError
from runtime.messages import Language
from runtime.metrics import Metrics
from wire import quality

MOST_VALUES: Final = 2_000
_SEVERITY: Final = {0: "good", 1: "uncertain", 2: "bad", 3: "bad"}
_RATE_OVER_S: Final = 2.0
ANSWER_DUE_US: Final = 30_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Depth:
    """What the buffer holds."""

    usage: Usage
    records: int
    unacked: int
    """Numbers of records the server has not confirmed."""
    oldest_s: float
    """Age of the oldest of them, seconds; 0 where there is none."""


@dataclass(kw_only=True, slots=True)
class _Rates:
    at_s: float = 0.0
    totals: dict[str, float] = field(default_factory=dict)
    a_second: dict[str, float] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class Facts:
    """The agent's parts, and what can be said of them."""

    config: EdgeConfig
    agent: str
    store: Store
    writer: Writer
    window: Window
    session: Session
    collectors: Sequence[Collector]
    metrics: Metrics
    clock: HouseClock
    started_us: int
    typed: TypedTexts
    configuration: Callable[[], dict[str, Any]] = dict
    """Which configuration runs."""
    _rates: _Rates = field(default_factory=_Rates)

    def typed_devices(self) -> list[DeviceConfig]:
        """The devices whose values are typed into the page."""
        return [one.config for one in self.collectors if one.config.is_typed]

    async def depth(self) -> Depth:
        """How full the buffer is. Raises BufferBlocked."""
        streams = list(self.store.streams.values())
        ages = []
        for state in streams:
            if state.acked < state.last_seq:
                oldest = await self.store.oldest_unacked(state.place)
                if oldest is not None:
                    ages.append((self.clock() - oldest[1]) / 1e6)
                    break  # they are in the order of the chain: no later one is older
        return Depth(
            usage=await self.store.usage(),
            records=sum(state.records for state in streams),
            unacked=sum(state.last_seq - state.acked for state in streams),
            oldest_s=max(0.0, *ages, 0.0),
        )

    async def status(self, lang: Language | None = None) -> dict[str, Any]:
        """Everything as JSON values; times as ISO 8601 in UTC, errors worded in `lang`."""
        config, session = self.config, self.session
        offset_us = self.clock.offset_us
        return {
            "plant": config.plant,
            "edge": config.edge,
            "name": config.name,
            "agent": self.agent,
            "epoch": str(self.store.epoch),
            "at": _iso(self.clock()),
            "started_at": _iso(self.started_us),
            "clock": {
                "source": str(self.clock.source),
                "computer_off_s": round(self.clock.wall_off_us / 1e6, 1),
                "server_off_s": None if offset_us is None else round(offset_us / 1e6, 1),
            },
            "configuration": self.configuration(),
            "broker": {
                "address": str(config.broker.address()),
                "connected": session.connected,
                "since": _iso(session.since_us),
                "error": _worded(session.error, lang),
                "answered_at": _iso(session.heard_us),
                "clock_offset_ms": None if offset_us is None else offset_us / 1000,
                "under_way": self.window.under_way,
                "rate_cap_kbit_s": self._rate_cap(),
            },
            "server": self._server(buffer := await self._buffer()),
            "buffer": buffer,
            "rates": self.rates(),
            "devices": [self._device(one, lang) for one in self.collectors],
            "orders": [_order(one) for one in await self._orders()],
        }

    def _server(self, buffer: Mapping[str, Any]) -> dict[str, Any]:
        """Since when the server is away, as a moment and in the words of a clock on the wall."""
        since_us = away_since(
            connected=self.session.connected,
            since_us=self.session.since_us or self.started_us,
            heard_us=self.session.heard_us,
            unacked=buffer.get("unacked_records", 0),
            now_us=self.clock(),
        )
        if since_us is None:
            return {"away_since": None, "away_since_local": None}
        local = to_datetime(since_us).astimezone(self.config.zone)
        return {"away_since": _iso(since_us), "away_since_local": f"{local:%Y-%m-%d %H:%M}"}

    async def _orders(self) -> list[DispatchedOrder]:
        try:
            return await self.store.dispatched_orders()
        except BufferBlocked:
            return []

    def _rate_cap(self) -> float | None:
        rate = self.session.outlet.rate
        return None if rate is None else round(rate / 125, 1)

    async def _buffer(self) -> dict[str, Any]:
        writer = self.writer
        found: dict[str, Any] = {
            "file": str(self.store.path),
            "max_bytes": self.config.buffer.max_bytes,
            "waiting_samples": writer.waiting,
            "blocked_since": _iso(writer.blocked_since_us or 0),
        }
        try:
            depth = await self.depth()
        except BufferBlocked:
            return found
        return found | {
            "bytes": depth.usage.used,
            "file_bytes": depth.usage.file,
            "disk_free_bytes": depth.usage.free,
            "records": depth.records,
            "unacked_records": depth.unacked,
            "oldest_unacked_s": round(depth.oldest_s, 1),
        }

    def rates(self) -> dict[str, float]:
        """Samples and records a second since about two seconds ago."""
        totals: dict[str, float] = {}
        for family in self.metrics.registry.collect():
            for sample in family.samples:
                if sample.name in _RATES:
                    totals[_RATES[sample.name]] = totals.get(_RATES[sample.name], 0) + sample.value
        now_s, known = time.monotonic(), self._rates
        if now_s - known.at_s >= _RATE_OVER_S:
            passed_s = now_s - known.at_s if known.totals else 0.0
            if passed_s:
                known.a_second = {
                    name: round((value - known.totals.get(name, 0)) / passed_s, 1)
                    for name, value in totals.items()
                }
            known.at_s, known.totals = now_s, totals
        return known.a_second

    def _device(self, collector: Collector, lang: Language | None) -> dict[str, Any]:
        return {
            "id": collector.config.id,
            "name": collector.config.name,
            "driver": collector.config.driver,
            "typed": collector.config.is_typed,
            "state": collector.state,
            "since": _iso(collector.since_us),
            "error": _worded(collector.error, lang),
            "points": len(collector.shaper.points),
            "bad_points": int(np.count_nonzero(collector.shaper.q >> np.uint32(31))),
            "counts": collector.counts,
        }

    def values(self) -> list[dict[str, Any]]:
        """The value last reported of each tag, at most `MOST_VALUES`."""
        found: list[dict[str, Any]] = []
        for collector in self.collectors:
            held = collector.shaper
            for point, tag in enumerate(collector.config.points[: MOST_VALUES - len(found)]):
                code = int(held.q[point])
                column = (held.f, held.i, held.s)[int(held.points.sent[point])]
                value: Any = column[point] or held.s[point] or column[point]
                if isinstance(value, np.generic):
                    value = value.item()
                found.append(
                    {
                        "path": tag.path,
                        "value": None if code & quality.NO_VALUE else value,
                        "unit": tag.unit,
                        "quality": _SEVERITY[code >> 30],
                        "status": f"{code:#010x}",
                        "at": _iso(int(held.ts[point])),
                    }
                )
        return found


def away_since(
    *, connected: bool, since_us: int, heard_us: int, unacked: int, now_us: int
) -> int | None:
    """Since when the server has not answered, None while it does.

    Without a broker it is away since it was last heard of, or since then. With one, it is once it
    owes an answer for `ANSWER_DUE_US`.
    """
    last_us = heard_us or since_us
    if not connected:
        return min(last_us, since_us)
    owing = unacked > 0 and now_us - max(last_us, since_us) > ANSWER_DUE_US
    return last_us if owing else None


_RATES: Final = {
    "edge_samples_collected_total": "collected",
    "edge_samples_committed_total": "committed",
    "edge_records_sent_total": "records_sent",
    "edge_records_acked_total": "records_acked",
    "edge_bytes_sent_total": "bytes_sent",
}


def _order(order: DispatchedOrder) -> dict[str, Any]:
    return {
        "order": order.order,
        "equipment": order.equipment,
        "product": order.product,
        "quantity": order.quantity,
        "due": _iso(order.due_us or 0),
        "rank": order.rank,
        "note": order.note,
    }


def _iso(at_us: int) -> str | None:
    return to_datetime(at_us).isoformat(timespec="milliseconds") if at_us else None


def _worded(error: LinesideError | None, lang: Language | None) -> str | None:
    if error is None:
        return None
    return f"{error.code} {messages.text(error.code, lang=lang, **error.params)}"
