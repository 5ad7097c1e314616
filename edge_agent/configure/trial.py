"""Whether the agent is well with a configuration on trial: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runtime.messages import Phrase


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """How the agent is at one moment."""

    broker: str
    connected: bool
    broker_error: str | None
    answers: int
    """How often the server answered so far."""
    devices: Mapping[str, tuple[str, str | None]]
    """State (up, down, connecting) and error of each device by its id."""
    restarts: Mapping[str, int] = field(default_factory=dict)
    """How often each task failed so far."""

    @property
    def up(self) -> frozenset[str]:
        """The devices that answer."""
        return frozenset(name for name, (state, _) in self.devices.items() if state == "up")


def ailments(
    now: Health, *, up_before: frozenset[str], answers: int, restarts: Mapping[str, int]
) -> list[Phrase]:
    """Why the agent is not well; nothing where it is.

    Well is: the broker is connected and the server has answered since; every device that answered
    before, and is still configured, answers; no task failed since. `up_before`, `answers` and
    `restarts` are those of the moment before the change.
    """
    found = []
    if not now.connected:
        found.append(Phrase("LS-4944", {"broker": now.broker, "reason": now.broker_error or "-"}))
    elif now.answers <= answers:
        found.append(Phrase("LS-4945"))
    for name, (state, error) in now.devices.items():
        if name in up_before and state != "up":
            found.append(Phrase("LS-4946", {"device": name, "reason": error or state}))
    for task, count in now.restarts.items():
        if count > restarts.get(task, 0):
            found.append(Phrase("LS-4947", {"task": task, "count": count - restarts.get(task, 0)}))
    return found
