"""A reader of barcodes or RFID tags: hands over what its lines say, each an event; asks nothing.

Invariants: lines are handed over in the order in which they arrived, with the time of arrival; at
most `MOST_WAITING` wait, beyond that TCP readers are made to wait and a serial port's oldest are
given up, counted, and the next flagged OVERFLOW; what arrived before a loss is handed over first.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

import numpy as np

from drivers.base import Columns, Typed
from drivers.scanner.config import ScannerDevice
from drivers.scanner.decode import Patterns, Repeats, Texts
from drivers.scanner.readers import Reader, Readers
from runtime import logs
from runtime.clock import Clock
from runtime.errors import RetryLater
from wire import quality

MOST_WAITING: Final = 10_000
_LOOK_S: Final = 0.25
"""How often silence is looked at."""

_log = logs.get("drivers.scanner")


class ScannerConnection:
    """`drivers.base.Device` over lines of text."""

    def __init__(self, config: ScannerDevice, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._texts = Texts(
            encoding=config.encoding,
            prefix=config.prefix,
            suffix=config.suffix,
            dropped=self._counts,
        )
        self._repeats = Repeats(config.repeat_ms * 1000)
        self._patterns = Patterns(config.groups, config.starts)
        self._waiting: deque[tuple[int, list[tuple[int, str]]]] = deque()
        self._values = 0
        self._news = asyncio.Event()
        self._missing = False
        self._heard_s = 0.0
        self._told: set[str] = set()
        self._readers = Readers(
            config, dropped=self._counts, received=self._take, changed=self._news.set
        )

    @property
    def counts(self) -> Mapping[str, int]:
        """lines, heartbeats, repeats, unmatched, given_up, turned_away (readers).

        Lines dropped: too_long, incomplete, malformed, undecodable.
        """
        return self._counts

    async def __aenter__(self) -> Self:
        try:
            await self._readers.open()
        except OSError as error:
            await self._readers.close()
            reason = str(error) or "no connection in time"
            raise self._error("LS-3310", reason=reason) from error
        except BaseException:
            await self._readers.close()
            raise
        self._heard_s = self._now_s()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        await self._readers.close()

    @property
    def port(self) -> int:
        """The TCP port that readers call; 0 where we call them."""
        return self._readers.port

    def requests(self, group: int) -> Sequence[str]:
        """Nothing is asked; what is listened to, in words."""
        pattern = self._config.groups[group].pattern
        what = "every line" if pattern is None else f"lines like {pattern}"
        return [f"{what} from {self._config.where}"]

    def typed(self, text: str) -> Typed:
        """A text that was typed, treated as a line; see `drivers.base.TakesTyping`."""
        self._counts["lines"] += 1
        read_us = self._clock()
        try:
            line = text.encode(self._config.encoding)
        except UnicodeEncodeError:
            self._counts["undecodable"] += 1
            return Typed(reason="undecodable")
        if len(line) > self._config.longest:
            self._counts["too_long"] += 1
            return Typed(reason="too_long")
        malformed = self._counts["malformed"]
        texts = self._texts.of([line])
        if not texts:
            fits = self._counts["malformed"] == malformed
            return Typed(reason="undecodable" if fits else "malformed")
        if not self._repeats.fresh(texts, read_us):
            self._counts["repeats"] += 1
            return Typed(reason="repeats")
        values = self._patterns.values(texts[0])
        if not values:
            self._counts["unmatched"] += 1
            return Typed(reason="unmatched")
        return Typed(reason="values", columns=self._columns(values, read_us, quality.GOOD))

    async def read(self, group: int) -> Columns:
        """Nothing can be asked: every point without a value, waiting for its first reading."""
        points = range(self._config.starts[group], self._config.starts[group + 1])
        bad = quality.BAD_WAITING | quality.NO_VALUE
        return self._columns([(point, "") for point in points], self._clock(), bad)

    async def changes(self) -> AsyncIterator[Columns]:
        """What is read; see `drivers.base.Device.changes`."""
        while True:
            while self._waiting:
                read_us, values = self._waiting.popleft()
                self._values -= len(values)
                if self._values < MOST_WAITING // 2:
                    self._readers.go_on()
                flag = quality.OVERFLOW if self._missing else quality.GOOD
                self._missing = False
                yield self._columns(values, read_us, flag)
            self._news.clear()
            self._check()
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _check(self) -> None:
        """Raise if nothing more can come, or something should have come."""
        lost = self._readers.lost
        if lost:
            raise self._error("LS-3311", reason=lost)
        heartbeat = self._config.heartbeat
        silent_s = self._now_s() - self._heard_s
        if heartbeat is not None and silent_s > heartbeat.within_s:
            raise self._error("LS-3312", silent_s=round(silent_s, 1))

    def _take(self, reader: Reader, data: bytes) -> None:
        """Bytes of a reader arrived."""
        now_s, read_us = self._now_s(), self._clock()
        pause_s = self._config.pause_ms / 1000
        if now_s - reader.heard_s > pause_s:
            reader.splitter.forget()
        reader.heard_s = now_s
        lines = reader.splitter.feed(data)
        texts = self._without_heartbeats(self._texts.of(lines))
        if lines:
            # Garbage shows that something is there, but not that the reader works.
            self._heard_s = now_s
        self._counts["lines"] += len(lines)
        fresh = self._repeats.fresh(texts, read_us)
        self._counts["repeats"] += len(texts) - len(fresh)
        found = [self._patterns.values(text) for text in fresh]
        unmatched = [text for text, values in zip(fresh, found, strict=True) if not values]
        self._counts["unmatched"] += len(unmatched)
        if unmatched:
            self._tell("LS-3315", text=unmatched[0][:80])
        self._tell_dropped()
        self._put(read_us, [value for values in found for value in values])

    def _without_heartbeats(self, texts: list[str]) -> list[str]:
        heartbeat = self._config.heartbeat
        if heartbeat is None or heartbeat.text is None:
            return texts
        kept = [text for text in texts if text != heartbeat.text]
        self._counts["heartbeats"] += len(texts) - len(kept)
        return kept

    def _put(self, read_us: int, values: list[tuple[int, str]]) -> None:
        if not values:
            return
        self._waiting.append((read_us, values))
        self._values += len(values)
        if self._values > MOST_WAITING:
            self._readers.hold()
        while self._values > MOST_WAITING and len(self._waiting) > 1 and self._config.serial:
            _, oldest = self._waiting.popleft()
            self._values -= len(oldest)
            self._counts["given_up"] += len(oldest)
            self._missing = True
        self._news.set()

    def _columns(self, values: Sequence[tuple[int, str]], read_us: int, flags: int) -> Columns:
        count = len(values)
        texts = np.empty(count, np.object_)
        texts[:] = [text for _, text in values]
        return Columns(
            point=np.array([point for point, _ in values], np.int32),
            f=np.zeros(count, np.float64),
            i=np.zeros(count, np.int64),
            q=np.full(count, flags, np.uint32),
            s=texts,
            read_us=read_us,
        )

    def _tell_dropped(self) -> None:
        for reason in ("too_long", "incomplete", "malformed", "undecodable"):
            if self._counts[reason]:
                self._tell("LS-3314", reason=reason)

    def _tell(self, code: str, **more: object) -> None:
        """Warn of something once for each reason; it goes on to be counted."""
        key = f"{code} {more.get('reason', '')}"
        if key not in self._told:
            self._told.add(key)
            _log.warning(code, device=self._config.id, address=self._config.where, **more)

    def _error(self, code: str, **more: object) -> RetryLater:
        return RetryLater(code, device=self._config.id, address=self._config.where, **more)

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()
