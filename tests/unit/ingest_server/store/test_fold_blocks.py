"""States of many tags as the bytes of a row, and back."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_server.domain.counter_columns import STATE
from ingest_server.store.copyrows import HEADER, TRAILER, copy_marks, mark_fields
from ingest_server.store.fold_blocks import TAGS_A_BLOCK, packed, unpacked

tags = st.dictionaries(
    st.integers(1, 5 * TAGS_A_BLOCK),
    st.tuples(st.booleans(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.integers(0, 3)),
    max_size=40,
)


@given(found=tags)
def test_changed_blocks_come_back_whole_and_others_are_left_alone(
    found: dict[int, tuple[bool, bool, int, int]],
) -> None:
    tag_ids = np.array(sorted(found), np.int32)
    rows = np.zeros(len(tag_ids), STATE)
    for place, tag_id in enumerate(tag_ids.tolist()):
        rows[place]["exists"], _, rows[place]["value"], rows[place]["skipped"] = found[tag_id]
    changed = np.array([found[tag_id][1] for tag_id in tag_ids.tolist()], np.bool_)
    blocks = packed(7, "counter", tag_ids, rows, kept=rows["exists"], changed=changed)
    assert [one.block for one in blocks] == sorted(set((tag_ids[changed] // 256).tolist()))
    for one in blocks:
        assert one.key == (7, "counter", one.block)
        inside = rows["exists"] & (tag_ids // TAGS_A_BLOCK == one.block)
        known, columns = unpacked(one.content, STATE)
        assert known.tolist() == tag_ids[inside].tolist()
        assert columns.tolist() == rows[inside].tolist()


def test_a_block_of_another_release_is_refused() -> None:
    with pytest.raises(ValueError, match="version 9"):
        unpacked(struct.pack("<BII", 9, 0, 0), STATE)
    with pytest.raises(ValueError, match="fields"):
        unpacked(struct.pack("<BII", 1, 0, 1 << 31), STATE)


def test_marks_are_rows_of_three_fields() -> None:
    fields = np.array([mark_fields("demo", "压机"), mark_fields("demo", "m2")], np.object_)
    pieces = copy_marks([(fields, 946_684_860_000_000), (fields[:0], 0)])
    minute = struct.pack(">iq", 8, 60_000_000)
    assert b"".join(pieces) == b"".join(
        [
            HEADER,
            struct.pack(">hi", 3, 4) + b"demo" + struct.pack(">i", 6) + "压机".encode() + minute,
            struct.pack(">hi", 3, 4) + b"demo" + struct.pack(">i", 2) + b"m2" + minute,
            TRAILER,
        ]
    )
    assert copy_marks([]) == []
