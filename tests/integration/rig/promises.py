"""What a buffer's writer was promised until a moment, and whether a buffer file keeps it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from edge_agent.buffer.store import Store
from runtime.clock import now_us
from tests.integration.rig.buffer_writer import EDGE
from wire.frame import Kind, StreamClass, read_prefix, unpack_body
from wire.records import Tombstone, decode_record

Record = tuple[str, str, int]
"""Epoch, class and seq."""
Group = dict[Record, str]
"""The records of one append with their sha256."""


@dataclass(kw_only=True, slots=True)
class Promises:
    """What the witness was told."""

    kept: Group = field(default_factory=dict)
    """Records whose append had returned."""
    open: list[Group] = field(default_factory=list)
    """Appends that had not returned: all of each is there, or none of it."""
    acked: dict[tuple[str, str], int] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    evicting: bool = False


def told(witness: bytes) -> Promises:
    """Read a witness's file; a line `cut` ends a run."""
    promises = Promises()
    under_way: Group = {}
    for line in witness.splitlines():
        what = orjson.loads(line)
        if "append" in what:
            under_way = {(epoch, cls, seq): sha for epoch, cls, seq, sha in what["append"]}
        elif "done" in what:
            promises.kept |= under_way
            under_way = {}
        elif "acked" in what:
            epoch, cls, seq = what["acked"]
            promises.acked[epoch, cls] = max(seq, promises.acked.get((epoch, cls), 0))
        elif "opened" in what:
            promises.opened.append(what["opened"])
        elif "evict" in what:
            promises.evicting = True
        elif under_way:  # cut
            promises.open.append(under_way)
            under_way = {}
    if under_way:
        promises.open.append(under_way)
    return promises


@dataclass(frozen=True, kw_only=True, slots=True)
class Buried:
    """A range of a stream's numbers that a tombstone stands for."""

    stream: tuple[str, str]
    numbers: range
    cause: str


@dataclass(kw_only=True, slots=True)
class Held:
    """What a buffer has, read through the store itself."""

    records: Group = field(default_factory=dict)
    tombstones: list[Buried] = field(default_factory=list)
    streams: dict[tuple[str, str], Any] = field(default_factory=dict)
    salvaged: str = ""


async def held(file: Path) -> Held:
    """Open the buffer, as the next agent would, and read everything."""
    found = Held()
    async with Store(file, EDGE, agent="test", clock=now_us) as store:
        if store.salvaged is not None:
            found.salvaged = store.salvaged.reason
        for place, state in store.streams.items():
            epoch = state.epoch.hex
            found.streams[epoch, place.cls] = state
            for one in await store.read(place, 1, most=100_000):
                prefix = read_prefix(one.body)
                if prefix.kind is Kind.TOMBSTONE:
                    tombstone = decode_record(prefix.kind, unpack_body(one.body, prefix))
                    assert isinstance(tombstone, Tombstone)
                    numbers = range(one.seq, one.through + 1)
                    buried = Buried(
                        stream=(epoch, place.cls), numbers=numbers, cause=tombstone.cause
                    )
                    found.tombstones.append(buried)
                elif prefix.kind is not Kind.OPENING:
                    key = (epoch, str(place.cls), one.seq)
                    found.records[key] = hashlib.sha256(one.body).hexdigest()
    return found


def broken(promises: Promises, found: Held) -> list[str]:
    """Every promise that a buffer does not keep, in words."""
    wrong = [f"salvaged: {found.salvaged}"] if found.salvaged else []
    known = {epoch for epoch, _ in found.streams}
    wrong += [f"epoch {epoch} is gone" for epoch in promises.opened if epoch not in known]

    def excused(record: Record) -> bool:
        epoch, cls, seq = record
        if promises.acked.get((epoch, cls), 0) >= seq:
            return True
        return promises.evicting and any(
            one.stream == (epoch, cls) and seq in one.numbers and one.cause in ("overflow", "disk")
            for one in found.tombstones
        )

    for record, sha in promises.kept.items():
        if found.records.get(record) != sha and not (
            record not in found.records and excused(record)
        ):
            wrong.append(f"{record} is lost or changed")
    for group in promises.open:
        there = [found.records.get(record) == sha for record, sha in group.items()]
        if len(set(there)) > 1 and not any(excused(record) for record in group):
            wrong.append(f"half an append is there: {list(group)}")
    intended = promises.kept | {r: sha for group in promises.open for r, sha in group.items()}
    wrong += [
        f"{record} is not what anybody wrote"
        for record, sha in found.records.items()
        if intended.get(record) != sha
    ]
    for (epoch, cls), state in found.streams.items():
        if state.acked > promises.acked.get((epoch, cls), 0):
            wrong.append(f"{epoch} {cls} is acknowledged to {state.acked}, which nobody said")
        wrong += _holes(epoch, cls, state, found)
    return wrong


def _holes(epoch: str, cls: StreamClass | str, state: Any, found: Held) -> list[str]:
    """Numbers of a stream that neither a record nor a tombstone covers, nor an acknowledgement."""
    covered = {seq for e, c, seq in found.records if (e, c) == (epoch, cls)} | {1}  # the opening
    for one in found.tombstones:
        if one.stream == (epoch, cls):
            covered.update(one.numbers)
    missing = set(range(state.acked + 1, state.last_seq + 1)) - covered
    beyond = [seq for seq in covered if seq > state.last_seq]
    wrong = [f"{epoch} {cls} has holes at {sorted(missing)[:5]}"] if missing else []
    return wrong + ([f"{epoch} {cls} goes beyond its last number: {beyond[:5]}"] if beyond else [])
