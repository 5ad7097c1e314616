"""The agent's own time, and when it follows the clock of the computer or the server: pure.

Event times must not move because somebody sets the computer's clock. So the agent's time goes on by
a clock that nobody sets (the time elapsed since the computer started), and there are three
witnesses of what time it is: this time, the computer's clock, and the server's. Two of three win:

- The computer's clock differs by no more than a second: it is followed, forwards at once and
  backwards by going a tenth slower, so that time synchronisation keeps its work.
- It was set (it differs by more): before the server has been heard since the computer's start, the
  computer's clock counts: that is how synchronisation sets it then. Afterwards the agent's time
  goes on (`held`), unless the server's time says that the computer's clock is the nearer one.
- When the server is heard for the first time since the computer's start, and neither is within five
  minutes of its time, the server's counts (`server`): the computer's battery is dead, and nobody
  synchronises it. Later on, a server that is as far from both has been set itself.
- The computer's clock comes back to the agent's time: it is followed again.

Known from before: the agent's time within the same start of the computer, over restarts of the
agent; and a moment that the server has confirmed, before which no later time can lie.

All times are microseconds: of days (`wall_us`, `server_us`, `at_us`) since the Unix epoch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

SMALL_US: Final = 1_000_000
"""What the computer's clock may differ and still be followed without a question."""
FAR_US: Final = 300_000_000
"""How far a time may be from the server's and still count."""
_SERVER_SLACK_US: Final = 10_000_000
"""Taken from the server, the agent's time is late by the way of a message."""
_TIE_US: Final = 500_000
_STILL_US: Final = 2_000
_SLOWER: Final = 10


class Source(StrEnum):
    """By what the agent's time goes."""

    WALL = "computer"
    HELD = "held"
    SERVER = "server"


