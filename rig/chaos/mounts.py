"""Disks of their own for edges and database, so that they can be full, or read-only.

Each is an ext4 file system in an image file of the run's folder, mounted through a loop device:
Linux and root. Where that is not possible the faults of disks are skipped, and counted as skipped.

Invariant: what is mounted is unmounted when the house is closed, whatever happened in it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from rig.chaos.plan import EDGES

_SIZES: Final = {**dict.fromkeys(EDGES, 96), "database": 1_024}
_MB: Final = 1 << 20
_UNMOUNT_LIMIT_S: Final = 20.0


def lacking() -> str:
    """Why no disk can be had here; empty where one can."""
    if os.name != "posix" or os.geteuid() != 0:
        return "mounting needs root"
    if not (shutil.which("mkfs.ext4") and shutil.which("mount")):
        return "no mkfs.ext4 or mount on PATH"
    return "" if Path("/dev/loop-control").exists() else "no loop devices"


async def attach(folder: Path, stack: AsyncExitStack) -> None:
    """Mount the disks below `folder/disks`, and put links where edges and database keep theirs.

    Raises OSError or CalledProcessError where that is not possible after all.
    """
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for part, size_mb in _SIZES.items():
        place = folder / "disks" / part
        image = folder / "disks" / f"{part}.ext4"
        place.mkdir(parents=True, exist_ok=True)
        if not image.exists():
            with image.open("wb") as file:
                file.truncate(size_mb * _MB)
            await _run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
        await _run("mount", "-o", "loop", str(image), str(place))
        stack.push_async_callback(_unmount, place)
        (place / "kept").mkdir(exist_ok=True)
        link = folder / "database" if part == "database" else folder / "data" / part
        if not link.is_symlink():
            link.symlink_to(place / "kept", target_is_directory=True)


async def remount(place: Path, how: str) -> None:
    """Mount again as `ro` or `rw`; waits for files that are still open for writing."""
    end = time.monotonic() + _UNMOUNT_LIMIT_S
    while True:
        try:
            await _run("mount", "-o", f"remount,{how}", str(place))
        except subprocess.CalledProcessError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def _unmount(place: Path) -> None:
    end = time.monotonic() + _UNMOUNT_LIMIT_S
    while True:
        try:
            await _run("umount", str(place))
        except subprocess.CalledProcessError:
            if time.monotonic() > end:
                await _run("umount", "--lazy", str(place))
                return
            await asyncio.sleep(0.2)
        else:
            return


async def _run(*command: str) -> None:
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, timeout=60)
