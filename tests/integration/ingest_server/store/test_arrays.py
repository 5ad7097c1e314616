"""Arrays as PostgreSQL reads them."""

from __future__ import annotations

from uuid import uuid4

import numpy as np
import pytest

from ingest_server.store import arrays
from ingest_server.store.arrays import Array
from ingest_server.store.connection import connect
from runtime.clock import to_datetime

NULLS = np.array([False, True, False])
ONE, TWO = uuid4(), uuid4()
AT_US = [0, 1, 1_770_000_000_123_456]


@pytest.mark.parametrize(
    ("kind", "array", "values"),
    [
        ("int4", arrays.ints([1, -2, 3], nulls=NULLS), [1, None, 3]),
        ("int8", arrays.bigints(np.array([2**62, 0, -1])), [2**62, 0, -1]),
        ("float8", arrays.doubles([0.1, 2.0, -1e300], nulls=NULLS), [0.1, None, -1e300]),
        ("timestamptz", arrays.times(AT_US), [to_datetime(at_us) for at_us in AT_US]),
        ("timestamptz", arrays.times_or_null([None, 5]), [None, to_datetime(5)]),
        ("uuid", arrays.uuids([ONE, TWO]), [ONE, TWO]),
        ("text", arrays.texts(["", None, 'NULL", {ä}']), ["", None, 'NULL", {ä}']),
        ("bytea", arrays.bytestrings([b"", b"\0\xff"]), [b"", b"\0\xff"]),
        ("int4", arrays.ints([]), []),
        ("text", arrays.texts([]), []),
    ],
)
def test_a_column_comes_back_as_it_was(
    dsn: str, kind: str, array: Array, values: list[object]
) -> None:
    with connect(dsn, name="test") as connection:
        for _ in range(7):  # the driver prepares what it sees often
            row = connection.execute(
                f"SELECT array_agg(one ORDER BY place) FROM unnest(%(array)s::{kind}[])"
                " WITH ORDINALITY AS u (one, place)",
                {"array": array},
            ).fetchone()
            assert row == (values or None,)
