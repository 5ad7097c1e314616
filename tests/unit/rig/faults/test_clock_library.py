"""Where libfaketime is looked for, and what is said where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.faults import preload
from rig.faults.clock import FakeClock, find_library, lacking


def library(root: Path, name: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize(
    "folder",
    ["usr/lib/aarch64-linux-gnu/faketime", "usr/lib64/faketime", "usr/local/lib/faketime"],
)
def test_it_is_found_where_systems_put_it(folder: str, tmp_path: Path) -> None:
    found = library(tmp_path, f"{folder}/libfaketime.so.1")
    assert find_library({}, root=tmp_path) == found
    assert lacking({}, root=tmp_path) == preload.lacking()
    threads = library(tmp_path, f"{folder}/libfaketimeMT.so.1")
    assert find_library({}, root=tmp_path) == threads, "the variant for threads comes first"


def test_a_machine_without_it_is_told_what_to_install(tmp_path: Path) -> None:
    assert find_library({}, root=tmp_path) is None
    assert "apt install libfaketime" in lacking({}, root=tmp_path)


def test_a_named_library_is_taken_before_all_others(tmp_path: Path) -> None:
    library(tmp_path, "usr/lib64/faketime/libfaketimeMT.so.1")
    named = library(tmp_path, "own/libfaketime.so")
    assert find_library({"LINESIDE_LIBFAKETIME": str(named)}, root=tmp_path) == named
    missing = {"LINESIDE_LIBFAKETIME": str(tmp_path / "missing")}
    assert find_library(missing, root=tmp_path) is None
    assert "LINESIDE_LIBFAKETIME" in lacking(missing, root=tmp_path)


@pytest.mark.skipif(bool(preload.lacking()), reason=preload.lacking())
def test_the_control_file_has_an_offset_from_the_first_moment_on(tmp_path: Path) -> None:
    clock = FakeClock(tmp_path, library=tmp_path / "lib.so")
    environment = clock.environment()
    control = Path(environment["FAKETIME_TIMESTAMP_FILE"])
    assert float(control.read_text()) == 0
    clock.step(-90.25)
    assert control.read_text() == "-90.250000\n"
    clock.step(7)
    assert control.read_text() == "+7.000000\n"
    assert clock.environment() == environment
    assert control.read_text() == "+7.000000\n", "a child started later has the same time"
    assert {path.name for path in tmp_path.iterdir()} == {control.name, "clock.so"}
