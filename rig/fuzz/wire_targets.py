"""What comes over MQTT: records and messages, up to the point where they would be stored."""

from __future__ import annotations

import contextlib
from functools import partial
from io import BytesIO
from typing import Any, Final
from uuid import UUID

import numpy as np
import orjson

from edge_agent.buffer.rows import Place, StreamState
from edge_agent.publish.order_body import order_of
from edge_agent.publish.window import Window
from ingest_server.receive.arrival import dead_letter, look_at, read_content
from ingest_server.receive.decide import SampleBatch, decide, needs_content
from ingest_server.receive.live import LiveTable
from ingest_server.receive.plain_message import parse, readings
from ingest_server.store.copyrows import copy_origins, copy_readings, readings_of
from ingest_server.store.rows import EdgeRow, Shape, StreamRow, TagMap
from rig.fuzz.target import Finding, Target, expect
from runtime.errors import LinesideError
from wire.carried import Damaged, Reader, pieces
from wire.columns import MAX_SAMPLES, encode_columns, family_code
from wire.control import Ack, Command, CommandAck, ConfigPush, Cursor, Live, Rewind, Status
from wire.control import StreamStatus as Stream
from wire.errors import BadBody, LimitExceeded, WireError
from wire.frame import Kind, StreamClass, frame, pack_body
from wire.ids import EdgeId
from wire.quality import CLOCK, GOOD, has_value
from wire.records import (
    Event,
    Events,
    Opening,
    Predecessor,
    TagDef,
    TagTable,
    Tombstone,
)
from wire.samples import Samples
from wire.topics import up

EDGE: Final = EdgeId(plant="demo", edge="line-a")
EPOCH: Final = UUID(int=7)
BEFORE: Final = UUID(int=6)
NOW_US: Final = 1_790_000_000_000_000
_TAGS: Final = 8
_STORED: Final = 4
"""The cursor of the stream that records are decided against."""
_ROW: Final = EdgeRow(
    edge=EDGE,
    edge_id=1,
    next_batch=9,
    streams={
        (EPOCH, StreamClass.BULK): StreamRow(
            epoch=EPOCH, cls=StreamClass.BULK, cursor=_STORED, ord=1, last_to_us=NOW_US
        ),
        (BEFORE, StreamClass.KEY): StreamRow(epoch=BEFORE, cls=StreamClass.KEY, cursor=3, ord=1),
    },
)
_SHAPES: Final = (Shape.BIG, Shape.BIG, Shape.FROM_FLOAT, Shape.FROM_FLOAT, Shape.TEXT)
MAP: Final = TagMap().with_tags([(n, 100 + n, _SHAPES[n % len(_SHAPES)]) for n in range(1, _TAGS)])


def samples(count: int = 20) -> bytes:
    """The body of a samples record with every family in it."""
    tag = np.arange(count, dtype=np.int32) % (_TAGS - 1) + 1
    families = np.array([family_code(name) for name in ("i", "i", "f32", "f64", "s")], np.int8)
    made = Samples(
        tag=tag,
        ts=NOW_US + np.arange(count, dtype=np.int64) * 100_000,
        q=np.where(tag == 3, GOOD | CLOCK, GOOD).astype(np.uint32),
        f=np.where((tag % 5 == 2) | (tag % 5 == 3), tag * 1.5, 0.0),
        i=np.where(tag % 5 < 2, tag.astype(np.int64) * 1_000, 0),
        s=np.array([f"单 {n}" if n % 5 == 4 else "" for n in tag.tolist()], np.object_),
        orig=np.where(tag == 3, 946_684_800_000_000, 0).astype(np.int64),
    )
    return encode_columns(made, families[np.arange(_TAGS) % 5], complete_to_us=NOW_US)


_OPENING = Opening(
    plant="demo",
    edge="line-a",
    opened_us=NOW_US,
    predecessor=Predecessor(epoch=BEFORE, last_seq=3, clean=False, alive_us=NOW_US - 9),
    agent="0.1.0",
)
_TABLE = TagTable(
    tags=[
        TagDef(n=n, path=f"press/{n}", dtype="i64", unit="件", scale=(0.1, -40.0), device="plc")  # type: ignore[arg-type]
        for n in range(_TAGS, _TAGS + 3)
    ]
)
_TOMBSTONE = Tombstone(
    through=9, from_us=NOW_US, to_us=NOW_US + 5, samples=7, exact=True, cause="overflow"
)
_EVENTS = Events(
    events=[
        Event(at_us=NOW_US, kind="device_down", device="plc", from_us=NOW_US - 5),
        Event(
            at_us=NOW_US, kind="not_collected", from_us=1, to_us=2, cause="disk", detail={"a": 1}
        ),
    ],
    to=NOW_US,
)
BODIES: Final[dict[Kind, bytes]] = {
    Kind.SAMPLES: samples(),
    **{
        kind: orjson.dumps(record.model_dump(mode="json"))
        for kind, record in (
            (Kind.OPENING, _OPENING),
            (Kind.TAGS, _TABLE),
            (Kind.TOMBSTONE, _TOMBSTONE),
            (Kind.EVENTS, _EVENTS),
        )
    },
}


