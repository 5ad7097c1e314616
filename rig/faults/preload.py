"""Small libraries of our own that are preloaded into a child: compiled where they are needed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final, Literal

_FOLDER: Final = Path(__file__).parent


def compiler() -> str | None:
    """The C compiler there is."""
    names = (os.environ.get("CC", ""), "cc", "gcc", "clang")
    return next((found for name in names if name and (found := shutil.which(name))), None)


def lacking() -> str:
    """Why nothing can be compiled and preloaded here; empty where it can."""
    if not Path("/proc/self/fd").is_dir():
        return "libraries are preloaded on Linux only"
    return "" if compiler() else "no C compiler (cc, gcc, clang or $CC) on PATH"


def build(name: Literal["powercut", "clock"], folder: Path) -> Path:
    """Compile a library into `folder`.

    Raises FileNotFoundError without a compiler, CalledProcessError with the compiler's words.
    """
    program = compiler()
    if program is None:
        raise FileNotFoundError(lacking())
    built = folder / f"{name}.so"
    options = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    command = [program, *options, "-o", str(built), str(_FOLDER / f"{name}.c"), "-ldl", "-lpthread"]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return built


def preloaded(library: Path) -> dict[str, str]:
    """What a child needs in its environment to load `library` before all others.

    LD_PRELOAD is parted at spaces, so it gets a bare name, which is looked for in LD_LIBRARY_PATH;
    that is parted at colons and semicolons only.
    """
    searched = [str(library.parent), os.environ.get("LD_LIBRARY_PATH", "")]
    return {"LD_PRELOAD": library.name, "LD_LIBRARY_PATH": ":".join(filter(None, searched))}
