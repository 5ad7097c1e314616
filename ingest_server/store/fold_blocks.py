"""What folds remember of many tags, as columns: the table `fold_block`, a row a range of tag ids.

A row holds, of one edge and kind of fold, the tags whose id divided by `TAGS_A_BLOCK` is its block.
Its content is little-endian: a version byte, the number of tags (u32), a mask of the fields that
follow (u32, bit by place in the dtype), the tag ids (i32), then each field's column. A field that
is zero throughout is left out.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from ingest_server.store import arrays
from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest_server.store.connection import Connection

Kind = Literal["counter", "last"]
TAGS_A_BLOCK: Final = 256
_VERSION: Final = 1
_HEAD: Final = struct.Struct("<BII")
_SQL = beside(__file__, "fold_blocks.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One row of the table."""

    edge_id: int
    kind: Kind
    block: int
    content: bytes

    @property
    def key(self) -> tuple[int, Kind, int]:
        """What names the row."""
        return self.edge_id, self.kind, self.block


def packed(
    edge_id: int,
    kind: Kind,
    tag_ids: NDArray[np.int32],
    rows: NDArray[np.void],
    *,
    kept: NDArray[np.bool_],
    changed: NDArray[np.bool_],
) -> list[Block]:
    """The blocks in which a row changed, each with all its rows that are `kept`.

    `tag_ids` are sorted; `rows` has one row a tag.
    """
    block_of = tag_ids // TAGS_A_BLOCK
    blocks = np.unique(block_of[changed])
    block_of, tag_ids, rows = block_of[kept], tag_ids[kept].astype("<i4"), rows[kept]
    names = rows.dtype.names or ()
    columns = [np.ascontiguousarray(rows[name]) for name in names]
    stored = [place for place, column in enumerate(columns) if column.any()]
    mask = sum(1 << place for place in stored)
    found = [tag_ids, *(columns[place] for place in stored)]
    lows = np.searchsorted(block_of, blocks, side="left").tolist()
    highs = np.searchsorted(block_of, blocks, side="right").tolist()
    return [
        Block(
            edge_id=edge_id,
            kind=kind,
            block=block,
            content=b"".join(
                [
                    _HEAD.pack(_VERSION, high - low, mask),
                    *[column[low:high].tobytes() for column in found],
                ]
            ),
        )
        for block, low, high in zip(blocks.tolist(), lows, highs, strict=True)
    ]


def unpacked(content: bytes, dtype: np.dtype[Any]) -> tuple[NDArray[np.int32], NDArray[np.void]]:
    """Tag ids and rows of a block; ValueError for a version this release does not know."""
    version, count, mask = _HEAD.unpack_from(content)
    names = dtype.names or ()
    if version != _VERSION or mask >> len(names):
        raise ValueError(f"fold block of version {version}, fields {mask:b}")
    tag_ids = np.frombuffer(content, "<i4", count, _HEAD.size).astype(np.int32)
    rows = np.zeros(count, dtype)
    at = _HEAD.size + tag_ids.nbytes
    for place, name in enumerate(names):
        if mask >> place & 1:
            column = np.frombuffer(content, dtype[name], count, at)
            rows[name] = column
            at += column.nbytes
    return tag_ids, rows


def load(connection: Connection, edge_id: int) -> list[Block]:
    """All blocks of an edge. Raises StoreError."""
    with wrapped():
        rows = connection.execute(_SQL["fold_blocks"], {"edge_id": edge_id}).fetchall()
    return [
        Block(edge_id=edge_id, kind=kind, block=block, content=bytes(content))
        for kind, block, content in rows
    ]


def save(connection: Connection, blocks: Sequence[Block]) -> None:
    """Write within the caller's transaction. Raises psycopg's own errors."""
    if blocks:
        connection.execute(
            _SQL["save_fold_blocks"],
            {
                "edge_id": arrays.ints([one.edge_id for one in blocks]),
                "kind": arrays.texts([one.kind for one in blocks]),
                "block": arrays.ints([one.block for one in blocks]),
                "content": arrays.bytestrings([one.content for one in blocks]),
            },
        )
