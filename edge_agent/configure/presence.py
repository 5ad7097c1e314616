"""A note in data_dir that says which agent runs there, for people and for the tools beside it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.clock import to_datetime
from runtime.platform import process_is_alive

FILE: Final = "agent.json"


class Presence(BaseModel):
    """The agent that wrote the note; it may have died since."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    pid: int = Field(description="Process id.")
    agent: str = Field(description="Release.")
    started_at: str = Field(description="ISO 8601, UTC.")
    file: str = Field(description="Its configuration file; empty if it has none.")

    @property
    def alive(self) -> bool:
        """Whether that process runs, as far as can be seen from here (not into containers)."""
        return process_is_alive(self.pid)


def note(folder: Path, *, agent: str, at_us: int, file: str) -> None:
    """Leave the note. Nothing depends on it: a disk that refuses it stops nobody."""
    started_at = to_datetime(at_us).isoformat(timespec="seconds")
    found = Presence(pid=os.getpid(), agent=agent, started_at=started_at, file=file)
    with contextlib.suppress(OSError):
        (folder / FILE).write_text(found.model_dump_json(), "utf-8")


def take_away(folder: Path) -> None:
    """Remove the note when the agent has ended in order."""
    with contextlib.suppress(OSError):
        (folder / FILE).unlink(missing_ok=True)


def read(folder: Path) -> Presence | None:
    """The note, None where there is none."""
    try:
        return Presence.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
