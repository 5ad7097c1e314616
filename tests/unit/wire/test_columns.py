"""Samples survive the wire exactly, and nothing else gets through."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire.columns import MAX_SAMPLES, MAX_TEXT, decode_columns, encode_columns, family_code
from wire.errors import BadBody, LimitExceeded
from wire.quality import BAD_NOT_CONNECTED, CLOCK, GOOD, NO_VALUE
from wire.samples import Samples, concat

FAMILIES = np.array([0, *(family_code(name) for name in ("i", "f32", "f64", "s"))], np.int8)
INT, FLOAT32, FLOAT64, TEXT = 1, 2, 3, 4
NOW = 1_763_700_000_000_000

_rows = st.lists(
    st.tuples(
        st.sampled_from([INT, FLOAT32, FLOAT64, TEXT]),
        st.integers(0, 2**53),
        st.sampled_from([GOOD, BAD_NOT_CONNECTED | NO_VALUE, GOOD | CLOCK, 0xFFFF_FFFF]),
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(allow_nan=False, allow_infinity=False, width=32),
        st.integers(-(2**63), 2**63 - 1),
        st.text(max_size=20),
        st.sampled_from([0, 946_684_800_000_000]),
    ),
    max_size=40,
)


def build(rows: list[Any]) -> Samples:
    count = len(rows)
    samples = Samples(
        tag=np.array([row[0] for row in rows], np.int32),
        ts=np.array([row[1] for row in rows], np.int64),
        q=np.array([row[2] for row in rows], np.uint32),
        f=np.zeros(count),
        i=np.zeros(count, np.int64),
        s=np.full(count, "", np.object_),
        orig=np.array([row[7] for row in rows], np.int64),
    )
    assert samples.s is not None
    for at, row in enumerate(rows):
        if row[0] == INT:
            samples.i[at] = row[5]
        elif row[0] == TEXT:
            samples.s[at] = row[6]
        else:
            samples.f[at] = row[3] if row[0] == FLOAT64 else row[4]
    return samples


def by_tag(samples: Samples) -> list[tuple[Any, ...]]:
    order = np.argsort(samples.tag, kind="stable")
    texts = [""] * len(samples) if samples.s is None else samples.s.tolist()
    origins = [0] * len(samples) if samples.orig is None else samples.orig.tolist()
    rows = list(
        zip(
            samples.tag.tolist(),
            samples.ts.tolist(),
            samples.q.tolist(),
            samples.f.tolist(),
            samples.i.tolist(),
            texts,
            origins,
            strict=True,
        )
    )
    return [rows[at] for at in order]


@given(_rows, st.integers(0, 2**53))
def test_every_tag_keeps_its_samples_and_their_order(rows: list[Any], complete_to: int) -> None:
    samples = build(rows)
    plain = encode_columns(samples, FAMILIES, complete_to_us=complete_to)
    decoded, said = decode_columns(plain)
    assert said == complete_to
    assert by_tag(decoded) == by_tag(samples)


def test_unsigned_integers_beyond_63_bits_travel_as_text() -> None:
    samples = build([(INT, NOW, GOOD, 0.0, 0.0, 7, "", 0), (INT, NOW, GOOD, 0.0, 0.0, 0, "", 0)])
    assert samples.s is not None
    samples.s[1] = str(2**64 - 1)
    decoded, _ = decode_columns(encode_columns(samples, FAMILIES, complete_to_us=NOW))
    assert decoded.s is not None
    assert decoded.s.tolist() == ["", "18446744073709551615"]
    assert decoded.i.tolist() == [7, 0]


def test_keys_of_later_releases_are_ignored() -> None:
    body = orjson.loads(encode_columns(build([]), FAMILIES, complete_to_us=NOW))
    body["later"] = {"anything": 1}
    decoded, _ = decode_columns(orjson.dumps(body))
    assert len(decoded) == 0


def test_more_samples_than_the_contract_allows_are_refused_on_both_sides() -> None:
    many = concat([build([(INT, NOW, GOOD, 0.0, 0.0, 1, "", 0)])] * (MAX_SAMPLES + 1))
    with pytest.raises(LimitExceeded):
        encode_columns(many, FAMILIES, complete_to_us=NOW)
    block = {"k": "i", "g": [1] + [0] * MAX_SAMPLES, "t": [0] * (MAX_SAMPLES + 1)}
    block |= {"v": [0] * (MAX_SAMPLES + 1), "q": [[0, MAX_SAMPLES + 1]]}
    with pytest.raises(BadBody):
        decode_columns(orjson.dumps({"to": 1, "base": 1, "blocks": [block]}))


def test_a_text_above_the_limit_is_refused_on_both_sides() -> None:
    with pytest.raises(LimitExceeded):
        encode_columns(
            build([(TEXT, NOW, GOOD, 0.0, 0.0, 0, "厂" * MAX_TEXT, 0)]),
            FAMILIES,
            complete_to_us=NOW,
        )
    block = {"k": "s", "g": [4], "t": [0], "v": ["x" * (MAX_TEXT + 1)], "q": [[0, 1]]}
    with pytest.raises(BadBody):
        decode_columns(orjson.dumps({"to": 1, "base": 1, "blocks": [block]}))


GOOD_BLOCK: dict[str, Any] = {"k": "i", "g": [1, 0], "t": [0, 1], "v": [5, 1], "q": [[0, 2]]}


@pytest.mark.parametrize(
    "change",
    [
        {"k": "f16"},
        {"k": ["i"]},
        {"k": None},
        {"g": None},
        {"g": [1]},
        {"g": [1, "0"]},
        {"g": [1.5, 0]},
        {"g": [0, 0]},
        {"g": [1, -5]},
        {"g": [[1], [0]]},
        {"g": [2**31, 0]},
        {"g": [2**63, 1]},
        {"t": [0, None]},
        {"t": [-(2**60), 0]},
        {"t": [2**62, 2**62]},
        {"v": [1.25, 2]},
        {"v": ["5", "6"]},
        {"v": {"a": 1}},
        {"k": "f32", "v": [1e300, 1]},
        {"v": [2**64 - 1, 1]},
        {"q": [[0, 1]]},
        {"q": [[0, 10**9]]},
        {"q": [[0, -2], [0, 4]]},
        {"q": [0, 2]},
        {"q": [[2**40, 2]]},
        {"q": [[0]]},
        {"q": None},
        # The sum is 2 modulo 2**64: numpy believed it and wrote beyond its memory.
        {"q": [[0, 2**63 - 1], [0, 2**63 - 1], [0, 4]]},
        {"q": [[0, 2**62]] * 4},
        {"o": {"i": [2], "t": [1]}},
        {"o": {"i": [0, 1], "t": [1]}},
        {"o": 5},
        {"x": {"i": [-1], "s": ["1"]}},
        {"x": {"i": [0], "s": [1]}},
    ],
    ids=str,
)
def test_columns_that_do_not_fit_together_are_a_bad_body(change: dict[str, Any]) -> None:
    decode_columns(orjson.dumps({"to": 1, "base": 1, "blocks": [GOOD_BLOCK]}))
    with pytest.raises(BadBody):
        decode_columns(orjson.dumps({"to": 1, "base": 1, "blocks": [GOOD_BLOCK | change]}))


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("kgtvqoxis"), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["to", "base", "blocks", "k", "g"]), _json))
def test_no_json_at_all_gets_past_with_anything_but_a_bad_body(body: dict[str, Any]) -> None:
    with contextlib.suppress(BadBody, orjson.JSONEncodeError):
        decode_columns(orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS))


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(list("kgtvqox")), _json))
def test_no_block_at_all_gets_past_with_anything_but_a_bad_body(block: dict[str, Any]) -> None:
    try:
        body = {"to": 1, "base": 1, "blocks": [GOOD_BLOCK | block]}
        decode_columns(orjson.dumps(body))
    except (BadBody, orjson.JSONEncodeError):
        pass
