"""Raw columns to samples: scaling, event time, what counts as a change."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.base import Columns, FixedOffset
from drivers.scanner.config import ScannerDevice
from edge_agent.collect.shape import ClockRule, Shaper
from runtime.strict_yaml import loads
from tests.unit.edge_agent.collect.devices import NOW_US, columns, device, points
from wire import quality
from wire.frame import StreamClass
from wire.samples import Samples

KEY, BULK = StreamClass.KEY, StreamClass.BULK
TRUSTED = ClockRule(use=True)
DAY_US = 86_400_000_000


def _shaper(groups: str, clock: ClockRule = TRUSTED) -> Shaper:
    return Shaper(points(device(groups)), clock)


def _one(tag: str, *, cls: str = "bulk", mode: str = "poll") -> str:
    return f"  - {{every_ms: 100, class: {cls}, mode: {mode}, tags: [{tag}]}}\n"


NUMBER = "{path: n, address: x, dtype: i32}"
REAL = "{path: r, address: x, dtype: f64}"


def _values(samples: dict[StreamClass, Samples], cls: StreamClass = BULK) -> list[float]:
    one = samples.get(cls)
    return [] if one is None else one.f.tolist()


def _numbers(samples: dict[StreamClass, Samples], cls: StreamClass) -> list[int]:
    one = samples.get(cls)
    return [] if one is None else one.i.tolist()


def test_bulk_is_reported_at_every_poll_and_key_when_it_changes() -> None:
    shaper = _shaper(_one(NUMBER, cls="key") + _one("{path: m, address: x, dtype: i32}"))
    seen = [shaper.shape(columns((0, value), (1, value)), polled=True) for value in (5, 5, 6)]
    assert [_numbers(one, KEY) for one in seen] == [[5], [], [6]]
    assert [_numbers(one, BULK) for one in seen] == [[5], [5], [6]]


def test_an_unchanged_polled_value_is_repeated_after_its_silence() -> None:
    shaper = _shaper(_one("{path: n, address: x, dtype: i32, max_silence_s: 10}", cls="key"))
    kept = [
        at_s
        for at_s in range(35)
        if shaper.shape(columns((0, 1), read_us=NOW_US + at_s * 1_000_000), polled=True)
    ]
    assert kept == [0, 10, 20, 30]


def test_what_a_device_reports_is_never_repeated_by_the_edge() -> None:
    shaper = _shaper(_one(NUMBER, cls="key", mode="subscribe"))
    assert shaper.shape(columns((0, 1)), polled=False)
    late = columns((0, 1), read_us=NOW_US + 10 * DAY_US)
    assert not shaper.shape(late, polled=False)


def test_two_equal_scans_are_two_events() -> None:
    config = loads(
        "id: reader\ndriver: scanner\nconnect: {host: 127.0.0.1, port: 9004}\n"
        "groups: [{tags: [{path: scan, address: line}]}]",
        "test",
        ScannerDevice,
    )
    shaper = Shaper(points(config), TRUSTED)
    first = shaper.shape(columns((0, "WO-1")), polled=False)
    again = shaper.shape(columns((0, "WO-1"), read_us=NOW_US + 10_000_000), polled=False)
    assert [len(one[KEY]) for one in (first, again)] == [1, 1]


def test_several_reports_of_one_point_are_each_compared_with_the_one_before() -> None:
    shaper = _shaper(_one(NUMBER, cls="key", mode="subscribe"))
    shaper.shape(columns((0, 1)), polled=False)
    burst = columns((0, 1), (0, 2), (0, 2), (0, 1), (0, 1))
    assert _numbers(shaper.shape(burst, polled=False), KEY) == [2, 1]


def test_a_change_of_quality_is_a_change() -> None:
    shaper = _shaper(_one(NUMBER, cls="key"))
    bad = quality.BAD_TIMEOUT | quality.NO_VALUE
    seen = [shaper.shape(columns((0, 7), q=[code]), polled=True) for code in (0, bad, bad, 0, 0)]
    assert [len(one.get(KEY, Samples.empty())) for one in seen] == [1, 1, 0, 1, 0]
    assert _numbers(seen[1], KEY) == [0], "without a value the column holds nothing"


def test_a_deadband_is_relative_to_the_last_value_reported() -> None:
    shaper = _shaper(_one("{path: r, address: x, dtype: f64, deadband: {absolute: 1.0}}"))
    seen = [10.0, 10.9, 11.0, 11.1, 10.2, 10.0, 12.2]
    kept = [v for value in seen for v in _values(shaper.shape(columns((0, value)), polled=True))]
    assert kept == [10.0, 11.1, 10.0, 12.2]
    burst = columns(*((0, value) for value in (12.9, 13.3, 13.9, 14.4)))
    assert _values(shaper.shape(burst, polled=False)) == [13.3, 14.4]


def test_a_deadband_in_percent_is_of_the_last_value_reported() -> None:
    shaper = _shaper(_one("{path: r, address: x, dtype: f64, deadband: {percent: 10}}"))
    seen = [100.0, 109.0, 111.0, 121.0, 123.0]
    kept = [v for value in seen for v in _values(shaper.shape(columns((0, value)), polled=True))]
    assert kept == [100.0, 111.0, 123.0]


def test_scaling_makes_a_float_of_an_integer() -> None:
    tag = "{path: n, address: x, dtype: i32, scale: {factor: 0.5, offset: -3}}"
    samples = _shaper(_one(tag)).shape(columns((0, 7)), polled=True)[BULK]
    assert samples.f.tolist() == [0.5]
    assert samples.i.tolist() == [0]


def test_a_large_unsigned_integer_is_scaled_too_and_else_kept_as_text() -> None:
    huge = str(2**64 - 2)
    plain = _shaper(_one("{path: n, address: x, dtype: u64}")).shape(
        columns((0, huge)), polled=True
    )[BULK]
    assert plain.s is not None
    assert plain.s.tolist() == [huge]
    scaled = _shaper(_one("{path: n, address: x, dtype: u64, scale: {factor: 0.001}}")).shape(
        columns((0, huge)), polled=True
    )[BULK]
    assert scaled.f.tolist() == [pytest.approx(18446744073709551.614)]
    assert scaled.s is None


@pytest.mark.parametrize(
    ("tag", "raw"),
    [
        ("{path: n, address: x, dtype: f32, scale: {factor: 1.0e30}}", 1e30),
        ("{path: n, address: x, dtype: f64, scale: {factor: 1.0e300}}", 1e300),
        ("{path: n, address: x, dtype: f64}", math.inf),
        ("{path: n, address: x, dtype: f64}", math.nan),
    ],
)
def test_what_no_float_can_hold_has_no_value_and_says_so(tag: str, raw: float) -> None:
    samples = _shaper(_one(tag)).shape(columns((0, raw)), polled=True)[BULK]
    assert samples.f.tolist() == [0.0]
    assert samples.q.tolist() == [quality.BAD_OUT_OF_RANGE | quality.NO_VALUE | quality.NOT_FINITE]


def test_a_text_beyond_the_limit_of_the_wire_has_no_value() -> None:
    shaper = _shaper(_one("{path: t, address: x, dtype: str}"))
    long, short = "界" * 1366, "界" * 1365
    samples = shaper.shape(columns((0, long), (0, short)), polled=False)[BULK]
    assert samples.s is not None
    assert samples.s.tolist() == ["", short]
    assert samples.q.tolist() == [quality.BAD_OUT_OF_RANGE | quality.NO_VALUE, 0]


# -- time ------------------------------------------------------------------------------------------


def _timed(source_us: int, rule: ClockRule, offset_us: int = 0) -> tuple[int, int, int]:
    """Event time, flags, and what was set aside."""
    shaper = _shaper(_one(NUMBER), rule)
    samples = shaper.shape(
        columns((0, 1), source_us=[source_us]), polled=True, offset_us=offset_us
    )[BULK]
    orig = 0 if samples.orig is None else int(samples.orig[0])
    return int(samples.ts[0]), int(samples.q[0]), orig


@pytest.mark.parametrize("away_us", [-DAY_US, -1, 0, 1, 120_000_000])
def test_a_plausible_device_time_is_the_event_time(away_us: int) -> None:
    assert _timed(NOW_US + away_us, TRUSTED) == (NOW_US + away_us, 0, 0)


@pytest.mark.parametrize("source_us", [NOW_US - DAY_US - 1, NOW_US + 120_000_001, 1, 10**18, -5])
def test_an_unbelievable_one_is_set_aside_and_flagged(source_us: int) -> None:
    assert _timed(source_us, TRUSTED) == (NOW_US, quality.CLOCK, source_us)


def test_the_window_lies_around_the_servers_time_where_it_is_known() -> None:
    hour_us = 3_600_000_000
    assert _timed(NOW_US + hour_us, TRUSTED, offset_us=hour_us)[1] == 0
    assert _timed(NOW_US, TRUSTED, offset_us=-hour_us)[1] == quality.CLOCK


def test_no_device_time_is_no_reason_for_doubt() -> None:
    assert _timed(0, TRUSTED) == (NOW_US, 0, 0)


def test_an_ignored_clock_is_ignored_and_a_known_error_is_taken_off() -> None:
    past_us, future_us = DAY_US, 120_000_000
    ignored = ClockRule.of("ignored", past_us=past_us, future_us=future_us)
    assert _timed(NOW_US - 5, ignored) == (NOW_US, 0, 0)
    shifted = ClockRule.of(FixedOffset(offset_s=-7_200), past_us=past_us, future_us=future_us)
    assert _timed(NOW_US - 7_200_000_000 - 3, shifted) == (NOW_US - 3, 0, 0)


def test_a_new_look_at_an_old_value_has_the_time_of_looking() -> None:
    shaper = _shaper(_one(NUMBER))
    stamps = []
    for at_us in (0, 500, 1_000):
        read = columns((0, 4), source_us=[NOW_US - 50], read_us=NOW_US + at_us)
        stamps.append(int(shaper.shape(read, polled=True)[BULK].ts[0]))
    assert stamps == [NOW_US - 50, NOW_US + 500, NOW_US + 1_000]


def test_a_lost_device_gives_one_bad_sample_for_every_point_and_the_return_is_a_change() -> None:
    shaper = _shaper(_one(NUMBER, cls="key") + _one(REAL))
    shaper.shape(columns((0, 5), (1, 2.5)), polled=True)
    lost = shaper.lost(NOW_US + 9)
    for cls in (KEY, BULK):
        assert lost[cls].ts.tolist() == [NOW_US + 9]
        assert lost[cls].q.tolist() == [quality.BAD_NOT_CONNECTED | quality.NO_VALUE]
    assert _numbers(shaper.shape(columns((0, 5)), polled=True), KEY) == [5]


def test_latest_values_are_those_reported_last() -> None:
    shaper = _shaper(_one(NUMBER) + _one(REAL))
    shaper.shape(columns((0, 5), (0, 6), (1, 1.5)), polled=False)
    assert shaper.i[0] == 6
    assert shaper.f[1] == 1.5
    assert shaper.fresh.all()


# -- against the rule said sample by sample --------------------------------------------------------


@dataclass
class _Point:
    """The rules for one point, one sample at a time."""

    on_change: bool
    band: float
    silence_us: int
    last: tuple[float, int] | None = None
    sent_us: int = 0
    kept: list[tuple[int, float, int]] = field(default_factory=list)

    def take(self, value: float, q: int, read_us: int, *, repeat: bool) -> bool:
        value = 0.0 if q & quality.NO_VALUE else value
        changed = (
            self.last is None
            or self.last[1] != q
            or (abs(value - self.last[0]) > self.band)
            or (self.band == 0 and value != self.last[0])
        )
        silent = repeat and read_us - self.sent_us >= self.silence_us
        if self.on_change and not changed and not silent:
            return False
        self.last, self.sent_us = (value, q), read_us
        return True


_BAD = quality.BAD_TIMEOUT | quality.NO_VALUE
_ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([0.0, 0.4, 1.0, 1.6, 2.0, -3.0]),
        st.sampled_from([0, 0, 0, _BAD]),
    ),
    max_size=30,
)


@settings(max_examples=200, deadline=None)
@given(batches=st.lists(st.tuples(_ROWS, st.integers(0, 15_000_000), st.booleans()), max_size=8))
def test_columns_give_what_the_rules_give_sample_by_sample(
    batches: list[tuple[list[tuple[int, float, int]], int, bool]],
) -> None:
    groups = (
        _one("{path: a, address: x, dtype: f64, max_silence_s: 20}", cls="key")
        + _one("{path: b, address: x, dtype: f64, deadband: {absolute: 0.5}}")
        + _one("{path: c, address: x, dtype: f64}")
    )
    shaper = _shaper(groups)
    model = [
        _Point(on_change=True, band=0, silence_us=20_000_000),
        _Point(on_change=True, band=0.5, silence_us=60_000_000),
        _Point(on_change=False, band=0, silence_us=60_000_000),
    ]
    read_us = NOW_US
    for rows, later_us, polled in batches:
        read_us += later_us
        taken = rows if not polled else list({row[0]: row for row in rows}.values())
        raw: Columns = columns(
            *((point, value) for point, value, _ in taken),
            q=[q for _, _, q in taken],
            read_us=read_us,
        )
        expected = [
            (point + 1, 0.0 if q & quality.NO_VALUE else value, q)
            for point, value, q in taken
            if model[point].take(value, q, read_us, repeat=polled)
        ]
        kept = shaper.shape(raw, polled=polled)
        found = [
            (int(one.tag[row]), float(one.f[row]), int(one.q[row]))
            for one in kept.values()
            for row in range(len(one))
        ]
        expected.sort(key=lambda row: row[0] != 1)
        assert found == expected
        assert all((one.ts == read_us).all() for one in kept.values())
        assert not any(np.isnan(one.f).any() for one in kept.values())
