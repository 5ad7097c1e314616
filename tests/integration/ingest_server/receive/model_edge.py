"""An edge as the contract describes it, for tests: makes records and keeps all of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import numpy as np

from wire.columns import encode_columns, family_code
from wire.dtypes import DType
from wire.frame import Body, Kind, StreamClass, frame, pack_body
from wire.ids import EdgeId
from wire.records import (
    Event,
    Events,
    Opening,
    Predecessor,
    TagDef,
    TagTable,
    Tombstone,
    encode_record,
)
from wire.samples import Samples

START_US = 1_767_225_600_000_000  # 2026-01-01
SECOND_US = 1_000_000

DEFAULT_TAGS = (
    TagDef(n=1, path="press/good", dtype=DType.U32),
    TagDef(n=2, path="press/temperature", dtype=DType.F32, unit="C"),
    TagDef(n=3, path="press/energy", dtype=DType.U64),
    TagDef(n=4, path="press/order", dtype=DType.STR),
)


@dataclass
class Epoch:
    """Records of one stream of an epoch; `truth` is what the readings must become."""

    edge: EdgeId
    cls: StreamClass
    epoch: UUID = field(default_factory=uuid4)
    predecessor: Predecessor | None = None
    opened_us: int = START_US
    records: list[bytes] = field(default_factory=list)
    truth: list[tuple[str, int, object]] = field(default_factory=list)
    tags: dict[int, TagDef] = field(default_factory=dict)
    now_us: int = 0

    def __post_init__(self) -> None:
        self.now_us = self.opened_us

    @property
    def seq(self) -> int:
        return len(self.records)

    def add(self, body: Body) -> bytes:
        record = frame(epoch=self.epoch, cls=self.cls, seq=len(self.records) + 1, body=body)
        self.records.append(record)
        return record

    def open(self) -> bytes:
        return self.add(
            encode_record(
                Opening(
                    plant=self.edge.plant,
                    edge=self.edge.edge,
                    opened_us=self.opened_us,
                    predecessor=self.predecessor,
                    agent="test",
                )
            )
        )

    def define(self, *tags: TagDef) -> bytes:
        self.tags |= {tag.n: tag for tag in tags}
        return self.add(encode_record(TagTable(tags=list(tags))))

    def events(self, *events: Event) -> bytes:
        return self.add(encode_record(Events(events=list(events), to=self.now_us)))

    def tombstone(self, through: int, **fields: object) -> bytes:
        values: dict[str, object] = {
            "from_us": self.opened_us,
            "to_us": self.now_us,
            "samples": 1,
            "exact": True,
            "cause": "overflow",
        }
        return encode_record_at(
            self.epoch,
            self.cls,
            int(str(fields.pop("seq", self.seq))),
            Tombstone.model_validate({"through": through, **values, **fields}),
        )

    def sample(
        self, rows: list[tuple[int, object]], *, step_us: int = SECOND_US, lag_us: int = 0
    ) -> bytes:
        """One record with (tag number, value); each row is `step_us` after the one before.

        It is complete to `lag_us` before the last of them.
        """
        count = len(rows)
        numbers = np.array([number for number, _ in rows], np.int32)
        ts = self.now_us + step_us * np.arange(1, count + 1, dtype=np.int64)
        floats = np.zeros(count)
        integers = np.zeros(count, np.int64)
        texts = np.full(count, "", np.object_)
        quality = np.zeros(count, np.uint32)
        for place, (number, value) in enumerate(rows):
            dtype = self.tags[number].dtype
            if value is None:
                quality[place] = 0x8000_0008
            elif isinstance(value, str) or (isinstance(value, int) and value >= 2**63):
                texts[place] = str(value)
            elif dtype.family == "i":
                integers[place] = value
            else:
                floats[place] = value
            self.truth.append((self.tags[number].path, int(ts[place]), value))
        self.now_us = int(ts[-1])
        families = np.zeros(1 + max(self.tags), np.int8)
        for number, tag in self.tags.items():
            families[number] = family_code(tag.dtype.family)
        samples = Samples(tag=numbers, ts=ts, q=quality, f=floats, i=integers, s=texts)
        plain = encode_columns(samples, families, complete_to_us=self.now_us - lag_us)
        return self.add(pack_body(Kind.SAMPLES, plain))

    def successor(self, *, clean: bool = True, pause_us: int = 0) -> Epoch:
        """The epoch that continues this one."""
        return Epoch(
            edge=self.edge,
            cls=self.cls,
            predecessor=Predecessor(
                epoch=self.epoch, last_seq=self.seq, clean=clean, alive_us=self.now_us
            ),
            opened_us=self.now_us + pause_us,
        )


def encode_record_at(
    epoch: UUID, cls: StreamClass, seq: int, record: Tombstone | Opening | TagTable | Events
) -> bytes:
    return frame(epoch=epoch, cls=cls, seq=seq, body=encode_record(record))


def started(edge: EdgeId, cls: StreamClass = StreamClass.BULK) -> Epoch:
    """An epoch with its opening and the default tags."""
    epoch = Epoch(edge=edge, cls=cls)
    epoch.open()
    epoch.define(*DEFAULT_TAGS)
    return epoch


def fill(epoch: Epoch, records: int, rows: int, seed: int = 0) -> None:
    """Samples of all kinds: counters, floats, big integers beyond int64, texts, no value."""
    lot = random.Random(seed)
    for _ in range(records):
        choices: list[tuple[int, object]] = [
            (1, lot.randrange(2**32)),
            (2, float(np.float32(lot.uniform(-1e6, 1e6)))),
            (3, lot.choice([lot.randrange(2**63), 2**63 + lot.randrange(2**62)])),
            (4, lot.choice(["", "A-100", "工单七", "x\0y"])),
            (lot.randrange(1, 5), None),
        ]
        epoch.sample([lot.choice(choices) for _ in range(rows)])
