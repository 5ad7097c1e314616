"""The agent's clock: what `timeline` decides, over the clocks of this computer and a small file.

Invariants:
- calling it gives the agent's time, from any thread, whatever the computer's clock shows;
- it changes its mind in `look` alone, which the agent does once a second;
- what must survive a restart is in a file beside the buffer, replaced whole. A file that cannot be
  read or written costs that knowledge and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_agent.clock.server_time import ServerTime
from edge_agent.clock.timeline import (
    FAR_US,
    Change,
    Known,
    Segment,
    Source,
    Timeline,
    begin,
    look,
)
from runtime import logs, platform
from runtime.clock import Clock, now_us

_log = logs.get("edge.clock")

FILE: Final = "clock.json"
_SAVE_EVERY_US: Final = 600_000_000
_MOVED_US: Final = 100_000


class _Saved(BaseModel):
    """What stands in the file."""

    model_config = ConfigDict(extra="ignore")

    boot: str = Field(description="Names the start of the computer.")
    elapsed_us: int = Field(description="Elapsed time since then.")
    at_us: int = Field(ge=0, lt=2**53, description="The agent's time at that moment.")
    heard: bool = Field(description="Whether the server was heard since that start.")
    source: Source = Field(description="By what the agent's time goes.")
    sure_us: int = Field(ge=0, lt=2**53, description="Last time that the server confirmed.")


class HouseClock:
    """The agent's `Clock`; the computer's until `begin`."""

    def __init__(
        self,
        *,
        wall: Clock = now_us,
        elapsed: Callable[[], int] = platform.elapsed_us,
        boot: Callable[[], str] = platform.boot_id,
    ) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._boot_of = boot
        self._boot = ""
        self._timeline: Timeline | None = None
        self._server = ServerTime()
        self._file: Path | None = None
        self._kept: Known | None = None
        self.skipped_us = 0
        """By how much it was put forward so far: what it stamped before looks older than it is."""

    def __call__(self) -> int:
        """The agent's time, microseconds since the Unix epoch."""
        timeline = self._timeline
        return self._wall() if timeline is None else timeline.at(self._elapsed())

    @property
    def source(self) -> Source:
        """By what it goes."""
        return Source.WALL if self._timeline is None else self._timeline.source

    @property
    def wall_off_us(self) -> int:
        """The computer's clock minus the agent's time."""
        return self._wall() - self()

    @property
    def offset_us(self) -> int | None:
        """The server's clock minus the agent's time; None before it was heard."""
        ahead_us = self._server.ahead_us
        if ahead_us is None:
            return None
        elapsed_us = self._elapsed()
        return elapsed_us + ahead_us - self._at(elapsed_us)

    @property
    def believed_offset_us(self) -> int:
        """What of it devices' times are measured by: a server that is far off says nothing."""
        offset_us = self.offset_us
        return offset_us if offset_us is not None and abs(offset_us) <= FAR_US else 0

    def begin(self, folder: Path) -> Change | None:
        """Go on from what is kept in the folder; a second time this changes nothing. Blocking."""
        if self._timeline is not None:
            return None
        self._file = folder / FILE
        self._boot = self._boot_of()
        known = self._kept = _read(self._file)
        self._timeline, change = begin(
            known, boot=self._boot, elapsed_us=self._elapsed(), wall_us=self._wall()
        )
        return change

    def heard(self, server_us: int) -> None:
        """The server stamped a message so, just before sending it; never a retained one."""
        self._server.add(server_us, self._elapsed())

    def look(self) -> Change | None:
        """Compare the witnesses; what was decided, if that is news."""
        elapsed_us = self._elapsed()
        self._timeline, change = look(
            self._timeline or Timeline(segment=Segment(from_us=elapsed_us, at_us=self._wall())),
            elapsed_us=elapsed_us,
            wall_us=self._wall(),
            server_us=self._server.present_us(elapsed_us),
        )
        if change is not None:
            self.skipped_us += max(0, change.after_us - change.before_us)
        return change

    def save_due(self) -> bool:
        """Whether something is known that should survive a restart, and is not in the file."""
        timeline, kept = self._timeline, self._kept
        if self._file is None or timeline is None or not timeline.heard:
            return False
        if kept is None or (kept.boot, kept.heard, kept.source) != (
            self._boot, True, timeline.source,
        ):  # fmt: skip
            return True
        elapsed_us = self._elapsed()
        moved_us = timeline.at(elapsed_us) - elapsed_us - (kept.at_us - kept.elapsed_us)
        return abs(moved_us) > _MOVED_US or timeline.sure_us - kept.sure_us > _SAVE_EVERY_US

    def save(self) -> None:
        """Write it down, durable. Blocking; a disk that refuses is told of and tried again."""
        timeline, file = self._timeline, self._file
        if timeline is None or file is None:
            return
        known = timeline.known(self._boot, self._elapsed())
        try:
            platform.write_private(file, orjson.dumps(asdict(known)))
        except OSError as error:
            _log.debug("the clock's file cannot be written", file=str(file), reason=str(error))
            return
        self._kept = known

    def _at(self, elapsed_us: int) -> int:
        timeline = self._timeline
        return self._wall() if timeline is None else timeline.at(elapsed_us)


def _read(file: Path) -> Known | None:
    try:
        found = _Saved.model_validate(orjson.loads(file.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError, ValidationError) as error:
        _log.warning("LS-4120", file=str(file), reason=str(error).splitlines()[0])
        return None
    return Known(**found.model_dump())
