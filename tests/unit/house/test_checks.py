"""scripts/checks.py: what it counts, and that what is exported fits the lock."""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))
import checks  # noqa: E402 - scripts/ is no package


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("3 passed in 0.12s\n", {"passed": 3}),
        (
            "\x1b[32m== 3 passed\x1b[0m, 2 skipped in 65.00s (0:01:05) ==\n",
            {"passed": 3, "skipped": 2},
        ),
        ("1 failed, 2 passed, 1 error in 1.5s\n", {"passed": 2, "failed": 2}),
        ("4 passed, 1 xfailed, 1 xpassed in 1s\n", {"passed": 4, "skipped": 1, "failed": 1}),
        ("5 passed in 0.1s\nno totals after it\n", {"passed": 5}),
        ("no tests ran in 0.01s\n", {}),
        ("Traceback: 3 passed by\n", {}),
    ],
)
def test_the_closing_line_of_pytest_is_counted(output: str, expected: dict[str, int]) -> None:
    counted = checks.counted(output)
    assert {kind: counted[kind] for kind in ("passed", "failed", "skipped") if counted[kind]} == (
        expected
    )


def test_the_closing_line_has_all_three_numbers() -> None:
    assert checks.told(Counter(passed=7)) == "7 passed, 0 failed, 0 skipped"


def test_every_step_runs_and_one_failure_is_enough(capfd: pytest.CaptureFixture[str]) -> None:
    failing = checks.run("no", [sys.executable, "-c", "raise SystemExit(3)"])
    holding = checks.run("yes", [sys.executable, "-c", ""])
    assert [failing.ok, holding.ok] == [False, True]


def test_the_steps_are_the_ones_the_page_for_contributors_names() -> None:
    names = [name for name, _ in checks.steps(fast=True)]
    assert names == [
        "format",
        "lint",
        "types",
        "types on Windows",
        "import rules",
        "lock",
        "unit and integration",
    ]


def _lock() -> dict[str, Any]:
    return tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))


def test_every_package_of_the_edge_has_a_wheel_for_windows() -> None:
    names = {
        line.split("==")[0].split("[")[0]
        for line in (ROOT / "requirements" / "edge.txt").read_text("utf-8").splitlines()
        if "==" in line and "emscripten" not in line
    }
    fits = ("-any.whl", "win_amd64.whl")
    packages = [package for package in _lock()["package"] if package["name"] in names]
    assert {package["name"] for package in packages} == names
    for package in packages:
        urls = [wheel["url"] for wheel in package.get("wheels", [])]
        assert any(url.endswith(fits) for url in urls), f"{package['name']} has none"


def test_the_lock_names_the_machines_it_must_hold_for() -> None:
    markers = " ".join(_lock()["required-markers"])
    assert "win32" in markers
    assert "aarch64" in markers
