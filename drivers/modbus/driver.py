"""A Modbus device: asks block after block over one link and hands over columns.

Invariants: one request at a time; a reading always returns every point of its group, with a quality
that says why where there is no value; a unit that takes the link down with it costs the others one
new link, and rests; when no unit works over a link any more, the device is given up (RetryLater).
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from drivers.base import Columns
from drivers.modbus.config import AnyModbus, ModbusDevice
from drivers.modbus.decode import Bytes, lay_out, side_by_side
from drivers.modbus.health import MOST_HALVINGS, MOST_RETRIES, NAMES, Health, verdict
from drivers.modbus.link import Broken, Garbled, Link, NoAnswer, Refusal, link_of
from drivers.modbus.plan import Block, items_of, limits_of, plan
from runtime import logs
from runtime.clock import Clock
from runtime.errors import RetryLater
from wire import quality

_log = logs.get("drivers.modbus")

_STALLED_S = 0.3
"""A question takes longer than its time-out by at most that, unless this process stood still."""


class _Reading:
    """One reading of a group under way."""

    def __init__(self, group: int, rows: int, image: Bytes) -> None:
        self.group = group
        self.image = image
        self.q: NDArray[np.uint32] = np.zeros(rows, np.uint32)
        self.halvings = 0
        self.retries = 0

    def bad(self, block: Block, code: int) -> None:
        """The points of a block have no value, for this reason."""
        self.q[[item.row for item in block.items]] = code | quality.NO_VALUE


class ModbusConnection:
    """`drivers.base.Device` over Modbus: TCP, RTU on a serial port, or RTU over TCP."""

    def __init__(
        self,
        config: AnyModbus,
        clock: Clock,
        *,
        lot: Callable[[], float] = random.random,
    ) -> None:
        self._config = config
        self._clock = clock
        self._lot = lot
        self._address = config.where
        self._pause_s = config.pause_ms / 1000
        limits = limits_of(config)
        plans = [plan(items_of(config, group), limits) for group in range(len(config.groups))]
        self._health = Health(plans)
        self._layouts = [
            lay_out(group.tags, blocks) for group, blocks in zip(config.groups, plans, strict=True)
        ]
        self._points = [
            np.arange(start, start + len(group.tags), dtype=np.int32)
            for start, group in zip(config.starts, config.groups, strict=False)
        ]
        self._counts: Counter[str] = Counter()
        self._link: Link | None = None
        self._one_at_a_time = asyncio.Lock()
        self._one_reading = [asyncio.Lock() for _ in plans]
        self._given_up: RetryLater | None = None
        self._asked_at_s = 0.0
        # RTU asks again and listens for late answers within one question.
        tries = 1.5 if isinstance(config, ModbusDevice) else 8.0
        self._stalled_after_s = tries * config.timeout_ms / 1000 + _STALLED_S
        self._stalls = 0

    @property
    def counts(self) -> Mapping[str, int]:
        """requests, timeouts, refusals, wrong_answers, links, rested (blocks not asked).

        RTU also: retries, settled (asked first, as a late answer may come), strays, stale_bytes.
        """
        return self._counts

    async def __aenter__(self) -> Self:
        await self._open("LS-3110")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._lost("closed")
        if self._link is not None:
            await self._link.closed()

    def requests(self, group: int) -> Sequence[str]:
        """The requests one reading of the group takes at present, in words."""
        return [str(block) for block in self._health.groups[group].blocks]

    async def changes(self) -> AsyncIterator[Columns]:
        """Nothing: Modbus devices do not report by themselves."""
        none: tuple[Columns, ...] = ()
        for columns in none:
            yield columns

    async def decodings(self, point: int) -> Sequence[tuple[str, str]]:
        """The registers of one point decoded in every way; empty for a bit or a refused address."""
        group = int(np.searchsorted(self._config.starts, point, side="right")) - 1
        row = point - self._config.starts[group]
        if not self._config.groups[group].tags[row].place.in_registers:
            return []
        (alone,) = plan([items_of(self._config, group)[row]], limits_of(self._config))
        try:
            answer = await self._ask(alone)
        except (NoAnswer, Garbled):
            return []
        except Broken as broken:
            raise self._lost(str(broken)) from broken
        return [] if isinstance(answer, Refusal) else side_by_side(answer)

    async def read(self, group: int) -> Columns:
        """Every tag of the group once; see `drivers.base.Device.read`."""
        if self._given_up is not None:
            raise self._given_up
        layout = self._layouts[group]
        async with self._one_reading[group]:
            stalls = self._stalls
            reading = await self._read_all(group)
            if self._stalls != stalls:
                # We stood still meanwhile: what was answered before is old, and is not stamped now.
                reading = await self._read_all(group)
        values = layout.decode(reading.image, reading.q)
        return Columns(
            point=self._points[group],
            f=values.f,
            i=values.i,
            q=values.q,
            s=values.s,
            read_us=self._clock(),
        )

    async def _read_all(self, group: int) -> _Reading:
        """Ask every block of the group once."""
        layout = self._layouts[group]
        reading = _Reading(group, layout.rows, layout.image())
        state = self._health.groups[group]
        state.restore()
        probes: list[Block] = []
        for block in list(state.blocks):
            await self._do(reading, block, probes)
        # Units that did not answer come last, and one of them at a time.
        for block in probes:
            if block.unit == probes[0].unit:
                await self._do(reading, block, None)
        return reading

    async def _do(self, reading: _Reading, block: Block, probes: list[Block] | None) -> None:
        gate, code = self._health.gate(reading.group, block, self._now_s())
        if gate == "ask" and self._health.refused_before(reading.group, block):
            reading.retries += 1
            gate = "rest" if reading.retries > MOST_RETRIES else gate
        if gate == "rest" or (gate == "probe" and probes is not None):
            self._counts["rested"] += 1
            reading.bad(block, code)
            if gate == "probe" and probes is not None:
                probes.append(block)
            return
        # A probed block starts from good again: what it had was the reason it rested.
        reading.q[[item.row for item in block.items]] = quality.GOOD
        try:
            answer = await self._ask(block)
        except (NoAnswer, Garbled, Broken) as failure:
            await self._failed(reading, block, failure)
        else:
            if isinstance(answer, Refusal):
                await self._refused(reading, block, answer.code)
            else:
                self._layouts[reading.group].put(reading.image, block, answer)
                if self._health.answered(reading.group, block):
                    _log.info("unit answers again", device=self._config.id, unit=block.unit)

    async def _failed(
        self, reading: _Reading, block: Block, failure: NoAnswer | Garbled | Broken
    ) -> None:
        match failure:
            case NoAnswer():
                self._counts["timeouts"] += 1
                await self._unit_failed(reading, block, quality.BAD_TIMEOUT, "no answer in time")
            case Garbled():
                self._counts["wrong_answers"] += 1
                reason = str(failure.args[0])
                await self._unit_failed(reading, block, quality.BAD_COMMUNICATION, reason)
            case Broken():
                reason = str(failure)
                if failure.wrong:
                    self._counts["wrong_answers"] += 1
                    _log.warning(
                        "LS-3114", device=self._config.id, address=self._address, reason=reason
                    )
                await self._unit_failed(
                    reading, block, quality.BAD_COMMUNICATION, reason, silent=False
                )
                if self._health.all_failing():
                    raise self._lost(reason) from failure
        if self._health.all_silent():
            raise self._lost("no unit answers") from failure

    async def _refused(self, reading: _Reading, block: Block, code: int) -> None:
        self._counts["refusals"] += 1
        name = NAMES.get(code, f"exception {code}")
        now_s, lot = self._now_s(), self._lot()
        match verdict(code, alone=len(block.items) == 1):
            case "unit":
                bad = quality.BAD_NO_COMMUNICATION
                await self._unit_failed(reading, block, bad, name, silent=False)
            case "block":
                bad = quality.BAD_DEVICE_FAILURE
                reading.bad(block, bad)
                if self._health.block_failed(reading.group, block, bad, now_s=now_s, lot=lot):
                    self._warn_refused(reading.group, block, name)
            case "refused":
                reading.bad(block, quality.BAD_CONFIGURATION)
                if self._health.refused(reading.group, block, now_s=now_s, lot=lot):
                    self._warn_refused(reading.group, block, name)
            case "halve":
                reading.halvings += 1
                halves = self._health.groups[reading.group].halve(block)
                for half in halves:
                    if reading.halvings > MOST_HALVINGS:
                        reading.bad(half, quality.BAD_WAITING)
                    else:
                        await self._do(reading, half, None)

    async def _unit_failed(
        self, reading: _Reading, block: Block, code: int, reason: str, *, silent: bool = True
    ) -> None:
        reading.bad(block, code)
        now_s, lot = self._now_s(), self._lot()
        if self._health.unit_failed(block.unit, code, now_s=now_s, lot=lot, silent=silent):
            _log.warning(
                "LS-3112",
                device=self._config.id,
                address=self._address,
                unit=block.unit,
                reason=reason,
            )

    def _warn_refused(self, group: int, block: Block, reason: str) -> None:
        first = block.items[0]
        _log.warning(
            "LS-3113",
            device=self._config.id,
            address=self._address,
            unit=block.unit,
            place=f"{block.table}:{first.address}",
            tag=self._config.groups[group].tags[first.row].path,
            reason=reason,
        )

    async def _ask(self, block: Block) -> bytes | Refusal:
        async with self._one_at_a_time:
            link = await self._working_link()
            loop = asyncio.get_running_loop()
            rest_s = self._asked_at_s + self._pause_s - loop.time()
            if self._pause_s and rest_s > 0:
                await asyncio.sleep(rest_s)
            self._counts["requests"] += 1
            began_s = loop.time()
            try:
                return await link.ask(block)
            finally:
                self._asked_at_s = loop.time()
                if self._asked_at_s - began_s > self._stalled_after_s:
                    self._stalls += 1

    async def _working_link(self) -> Link:
        """The link, a fresh one where it broke: by the unit asked before, or while nothing was."""
        if self._given_up is not None:
            raise self._given_up
        if self._link is None:
            raise self._lost("not connected")
        if self._link.broken:
            _log.info("link broke", device=self._config.id, reason=self._link.broken)
            return await self._open("LS-3111")
        return self._link

    async def _open(self, code: str) -> Link:
        if self._link is not None:
            self._link.close()
            await self._link.closed()
        self._link = link = link_of(self._config, self._counts)
        self._counts["links"] += 1
        try:
            await link.open()
        except Broken as broken:
            raise self._lost(str(broken), code) from broken
        return link

    def _lost(self, reason: str, code: str = "LS-3111") -> RetryLater:
        """The error that gives this device object up for good."""
        if self._link is not None:
            self._link.close()
        self._given_up = RetryLater(
            code, device=self._config.id, address=self._address, reason=reason
        )
        return self._given_up

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()
