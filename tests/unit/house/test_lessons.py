"""docs/lessons.md names tests that exist, so that each promise in it can be looked up."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "lessons.md"
SECURITY = ROOT / "docs" / "security.md"
NAMED = re.compile(r"`(?P<file>tests/[\w/.-]+?\.py)::(?P<name>test_\w+)`")
FOLDER = re.compile(r"`(?P<folder>tests/[\w/.-]+)`")
BARE = re.compile(r"`(?P<name>test_\w+)`")


def _rows() -> list[str]:
    return [
        line
        for line in PAGE.read_text("utf-8").splitlines()
        if line.startswith("|") and not line.startswith(("| peer", "| ---"))
    ]


def _defined(file: Path) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)\(", file.read_text("utf-8"), re.MULTILINE))


def test_every_lesson_names_a_test_that_exists() -> None:
    assert len(_rows()) >= 20
    missing = []
    for row in _rows():
        named = list(NAMED.finditer(row))
        assert named, f"names no test: {row[:120]}"
        for match in named:
            file = ROOT / match["file"]
            if not file.is_file() or match["name"] not in _defined(file):
                missing.append(match[0])
    assert missing == []


def test_what_the_security_page_names_exists() -> None:
    text = SECURITY.read_text("utf-8")
    files = [ROOT / match["folder"] for match in FOLDER.finditer(text)]
    assert files
    assert [file for file in files if not file.exists()] == []
    everything = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        everything |= _defined(file)
    names = {match["name"] for match in BARE.finditer(text)}
    assert names
    assert sorted(names - everything) == []
