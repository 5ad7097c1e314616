"""Rollups on a real database: what the definition says, in whatever order readings came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest_server.store.connection import Connection, connect
from ingest_server.store.partitions import DAY_US, Partitions
from ingest_server.store.series import BUCKETS, ORIGIN
from ingest_server.usecases.rollup import HOUR_US, MINUTE_US, Rollup
from runtime.clock import from_datetime, to_datetime
from tests.integration.ingest_server.usecases.bucket_reference import (
    Bucket,
    Reading,
    buckets,
)

START_US = 20_454 * DAY_US  # 2026-01-01
BAD = -0x8000_0000 + 0x0005_0000
MINUTES = timedelta(minutes=1)

pytestmark = pytest.mark.also_pglite


class Base:
    """A database with two tags, and readings put into it as the server does: with their marks."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.connection: Connection = connect(dsn, name="test")
        partitions = Partitions(dsn)
        partitions.ensure(range(20_452, 20_460))
        partitions.close()
        self.connection.execute(
            "INSERT INTO edge (plant, edge) VALUES ('demo', 'a'); "
            "INSERT INTO tag (edge_id, path, revision, definition, dtype, class) VALUES "
            "(1, 'x', 1, '1', 'f64', 'bulk'), (1, 'y', 1, '1', 'u64', 'key')"
        )
        self.now_us = START_US + 10 * DAY_US
        self.rollup = Rollup(dsn, clock=lambda: self.now_us, grace_s=10)

    def put(self, readings: Iterable[Reading], *, tag_id: int = 1) -> None:
        for each in readings:
            q = 0 if each.good else BAD
            self.connection.execute(
                "INSERT INTO reading VALUES (%s, %s, %s, NULL, NULL, %s, %s)",
                (to_datetime(each.ts_us), tag_id, each.value, q, each.batch),
            )
            self.connection.execute(
                "INSERT INTO dirty VALUES (1, date_trunc('minute', %s))",
                (to_datetime(each.ts_us),),
            )

    def clear(self) -> None:
        self.connection.execute("DELETE FROM reading; DELETE FROM dirty; DELETE FROM dirty_hour")
        self.connection.execute("DELETE FROM reading_1m; DELETE FROM reading_1h")

    def roll(self) -> int:
        steps = 0
        while self.rollup.step():
            steps += 1
        return steps

    def table(self, name: str, *, tag_id: int = 1) -> dict[int, Bucket]:
        return self._buckets(
            "SELECT ts, count, good, min, max, mean, first, last, twa "
            f"FROM {name} WHERE tag_id = %(tag)s",
            {"tag": tag_id},
        )

    def from_readings(self, width: timedelta, *, tag_id: int = 1) -> dict[int, Bucket]:
        text = BUCKETS.decode()
        return self._buckets(
            f"SELECT ts, count, good, min, max, mean, first, last, twa FROM ({text}) AS b",
            {
                "tags": [tag_id],
                "from_ts": to_datetime(START_US - DAY_US),
                "to_ts": to_datetime(START_US + 4 * DAY_US),
                "width": width,
                "origin": ORIGIN,
            },
        )

    def _buckets(self, query: str, parameters: dict[str, Any]) -> dict[int, Bucket]:
        names = ("count", "good", "min", "max", "mean", "first", "last", "twa")
        return {
            from_datetime(ts): Bucket(**dict(zip(names, figures, strict=True)))
            for ts, *figures in self.connection.execute(query.encode(), parameters)
        }


@pytest.fixture
def base(migrated: str) -> Iterator[Base]:
    made = Base(migrated)
    yield made
    made.rollup.close()
    made.connection.close()


def assert_same(found: dict[int, Bucket], wanted: dict[int, Bucket]) -> None:
    assert sorted(found) == sorted(wanted)
    for start, bucket in wanted.items():
        assert bucket.agrees(found[start]), (to_datetime(start), found[start], bucket)


@st.composite
def some_readings(draw: st.DrawFn) -> list[Reading]:
    """Clusters within two days, also with equal stamps and holes of more than a day."""
    readings = []
    for batch in range(draw(st.integers(1, 12))):
        at_s = draw(
            st.one_of(
                st.integers(0, 400),
                st.integers(0, 3 * 3_600),
                st.integers(0, 2 * 86_400 + 7_200),
            )
        )
        good = draw(st.booleans()) or draw(st.booleans())
        value = draw(st.integers(-1_000, 1_000)) / 8 if good else None
        step_us = draw(st.sampled_from([0, 0, 1, 500_000]))
        readings.append(
            Reading(
                ts_us=START_US + at_s * 1_000_000 + step_us, batch=batch, value=value, good=good
            )
        )
    return readings


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(readings=some_readings(), seen=st.integers(0, 12))
@example(readings=[Reading(ts_us=START_US + 59_999_999, batch=0, value=1.0)], seen=0)
def test_rollups_are_what_the_definition_says_whenever_readings_come(
    base: Base, readings: list[Reading], seen: int
) -> None:
    base.clear()
    base.put(readings[:seen])
    base.roll()
    base.put(readings[seen:])
    base.roll()
    assert_same(base.table("reading_1m"), buckets(readings, MINUTE_US))
    assert_same(base.table("reading_1h"), buckets(readings, HOUR_US))
    assert_same(base.from_readings(timedelta(hours=1)), buckets(readings, HOUR_US))
    assert_same(base.from_readings(timedelta(minutes=20)), buckets(readings, 20 * MINUTE_US))
    assert base.roll() == 0


def reading(at_s: float, value: float | None, batch: int = 1) -> Reading:
    ts_us = START_US + round(at_s * 1e6)
    return Reading(ts_us=ts_us, batch=batch, value=value, good=value is not None)


