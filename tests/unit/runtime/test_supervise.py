"""Supervised tasks: restarts, pauses, and an end that leaves nothing. Time is a fake."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import structlog
from structlog.testing import capture_logs

from runtime import logs
from runtime.errors import RetryLater
from runtime.supervise import Backoff, Supervisor

LOG = logs.get("test")


class FakeSleep:
    """Remembers the pauses asked for; each takes one turn of the loop."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


def supervisor(sleep: Callable[[float], Awaitable[None]]) -> Supervisor:
    return Supervisor(log=LOG, sleep=sleep, lot=lambda: 0.0)


async def forever() -> None:
    await asyncio.Event().wait()


def test_pauses_double_up_to_the_most_and_are_spread() -> None:
    backoff = Backoff(first_s=0.5, most_s=10, spread=0.2)
    assert [backoff.pause_s(n) for n in (1, 2, 3, 4, 5, 6, 7)] == [0.5, 1, 2, 4, 8, 10, 10]
    assert backoff.pause_s(100_000) == 10
    assert backoff.pause_s(1, at=1.0) == pytest.approx(0.4)


async def test_a_task_that_fails_is_started_again_with_growing_pauses() -> None:
    sleep = FakeSleep()
    runs = 0

    async def fails_three_times() -> None:
        nonlocal runs
        runs += 1
        if runs <= 3:
            raise OSError("no")

    with capture_logs() as records:
        async with supervisor(sleep) as sup:
            sup.start("poll", fails_three_times, backoff=Backoff(first_s=1, most_s=30))
            assert sup.restarts == {"poll": 0}
            await sup.wait()
    assert (runs, sup.restarts, sleep.pauses) == (4, {"poll": 3}, [1, 2, 4])
    assert [(r["code"], r["task"]) for r in records] == [("LS-1201", "poll")] * 3


async def test_a_task_that_returns_is_done_and_its_name_free() -> None:
    async def returns() -> None:
        return

    async with supervisor(FakeSleep()) as sup:
        sup.start("once", returns)
        await sup.wait()
        assert sup.running == frozenset()
        sup.start("once", forever)
        assert sup.running == {"once"}
        with pytest.raises(ValueError, match="once"):
            sup.start("once", returns)
    assert sup.restarts == {"once": 0}


async def test_the_failure_of_one_task_touches_no_other() -> None:
    async def fails() -> None:
        raise RuntimeError("always")

    async with supervisor(FakeSleep()) as sup:
        with capture_logs():
            sup.start("good", forever)
            sup.start("bad", fails)
            while sup.restarts["bad"] < 50:
                await asyncio.sleep(0)
        assert sup.running == {"good", "bad"}
        assert sup.restarts["good"] == 0


async def test_a_long_good_run_forgives_earlier_failures() -> None:
    sleep = FakeSleep()
    runs = 0

    async def fails() -> None:
        nonlocal runs
        runs += 1
        if runs == 4:
            await asyncio.sleep(0.03)
        if runs <= 5:
            raise OSError("no")

    with capture_logs():
        async with supervisor(sleep) as sup:
            sup.start("poll", fails, backoff=Backoff(first_s=0.001, most_s=0.02))
            await sup.wait()
    assert sleep.pauses == [0.001, 0.002, 0.004, 0.001, 0.002]


async def test_a_cancel_that_leaks_out_of_a_task_does_not_end_it_silently() -> None:
    runs = 0

    async def awaits_something_cancelled() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            inner = asyncio.get_running_loop().create_future()
            inner.cancel()
            await inner

    with capture_logs() as records:
        async with supervisor(FakeSleep()) as sup:
            sup.start("poll", awaits_something_cancelled)
            await sup.wait()
    assert (runs, sup.restarts) == (2, {"poll": 1})
    assert len(records) == 1


async def test_a_cancel_that_leaks_after_a_task_group_failed_does_not_end_it_either() -> None:
    runs = 0

    async def fails(error: BaseException) -> None:
        raise error

    async def leaks() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            # Python 3.11 leaves this task with a count of cancels that is no cancel of ours.
            async with asyncio.TaskGroup() as group:
                group.create_task(fails(OSError("no")))
        if runs == 2:
            await fails(asyncio.CancelledError())

    with capture_logs():
        async with supervisor(FakeSleep()) as sup:
            sup.start("poll", leaks)
            await sup.wait()
    assert runs == 3


async def test_a_task_that_swallowed_its_cancel_and_then_failed_is_not_started_again() -> None:
    runs = 0

    async def swallows() -> None:
        nonlocal runs
        runs += 1
        if runs > 1:
            return
        try:
            await forever()
        except asyncio.CancelledError:
            raise OSError("closed while I was at it") from None

    async with supervisor(FakeSleep()) as sup:
        sup.start("poll", swallows)
        await asyncio.sleep(0)
        await sup.stop_one("poll", 5)
    assert runs == 1


async def test_leaving_the_block_ends_every_task_also_after_an_exception() -> None:
    before = asyncio.all_tasks()
    ended = []

    async def tidy() -> None:
        try:
            await forever()
        finally:
            ended.append(True)

    with pytest.raises(ZeroDivisionError):
        async with supervisor(FakeSleep()) as sup:
            sup.start("a", tidy)
            sup.start("b", tidy)
            await asyncio.sleep(0)
            raise ZeroDivisionError
    assert ended == [True, True]
    assert asyncio.all_tasks() == before
    with pytest.raises(ValueError, match="stopping"):
        sup.start("c", tidy)


async def test_stop_also_ends_a_task_that_waits_for_its_restart() -> None:
    waiting = asyncio.Event()

    async def long_pause(_seconds: float) -> None:
        waiting.set()
        await forever()

    async def fails() -> None:
        raise OSError("no")

    with capture_logs():
        async with supervisor(long_pause) as sup:
            sup.start("poll", fails)
            await waiting.wait()
            await sup.stop(1)
            assert sup.running == frozenset()


async def test_a_task_that_will_not_end_is_named_and_not_waited_for() -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    sup = supervisor(FakeSleep())
    sup.start("stubborn", stubborn)
    sup.start("tidy", forever)
    await asyncio.sleep(0)
    (task,) = [one for one in asyncio.all_tasks() if one.get_name() == "stubborn"]
    with capture_logs() as records:
        await sup.stop(0.02)
    assert [(r["code"], r["tasks"]) for r in records] == [("LS-1202", "stubborn")]
    release.set()
    await task


async def test_one_task_can_be_stopped_alone() -> None:
    async with supervisor(FakeSleep()) as sup:
        sup.start("a", forever)
        sup.start("b", forever)
        await sup.stop_one("a")
        await sup.stop_one("unknown")
        assert sup.running == {"b"}
        sup.start("a", forever)
        assert sup.running == {"a", "b"}


async def test_only_errors_that_do_not_explain_themselves_bring_a_traceback() -> None:
    failures: list[BaseException] = [RetryLater("LS-1110", broker="b", reason="r"), KeyError("x")]

    async def fails() -> None:
        if failures:
            raise failures.pop(0)

    with capture_logs() as records:
        async with supervisor(FakeSleep()) as sup:
            sup.start("a", fails)
            await sup.wait()
    assert [bool(r["exc_info"]) for r in records] == [False, True]
    assert structlog.is_configured()