class Choice(StrEnum):
    """What was decided about a time that differs."""

    ADOPTED = "adopted"
    HELD = "held"
    SERVER = "server"
    AGREED = "agreed"
    BEHIND = "behind"


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A decision that people should know of."""

    choice: Choice
    before_us: int
    """The agent's time before it."""
    after_us: int
    """The agent's time after it."""
    wall_us: int
    """The computer's clock at that moment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """The agent's time as a function of the elapsed time, from `from_us` on.

    `owed_us`: by how much it has still to fall behind, which it does a tenth slower.
    """

    from_us: int
    at_us: int
    owed_us: int = 0

    def at(self, elapsed_us: int) -> int:
        """The agent's time; never less for a later moment."""
        passed_us = max(0, elapsed_us - self.from_us)
        return self.at_us + passed_us - min(self.owed_us, passed_us // _SLOWER)

    def towards(self, target_us: int, elapsed_us: int) -> Segment:
        """One that comes to the target: forwards at once, backwards by and by."""
        now_us = self.at(elapsed_us)
        off_us = target_us - now_us
        if abs(off_us) <= _STILL_US and not self.owed_us:
            return self
        return Segment(from_us=elapsed_us, at_us=max(now_us, target_us), owed_us=max(0, -off_us))


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What is kept over restarts of the agent."""

    boot: str
    """Names the start of the computer; empty: unknown, then only `sure_us` counts."""
    elapsed_us: int
    at_us: int
    """The agent's time at that elapsed time."""
    heard: bool
    """Whether the server was heard since that start of the computer."""
    source: Source = Source.WALL
    sure_us: int = 0
    """The last of the agent's times that the server confirmed, 0 for none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """The agent's time and what is known about it."""

    segment: Segment
    source: Source = Source.WALL
    heard: bool = False
    sure_us: int = 0
    """The last of its times that the server confirmed; 0 for none."""
    floor_us: int = 0
    """Time of day minus elapsed time, below which no clock can be right; 0 for none."""

    def at(self, elapsed_us: int) -> int:
        """The agent's time."""
        return self.segment.at(elapsed_us)

    def known(self, boot: str, elapsed_us: int) -> Known:
        """What to keep of it."""
        return Known(
            boot=boot,
            elapsed_us=elapsed_us,
            at_us=self.at(elapsed_us),
            heard=self.heard,
            source=self.source,
            sure_us=self.sure_us,
        )


def begin(
    known: Known | None, *, boot: str, elapsed_us: int, wall_us: int
) -> tuple[Timeline, Change | None]:
    """The agent's time at its start."""
    if known is None:
        return Timeline(segment=Segment(from_us=elapsed_us, at_us=wall_us)), None
    if known.heard and known.boot and known.boot == boot and elapsed_us >= known.elapsed_us:
        at_us = known.at_us + elapsed_us - known.elapsed_us
        # By its own time at first; the next look follows the computer's clock or holds on.
        return Timeline(
            segment=Segment(from_us=elapsed_us, at_us=at_us),
            source=known.source,
            heard=True,
            sure_us=known.sure_us,
        ), None
    at_us = max(wall_us, known.sure_us)
    timeline = Timeline(
        segment=Segment(from_us=elapsed_us, at_us=at_us),
        source=Source.WALL if at_us == wall_us else Source.HELD,
        sure_us=known.sure_us,
        floor_us=known.sure_us - elapsed_us if known.sure_us else 0,
    )
    if timeline.source is Source.WALL:
        return timeline, None
    return timeline, Change(
        choice=Choice.BEHIND, before_us=wall_us, after_us=at_us, wall_us=wall_us
    )


def look(
    timeline: Timeline, *, elapsed_us: int, wall_us: int, server_us: int | None
) -> tuple[Timeline, Change | None]:
    """The timeline from now on, and what was decided if that is news.

    `server_us`: the server's time now, as estimated from what it said of late; None: it is silent.
    """
    now_us = timeline.at(elapsed_us)
    first = server_us is not None and not timeline.heard
    heard = timeline.heard or server_us is not None
    found = replace(timeline, heard=heard)
    slack_us = _SERVER_SLACK_US if timeline.source is Source.SERVER else SMALL_US
    agrees = abs(wall_us - now_us) <= slack_us
    if first and server_us is not None and _is_far(server_us, now_us, wall_us):
        found, choice = _set(found, server_us, elapsed_us, Source.SERVER), Choice.SERVER
    elif agrees:
        found, choice = _follow(found, wall_us, elapsed_us), Choice.AGREED
    elif server_us is None:
        counts = not timeline.heard and wall_us - elapsed_us >= timeline.floor_us
        found, choice = _taken(found, wall_us, elapsed_us) if counts else _held(found)
    elif timeline.source is Source.SERVER and _is_far(server_us, now_us, wall_us):
        # It has been set right, perhaps: there is no other witness.
        found, choice = _set(found, server_us, elapsed_us, Source.SERVER), Choice.SERVER
    elif _is_far(server_us, now_us, wall_us):
        found, choice = _held(found)
    elif abs(server_us - wall_us) <= abs(server_us - now_us) + _TIE_US:
        found, choice = _taken(found, wall_us, elapsed_us)
    else:
        if timeline.source is Source.SERVER and abs(server_us - now_us) > _SERVER_SLACK_US:
            found = replace(found, segment=found.segment.towards(server_us, elapsed_us))
        found, choice = _held(found)
    after_us = found.at(elapsed_us)
    if server_us is not None and abs(server_us - after_us) <= FAR_US:
        found = replace(found, sure_us=after_us, floor_us=0)
    news = choice in (Choice.ADOPTED, Choice.SERVER) or (
        (timeline.source is Source.WALL) != (found.source is Source.WALL)
    )
    if not news:
        return found, None
    return found, Change(choice=choice, before_us=now_us, after_us=after_us, wall_us=wall_us)


def _is_far(server_us: int, now_us: int, wall_us: int) -> bool:
    return min(abs(server_us - now_us), abs(server_us - wall_us)) > FAR_US


def _set(timeline: Timeline, at_us: int, elapsed_us: int, source: Source) -> Timeline:
    return replace(timeline, segment=Segment(from_us=elapsed_us, at_us=at_us), source=source)


def _follow(timeline: Timeline, wall_us: int, elapsed_us: int) -> Timeline:
    segment = timeline.segment.towards(wall_us, elapsed_us)
    return replace(timeline, segment=segment, source=Source.WALL)


def _taken(timeline: Timeline, wall_us: int, elapsed_us: int) -> tuple[Timeline, Choice]:
    return _set(timeline, wall_us, elapsed_us, Source.WALL), Choice.ADOPTED


def _held(timeline: Timeline) -> tuple[Timeline, Choice]:
    source = Source.HELD if timeline.source is Source.WALL else timeline.source
    return replace(timeline, source=source), Choice.HELD
