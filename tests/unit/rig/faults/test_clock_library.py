"""The file that steers a child's clock."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rig.faults import preload
from rig.faults.clock import FakeClock


@pytest.mark.skipif(bool(preload.lacking()), reason=preload.lacking())
def test_the_file_has_an_offset_from_the_first_moment_on_and_stays_the_same_file(
    tmp_path: Path,
) -> None:
    clock = FakeClock(tmp_path)
    environment = clock.environment()
    file = Path(environment["LINESIDE_CLOCK_OFFSET"])

    def offset_s() -> float:
        return int.from_bytes(file.read_bytes(), sys.byteorder, signed=True) / 1e9

    first = file.stat().st_ino
    assert offset_s() == 0
    for wanted_s in (-90.25, 7.0, -20 * 365 * 86_400.0):
        clock.step(wanted_s)
        assert offset_s() == wanted_s
    assert clock.environment() == environment
    assert offset_s() == -20 * 365 * 86_400.0, "a child started later has the same time"
    assert file.stat().st_ino == first, "the children have it before their eyes"
    assert {path.name for path in tmp_path.iterdir()} == {file.name, "clock.so"}
