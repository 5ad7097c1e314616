"""Events that wait for the disk: bounded, and what is given up of them is told in their place.

Invariants:
- at most `most` wait, beside the last state of each device; the oldest go first;
- the last thing said of a device is never given up: an outage that lasts is still told, and one
  that ended still ends;
- what was given up stands in one event before all that are kept: how many, and in what time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wire.records import Event

_MOST = 10_000
_OF_DEVICES = ("device_up", "device_down")


@dataclass(slots=True)
class EventLine:
    """The events that wait, oldest first, and what is known of those that did not fit."""

    most: int = _MOST
    kept: list[Event] = field(default_factory=list)
    given_up: int = 0
    _from_us: int = 0
    _to_us: int = 0
    _devices: dict[str, Event] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.kept or self.given_up or self._devices)

    @property
    def waiting(self) -> int:
        """Events that wait themselves; what was given up is not among them."""
        return len(self.kept) + len(self._devices)

    def add(self, event: Event) -> int:
        """Put an event at the end; how many had to be given up for it."""
        self.kept.append(event)
        return self._trim()

    def join(self, later: EventLine) -> int:
        """Put those that came `later` behind these; how many had to be given up."""
        self.kept += later.kept
        # Where some that came later did not fit, more than enough wait: all of these go before.
        before = self._trim()
        for event in later._devices.values():
            before += self._give_up(event)
        if later.given_up:
            self._lose(later.given_up, later._from_us, later._to_us)
        return before

    def told(self) -> list[Event]:
        """What is to be written down, in order."""
        states = list(self._devices.values())
        if not self.given_up:
            return [*states, *self.kept]
        loss = Event(
            at_us=self._to_us,
            kind="not_collected",
            from_us=self._from_us,
            to_us=self._to_us,
            cause="not_collected",
            detail={"reason": "disk", "events": self.given_up},
        )
        return [loss, *states, *self.kept]

    def _trim(self) -> int:
        excess = max(0, len(self.kept) - self.most)
        count = sum(self._give_up(event) for event in self.kept[:excess])
        del self.kept[:excess]
        return count

    def _give_up(self, event: Event) -> int:
        """Keep of it what must be known: the state of a device, else its time."""
        from_us, to_us = _span(event)
        if event.kind in _OF_DEVICES and event.device is not None:
            before = self._devices.pop(event.device, None)
            self._devices[event.device] = event
            if before is None:
                return 0
            # From what is not told any more to what is: meanwhile anything may have been.
            from_us = min(from_us, _span(before)[0])
        self._lose(1, from_us, to_us)
        return 1

    def _lose(self, count: int, from_us: int, to_us: int) -> None:
        self._from_us = min(self._from_us, from_us) if self.given_up else from_us
        self._to_us = max(self._to_us, to_us) if self.given_up else to_us
        self.given_up += count


def _span(event: Event) -> tuple[int, int]:
    """The time an event speaks of."""
    times = [one for one in (event.at_us, event.from_us, event.to_us) if one is not None]
    return min(times), max(times)
