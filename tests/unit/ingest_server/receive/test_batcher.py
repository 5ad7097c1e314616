"""The bounded line between broker and database."""

from __future__ import annotations

import asyncio

import pytest

from ingest_server.receive.batcher import Batcher, Limits


async def test_a_full_group_is_taken_at_once_and_keeps_order() -> None:
    line: Batcher[int] = Batcher(Limits(rows=10, linger_s=3_600))
    for item in range(5):
        await line.put(item, rows=4)
    assert await line.take() == [0, 1]
    assert await line.take() == [2, 3]
    assert len(line) == 1


async def test_groups_grow_while_more_waits_than_they_hold() -> None:
    line: Batcher[int] = Batcher(Limits(rows=10, behind=3, linger_s=3_600))
    for item in range(12):
        await line.put(item, rows=4)
    assert await line.take() == [0, 1, 2, 3, 4, 5, 6]
    assert await line.take() == [7, 8, 9, 10, 11]


async def test_what_is_not_full_waits_its_time_only() -> None:
    line: Batcher[int] = Batcher(Limits(rows=10, linger_s=0.01))
    await line.put(1, rows=1)
    assert await asyncio.wait_for(line.take(), 5) == [1]


async def test_a_message_larger_than_a_group_goes_alone() -> None:
    line: Batcher[int] = Batcher(Limits(rows=10, linger_s=3_600))
    await line.put(1, rows=50)
    await line.put(2, rows=1)
    assert await line.take() == [1]


async def test_messages_without_rows_make_a_group_by_their_number() -> None:
    line: Batcher[int] = Batcher(Limits(messages=3, linger_s=3_600))
    for item in range(4):
        await line.put(item, rows=0)
    assert await line.take() == [0, 1, 2]


@pytest.mark.parametrize("limits", [Limits(waiting_messages=2), Limits(waiting_rows=8)])
async def test_a_full_line_makes_its_writer_wait(limits: Limits) -> None:
    line: Batcher[int] = Batcher(limits)
    await line.put(1, rows=4)
    await line.put(2, rows=4)
    third = asyncio.create_task(line.put(3, rows=4))
    await asyncio.sleep(0)
    assert not third.done()
    assert await line.take() == [1, 2]
    await asyncio.wait_for(third, 5)
    assert len(line) == 1


async def test_the_age_of_the_oldest_is_told() -> None:
    line: Batcher[int] = Batcher(Limits(linger_s=3_600))
    assert line.oldest_s() == 0
    await line.put(1, rows=1)
    assert line.oldest_s() >= 0