def test_the_mean_over_time_begins_with_what_was_held_before(base: Base) -> None:
    base.put([reading(-30, 10), reading(30, 20)])
    base.roll()
    assert base.table("reading_1m")[START_US].twa == 15
    assert base.table("reading_1h")[START_US].twa == pytest.approx((10 * 30 + 20 * 3_570) / 3_600)


def test_a_bad_reading_ends_what_was_held(base: Base) -> None:
    base.put([reading(0, 10), reading(20, None), reading(40, 40)])
    base.roll()
    bucket = base.table("reading_1m")[START_US]
    assert (bucket.count, bucket.twa, bucket.mean) == (3, 25, 25)
    assert bucket.good == pytest.approx(2 / 3)


def test_a_late_reading_changes_the_beginning_of_a_later_minute(base: Base) -> None:
    base.put([reading(-7_000, 10), reading(7_230, 20)])
    base.roll()
    assert (
        base.table("reading_1m")[START_US + 2 * HOUR_US]
        == buckets([reading(-7_000, 10), reading(7_230, 20)], MINUTE_US)[START_US + 2 * HOUR_US]
    )
    base.put([reading(100, 30, batch=2)])
    base.roll()
    every = [reading(-7_000, 10), reading(7_230, 20), reading(100, 30, batch=2)]
    for table, width in (("reading_1m", MINUTE_US), ("reading_1h", HOUR_US)):
        assert_same(base.table(table), buckets(every, width))


def test_a_minute_is_summed_up_after_its_end_and_grace(base: Base) -> None:
    base.put([reading(5, 1)])
    base.now_us = START_US + 69_999_999
    assert base.roll() == 0
    base.now_us += 1
    assert base.roll() == 1
    assert list(base.table("reading_1m")) == [START_US]
    assert base.table("reading_1h") == {}
    base.now_us = START_US + HOUR_US + 10_000_000
    assert base.roll() == 1
    assert list(base.table("reading_1h")) == [START_US]


def test_wild_numbers_do_not_stop_the_others(base: Base) -> None:
    base.put([reading(1, 1.7e308), reading(2, -1.7e308), reading(3, 5e-324)])
    base.put([reading(61, 7.0), reading(121, 1e-310), reading(122, 3.0)])
    base.roll()
    first, second, third = base.table("reading_1m").values()
    assert (first.min, first.max, first.mean, first.twa) == (-1.7e308, 1.7e308, None, None)
    assert (second.mean, second.twa) == (7, pytest.approx(59 * 7 / 60))
    assert third.mean == 1.5
    hour = base.table("reading_1h")[START_US]
    assert (hour.count, hour.max, hour.mean, hour.twa) == (6, 1.7e308, None, None)


def test_whole_numbers_beyond_two_to_the_63_take_part(base: Base) -> None:
    at = to_datetime(START_US)
    base.connection.execute(
        "INSERT INTO reading VALUES (%s, 2, NULL, 100, NULL, 0, 1), "
        "(%s::timestamptz + interval '30 s', 2, NULL, NULL, '18446744073709551615', 0, 1)",
        (at, at),
    )
    base.connection.execute("INSERT INTO dirty VALUES (1, %s)", (at,))
    base.roll()
    assert base.table("reading_1m", tag_id=2)[START_US].max == 2.0**64


def test_texts_are_counted_and_have_no_figures(base: Base) -> None:
    at = to_datetime(START_US)
    base.connection.execute("INSERT INTO reading VALUES (%s, 1, NULL, NULL, 'A', 0, 1)", (at,))
    base.connection.execute("INSERT INTO dirty VALUES (1, %s)", (at,))
    base.roll()
    bucket = base.table("reading_1m")[START_US]
    assert (bucket.count, bucket.good, bucket.min, bucket.twa) == (1, 1, None, None)


def test_what_a_step_does_not_reach_stays_marked(base: Base) -> None:
    readings = [reading(120 * number, float(number)) for number in range(100)]
    base.put(readings)
    assert base.rollup.step() == 32
    [(left,)] = base.connection.execute("SELECT count(*) FROM dirty").fetchall()
    assert left == 68
    base.roll()
    assert_same(base.table("reading_1m"), buckets(readings, MINUTE_US))


def test_frozen_readings_are_not_computed_again(base: Base) -> None:
    base.put([reading(5, 1), reading(7, 3)])
    base.put([reading(5, 2)], tag_id=2)
    base.roll()
    # What retention took away must not take its share of the sums along.
    base.connection.execute("DELETE FROM reading WHERE tag_id = 1 AND num = 3")
    base.connection.execute(
        "UPDATE frozen SET before = %s WHERE class = 'bulk'", (to_datetime(START_US + DAY_US),)
    )
    base.put([reading(6, 4, batch=2)], tag_id=2)
    base.roll()
    assert base.table("reading_1m")[START_US].max == 3
    assert base.table("reading_1m", tag_id=2)[START_US].max == 4


@pytest.mark.several_sessions
def test_a_reading_committed_while_its_minute_is_computed_is_not_forgotten(base: Base) -> None:
    base.put([reading(5, 1)])
    with psycopg.connect(base.dsn, options="-c search_path=lineside,public") as other:
        other.execute(
            "INSERT INTO reading VALUES (%s, 1, 9, NULL, NULL, 0, 2)",
            (to_datetime(START_US + 6_000_000),),
        )
        other.execute("INSERT INTO dirty VALUES (1, %s)", (to_datetime(START_US),))
        base.roll()
        assert base.table("reading_1m")[START_US].max == 1
        other.commit()
    base.roll()
    assert base.table("reading_1m")[START_US].max == 9
    assert base.table("reading_1h")[START_US].max == 9
