"""A column of times is written as each of them would be."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.api.series.local import iso_texts
from ingest_server.api.times import iso
from runtime.clock import to_datetime

NAMES = (
    *("Europe/Berlin", "Asia/Shanghai", "Asia/Kolkata", "Africa/Cairo", "America/Havana"),
    *("Africa/Casablanca", "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns"),
)
ZONES: list[tzinfo] = [UTC, *map(ZoneInfo, NAMES)]
SECOND, HOUR = 1_000_000, 3_600_000_000
YEAR_2200 = 7_258_118_400 * SECOND


def each_alone(at_us: list[int], zone: tzinfo) -> list[str]:
    return [iso(to_datetime(at).astimezone(zone)) for at in at_us]


@given(
    st.integers(0, YEAR_2200 - 1),
    st.sampled_from([1, 500_000, SECOND, 7 * SECOND, 60 * SECOND, HOUR, 24 * HOUR, 13 * HOUR + 1]),
    st.integers(0, 300),
    st.sampled_from(ZONES),
)
def test_a_column_of_times_is_written_as_each_of_them(
    begin: int, step: int, count: int, zone: tzinfo
) -> None:
    at_us = list(range(begin, begin + count * step, step))[:count]
    assert iso_texts(np.array(at_us, dtype=np.int64), zone) == each_alone(at_us, zone)


@pytest.mark.parametrize("zone", ZONES)
def test_every_change_of_clocks_of_two_years_is_at_its_second(zone: tzinfo) -> None:
    first = 1_735_689_600  # 2025-01-01T00:00:00Z
    hours = np.arange(first, first + 2 * 365 * 86_400, 1_800, dtype=np.int64) * SECOND
    offsets = [to_datetime(at).astimezone(zone).utcoffset() for at in hours.tolist()]
    changes = [at for at, a, b in zip(hours[1:], offsets, offsets[1:], strict=False) if a != b]
    for at in changes:
        around = np.arange(at - 1_800 * SECOND, at + 30 * SECOND, SECOND, dtype=np.int64)
        assert iso_texts(around, zone) == each_alone(around.tolist(), zone)
    told = iso_texts(hours, zone)
    assert told[::997] == each_alone(hours[::997].tolist(), zone)
