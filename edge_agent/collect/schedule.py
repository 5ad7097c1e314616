"""When to poll, pure: a fixed grid without drift, and what is told of the ticks that were missed.

Times are microseconds; of a monotonic clock for ticks, of the wall clock for spans.
"""

from __future__ import annotations

from dataclasses import dataclass


def next_tick(now_us: int, every_us: int, start_us: int = 0) -> int:
    """The first moment of the grid `start + k * every` after `now`."""
    return start_us + ((now_us - start_us) // every_us + 1) * every_us


def missed(due_us: int, now_us: int, every_us: int) -> int:
    """How many ticks after the one that was due at `due_us` have passed unused by `now`."""
    return max(0, (now_us - due_us) // every_us)


@dataclass(frozen=True, kw_only=True, slots=True)
class Missed:
    """Polls that did not happen: the first was due at `from_us`, the next one came at `to_us`."""

    from_us: int
    to_us: int
    polls: int
    reason: str


@dataclass(slots=True)
class MissedPolls:
    """Joins polls missed shortly after each other, so that a slow device is told of at times.

    What has grown to `at_once_us` is told as soon as polls come again: held back in memory, it
    would be gone with an agent that is killed.
    """

    join_us: int
    longest_us: int
    at_once_us: int
    _open: Missed | None = None

    def add(self, one: Missed) -> Missed | None:
        """Take note of missed polls; what is finished by that, to be told."""
        held = self._open
        if held is not None and self._belongs(held, one):
            self._open = Missed(
                from_us=held.from_us,
                to_us=one.to_us,
                polls=held.polls + one.polls,
                reason=one.reason,
            )
            return None
        self._open = one
        return held

    def due(self, now_us: int) -> Missed | None:
        """What has been finished for long enough, to be told."""
        held = self._open
        if held is None:
            return None
        long = held.to_us - held.from_us >= self.at_once_us
        if long or not held.to_us <= now_us < held.to_us + self.join_us:
            self._open = None
            return held
        return None

    def _belongs(self, held: Missed, one: Missed) -> bool:
        return (
            0 <= one.from_us - held.to_us < self.join_us
            and one.to_us - held.from_us < self.longest_us
        )
