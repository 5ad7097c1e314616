"""Reads a frozen message with today's code into plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import BaseModel

from wire.columns import decode_columns
from wire.control import Ack, Command, CommandAck, ConfigPush, Live, Status
from wire.frame import Kind, read_prefix, unpack_body
from wire.records import decode_record
from wire.samples import Samples

CONTROL: Final[Mapping[str, Any]] = {
    "status": Status,
    "ack": Ack,
    "live": Live,
    "command": Command,
    "command_ack": CommandAck,
    "config_push": ConfigPush,
}


def read(file: Path) -> dict[str, Any]:
    """What a file says: `stem` names the message before its first hyphen, or it is a record."""
    data = file.read_bytes()
    if file.suffix == ".json":
        message: BaseModel = CONTROL[file.stem.partition("-")[0]].decode(data)
        return message.model_dump(mode="json")
    prefix = read_prefix(data)
    plain = unpack_body(data, prefix)
    told: dict[str, Any] = {
        "epoch": str(prefix.epoch),
        "cls": str(prefix.cls),
        "seq": prefix.seq,
        "kind": prefix.kind.name,
    }
    if prefix.kind is Kind.SAMPLES:
        samples, complete_to_us = decode_columns(plain)
        return told | {"complete_to_us": complete_to_us, "samples": _columns(samples)}
    return told | {"record": decode_record(prefix.kind, plain).model_dump(mode="json")}


def _columns(samples: Samples) -> dict[str, Any]:
    texts = [""] * len(samples) if samples.s is None else samples.s.tolist()
    orig = [0] * len(samples) if samples.orig is None else samples.orig.tolist()
    found: dict[str, Any] = orjson.loads(
        orjson.dumps(
            {
                "tag": samples.tag.tolist(), "ts": samples.ts.tolist(), "q": samples.q.tolist(),
                "f": samples.f.tolist(), "i": samples.i.tolist(), "s": texts, "orig": orig,
            }
        )
    )  # fmt: skip
    return found
