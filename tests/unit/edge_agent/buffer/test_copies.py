"""Copies of damaged buffers: the newest stay, the rest goes, and nothing else is touched."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import structlog

from edge_agent.buffer.copies import MOST_BYTES, Copy, aside, forget, room, too_many
from edge_agent.buffer.store import Store
from runtime import logs
from runtime.clock import now_us
from wire.ids import EdgeId


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What is logged, a JSON object a line."""
    root, stream = logging.getLogger(), StringIO()
    handlers, level = root.handlers[:], root.level
    logs.configure(json=True, level="info", stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _damaged(folder: Path, *seconds: int) -> None:
    for at_s in seconds:
        for end in ("", "-wal", "-shm"):
            (folder / f"buffer.db.damaged-{at_s}{end}").write_bytes(b"damaged")


def _names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def _copy(at_s: int, size: int) -> Copy:
    return Copy(path=Path(str(at_s)), at_s=at_s, size=size)


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [
        ([], []),
        ([1, 1, 1], [3, 2, 1]),
        ([1, 1, 1, 1, 1], [5, 4, 3]),
        ([1, 60, 40], [3, 2]),
        ([1, 60, 41], [3]),
        ([1, 1, 500], [3]),
    ],
)
def test_the_newest_copies_stay_as_long_as_they_are_small_together(
    sizes: list[int], kept: list[int]
) -> None:
    copies = [_copy(at_s, size) for at_s, size in enumerate(sizes, 1)]
    gone = too_many(reversed(copies), most=3, most_bytes=100)
    assert sorted({copy.at_s for copy in copies} - {copy.at_s for copy in gone})[::-1] == kept


async def test_opening_the_buffer_removes_old_copies_and_says_which(
    tmp_path: Path, log: StringIO
) -> None:
    _damaged(tmp_path, 9, 10, 11, 12, 100)
    for name in ("buffer.db.damaged-1.zip", "other.db.damaged-1", "edge.yaml"):
        (tmp_path / name).touch()
    edge = EdgeId(plant="p", edge="e")
    async with Store(tmp_path / "buffer.db", edge, agent="", clock=now_us):
        pass
    left = {name for name in _names(tmp_path) if ".damaged-" in name}
    copies = {f"buffer.db.damaged-{n}{end}" for n in (11, 12, 100) for end in ("", "-wal", "-shm")}
    assert left == copies | {"buffer.db.damaged-1.zip", "other.db.damaged-1"}
    assert (tmp_path / "edge.yaml").exists()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    removed = [Path(line["file"]).name for line in lines if line.get("code") == "LS-4113"]
    assert removed == ["buffer.db.damaged-10", "buffer.db.damaged-9"]


def test_a_large_copy_makes_older_ones_go(tmp_path: Path) -> None:
    _damaged(tmp_path, 1, 2)
    os.truncate(tmp_path / "buffer.db.damaged-2", MOST_BYTES)  # sparse: takes no room
    forget(tmp_path / "buffer.db")
    assert {name for name in _names(tmp_path) if "-1" in name} == set()
    assert (tmp_path / "buffer.db.damaged-2").exists()


def test_while_a_salvage_is_unfinished_no_copy_goes(tmp_path: Path) -> None:
    _damaged(tmp_path, 1, 2, 3, 4, 5)
    (tmp_path / "buffer.db.salvaged").touch()
    before = _names(tmp_path)
    forget(tmp_path / "buffer.db")
    assert _names(tmp_path) == before


def test_a_copy_that_cannot_be_removed_does_not_keep_the_agent_from_starting(
    tmp_path: Path, log: StringIO
) -> None:
    _damaged(tmp_path, 1, 2, 3, 4)
    (tmp_path / "buffer.db.damaged-1").unlink()
    (tmp_path / "buffer.db.damaged-1").mkdir()
    forget(tmp_path / "buffer.db")
    assert (tmp_path / "buffer.db.damaged-1-wal").exists(), "it stays as it is"
    assert '"LS-4114"' in log.getvalue()


@pytest.mark.parametrize(
    ("free", "may_take"),
    [(2**40, MOST_BYTES), (700, 500), (500, 300), (400, 200), (100, 0), (0, 0)],
)
def test_copies_take_no_room_that_is_to_be_left_free(free: int, may_take: int) -> None:
    copies = [_copy(1, 100), _copy(2, 200)]
    assert room(copies, free=free, min_free_bytes=500) == may_take


def test_on_a_volume_that_is_short_only_the_newest_stays(tmp_path: Path) -> None:
    _damaged(tmp_path, 1, 2, 3)
    forget(tmp_path / "buffer.db", min_free_bytes=2**62)
    assert {name.split("-")[1] for name in _names(tmp_path)} == {"3"}


@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
def test_a_copy_of_the_same_second_is_not_overwritten(tmp_path: Path, end: str) -> None:
    (tmp_path / f"buffer.db.damaged-7{end}").write_bytes(b"the first")
    (tmp_path / "buffer.db.damaged-8").write_bytes(b"the second")
    assert aside(tmp_path / "buffer.db", 7_900_000).name == "buffer.db.damaged-9"