def record(kind: Kind, plain: bytes, *, seq: int = _STORED + 1) -> bytes:
    """A record with sound checksums. Raises LimitExceeded."""
    cls = StreamClass.KEY if kind is Kind.OPENING else StreamClass.BULK
    seq = 1 if kind is Kind.OPENING else seq
    return frame(epoch=EPOCH, cls=cls, seq=seq, body=pack_body(kind, plain))


def take_record(raw: bytes) -> None:
    """Everything the server does with a record before the database has it."""
    arrival = look_at(up(EDGE, "data"), raw)
    if arrival.error is not None:
        dead_letter(arrival, arrival.error, edge_id=None)
    if arrival.prefix is None:
        expect(arrival.error is not None, "neither prefix nor error")
        return
    prefix = arrival.prefix
    content = read_content(raw, prefix)
    cursor = _ROW.cursor(prefix.epoch, prefix.cls)
    flaw = None
    if isinstance(content, SampleBatch):
        flaw = _store_samples(content)
    seen = content if needs_content(cursor, prefix) else None
    verdict = decide(_ROW, prefix, seen, now_us=NOW_US, flaw=flaw)
    if verdict.rewinds:
        Ack(
            kind="ack", worker=EPOCH, at_us=NOW_US, streams=[], rewind=list(verdict.rewinds)
        ).encode()
    if verdict.error is not None:
        dead_letter(arrival, verdict.error, edge_id=1)
    if verdict.stream is not None:
        expect(cursor < verdict.stream.cursor < 2**63, "a cursor that no database holds")
    for gap in verdict.gaps:
        expect(0 <= gap.from_us <= (gap.to_us or 2**62), "a gap that ends before it begins")


def _store_samples(batch: SampleBatch) -> BadBody | None:
    found = batch.samples
    expect(len(found) <= MAX_SAMPLES, "more samples than the contract allows")
    columns = (found.ts, found.q, found.f, found.i)
    expect(all(len(one) == len(found) for one in columns), "columns of several lengths")
    expect(np.isfinite(found.f).all(), "a value that is not finite")
    expect(has_value(found.q).shape == found.tag.shape, "qualities of another shape")
    number = MAP.undefined(found.tag)
    if number is not None:
        return BadBody("LS-5405", number=number)
    rows = readings_of(found, MAP)
    size = sum(map(len, copy_readings([(rows, 1)]) + copy_origins([(rows, 1)])))
    expect(size < 2_000 + len(found) * (4 * 4_096 + 200), "more bytes than the samples can have")
    return None


def take_body(kind: Kind, plain: bytes) -> None:
    """The same for a body that its sender signed, so that the checksums say nothing."""
    with contextlib.suppress(LimitExceeded):
        take_record(record(kind, plain))


def take_status(raw: bytes) -> None:
    """A status, and the answer it gets."""
    arrival = look_at(up(EDGE, "status"), raw)
    if arrival.status is None:
        expect(arrival.error is not None, "neither status nor error")
        return
    arrival.status.encode()
    rewinds = [
        Rewind(epoch=one.epoch, cls=one.cls, cursor=0, acked=one.acked)
        for one in arrival.status.streams
    ]
    Ack(kind="ack", worker=EPOCH, at_us=NOW_US, streams=[], rewind=rewinds).encode()


def take_ack(raw: bytes) -> None:
    """An acknowledgement, and what it changes at the edge."""
    try:
        ack = Ack.decode(raw)
    except WireError:
        return
    streams = {
        Place(ord=1, cls=cls): StreamState(ord=1, epoch=EPOCH, cls=cls, last_seq=9, acked=2)
        for cls in StreamClass
    }
    window = Window(streams)
    while (wanted := window.wanted()) is not None:
        window.sent(wanted, through=wanted.seq, now_s=0.0)
    hello = ack.worker if ack.kind == "hello" else None
    outcome = window.answered(ack.streams, ack.rewind, hello_of=hello, now_s=1.0)
    for place, acked in outcome.progress.items():
        expect(2 < acked <= streams[place].last_seq, "more confirmed than was sent")
    for place, cursor in outcome.rewinds:
        expect(cursor < streams[place].acked, "rewound forwards")


def take_live(raw: bytes) -> None:
    """A live message, and the table of what is shown."""
    table = LiveTable()
    with contextlib.suppress(WireError):
        table.take(EDGE, Live.decode(raw), MAP)
    ids = MAP.tag_id.tolist()
    expect(set(table.latest(ids)) <= set(ids), "a value of a tag that was never defined")


def take_command(raw: bytes) -> None:
    """A command, with the order in it if it is one."""
    with contextlib.suppress(WireError):
        command = Command.decode(raw)
        command.encode()
        _order(command)


