"""JSON Schemas of everything in the contract, generated from the models.

`scripts/wire-schemas` writes them to `wire/schemas_v1/`; a test fails where they have drifted.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from wire.columns import MAX_SAMPLES
from wire.control import Ack, Command, CommandAck, ConfigPush, Live, Status
from wire.records import Events, Opening, TagTable, Tombstone


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class DeviceTimes(_Part):
    """Device times that were set aside."""

    i: list[int] = Field(description="Rows of the block, from 0.")
    t: list[int] = Field(description="The device's time, microseconds since the Unix epoch.")


class BigUnsigned(_Part):
    """Unsigned integers above 2**63-1."""

    i: list[int] = Field(description="Rows of the block, from 0.")
    s: list[str] = Field(description="Decimal text.")


class Block(_Part):
    """Samples of one value family, sorted by tag, then in the order in which they were taken."""

    k: Literal["i", "f32", "f64", "s"] = Field(description="Value family.")
    g: list[int] = Field(description="Tag numbers, first differences.", max_length=MAX_SAMPLES)
    t: list[int] = Field(description="Microseconds after base, first differences.")
    v: list[int | float | str] = Field(
        description="Values; of family i first differences modulo 2**64."
    )
    q: list[tuple[int, int]] = Field(description="Quality, run-length encoded.")
    o: DeviceTimes | None = Field(default=None, description="Device times that were set aside.")
    x: BigUnsigned | None = Field(default=None, description="Integers that do not fit.")


class SamplesBody(_Part):
    """A batch of samples."""

    to: int = Field(description="Complete up to, microseconds since the Unix epoch.")
    base: int = Field(description="Added to every time, microseconds since the Unix epoch.")
    blocks: list[Block] = Field(description="At most one block per value family.", max_length=4)


MODELS: Final[dict[str, type[BaseModel]]] = {
    "record-samples": SamplesBody,
    "record-opening": Opening,
    "record-tags": TagTable,
    "record-tombstone": Tombstone,
    "record-events": Events,
    "status": Status,
    "ack": Ack,
    "live": Live,
    "command": Command,
    "command-ack": CommandAck,
    "config-push": ConfigPush,
}


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one message of the contract."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"lineside/v1/{name}",
        **MODELS[name].model_json_schema(),
    }
