"""What stands in the edges' buffer files: every record that ever became durable and is still held.

A file is copied before it is read: the agent that owns it, or its next start, shall not notice.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from rig.rows import Place, Row, rows_of
from wire.columns import decode_columns
from wire.dtypes import DType
from wire.errors import WireError
from wire.frame import Kind, StreamClass, read_prefix, unpack_body
from wire.records import Opening, TagTable, decode_record

_RECORDS = """
SELECT e.epoch, r.cls, r.seq, r.kind, r.body, r.seq > s.acked
FROM record r JOIN stream s ON s.ord = r.ord AND s.cls = r.cls JOIN epoch e ON e.ord = r.ord
ORDER BY r.ord, r.cls, r.seq
"""
_LAST = "SELECT e.epoch, s.cls, s.last_seq FROM stream s JOIN epoch e ON e.ord = s.ord"


@dataclass(kw_only=True, slots=True)
class Ledger:
    """Samples records by their place, and which of them no server has confirmed."""

    rows: dict[Place, list[Row]] = field(default_factory=dict)
    unconfirmed: set[Place] = field(default_factory=set)
    unreadable: set[Place] = field(default_factory=set)
    """Records of whose tags no file has the definition, and damaged ones that no older copy has."""
    left: set[UUID] = field(default_factory=set)
    """Epochs that no agent has any more."""


@dataclass(kw_only=True, slots=True)
class _Known:
    """What the records of an epoch need to be read. A damaged file may have lost it and kept them;
    the copy taken before has it."""

    senders: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    tags: dict[tuple[UUID, StreamClass], dict[int, tuple[str, DType]]] = field(default_factory=dict)
    whole: set[tuple[UUID, str, int]] = field(default_factory=set)
    """Records that were read undamaged."""


def read_ledger(buffers: Iterable[Path], gone: Iterable[Path] = ()) -> Ledger:
    """All records of all files. `gone`: copies of files that no agent has any more.

    What is unconfirmed in a file that still exists may come yet; in one that is gone it may not.
    """
    ledger, known = Ledger(), _Known()
    for path in gone:
        ledger.left |= _read(path, ledger, known, confirmable=False)
    for path in buffers:
        ledger.left -= _read(path, ledger, known, confirmable=True)
    return ledger


def last_seqs(path: Path) -> dict[tuple[str, str], int]:
    """(epoch, class) to the last seq given, of a file nobody has open."""
    with _opened(path) as connection:
        return {
            (str(UUID(bytes=epoch)), cls): int(last)
            for epoch, cls, last in connection.execute(_LAST)
        }


def newest_epoch(path: Path) -> str:
    """The epoch that the next opening goes on from; empty where there is none yet."""
    with _opened(path) as connection:
        row = connection.execute("SELECT epoch FROM epoch ORDER BY ord DESC LIMIT 1").fetchone()
    return "" if row is None else str(UUID(bytes=row[0]))


def _read(path: Path, ledger: Ledger, known: _Known, *, confirmable: bool) -> set[UUID]:
    """Read all records of a file; the epochs it has records of."""
    epochs = set()
    latest = ("?", "?")
    with _opened(path) as connection:
        for epoch_bytes, cls, seq, kind, body, unacked in connection.execute(_RECORDS):
            epoch = UUID(bytes=epoch_bytes)
            epochs.add(epoch)
            tags = known.tags.setdefault((epoch, StreamClass(cls)), {})
            try:
                plain = unpack_body(body, read_prefix(body))
            except WireError:
                # What damages a page may leave the file readable; a copy from before it was taken.
                plant, edge = known.senders.get(epoch, latest)
                place = Place(plant=plant, edge=edge, epoch=epoch, cls=cls, seq=seq)
                if (epoch, cls, seq) not in known.whole:
                    ledger.unreadable.add(place)
                continue
            known.whole.add((epoch, cls, seq))
            if kind == Kind.SAMPLES:
                plant, edge = latest = known.senders.get(epoch, latest)
                place = Place(plant=plant, edge=edge, epoch=epoch, cls=cls, seq=seq)
                samples, _ = decode_columns(plain)
                if not tags.keys() >= set(samples.tag.tolist()):
                    ledger.unreadable.add(place)
                    continue
                ledger.rows[place] = rows_of(samples, tags)
                if unacked and confirmable:
                    ledger.unconfirmed.add(place)
                continue
            record = decode_record(Kind(kind), plain)
            if isinstance(record, Opening):
                known.senders[epoch] = latest = (record.plant, record.edge)
            elif isinstance(record, TagTable):
                tags.update({tag.n: (tag.path, tag.dtype) for tag in record.tags})
    return epochs


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory(prefix="lineside-ledger-") as folder:
        copy = Path(folder) / "buffer.db"
        copy_buffer(path, copy)
        with closing(sqlite3.connect(copy)) as connection:
            yield connection


def copy_buffer(path: Path, copy: Path) -> None:
    """Copy a buffer nobody writes to, with what its log still holds."""
    shutil.copyfile(path, copy)
    log = path.with_name(path.name + "-wal")
    if log.exists():
        shutil.copyfile(log, copy.with_name(copy.name + "-wal"))
