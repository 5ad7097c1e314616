"""Whole systems on this machine, in folders whose names have spaces, that leave nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Path]:
    """Where a whole system may live; fails the test if one of its processes outlives it."""
    place = tmp_path / "a whole system"
    yield place
    left = [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline", "cwd"])
        if str(place) in " ".join(process.info["cmdline"] or [])
        or (process.info["cwd"] or "").startswith(str(place))
    ]
    assert not left, f"left running: {left}"
