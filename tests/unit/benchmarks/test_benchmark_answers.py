"""The benchmarks' own servers answer as real ones do, and the acker counts what it should."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from benchmarks.acker import Acker, Count
from benchmarks.modbus_machine import Answers, images
from benchmarks.opcua_machine import Images, encode_results
from benchmarks.server_side import plan_text
from ingest_server.plant.model import Plan, checked
from runtime.strict_yaml import load_located
from wire.columns import encode_columns, family_code
from wire.dtypes import DType
from wire.frame import Kind, StreamClass, frame, pack_body
from wire.ids import EdgeId
from wire.records import TagDef, TagTable, encode_record
from wire.samples import Samples

EDGE = EdgeId(plant="bench", edge="line")
EPOCH = UUID(int=7)


class Written(asyncio.Transport):
    """Keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.data += bytes(data)


def test_a_modbus_request_is_answered_from_one_image_though_it_comes_in_pieces() -> None:
    found = images(10)
    answers, wire = Answers(found), Written()
    answers.connection_made(wire)
    request = bytes.fromhex("0007 0000 0006 01 03 0000 0003 0008 0000 0006 01 03 0003 0002")
    answers.data_received(request[:5])
    assert wire.data == b""
    answers.data_received(request[5:])
    image = found[1]
    assert wire.data == (
        bytes.fromhex("0007 0000 0009 01 03 06") + image[:6]
        + bytes.fromhex("0008 0000 0007 01 03 04") + image[6:10]
    )  # fmt: skip


def test_ready_opc_ua_answers_are_the_bytes_the_library_would_have_sent() -> None:
    now = datetime.now(UTC)
    results = [
        ua.DataValue(ua.Variant(n, ua.VariantType.UInt32), SourceTimestamp=now) for n in range(30)
    ]
    plain = ua.ReadResponse()
    plain.Results = results
    whole = bytes(struct_to_binary(plain))
    ready = encode_results(results)
    assert whole.endswith((ready + b"\xff" * 4, ready + bytes(4)))


def test_a_large_read_is_answered_by_images_in_turn() -> None:
    at = Images(40)
    asked = ua.ReadParameters(
        NodesToRead=[
            ua.ReadValueId(NodeId=ua.NodeId(ua.Int32(100_000 + n), ua.Int16(2)), AttributeId=13)
            for n in range(40)
        ]
    )
    body = bytes(struct_to_binary(asked))
    parsed = at.parse(ua.ReadParameters, Buffer(body))
    assert at.parse(ua.ReadParameters, Buffer(body)) is parsed
    first, second = at.answer(parsed), at.answer(parsed)
    assert first is not None
    assert second is not None
    assert first[0].Value != second[0].Value
    response = ua.ReadResponse()
    response.Results = first
    response.ResponseHeader.RequestHandle = 77
    decoded = struct_from_binary(ua.ReadResponse, Buffer(at.encode(response)))
    assert decoded.ResponseHeader.RequestHandle == 77
    assert [one.Value.Value for one in decoded.Results] == pytest.approx(
        [one.Value.Value for one in first], rel=1e-6
    )


def _record(seq: int, kind: Kind, values: list[int] | None = None) -> bytes:
    if kind is Kind.TAGS:
        tags = [
            TagDef(n=1, path="a", dtype=DType.U32, device="counted"),
            TagDef(n=2, path="b", dtype=DType.U32, device="other"),
        ]
        return frame(
            epoch=EPOCH,
            cls=StreamClass.BULK,
            seq=seq,
            body=encode_record(TagTable(tags=tags)),
        )
    given = np.array(values or [], np.int64)
    samples = Samples(
        tag=np.resize(np.array([1, 2], np.int32), given.size),
        ts=np.full(given.size, 5, np.int64),
        q=np.zeros(given.size, np.uint32),
        f=np.zeros(given.size),
        i=given,
    )
    families = np.full(3, family_code("i"), np.int8)
    plain = encode_columns(samples, families, complete_to_us=5)
    body = pack_body(Kind.SAMPLES, plain)
    return frame(epoch=EPOCH, cls=StreamClass.BULK, seq=seq, body=body)


def test_the_acker_counts_a_record_once_and_only_in_order_and_only_its_device() -> None:
    acker = Acker(EDGE, Count("counted"))
    assert acker.count is not None
    for record in (
        _record(1, Kind.TAGS),
        _record(3, Kind.SAMPLES, [9, 9]),
        _record(2, Kind.SAMPLES, [0, 50, 1, 50, 2, 50]),
        _record(2, Kind.SAMPLES, [0, 50, 1, 50, 2, 50]),
    ):
        acker.take(record)
    assert (acker.count.seen, acker.count.highest) == (2, 2)


def test_an_answer_is_due_after_half_a_window() -> None:
    acker = Acker(EDGE, None)
    due = [acker.take(_record(seq, Kind.SAMPLES, [1])) for seq in range(1, 9)]
    assert due == [False] * 7 + [True]


def test_the_plan_of_the_benchmark_is_one_the_server_takes(tmp_path: Path) -> None:
    file = tmp_path / "plant.yaml"
    file.write_text(plan_text(EDGE, counters=[4, 10], limits=[1, 3, 5], high=69.0), "utf-8")
    plan = checked(load_located(file, Plan))
    assert [one.counters[0].tag for one in plan.equipment] == ["t/4", "t/10"]
    assert [rule.tag for rule in plan.rules] == ["t/1", "t/3", "t/5"]
