"""What comes from the field: frames of Modbus, answers of OPC UA servers, lines of scanners."""

from __future__ import annotations

import struct
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import numpy as np
from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary

from drivers.modbus.config import ModbusDevice
from drivers.modbus.decode import lay_out, payload_size
from drivers.modbus.plan import Block, items_of, limits_of, plan
from drivers.modbus.rtu import Answer, Damaged, Question, Waiting, crc16, judge
from drivers.modbus.tcp import Asked, objection
from drivers.opcua.answers import Objects
from drivers.opcua.config import OpcUaTag
from drivers.opcua.convert import Converted, convert, shape_of
from drivers.opcua.hardened import harden
from drivers.opcua.reads import Read
from drivers.opcua.session import UNREADABLE
from drivers.opcua.subscription import Inbox, Subscription
from drivers.scanner.config import ScannerDevice
from drivers.scanner.decode import Patterns, Repeats, Splitter, Texts
from rig.fuzz.target import Target, expect
from wire.columns import MAX_TEXT
from wire.dtypes import DType
from wire.quality import has_value

_NOW: Final = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)

_MODBUS: Final = ModbusDevice.model_validate(
    {
        "id": "gateway",
        "driver": "modbus-tcp",
        "host": "127.0.0.1",
        "word_order": "ABCD",
        "groups": [
            {
                "every_ms": 500,
                "tags": [
                    {"path": "a", "address": "holding:0", "dtype": "u32"},
                    {"path": "b", "address": "holding:2", "dtype": "f64", "word_order": "CDAB"},
                    {"path": "c", "address": "holding:6", "dtype": "u64", "encoding": "bcd"},
                    {"path": "d", "address": "holding:10", "dtype": "str", "length": 4,
                     "charset": "gb18030"},
                    {"path": "e", "address": "holding:14", "dtype": "u64"},
                    {"path": "f", "address": "holding:18.3", "dtype": "bool"},
                ],
            }
        ],
    }
)  # fmt: skip
(_BLOCK,) = plan(items_of(_MODBUS, 0), limits_of(_MODBUS))
_LAYOUT: Final = lay_out(_MODBUS.groups[0].tags, [_BLOCK])
_QUESTION: Final = Question.of(_BLOCK)


def _framed(body: bytes) -> bytes:
    return body + struct.pack("<H", crc16(body))


_PAYLOAD: Final = bytes(range(payload_size(_BLOCK)))
_ANSWER: Final = _framed(
    bytes([_QUESTION.unit, _QUESTION.function, payload_size(_BLOCK)]) + _PAYLOAD
)
_REFUSED: Final = _framed(bytes([_QUESTION.unit, _QUESTION.function | 0x80, 2]))


def take_rtu(raw: bytes) -> None:
    """Bytes on a bus, from the framer to the values."""
    for silent in (False, True):
        found = judge(raw, _QUESTION, silent=silent)
        expect(isinstance(found, Answer | Waiting | Damaged), "no judgement")
        if isinstance(found, Answer) and found.exception is None:
            take_registers(_BLOCK, found.payload)


def take_registers(block: Block, payload: bytes) -> None:
    """Registers of an answer of the right length, to values."""
    payload = payload[: payload_size(block)].ljust(payload_size(block), b"\0")
    image = _LAYOUT.image()
    _LAYOUT.put(image, block, payload)
    values = _LAYOUT.decode(image, np.zeros(_LAYOUT.rows, np.uint32))
    expect(np.isfinite(values.f).all(), "a value that is not finite")
    empty = ~has_value(values.q)
    expect(not values.f[empty].any() and not values.i[empty].any(), "a value where there is none")
    for text in () if values.s is None else values.s.tolist():
        text.encode()


def take_tcp(raw: bytes) -> None:
    """Bytes on a TCP connection, as far as they are judged before the library has them."""
    asked = Asked(transaction=77, unit=1, function=3)
    for abandoned in ((), (77, 78)):
        found = objection(raw, asked, abandoned)
        expect(found is None or found, "an objection without a reason")


_DTYPES: Final = (DType.F32, DType.F64, DType.I64, DType.U64, DType.STR, DType.TIME, DType.BOOL)
_TAGS: Final = tuple(
    OpcUaTag(path=str(n), address=f"ns=2;s=x{'[1]' if n == 1 else ''}", dtype=dtype)
    for n, dtype in enumerate(_DTYPES)
)
_SHAPE: Final = shape_of(_TAGS)
_V: Final = ua.VariantType


def _value(value: Any, kind: ua.VariantType) -> ua.DataValue:
    return ua.DataValue(
        ua.Variant(value, kind),
        ua.StatusCode(ua.UInt32(0)),
        SourceTimestamp=_NOW,  # type: ignore[arg-type]
    )


_FLAT: Final = (
    _value(1.5, _V.Float),
    _value(2.5, _V.Double),
    _value(-7, _V.Int64),
    _value(2**63, _V.UInt64),
    _value(5, _V.UInt16),
    _value(_NOW, _V.DateTime),
    _value(True, _V.Boolean),  # noqa: FBT003 - the value itself
)
_MIXED: Final = (
    _value(1.5, _V.Float),
    _value([1.0, 2.0], _V.Double),
    _value(ua.NodeId(ua.Int32(7), ua.Int16(2)), _V.NodeId),
    _value(2**63, _V.UInt64),
    _value("Auftrag 订单", _V.String),
    _value(_NOW, _V.DateTime),
    _value([ua.Variant(1, _V.Int32)], _V.Variant),
)


