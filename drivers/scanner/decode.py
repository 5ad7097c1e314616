"""From bytes to texts, and from texts to values of tags. Pure: times are arguments.

Invariants: only a line that came with its end, whole and readable, becomes a text; what is dropped
is counted by reason; what is held is bounded by the longest line and one chunk.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

from drivers.scanner.config import WHOLE, Encoding, ScannerGroup, Terminator

ENDS: Final[dict[Terminator, bytes]] = {
    "any": b"\n",
    "cr": b"\r",
    "lf": b"\n",
    "crlf": b"\r\n",
    "etx": b"\x03",
}
_MOST_REMEMBERED: Final = 1_000
"""Texts whose repetition is looked for."""

Garbage = Literal["too_long", "incomplete", "malformed", "undecodable"]


class Splitter:
    """The lines of one connection."""

    def __init__(self, terminator: Terminator, longest: int, dropped: Counter[str]) -> None:
        self._any = terminator == "any"
        self._end = ENDS[terminator]
        self._longest = longest
        self._dropped = dropped
        self._held = b""
        self._skipping = False

    @property
    def held(self) -> int:
        """Bytes of a line that has not ended yet."""
        return len(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that end in these bytes, without their ends; empty ones are left out."""
        if self._any:
            data = data.replace(b"\r", b"\n")
        *lines, held = (self._held + data).split(self._end)
        if lines and self._skipping:
            del lines[0]
            self._skipping = False
        if self._skipping or len(held) > self._longest + len(self._end) - 1:
            if not self._skipping:
                self._dropped["too_long"] += 1
            self._skipping = True
            # An end of two bytes may be cut in the middle.
            held = held[-(len(self._end) - 1) :] if len(self._end) > 1 else b""
        self._held = held
        whole = [line for line in lines if 0 < len(line) <= self._longest]
        self._dropped["too_long"] += sum(len(line) > self._longest for line in lines)
        return whole

    def forget(self) -> None:
        """Drop what is held: its rest does not come any more."""
        if self._held or self._skipping:
            self._dropped["incomplete"] += not self._skipping
            self._held, self._skipping = b"", False


class Texts:
    """Lines to texts."""

    def __init__(
        self, *, encoding: Encoding, prefix: str, suffix: str, dropped: Counter[str]
    ) -> None:
        self._encoding = encoding
        self._prefix = prefix.encode(encoding)
        self._suffix = suffix.encode(encoding)
        self._dropped = dropped

    def of(self, lines: Sequence[bytes]) -> list[str]:
        """The texts of lines; those without the prefix or suffix, or unreadable, are dropped."""
        texts = []
        for line in lines:
            if len(line) < len(self._prefix) + len(self._suffix) or not (
                line.startswith(self._prefix) and line.endswith(self._suffix)
            ):
                self._dropped["malformed"] += 1
                continue
            try:
                text = line[len(self._prefix) : len(line) - len(self._suffix)].decode(
                    self._encoding
                )
            except UnicodeDecodeError:
                self._dropped["undecodable"] += 1
                continue
            if "\0" in text:
                # No reader sends it, and no database takes it.
                self._dropped["undecodable"] += 1
            elif text:
                texts.append(text)
        return texts


class Repeats:
    """Which readings are the same one again."""

    def __init__(self, window_us: int) -> None:
        self._window_us = window_us
        self._last_us: dict[str, int] = {}

    def fresh(self, texts: Sequence[str], now_us: int) -> list[str]:
        """The texts that are not a repetition; each repetition prolongs the window."""
        if not self._window_us:
            return list(texts)
        kept = []
        for text in texts:
            before_us = self._last_us.pop(text, None)
            # Also after the clock was set back.
            if before_us is None or not 0 <= now_us - before_us < self._window_us:
                kept.append(text)
            self._last_us[text] = now_us
            if len(self._last_us) > _MOST_REMEMBERED:
                del self._last_us[next(iter(self._last_us))]
        return kept


class Patterns:
    """Which points a text is a value of."""

    def __init__(self, groups: Sequence[ScannerGroup], starts: Sequence[int]) -> None:
        self._groups = [
            (
                None if group.pattern is None else re.compile(group.pattern),
                [(start + row, tag.address) for row, tag in enumerate(group.tags)],
            )
            for group, start in zip(groups, starts, strict=False)
        ]

    def values(self, text: str) -> list[tuple[int, str]]:
        """(point, value) of a text; empty where it matches no pattern.

        A group of the pattern that took no part, or nothing, gives no value.
        """
        found = []
        for pattern, tags in self._groups:
            match = None if pattern is None else pattern.fullmatch(text)
            if pattern is not None and match is None:
                continue
            for point, address in tags:
                value = text if match is None or address == WHOLE else match[address]
                if value:
                    found.append((point, value))
        return found
