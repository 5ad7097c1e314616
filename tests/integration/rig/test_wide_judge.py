"""What is missing or doubled of a wide line is found, whatever else is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psycopg
import pytest

from ingest_server.store.migrate import migrate
from ingest_server.store.partitions import Partitions
from rig.chaos.wide import ANSWER, EDGE, path, values
from rig.chaos.wide_judge import WideVerdict, judge_wide
from rig.server_view import ServerView
from runtime.clock import now_us, to_datetime

pytestmark = pytest.mark.timeout(120)
POLLS, REGISTERS = 20, 3
_TAG = """
INSERT INTO lineside.tag (edge_id, path, revision, definition, dtype, class)
VALUES (%s, %s, 1, %s, 'u16', 'bulk') RETURNING tag_id
"""
_READING = """
INSERT INTO lineside.reading (ts, tag_id, num, q, batch) VALUES (%s, %s, %s, 0, 1)
"""
_GAP = """
INSERT INTO lineside.gap (edge_id, device, from_ts, to_ts, cause)
VALUES ((SELECT edge_id FROM lineside.edge WHERE edge = %s), %s, %s, %s, 'device_down')
"""

Server = psycopg.Connection[tuple[object, ...]]
Judged = Callable[[], WideVerdict]


@pytest.fixture
def began_us() -> int:
    return now_us() - POLLS * 1_000_000


@pytest.fixture
def server(dsn: str, began_us: int) -> Iterator[Server]:
    """All that was handed out, as it should be there."""
    migrate(dsn)
    partitions = Partitions(dsn)
    day = began_us // 86_400_000_000
    partitions.ensure([day, day + 1])
    partitions.close()
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(
            "INSERT INTO lineside.edge (plant, edge) VALUES ('demo', %s) RETURNING edge_id", (EDGE,)
        ).fetchone()
        assert row is not None
        for register in range(REGISTERS):
            tag = connection.execute(
                _TAG.encode(), (row[0], path(1, register), f"d{register}")
            ).fetchone()
            assert tag is not None
            for poll in range(POLLS):
                at = to_datetime(began_us + poll * 1_000_000)
                connection.execute(_READING.encode(), (at, tag[0], value(register, poll + 1)))
        yield connection


@pytest.fixture
def judged(dsn: str, server: Server, began_us: int, tmp_path: Path) -> Judged:
    file = tmp_path / "answers.bin"
    told = [(began_us + poll * 1_000_000, 1, 0, REGISTERS) for poll in range(POLLS)]
    file.write_bytes(np.array(told, ANSWER).tobytes())

    def judge() -> WideVerdict:
        with ServerView(dsn, apart=(EDGE,)) as view:
            assert view.stored() == {}
            assert view.strays() == 0
            return judge_wide(view, file, view.gaps())

    return judge


def value(register: int, reading: int) -> int:
    return int(values(np.array([reading]), register)[0])


def where(register: int) -> str:
    return f"tag_id = (SELECT tag_id FROM lineside.tag WHERE path = '{path(1, register)}')"


def test_a_line_that_is_whole_agrees(judged: Judged) -> None:
    verdict = judged()
    # The last two polls lie in the loss window.
    assert verdict == WideVerdict(handed=(POLLS - 2) * REGISTERS)


def test_a_reading_that_is_missing_is_lost_unless_a_gap_tells_of_it(
    judged: Judged, server: Server, began_us: int
) -> None:
    gone = f"DELETE FROM lineside.reading WHERE {where(1)} AND num = {value(1, 8)}"
    server.execute(gone.encode())
    verdict = judged()
    assert (verdict.lost, verdict.doubled, verdict.in_gap) == (1, 0, 0)
    assert verdict.findings == [
        f"{path(1, 1)}: 1 readings are missing, the first of {began_us + 7_000_000}"
    ]
    at = to_datetime(began_us + 7_000_000)
    server.execute(_GAP.encode(), (EDGE, "unit-2", at, at))
    assert judged().lost == 1
    server.execute(_GAP.encode(), (EDGE, "unit-1", at, at))
    verdict = judged()
    assert (verdict.lost, verdict.in_gap, verdict.findings) == (0, 1, [])


def test_a_reading_that_is_there_twice_is_doubled(judged: Judged, server: Server) -> None:
    again = (
        "INSERT INTO lineside.reading SELECT * FROM lineside.reading"
        f" WHERE {where(2)} AND num = {value(2, 5)}"
    )
    server.execute(again.encode())
    verdict = judged()
    assert (verdict.lost, verdict.doubled) == (0, 1)
    assert verdict.findings == [f"{path(1, 2)}: 1 readings are there more than once"]


def test_a_value_that_nobody_handed_out_is_found(judged: Judged, server: Server) -> None:
    wrong = (
        f"UPDATE lineside.reading SET num = {value(0, 5_000)}"
        f" WHERE {where(0)} AND num = {value(0, 3)}"
    )
    server.execute(wrong.encode())
    verdict = judged()
    assert verdict.lost == 1
    assert f"{path(1, 0)}: 1 values were never handed out" in verdict.findings


def test_a_register_of_which_nothing_came_is_lost_as_a_whole(
    judged: Judged, server: Server
) -> None:
    server.execute(f"DELETE FROM lineside.reading WHERE {where(1)}".encode())
    assert judged().lost == POLLS - 2


def test_what_the_last_polls_gave_need_not_be_there(judged: Judged, server: Server) -> None:
    last = f"DELETE FROM lineside.reading WHERE {where(1)} AND num = {value(1, POLLS)}"
    server.execute(last.encode())
    assert judged().lost == 0
