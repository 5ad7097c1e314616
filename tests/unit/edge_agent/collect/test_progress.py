"""What may be said about completeness, and when nothing may be said."""

from __future__ import annotations

from edge_agent.collect.progress import Progress
from wire.frame import StreamClass

KEY, BULK = StreamClass.KEY, StreamClass.BULK


def _progress(now_us: int = 1_000) -> Progress:
    progress = Progress(lambda: now_us)
    progress.expect(("a", 0), frozenset({KEY}))
    progress.expect(("a", 1), frozenset({KEY, BULK}))
    progress.expect(("b", 0), frozenset({BULK}))
    return progress


def test_nothing_is_said_before_every_source_of_the_class_has_said_something() -> None:
    progress = _progress()
    progress.reached(("a", 0), 500)
    assert progress.complete_to(KEY) is None
    progress.reached(("a", 1), 400)
    assert progress.complete_to(KEY) == 400
    assert progress.complete_to(BULK) is None


def test_the_slowest_source_counts_and_never_goes_back() -> None:
    progress = _progress()
    for source, until_us in ((("a", 0), 500), (("a", 1), 400), (("a", 1), 300), (("b", 0), 900)):
        progress.reached(source, until_us)
    assert progress.complete_to(KEY) == 400
    assert progress.complete_to(BULK) == 400


def test_a_device_that_is_down_holds_nobody_up() -> None:
    progress = _progress()
    progress.reached(("a", 0), 500)
    progress.reached(("a", 1), 600)
    progress.down("b")
    assert progress.complete_to(BULK) == 600
    progress.up("b", 700)
    progress.reached(("a", 1), 950)
    assert progress.complete_to(BULK) == 700


def test_a_source_that_has_nothing_until_it_is_asked_is_complete_until_then() -> None:
    progress = _progress()
    progress.reached(("a", 1), 10, idle=True)
    progress.reached(("a", 0), 10, idle=True)
    assert progress.complete_to(KEY) == 1_000
    progress.asks(("a", 0), 990)
    assert progress.complete_to(KEY) == 990


def test_asking_a_source_with_times_of_its_own_says_nothing_about_them() -> None:
    progress = _progress()
    progress.reached(("a", 0), 300)
    progress.reached(("a", 1), 300)
    progress.asks(("a", 0), 990)
    assert progress.complete_to(KEY) == 300


def test_a_class_without_sources_is_complete() -> None:
    assert Progress(lambda: 77).complete_to(KEY) == 77


def test_nobody_waits_for_a_device_that_is_not_collected_any_more() -> None:
    progress = _progress()
    progress.reached(("a", 0), 500)
    progress.reached(("a", 1), 600)
    assert progress.complete_to(BULK) is None
    progress.forget("b")
    assert progress.complete_to(BULK) == 600
    progress.expect(("b", 0), frozenset({BULK}))
    assert progress.complete_to(BULK) is None, "announced again, it has said nothing yet"
