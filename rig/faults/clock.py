"""A clock that jumps, for a child process: a small library of ours, steered while the child runs.

    clock = FakeClock(folder)
    subprocess.Popen(command, env={**os.environ, **clock.environment()})
    clock.step(-3600)                          # from now on the child's wall clock is an hour slow

The wall clock alone is wrong: monotonic clocks, and what waits by them, go on as they are, as they
do when somebody sets the clock of a PC; file times stay true. Offsets are from the true time, so
that a second step replaces the first one. Children of the child, and children started later with
the same environment, have the same clock.

Our own because libfaketime (of Debian 12) also changes timed waits on the monotonic clock: threads
of Python then fight for the interpreter, and an agent that polls 50 times a second did so 4 times.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rig.faults import preload

_BYTES: Final = 8


def lacking() -> str:
    """Why no clock can be faked here; empty where one can."""
    return preload.lacking()


class FakeClock:
    """The wall clock of the processes started with its environment; true until the first step."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offset = folder / "clock-offset"
        self._library: Path | None = None

    def environment(self) -> Mapping[str, str]:
        """What a process needs in its environment; writes the offset's file, compiles `clock.c`.

        Raises FileNotFoundError where the compiler is missing.
        """
        if not self._offset.exists():
            self.step(0)
        if self._library is None:
            self._library = preload.build("clock", self._folder)
        return {**preload.preloaded(self._library), "LINESIDE_CLOCK_OFFSET": str(self._offset)}

    def step(self, offset_s: float) -> None:
        """Put the wall clock `offset_s` seconds ahead of the true time (negative: behind it)."""
        told = round(offset_s * 1e9).to_bytes(_BYTES, sys.byteorder, signed=True)
        # In place: the children have these very bytes before their eyes.
        with self._offset.open("r+b" if self._offset.exists() else "xb", buffering=0) as file:
            file.write(told)
