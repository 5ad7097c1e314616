"""What stands in buffer files is read as a whole, also where one of them lost a part."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID

import numpy as np

from rig.ledger import newest_epoch, read_ledger
from wire.columns import encode_columns, family_code
from wire.dtypes import DType
from wire.frame import Body, Kind, StreamClass, frame, pack_body
from wire.records import Opening, TagDef, TagTable, encode_record
from wire.samples import Samples

EPOCH = UUID("01a1fd8e-666e-7513-b451-d0489fbf409f")
KEY = StreamClass.KEY
AT = 1_795_255_345_000_000


def opening() -> Body:
    return encode_record(
        Opening(plant="demo", edge="line-a", opened_us=AT, predecessor=None, agent="test")
    )


def table() -> Body:
    return encode_record(TagTable(tags=[TagDef(n=1, path="line-a/press/good", dtype=DType.U32)]))


def sample(value: int) -> Body:
    samples = Samples(
        tag=np.ones(1, np.int32),
        ts=np.array([AT + value], np.int64),
        q=np.zeros(1, np.uint32),
        f=np.zeros(1),
        i=np.array([value], np.int64),
        s=None,
    )
    families = np.full(2, family_code(DType.U32.family), np.int8)
    return pack_body(Kind.SAMPLES, encode_columns(samples, families, complete_to_us=AT + value))


def buffer(path: Path, records: dict[int, Body], *, acked: int) -> Path:
    """A file with these records of one stream."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE epoch (ord, epoch)")
        connection.execute("CREATE TABLE stream (ord, cls, acked, last_seq)")
        connection.execute("CREATE TABLE record (ord, cls, seq, kind, body)")
        connection.execute("INSERT INTO epoch VALUES (1, ?)", [EPOCH.bytes])
        connection.execute("INSERT INTO stream VALUES (1, ?, ?, 9)", [KEY, acked])
        rows = [
            (1, KEY, seq, body.kind, frame(epoch=EPOCH, cls=KEY, seq=seq, body=body))
            for seq, body in records.items()
        ]
        connection.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?)", rows)
    return path


WHOLE = {1: opening(), 2: table(), 3: sample(7), 4: sample(8)}


def test_records_whose_tag_table_was_damaged_are_read_by_the_copy_taken_before(
    tmp_path: Path,
) -> None:
    gone = buffer(tmp_path / "gone.db", WHOLE, acked=3)
    damaged = buffer(tmp_path / "b.db", {4: WHOLE[4], 5: sample(9)}, acked=4)
    ledger = read_ledger([damaged], [gone])
    assert {place.seq: rows[0][2] for place, rows in ledger.rows.items()} == {3: 7, 4: 8, 5: 9}
    assert {place.edge for place in ledger.rows} == {"line-a"}
    assert {place.seq for place in ledger.unconfirmed} == {5}
    assert not ledger.unreadable
    assert not ledger.left
    assert read_ledger([], [gone]).left == {EPOCH}


def test_records_that_nothing_explains_are_named(tmp_path: Path) -> None:
    ledger = read_ledger([buffer(tmp_path / "b.db", {1: opening(), 4: sample(8)}, acked=0)])
    assert not ledger.rows
    assert [place.seq for place in ledger.unreadable] == [4]


def damage(path: Path, *seqs: int) -> Path:
    """The last byte of these records is another one."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for seq in seqs:
            (body,) = connection.execute("SELECT body FROM record WHERE seq = ?", [seq]).fetchone()
            body = body[:-1] + bytes([body[-1] ^ 0xFF])
            connection.execute("UPDATE record SET body = ? WHERE seq = ?", [body, seq])
    return path


def test_damaged_records_are_read_from_the_copy_taken_before(tmp_path: Path) -> None:
    gone = buffer(tmp_path / "gone.db", WHOLE, acked=3)
    damaged = damage(buffer(tmp_path / "b.db", {**WHOLE, 5: sample(9)}, acked=3), 2, 4)
    ledger = read_ledger([damaged], [gone])
    assert {place.seq: rows[0][2] for place, rows in ledger.rows.items()} == {3: 7, 4: 8, 5: 9}
    assert not ledger.unreadable
    assert {place.seq for place in ledger.unconfirmed} == {5}


def test_damaged_records_of_which_there_is_no_other_copy_are_named(tmp_path: Path) -> None:
    ledger = read_ledger([damage(buffer(tmp_path / "b.db", WHOLE, acked=3), 4)])
    assert [place.seq for place in ledger.unreadable] == [4]


def test_the_newest_epoch_is_the_one_that_the_next_opening_goes_on_from(tmp_path: Path) -> None:
    later = UUID("01a1fd8e-777e-7513-b451-d0489fbf409f")
    path = buffer(tmp_path / "b.db", {}, acked=0)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO epoch VALUES (2, ?)", [later.bytes])
    assert newest_epoch(path) == str(later)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM epoch")
    assert newest_epoch(path) == ""
