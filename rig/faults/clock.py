"""A clock that jumps, for a child process: libfaketime, steered by a file while the child runs.

    clock = FakeClock(folder)
    subprocess.Popen(command, env={**os.environ, **clock.environment()})
    clock.step(-3600)                          # from now on the child's wall clock is an hour slow

The wall clock alone is faked: monotonic clocks, and what waits by them, go on as they are, as they
do when somebody sets the clock of a PC; file times stay true. Offsets are from the true time, so
that a second step replaces the first one.

libfaketime is a package of the system (Debian, Ubuntu: `libfaketime`); elsewhere
LINESIDE_LIBFAKETIME names the library. A C compiler is needed, too: `clock.c` mends how it sleeps.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rig.faults import preload

# The variant for programs with threads first: ours have some.
_NAMES: Final = ("libfaketimeMT.so.1", "libfaketime.so.1")
_FOLDERS: Final = (
    "/usr/lib/*/faketime",
    "/usr/lib/faketime",
    "/usr/lib64/faketime",
    "/usr/local/lib/faketime",
)
_SHARED: Final = Path("/dev/shm")


def find_library(
    environ: Mapping[str, str] | None = None, *, root: Path = Path("/")
) -> Path | None:
    """The library, None where it is not installed."""
    env = os.environ if environ is None else environ
    if named := env.get("LINESIDE_LIBFAKETIME"):
        return Path(named) if Path(named).is_file() else None
    for name in _NAMES:
        for folder in _FOLDERS:
            for found in sorted(root.glob(f"{folder[1:]}/{name}")):
                return found
    return None


def lacking(environ: Mapping[str, str] | None = None, *, root: Path = Path("/")) -> str:
    """Why no clock can be faked here; empty where one can."""
    env = os.environ if environ is None else environ
    if find_library(env, root=root) is not None:
        return preload.lacking()
    if named := env.get("LINESIDE_LIBFAKETIME"):
        return f"LINESIDE_LIBFAKETIME names no file: {named}"
    return "libfaketime is not installed (Debian, Ubuntu: apt install libfaketime)"


class FakeClock:
    """The wall clock of the processes started with its environment; true until the first step."""

    def __init__(self, folder: Path, *, library: Path | None = None) -> None:
        self._folder = folder
        self._control = folder / "clock-offset"
        self._library = library
        self._sleeps: Path | None = None

    def environment(self) -> dict[str, str]:
        """What a process needs in its environment; writes the control file, compiles `clock.c`.

        Raises FileNotFoundError where libfaketime or the compiler is missing.
        """
        library = self._library or find_library()
        if library is None:
            raise FileNotFoundError(lacking())
        if not self._control.exists():
            self.step(0)
        if self._sleeps is None:
            self._sleeps = preload.build("clock", self._folder)
        return {
            "LD_PRELOAD": f"{self._sleeps}:{library}",  # in this order
            "FAKETIME_TIMESTAMP_FILE": str(self._control),
            "FAKETIME_NO_CACHE": "1",  # otherwise a step is seen up to ten seconds later
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",  # children of the child count on from where it started
            "NO_FAKE_STAT": "1",
        }

    def step(self, offset_s: float) -> None:
        """Put the wall clock `offset_s` seconds ahead of the true time (negative: behind it)."""
        part = self._control.with_name(self._control.name + ".part")
        part.write_text(f"{offset_s:+.6f}\n", encoding="ascii")
        part.replace(self._control)  # never seen empty


def forget(pid: int) -> None:
    """Remove what libfaketime leaves in shared memory of a process that was killed."""
    for left in _SHARED.glob(f"*faketime*_{pid}"):
        left.unlink(missing_ok=True)
