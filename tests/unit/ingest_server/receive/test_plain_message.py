"""JSON of plain publishers: taken as a whole, or refused with the reason."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_server.receive.plain_message import parse, readings
from wire import quality
from wire.errors import WireError

NOW = 1_767_225_600_000_000


def test_values_become_columns_with_the_publishers_time() -> None:
    payload = orjson.dumps(
        {
            "ts": "2026-01-01T08:00:01+08:00",
            "a": 1,
            "b/c": 1.5,
            "on": True,
            "lot": "批次",
            "x": None,
        }
    )
    message = parse(payload, now_us=NOW)
    assert message.at_us == NOW + 1_000_000
    assert [(tag.path, str(tag.dtype)) for tag in message.tags()] == [
        ("a", "f64"),
        ("b/c", "f64"),
        ("on", "bool"),
        ("lot", "str"),
    ]
    ids = {("a", "f64"): 1, ("b/c", "f64"): 2, ("on", "bool"): 3, ("lot", "str"): 4}
    rows = readings([message], ids, {"x": 9})
    assert rows.tag_id.tolist() == [1, 2, 3, 4, 9]
    assert rows.f.tolist() == [1.0, 1.5, 0.0, 0.0, 0.0]
    assert rows.i.tolist() == [0, 0, 1, 0, 0]
    assert rows.s is not None
    assert rows.s.tolist() == ["", "", "", "批次", ""]
    assert rows.q.tolist() == [0, 0, 0, 0, quality.BAD | quality.NO_VALUE]
    # Nobody knows what `x` is: a value that is missing says nothing.
    assert len(readings([message], ids, {})) == 4


@pytest.mark.parametrize(
    ("ts", "at_us", "origin_us"),
    [
        (None, NOW, 0),
        (NOW // 1_000 - 5, NOW - 5_000, 0),
        (0, NOW, 0),
        (4_102_444_800_000, NOW, 4_102_444_800_000_000),
    ],
)
def test_a_time_that_cannot_be_is_set_aside(ts: object, at_us: int, origin_us: int) -> None:
    message = parse(orjson.dumps({"ts": ts, "a": 1}), now_us=NOW)
    assert (message.at_us, message.origin_us) == (at_us, origin_us)
    rows = readings([message], {("a", "f64"): 1}, {})
    assert bool(rows.q[0] & quality.CLOCK) == (origin_us > 0)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"181.5", "LS-5651"),
        (b"{", "LS-2022"),
        (b"{}", "LS-5652"),
        (b'{"ts": 1}', "LS-5652"),
        (b'{"a": 1, "ts": "yesterday"}', "LS-5653"),
        (b'{"a": 1, "ts": "2026-01-01T08:00:00"}', "LS-5653"),
        (b'{"a": 1, "ts": true}', "LS-5653"),
        (b'{"/a": 1}', "LS-5654"),
        (b'{"": 1}', "LS-5654"),
        (b'{"a": [1]}', "LS-5655"),
        (b'{"a": 9007199254740993}', "LS-5655"),
        (b'{"a": "' + b"x" * 5_000 + b'"}', "LS-5655"),
        (b'{"a": "' + b"x" * 70_000 + b'"}', "LS-5650"),
        (orjson.dumps({f"t{n}": n for n in range(501)}), "LS-5652"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(payload: bytes, code: str) -> None:
    with pytest.raises(WireError) as caught:
        parse(payload, now_us=NOW)
    assert caught.value.code == code


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@settings(deadline=None)
@given(_JSON)
def test_whatever_comes_is_taken_or_refused(value: Any) -> None:
    try:
        payload = orjson.dumps(value)
    except orjson.JSONEncodeError:
        return
    try:
        message = parse(payload, now_us=NOW)
    except WireError:
        return
    ids = {(tag.path, str(tag.dtype)): place for place, tag in enumerate(message.tags(), start=1)}
    assert len(readings([message], ids, {})) == len(ids)