def _order(command: Command) -> None:
    with contextlib.suppress(LinesideError):
        order = order_of(command.body, at_us=NOW_US)
        expect(abs(order.revision) < 2**63, "a revision that SQLite does not hold")


def take_message(model: type[CommandAck | ConfigPush], raw: bytes) -> None:
    """A message that is only decoded here."""
    with contextlib.suppress(WireError):
        model.decode(raw).encode()


def take_plain(raw: bytes) -> None:
    """JSON of a plain publisher, up to the rows."""
    try:
        message = parse(raw, now_us=NOW_US)
    except WireError:
        return
    tags = message.tags()
    ids = {(tag.path, str(tag.dtype)): n for n, tag in enumerate(tags, 1)}
    rows = readings([message], ids, {tag.path: n for n, tag in enumerate(tags, 1)})
    expect(len(rows) <= len(message.values), "more rows than values")
    copy_readings([(rows, 1)])
    copy_origins([(rows, 1)])


def take_carried(raw: bytes) -> None:
    """A file of records from a stick."""
    whole = b"".join(_CARRIED)
    try:
        reader = Reader(BytesIO(raw), "x.lsd")
        found = [one.record for one in reader.records()]
    except Damaged:
        return
    expect(sum(map(len, found)) <= len(raw), "more records than bytes")
    if raw != whole and found == _RECORDS and len(raw) == len(whole):
        raise Finding("a changed file passed for the one that was written")


_RECORDS: Final = [
    record(Kind.OPENING, BODIES[Kind.OPENING]),
    record(Kind.TAGS, BODIES[Kind.TAGS]),
    record(Kind.SAMPLES, BODIES[Kind.SAMPLES]),
]
_CARRIED: Final = tuple(pieces({"plant": "demo", "edge": "line-a"}, _RECORDS))
_STATUS = Status(
    state="online",
    epoch=EPOCH,
    session=3,
    at_us=NOW_US,
    agent="0.1.0",
    offset_us=-5,
    config_version=2,
    config_sha256="ab" * 32,
    streams=[
        Stream(epoch=EPOCH, cls=cls, last_seq=9, acked=2, held_from=1, from_us=1, to_us=NOW_US)
        for cls in StreamClass
    ],
)
_ACK = Ack(
    kind="hello",
    worker=BEFORE,
    at_us=NOW_US,
    streams=[Cursor(epoch=EPOCH, cls=StreamClass.BULK, cursor=5)],
    rewind=[Rewind(epoch=EPOCH, cls=StreamClass.KEY, cursor=1, acked=2)],
)
_LIVE = Live(
    epoch=EPOCH, at_us=1, tags=[1, 2, 4], ts=[1, 2, 3], values=[True, 2, "x"], quality=[0, 0, 1]
)
_ORDER: Final[dict[str, Any]] = {
    "order": "WO-1", "equipment": "press-1", "product": "壳体", "quantity": 500.0,
    "due_us": NOW_US, "rank": 1, "note": "", "state": "dispatched", "revision": 2,
}  # fmt: skip
_COMMAND = Command(id=EPOCH, kind="order", at_us=NOW_US, expires_us=NOW_US + 1, body=_ORDER)
_COMMAND_ACK = CommandAck(id=EPOCH, state="refused", at_us=1, code="LS-4402", reason="x", version=3)
_PUSH = ConfigPush(version=1, at_us=1, sha256="ab" * 32, text="plant: demo\n")
_PLAIN = {"press/temp": 71.5, "press/on": True, "text": "x", "none": None, "ts": 1_790_000_000_000}

TARGETS: Final = (
    Target(name="record", seeds=_RECORDS, feed=take_record),
    *(
        Target(
            name=f"body-{kind.name.lower()}",
            seeds=[plain],
            feed=partial(take_body, kind),
            is_json=True,
        )
        for kind, plain in BODIES.items()
    ),
    Target(
        name="status",
        seeds=[_STATUS.encode(), _STATUS.model_copy(update={"state": "offline"}).encode()],
        feed=take_status,
        is_json=True,
    ),
    Target(name="ack", seeds=[_ACK.encode()], feed=take_ack, is_json=True),
    Target(name="live", seeds=[_LIVE.encode()], feed=take_live, is_json=True),
    Target(name="command", seeds=[_COMMAND.encode()], feed=take_command, is_json=True),
    Target(
        name="command-ack",
        seeds=[_COMMAND_ACK.encode()],
        feed=partial(take_message, CommandAck),
        is_json=True,
    ),
    Target(
        name="config-push",
        seeds=[_PUSH.encode()],
        feed=partial(take_message, ConfigPush),
        is_json=True,
    ),
    Target(name="plain", seeds=[orjson.dumps(_PLAIN)], feed=take_plain, is_json=True),
    Target(name="carried", seeds=[b"".join(_CARRIED)], feed=take_carried),
)
