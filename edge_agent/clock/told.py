"""What is told of a decision about the time, as a message and as an event: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from edge_agent.clock.timeline import Change, Choice
from wire.records import Event

_CODES: Final[Mapping[Choice, str]] = {
    Choice.ADOPTED: "LS-4110",
    Choice.HELD: "LS-4115",
    Choice.SERVER: "LS-4116",
    Choice.AGREED: "LS-4117",
    Choice.BEHIND: "LS-4118",
}
CODES: Final = tuple(_CODES.values())


def message(change: Change) -> tuple[str, dict[str, float]]:
    """The code, and seconds: by how much the agent's time stepped, the computer's clock is off."""
    step_us, off_us = change.after_us - change.before_us, change.wall_us - change.after_us
    return _CODES[change.choice], {"step_s": _seconds(step_us), "off_s": _seconds(off_us)}


def event(change: Change) -> Event:
    """The event that travels in the stream; it has a span where the agent's time stepped."""
    code, params = message(change)
    stepped = bool(params["step_s"])
    return Event(
        at_us=change.after_us,
        kind="clock_step",
        from_us=change.before_us if stepped else None,
        to_us=change.after_us if stepped else None,
        detail={"code": code, "choice": str(change.choice), **params},
    )


def _seconds(us: int) -> float:
    return round(us / 1e6, 1)
