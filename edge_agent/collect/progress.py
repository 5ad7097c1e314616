"""How complete what was handed in is: for each class, the time up to which nothing is missing.

A source (a group of a device, or a device's reports) says up to which moment it handed everything
in; a class is complete to the earliest of its sources. A source of a device that is down counts as
now: its bad samples say that there is nothing to come.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runtime.clock import Clock
from wire.frame import StreamClass

Source = tuple[str, int]
"""Device id and group."""


@dataclass(slots=True)
class Progress:
    """The state of all sources; `clock` gives the present."""

    clock: Clock
    _classes: dict[Source, frozenset[StreamClass]] = field(default_factory=dict)
    _reached: dict[Source, int | None] = field(default_factory=dict)
    _idle: set[Source] = field(default_factory=set)
    _down: set[str] = field(default_factory=set)

    def expect(self, source: Source, classes: frozenset[StreamClass]) -> None:
        """There is such a source, with points of these classes; nothing came from it yet."""
        self._classes[source] = classes
        self._reached[source] = None

    def forget(self, device: str) -> None:
        """The device is not collected any more: nothing waits for it."""
        for source in [one for one in self._classes if one[0] == device]:
            del self._classes[source], self._reached[source]
            self._idle.discard(source)
        self._down.discard(device)

    def asks(self, source: Source, at_us: int) -> None:
        """The source is asked; what it answers may be as old as that."""
        if source in self._idle:
            self._idle.discard(source)
            self._reached[source] = at_us

    def reached(self, source: Source, until_us: int, *, idle: bool = False) -> None:
        """Everything the source had up to then was handed in; `idle`: nothing comes until asked."""
        known = self._reached[source]
        self._reached[source] = until_us if known is None else max(known, until_us)
        if idle:
            self._idle.add(source)

    def down(self, device: str) -> None:
        """The device is not connected, and its points were handed in as such."""
        self._down.add(device)

    def up(self, device: str, since_us: int) -> None:
        """The device answers again; its sources count from `since_us` on."""
        self._down.discard(device)
        for source in self._reached:
            if source[0] == device:
                self._reached[source] = since_us
                self._idle.discard(source)

    def complete_to(self, cls: StreamClass) -> int | None:
        """Up to when the class is complete, None while a source has not said anything.

        A class without sources is complete at any time.
        """
        until_us = self.clock()
        for source, classes in self._classes.items():
            if cls not in classes or source[0] in self._down or source in self._idle:
                continue
            reached_us = self._reached[source]
            if reached_us is None:
                return None
            until_us = min(until_us, reached_us)
        return until_us
