"""What retention does is decided from what is kept, what is there, and the time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest_server.store.partitions import DAY_US
from ingest_server.store.spans import Span
from ingest_server.usecases.retention import Action, Drop, Found, Freeze, Keep, Thin, plan

NOW_US = 1_000 * DAY_US + 12_345


def span(day: int, *, table: str = "reading", days: int = 1) -> Span:
    return Span(
        table=table,
        schema="lineside",
        name=f"{table}_{day}",
        from_us=day * DAY_US,
        to_us=(day + days) * DAY_US,
        size=1,
    )


def keep(key: int | None, bulk: int | None, minutes: int | None = None) -> Keep:
    return Keep(readings={"key": key, "bulk": bulk}, rollups={"reading_1m": minutes})


def found(*days: int, frozen: dict[str, int] | None = None) -> Found:
    us = {cls: day * DAY_US for cls, day in (frozen or {}).items()}
    return Found(spans={"reading": [span(day) for day in days]}, frozen=us)


def dropped(actions: list[Action]) -> list[int]:
    return [each.span.from_us // DAY_US for each in actions if isinstance(each, Drop)]


def thinned(actions: list[Action]) -> list[tuple[str, int]]:
    return [(each.cls, each.span.from_us // DAY_US) for each in actions if isinstance(each, Thin)]


def test_nothing_configured_keeps_everything() -> None:
    assert plan(keep(None, None), found(1, 2, 999), NOW_US) == []


def test_a_class_is_frozen_before_anything_of_it_goes() -> None:
    actions = plan(keep(10, 10), found(980, 989, 990), NOW_US)
    assert actions == [
        Freeze(cls="key", before_us=990 * DAY_US),
        Freeze(cls="bulk", before_us=990 * DAY_US),
    ]
    frozen = found(980, 989, 990, frozen={"key": 990, "bulk": 990})
    assert dropped(plan(keep(10, 10), frozen, NOW_US)) == [980, 989]


def test_a_dry_run_shows_all_that_follows() -> None:
    actions = plan(keep(10, 10), found(980, 989, 990), NOW_US, assume=True)
    assert dropped(actions) == [980, 989]


def test_the_class_that_is_kept_shorter_is_thinned_out() -> None:
    there = found(960, 985, 995, frozen={"key": 970, "bulk": 990})
    actions = plan(keep(30, 10), there, NOW_US)
    assert (dropped(actions), thinned(actions)) == ([960], [("bulk", 985)])


def test_what_is_thinned_out_is_not_looked_at_again() -> None:
    there = Found(
        spans={"reading": [span(985), span(986)]},
        frozen={"bulk": 990 * DAY_US},
        dropped={"bulk": 986 * DAY_US},
    )
    assert thinned(plan(keep(None, 10), there, NOW_US)) == [("bulk", 986)]


def test_a_longer_time_than_before_brings_nothing_back() -> None:
    assert plan(keep(20, 20), found(985, frozen={"key": 990, "bulk": 990}), NOW_US) == [
        Drop(span=span(985))
    ]


def test_rollups_go_when_all_of_a_part_is_too_old() -> None:
    weeks = [span(day, table="reading_1m", days=7) for day in (966, 973, 980)]
    actions = plan(keep(None, None, minutes=20), Found(spans={"reading_1m": weeks}), NOW_US)
    assert dropped(actions) == [966, 973]


@given(
    st.sets(st.integers(900, 1_001)),
    st.none() | st.integers(2, 90),
    st.none() | st.integers(2, 90),
)
def test_nothing_goes_before_its_time(days: set[int], key: int | None, bulk: int | None) -> None:
    kept = {"key": key, "bulk": bulk}
    actions = plan(keep(key, bulk), found(*days), NOW_US, assume=True)
    gone = {("key", day) for day in dropped(actions)} | {("bulk", day) for day in dropped(actions)}
    gone |= set(thinned(actions))
    wanted = {
        (cls, day)
        for cls, limit in kept.items()
        for day in days
        if limit is not None and (day + 1) * DAY_US <= (1_000 - limit) * DAY_US
    }
    assert gone == wanted
