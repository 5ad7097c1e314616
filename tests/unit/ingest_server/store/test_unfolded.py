"""What is kept of a parked stream comes back to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from ingest_server.store.copyrows import Readings
from ingest_server.store.rows import Shape
from ingest_server.store.unfolded import packed, unpacked


@pytest.mark.parametrize("texts", [None, ["", "工单七", "a\0b", '"']])
def test_readings_come_back_as_they_were(texts: list[str] | None) -> None:
    readings = Readings(
        tag_id=np.array([1, 2, 2, 3], np.int32),
        ts=np.array([5, -1, 2**62, 0], np.int64),
        q=np.array([0, 2**32 - 1, 1, 0], np.uint32),
        f=np.array([0.1, np.nan, -np.inf, -0.0]),
        i=np.array([0, -(2**63), 2**63 - 1, 1], np.int64),
        s=None if texts is None else np.array(texts, np.object_),
        orig=None,
        shape=np.array([Shape.FROM_FLOAT, Shape.UNKNOWN, Shape.BIG, Shape.TEXT], np.int8),
    )
    back = unpacked(packed(readings))
    for name in ("tag_id", "ts", "q", "f", "i", "shape"):
        before, after = getattr(readings, name), getattr(back, name)
        assert before.dtype == after.dtype
        assert before.tobytes() == after.tobytes()
    assert (None if back.s is None else back.s.tolist()) == texts
