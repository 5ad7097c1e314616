"""What differs between two configurations, and what has to start again because of it: pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge_agent.config import EdgeConfig

FIXED: Final = ("plant", "edge", "data_dir")
"""What an agent is, and where it keeps what it has: only a restart changes that."""
SESSION: Final = ("broker", "publish", "time_zone")
"""A change of these ends the connection to the broker and makes another."""
HANDLED: Final = frozenset(
    {*FIXED, *SESSION, "name", "buffer", "clock", "page", "push", "templates", "devices"}
)
"""Every section that can change without a restart of the agent, and those that cannot."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fixed:
    """Something that cannot change while the agent runs."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What has to be done to come from one configuration to another."""

    added: tuple[str, ...] = ()
    """Ids of devices, as in the next three."""
    removed: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    untouched: tuple[str, ...] = ()
    session: bool = False
    """The connection to the broker is made anew."""
    buffer: bool = False
    clock: bool = False
    page: bool = False
    """The page is served anew."""
    words: bool = False
    """Only names for people, or what is read when it is needed."""

    def __bool__(self) -> bool:
        return bool(
            self.added
            or self.removed
            or self.restarted
            or self.session
            or self.buffer
            or self.clock
            or self.page
            or self.words
        )

    def as_facts(self) -> dict[str, Any]:
        """As values of JSON."""
        return {
            "added": list(self.added),
            "removed": list(self.removed),
            "restarted": list(self.restarted),
            "untouched": list(self.untouched),
            "session": self.session,
            "buffer": self.buffer,
            "clock": self.clock,
            "page": self.page,
        }


def fixed(old: EdgeConfig, new: EdgeConfig) -> list[Fixed]:
    """What of the new configuration only a restart could bring about."""
    return [
        Fixed(field=name, old=str(before), new=str(after))
        for name in FIXED
        if _plain(before := getattr(old, name)) != _plain(after := getattr(new, name))
    ]


def compare(old: EdgeConfig, new: EdgeConfig) -> Changes:
    """What has to be done; of sections this release does not know singly, the session is one."""
    before = {device.id: device for device in old.devices}
    after = {device.id: device for device in new.devices}
    both = [name for name in after if name in before]
    changed = tuple(name for name in both if not _same(before[name], after[name]))
    return Changes(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        restarted=changed,
        untouched=tuple(name for name in both if name not in changed),
        session=any(getattr(old, name) != getattr(new, name) for name in SESSION),
        buffer=old.buffer != new.buffer,
        clock=old.clock != new.clock,
        page=old.page != new.page,
        words=old.name != new.name
        or old.push != new.push
        or any(before[name].name != after[name].name for name in both),
    )


def _same(before: Any, after: Any) -> bool:
    """Whether a device is read the same way; what it is called does not matter."""
    return bool(before == after.model_copy(update={"name": before.name}))


def _plain(value: Any) -> Any:
    return value.absolute() if isinstance(value, Path) else value
