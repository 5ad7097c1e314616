"""Values, qualities, times, cursors, names and languages as the API tells and reads them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ingest_server.api import cursors
from ingest_server.api.language import language_of
from ingest_server.api.names import parts_of
from ingest_server.api.problems import Invalid
from ingest_server.api.shape import like
from ingest_server.api.times import (
    Instant,
    bucket_width,
    iso,
    width_for,
    zone_of,
)
from ingest_server.api.values import exact, quality_of, told, value_of
from wire import quality as q

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


@given(st.integers(-(2**64), 2**64))
def test_no_integer_is_rounded_by_a_reader_that_has_doubles_only(number: int) -> None:
    told_text = json.dumps(exact(number))
    read = json.loads(told_text, parse_int=float)
    assert (int(read) if isinstance(read, float) else int(str(read))) == number


@pytest.mark.parametrize(
    ("dtype", "num", "big", "txt", "expected"),
    [
        ("bool", 0.0, None, None, False),
        ("u16", 65535.0, None, None, 65535),
        ("f32", 0.5, None, None, 0.5),
        ("i64", None, -(2**63), None, str(-(2**63))),
        ("u64", None, None, str(2**64 - 1), str(2**64 - 1)),
        ("i64", None, 2**53 - 1, None, 2**53 - 1),
        ("i64", None, 2**53, None, str(2**53)),
        ("str", None, None, "", ""),
        ("time", None, 0, None, "1970-01-01T00:00:00Z"),
    ],
)
def test_each_type_is_told_as_itself(
    dtype: str, num: float | None, big: int | None, txt: str | None, expected: object
) -> None:
    found = value_of(dtype, num, big, txt, 0)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("quality", [q.BAD, q.BAD_TIMEOUT, q.NO_VALUE, q.GOOD | q.NO_VALUE, -1])
def test_what_cannot_be_believed_is_null(quality: int) -> None:
    assert value_of("f64", 0.0, None, None, quality) is None
    assert told(0, quality=quality) is None


def test_uncertain_is_told_with_its_doubt() -> None:
    assert value_of("f64", 1.5, None, None, q.UNCERTAIN) == 1.5
    assert quality_of(q.UNCERTAIN)["severity"] == "uncertain"


@given(st.integers(0, 2**32 - 1))
def test_a_quality_reads_the_same_signed_and_unsigned(bits: int) -> None:
    signed = bits - 2**32 if bits >= 2**31 else bits
    assert quality_of(signed) == quality_of(bits)


def test_a_rare_status_keeps_its_number() -> None:
    assert quality_of(0x80AF_0001) == {
        "severity": "bad",
        "code": "0x80AF0000",
        "flags": ["late"],
    }


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T06:00:00+08:00",
        "2026-03-01T06:00:00 08:00",
        "2026-02-28T22:00:00Z",
        "2026-02-28t22:00z",
        "2026-02-28T22:00:00.000000000-00:00",
        "2026-02-28T16:30:00-0530",
    ],
)
def test_an_instant_may_be_written_in_any_zone(text: str) -> None:
    assert INSTANT.validate_python(text) == datetime(2026, 2, 28, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "1772326800", "2026-03-01", "2026-03-01T06:00:00", "2026-02-30T00:00:00Z"),
        *("1969-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "2026-03-01T06:00:00+99:00"),
        "0001-01-01T00:00:00+12:00",
    ],
)
def test_what_is_no_instant_is_refused_with_a_code(text: str) -> None:
    with pytest.raises(ValidationError, match="LS-6028"):
        INSTANT.validate_python(text)


def test_a_time_is_told_in_the_zone_of_the_plant() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    assert iso(at) == "2026-03-01T00:00:00Z"
    assert iso(at.astimezone(zone_of("Asia/Shanghai"))) == "2026-03-01T08:00:00+08:00"
    assert iso(at.astimezone(zone_of("no/such"))) == "2026-03-01T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("10s", 10), ("15m", 900), ("2h", 7200), ("1d", 86400)]
)
def test_the_width_of_a_bucket_is_read(text: str, seconds: float) -> None:
    assert bucket_width(text) == timedelta(seconds=seconds)


@given(st.integers(1, 400 * 86_400_000), st.integers(2, 5000), st.integers(0, 10**9))
def test_a_round_width_never_gives_more_buckets_than_asked_for(
    span_ms: int, points: int, offset_ms: int
) -> None:
    width = width_for(timedelta(milliseconds=span_ms), points) // timedelta(milliseconds=1)
    buckets = (offset_ms + span_ms - 1) // width - offset_ms // width + 1
    assert buckets <= points


@given(st.text(max_size=40).filter(lambda text: "\0" not in text), st.integers(0, 2**63 - 1))
def test_a_cursor_gives_back_what_was_put_in(text: str, number: int) -> None:
    at = datetime(2026, 3, 1, 0, 0, 0, 123456, tzinfo=UTC)
    cursor = cursors.encode("kind", at, text, number)
    assert cursors.decode(cursor, "kind", datetime, str, int) == (at, text, number)
    with pytest.raises(Invalid):
        cursors.decode(cursor, "other", datetime, str, int)
    with pytest.raises(Invalid):
        cursors.decode(cursor, "kind", datetime, int, str)


@given(st.text(max_size=80))
def test_whatever_is_no_cursor_is_refused_as_such(text: str) -> None:
    with pytest.raises(Invalid):
        cursors.decode(text, "kind", str)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("de, en;q=0.5, zh;q=0.4", "en"),
        ("en;q=0, zh;q=0.1", "zh"),
        ("fr", "en"),
        ("*", "en"),
        ("ZH-Hant ; Q=1", "zh"),
        ("zh;q=abc", "en"),
        (";;,,", "en"),
    ],
)
def test_the_language_is_the_best_of_ours_in_the_header(header: str, expected: str) -> None:
    assert language_of(header, "en") == expected


def test_who_asks_for_none_of_our_languages_gets_the_servers() -> None:
    assert language_of("fr", "zh") == "zh"


@pytest.mark.parametrize("tag", ["demo", "demo/a", "demo/a/", "Demo/a/b", "demo/a b/c", "//x"])
def test_what_names_no_tag_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="LS-6034"):
        parts_of(tag)


def test_the_path_of_a_tag_may_hold_slashes() -> None:
    assert parts_of("demo/line-a/press/1/count") == ("demo", "line-a", "press/1/count")


@pytest.mark.parametrize(
    ("text", "expected"), [(None, None), ("a", "%a%"), ("50%_\\", r"%50\%\_\\%")]
)
def test_wildcards_in_a_search_are_taken_literally(text: Any, expected: Any) -> None:
    assert like(text) == expected
