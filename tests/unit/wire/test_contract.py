"""Identities, topics, records, control messages and their committed schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from wire.control import Ack, Command, CommandAck, Cursor, Live, Status
from wire.errors import BadBody, WireError
from wire.frame import Kind, StreamClass, frame, read_prefix, unpack_body
from wire.ids import SHARDS, EdgeId
from wire.records import (
    Event,
    Events,
    Opening,
    Predecessor,
    TagDef,
    TagTable,
    Tombstone,
    decode_record,
    encode_record,
    first_in_stream,
)
from wire.schemas import MODELS, schema
from wire.topics import down, parse_up, up, up_filter

EDGE = EdgeId(plant="demo", edge="line-a")
FOLDER = Path(__file__).parents[3] / "wire" / "schemas_v1"
ids = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,31}", fullmatch=True)


@pytest.mark.parametrize("bad", ["", "A", "-a", "a" * 33, "a.b", "a/b", "a+", "ü", "a\n", "#"])
def test_an_id_that_could_confuse_a_broker_is_refused(bad: str) -> None:
    with pytest.raises(WireError):
        EdgeId(plant=bad, edge="line-a")
    with pytest.raises(WireError):
        EdgeId(plant="demo", edge=bad)


def test_shards_are_frozen() -> None:
    assert [EdgeId(plant="demo", edge=name).shard for name in ("line-a", "line-b", "x")] == [
        52,
        14,
        50,
    ]


@given(ids, ids)
def test_a_topic_names_its_edge_and_only_that(plant: str, edge: str) -> None:
    sender = EdgeId(plant=plant, edge=edge)
    assert 0 <= sender.shard < SHARDS
    parsed = parse_up(up(sender, "data"))
    assert (parsed.edge, parsed.kind) == (sender, "data")
    assert EdgeId.parse(str(sender)) == sender


@pytest.mark.parametrize(
    "topic",
    [
        "lineside/v2/demo/line-a/up/data/52",
        "lineside/v1/demo/line-a/down/ack",
        "lineside/v1/demo/line-a/up/other/55",
        "lineside/v1/demo/line-a/up/data/64",
        "lineside/v1/demo/line-a/up/data/x",
        "lineside/v1/demo/line-a/up/data/54",
        "lineside/v1/demo/line-a/up/data",
        "lineside/v1/Demo/line-a/up/data/52",
        "",
    ],
)
def test_a_foreign_topic_is_refused(topic: str) -> None:
    with pytest.raises(WireError):
        parse_up(topic)


def test_filters_and_down_topics_follow_the_contract() -> None:
    assert up_filter("data", 7) == "lineside/v1/+/+/up/data/7"
    assert up_filter("status") == "lineside/v1/+/+/up/status/+"
    assert up_filter(None, 7) == "lineside/v1/+/+/up/+/7"
    assert up_filter(None) == "lineside/v1/+/+/up/+/+"
    assert down(EDGE, "ack") == "lineside/v1/demo/line-a/down/ack"


RECORDS = [
    Opening(plant="demo", edge="line-a", opened_us=5, predecessor=None, agent="0.1.0"),
    Opening(
        plant="demo",
        edge="line-a",
        opened_us=5,
        predecessor=Predecessor(epoch=uuid4(), last_seq=9, clean=False, alive_us=4),
        agent="0.1.0",
    ),
    TagTable(tags=[TagDef(n=1, path="line-a/press-1/好件", dtype="u16", scale=(0.1, -40.0))]),
    Tombstone(through=9, from_us=1, to_us=2, samples=3, exact=True, cause="overflow"),
    Events(events=[Event(at_us=1, kind="device_down", device="press-1", from_us=1)], to=2),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_survives_its_bytes(record: Any) -> None:
    bytes_ = frame(epoch=uuid4(), cls=StreamClass.KEY, seq=1, body=encode_record(record))
    prefix = read_prefix(bytes_)
    assert decode_record(prefix.kind, unpack_body(bytes_, prefix)) == record


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.OPENING, {}),
        (Kind.OPENING, []),
        (Kind.OPENING, {"plant": "X", "edge": "a", "opened_us": 1, "predecessor": None}),
        (Kind.TAGS, {"tags": [{"n": 0, "path": "a", "dtype": "u16"}]}),
        (Kind.TAGS, {"tags": [{"n": 1, "path": "a//b", "dtype": "u16"}]}),
        (Kind.TAGS, {"tags": [{"n": 1, "path": "a\u0000", "dtype": "u16"}]}),
        (Kind.TAGS, {"tags": [{"n": 1, "path": "a", "dtype": "u12"}]}),
        (Kind.TOMBSTONE, {"through": 0}),
        (Kind.EVENTS, {"events": [{"at_us": -1, "kind": "agent_start"}], "to": 1}),
    ],
)
def test_a_record_that_says_nonsense_is_a_bad_body(kind: Kind, body: Any) -> None:
    with pytest.raises(BadBody):
        decode_record(kind, orjson.dumps(body))


def test_an_event_of_a_later_release_is_kept_as_other() -> None:
    body = {"events": [{"at_us": 1, "kind": "moon_phase", "new": 1}], "to": 2, "later": True}
    decoded = decode_record(Kind.EVENTS, orjson.dumps(body))
    assert isinstance(decoded, Events)
    assert decoded.events[0].kind == "other"


def test_openings_stand_first_and_only_first() -> None:
    assert first_in_stream(Kind.OPENING, 1)
    assert first_in_stream(Kind.TOMBSTONE, 1)
    assert first_in_stream(Kind.SAMPLES, 2)
    assert not first_in_stream(Kind.OPENING, 2)
    assert not first_in_stream(Kind.SAMPLES, 1)


MESSAGES: list[Any] = [
    Status(state="online", epoch=uuid4(), session=1, at_us=5),
    Ack(
        kind="hello",
        worker=uuid4(),
        at_us=1,
        streams=[Cursor(epoch=uuid4(), cls=StreamClass.BULK, cursor=0)],
    ),
    Live(epoch=uuid4(), at_us=1, tags=[1, 2], ts=[1, 1], values=[True, "x"], quality=[0, 0]),
    Command(id=UUID(int=1), kind="ping", at_us=1),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_control_message_survives_its_bytes(message: Any) -> None:
    assert type(message).decode(message.encode()) == message


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"null", b'{"v":2}', b"x" * 300_000])
def test_a_control_message_that_is_none_says_which(payload: bytes) -> None:
    with pytest.raises(WireError):
        Status.decode(payload)


@pytest.mark.parametrize("many", [2**63, 2**64 - 1, "9" * 4_000])
def test_a_number_that_no_answer_could_repeat_is_refused(many: int | str) -> None:
    stream = {"epoch": str(uuid4()), "cls": "bulk", "last_seq": 1, "acked": 1, "held_from": 1}
    status = {"state": "online", "epoch": str(uuid4()), "session": 1, "at_us": 1}
    Status.decode(orjson.dumps(status | {"streams": [stream]}))
    for field in ("last_seq", "acked", "held_from"):
        with pytest.raises(WireError):
            Status.decode(orjson.dumps(status | {"streams": [stream | {field: many}]}))
    before = {"epoch": str(uuid4()), "last_seq": many, "clean": True, "alive_us": 1}
    opening = {"plant": "p", "edge": "e", "opened_us": 1, "agent": "", "predecessor": before}
    with pytest.raises(BadBody):
        decode_record(Kind.OPENING, orjson.dumps(opening))


def test_a_scale_that_is_no_number_is_refused() -> None:
    tag = {"n": 1, "path": "a", "dtype": "f64", "scale": ["NaN", "inf"]}
    with pytest.raises(BadBody):
        decode_record(Kind.TAGS, orjson.dumps({"tags": [tag]}))


@given(st.binary(max_size=300))
def test_no_bytes_break_the_control_parser(payload: bytes) -> None:
    for model in (Status, Ack, Live, Command):
        with pytest.raises(WireError):
            model.decode(payload)


def test_live_columns_are_written_like_every_other_message() -> None:
    columns: dict[str, Any] = {
        "tags": [1, 2, 3, 4, 5], "ts": [1, 2, 3, 4, 5], "quality": [0, 0, 2**31, 0, 0],
        "values": [True, 2**63 - 1, None, 0.1, "订单"],
    }  # fmt: skip
    live = Live(epoch=UUID(int=5), at_us=7, **columns)
    assert live.encode() == orjson.dumps(live.model_dump(mode="json"))
    assert Live.model_construct(epoch=UUID(int=5), at_us=7, **columns).encode() == live.encode()


LATER_FIELDS: dict[type[Status | CommandAck], dict[str, Any]] = {
    Status: {"config_version": 7, "config_sha256": "ab" * 32},
    CommandAck: {"version": 7},
}
"""What later releases of v1 added to messages that earlier ones knew."""


@pytest.mark.parametrize("model", LATER_FIELDS)
def test_what_an_earlier_release_says_is_understood_without_the_later_fields(
    model: type[Status | CommandAck],
) -> None:
    known: dict[type[Status | CommandAck], dict[str, Any]] = {
        Status: {"v": 1, "state": "online", "epoch": str(uuid4()), "session": 1, "at_us": 1,
                 "agent": "", "streams": [], "offset_us": None},
        CommandAck: {"v": 1, "id": str(uuid4()), "state": "done", "at_us": 1, "code": None,
                     "reason": None},
    }  # fmt: skip
    earlier = known[model]
    decoded = model.decode(orjson.dumps(earlier))
    assert all(getattr(decoded, name) is None for name in LATER_FIELDS[model])
    later = model.decode(orjson.dumps(earlier | LATER_FIELDS[model]))
    assert model.decode(later.encode()) == later
    said = orjson.loads(later.encode())
    # An earlier release ignores what it does not know: nothing it knows may have changed.
    assert {name: said[name] for name in earlier} == earlier


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_committed_schema_is_the_generated_one(name: str) -> None:
    committed = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert committed == schema(name), "run scripts/wire-schemas and commit what it writes"


def test_no_schema_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(MODELS)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_field_of_the_contract_is_described(name: str) -> None:
    def undescribed(model: type[BaseModel]) -> list[str]:
        return [field for field, info in model.model_fields.items() if not info.description]

    assert undescribed(MODELS[name]) == []