def _read_answer(values: tuple[ua.DataValue, ...]) -> bytes:
    answer = ua.ReadResponse()
    answer.Results = list(values)
    return bytes(struct_to_binary(answer))


def take_read(raw: bytes) -> None:
    """The answer to a read, twice: the second time its layout is known."""
    harden()
    read = Read(np.arange(len(_TAGS)), [])
    for _ in range(2):
        try:
            found = read.answers(Buffer(raw))
        except UNREADABLE:
            continue
        if len(found) == len(_TAGS):
            _sound(convert(_SHAPE, np.arange(len(_TAGS)), found), len(_TAGS))


def take_publish(raw: bytes) -> None:
    """What a server reports, from its bytes to columns."""
    harden()
    try:
        result = struct_from_binary(ua.PublishResult, Buffer(raw))
    except UNREADABLE:
        return
    inbox = Inbox(points=len(_TAGS), most=100, clock=lambda: 1)
    subscription = Subscription(0, np.arange(len(_TAGS)), inbox)
    for now_s in (1.0, 2.0):
        subscription.hear(result, now_s)
    rows, reported = inbox.take()
    expect(rows.size == len(reported), "rows without values")
    if rows.size:
        expect(rows.max() < len(_TAGS), "a value of a point that does not exist")
        _sound(convert(_SHAPE, rows, Objects(reported)), rows.size)
        inbox.after_a_hole(rows)


def _published() -> bytes:
    result = ua.PublishResult()
    result.SubscriptionId = ua.IntegerId(3)
    items = [
        ua.MonitoredItemNotification(ClientHandle=ua.IntegerId(n), Value=value)
        for n, value in enumerate(_MIXED)
    ]
    result.NotificationMessage.SequenceNumber = ua.Counter(1)
    result.NotificationMessage.NotificationData = [
        ua.DataChangeNotification(MonitoredItems=items),
        ua.StatusChangeNotification(Status=ua.StatusCode(ua.UInt32(0))),
    ]
    return bytes(struct_to_binary(result))


def _sound(found: Converted, rows: int) -> None:
    expect(found.f.size == found.i.size == found.q.size == rows, "columns of several lengths")
    empty = ~has_value(found.q)
    expect(not found.f[empty].any() and not found.i[empty].any(), "a value where there is none")
    expect(np.isfinite(found.f).all(), "a value that is not finite")
    for text in () if found.s is None else found.s.tolist():
        expect(len(text.encode()) <= MAX_TEXT, "a text that no record takes")


_SCANNER: Final = ScannerDevice.model_validate(
    {
        "id": "scanner",
        "driver": "scanner",
        "connect": {"host": "127.0.0.1", "port": 9000},
        "prefix": "]C1",
        "groups": [
            {
                "every_ms": 1000,
                "pattern": r"(?P<order>WO-\d+);(?P<part>.*)",
                "tags": [
                    {"path": "order", "address": "order", "dtype": "str"},
                    {"path": "part", "address": "part", "dtype": "str"},
                ],
            },
            {"every_ms": 1000, "tags": [{"path": "all", "address": "line", "dtype": "str"}]},
        ],
    }
)


def take_scan(step: int, raw: bytes) -> None:
    """What a scanner sends, in pieces of `step` bytes."""
    dropped: Counter[str] = Counter()
    for terminator in ("any", "crlf", "etx"):
        splitter = Splitter(terminator, 64, dropped)
        texts = Texts(encoding="utf-8", prefix="]C1", suffix="", dropped=dropped)
        patterns = Patterns(_SCANNER.groups, _SCANNER.starts)
        repeats = Repeats(1_000)
        for at in range(0, len(raw), step):
            lines = splitter.feed(raw[at : at + step])
            expect(splitter.held <= 64 + 2, "more held than the longest line")
            for text in repeats.fresh(texts.of(lines), at):
                for point, value in patterns.values(text):
                    expect(0 <= point < 3 and value and "\0" not in value, "a wrong value")


TARGETS: Final = (
    Target(name="modbus-rtu", seeds=[_ANSWER, _REFUSED, _QUESTION.frame + _ANSWER], feed=take_rtu),
    Target(name="modbus-registers", seeds=[_PAYLOAD], feed=partial(take_registers, _BLOCK)),
    Target(
        name="modbus-tcp",
        seeds=[struct.pack(">HHHBB", 77, 0, 7, 1, 3) + bytes([4, 1, 2, 3, 4])],
        feed=take_tcp,
    ),
    Target(name="opcua-read", seeds=[_read_answer(_FLAT), _read_answer(_MIXED)], feed=take_read),
    Target(name="opcua-publish", seeds=[_published()], feed=take_publish),
    Target(
        name="scanner",
        seeds=[b"]C1WO-17;abc\r\n]C1\xe8\xae\xa2\r\n", b"]C1x\x03" * 9],
        feed=partial(take_scan, 7),
    ),
)
