"""Work that comes again meets the same thread, and its end waits for nobody."""

from __future__ import annotations

import threading
import time

import pytest

from runtime.own_thread import own_thread


async def test_all_work_is_done_by_one_thread_that_is_not_ours() -> None:
    with own_thread("rollup") as apart:
        names = {await apart(lambda: threading.current_thread().name) for _ in range(20)}
        idents = {await apart(threading.get_ident) for _ in range(20)}
    assert len(names) == len(idents) == 1
    assert names.pop().startswith("rollup")
    assert threading.get_ident() not in idents


async def test_what_the_work_raises_is_raised_and_the_next_is_done() -> None:
    def fail() -> int:
        raise ZeroDivisionError("no")

    with own_thread("work") as apart:
        with pytest.raises(ZeroDivisionError):
            await apart(fail)
        assert await apart(lambda: 7) == 7


async def test_the_end_does_not_wait_for_work_that_hangs() -> None:
    go_on = threading.Event()
    began = time.monotonic()
    with own_thread("work") as apart:
        hanging = apart(lambda: go_on.wait(60))
    assert time.monotonic() - began < 30
    go_on.set()
    assert await hanging is True
