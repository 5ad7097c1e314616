"""What the records of a stream say, apart from samples: openings, tag tables, tombstones, events.

Rules of a stream `(plant, edge, epoch, class)`:

- seq runs from 1 without holes; seq 1 is always an opening.
- a tag table stands before the first sample that uses one of its numbers. A number is given once
  per epoch; a changed definition gets a new number.
- a tombstone stands at the first seq it replaces and covers all up to `through`.
- keys this release does not know are ignored, so that later releases of version 1 can add some.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, field_validator

from wire.columns import LATEST_US, load_json
from wire.dtypes import DType
from wire.errors import BadBody
from wire.frame import Body, Kind, pack_body
from wire.ids import ID_PATTERN

Micros = Annotated[int, Field(ge=0, lt=LATEST_US)]
Identity = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]
TagNumber = Annotated[int, Field(ge=1, lt=2**31)]
Seq = Annotated[int, Field(ge=1, lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
"""Every integer of the contract has a bound that JSON encoders and databases have, too."""
MAX_PATH: Final = 200
MAX_TAGS_A_RECORD: Final = 1_000

Cause = Literal[
    "overflow",  # the buffer's byte bound was reached
    "age",  # the buffer's age bound was reached
    "disk",  # the disk was short of space
    "corrupt",  # the buffer file could not be read there
    "lost_database",  # acknowledged to a database that no longer has it, and no longer kept here
    "agent_down",  # the agent was not running
    "device_down",  # the device did not answer
    "buffer_lost",  # the edge's buffer is gone and with it what it had not delivered
    "not_collected",  # the agent ran but did not collect: stopped, overrun, reconfigured
]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=False)


class Predecessor(_Model):
    """The epoch that this buffer had before."""

    epoch: UUID = Field(description="Its id.")
    last_seq: Count = Field(description="The last seq it gave in this class.")
    clean: bool = Field(description="Whether it was closed in order.")
    alive_us: Micros = Field(description="When its agent last said on disk that it was running.")


class Opening(_Model):
    """The first record of every stream: which epoch came before."""

    plant: Identity = Field(description="Plant of the sender; must be that of the topic.")
    edge: Identity = Field(description="Edge id of the sender; must be that of the topic.")
    opened_us: Micros = Field(description="When the buffer was opened, edge clock.")
    predecessor: Predecessor | None = Field(
        description="The epoch before, null where the buffer is new."
    )
    agent: str = Field(max_length=64, description="Release of the agent.")


class TagDef(_Model):
    """What a tag number means."""

    n: TagNumber = Field(description="Tag number, append-only within the epoch.")
    path: str = Field(min_length=1, max_length=MAX_PATH, description="Name, unique on the edge.")
    dtype: DType = Field(description="Data type after scaling.")
    unit: str = Field(default="", max_length=32, description="Engineering unit, free text.")
    scale: tuple[FiniteFloat, FiniteFloat] | None = Field(
        default=None, description="Factor and offset applied by the edge, null for none."
    )
    device: str = Field(default="", max_length=64, description="Device the tag is read from.")
    address: str = Field(default="", max_length=300, description="Where the device keeps it.")

    @field_validator("path")
    @classmethod
    def _path(cls, path: str) -> str:
        if path != path.strip("/ ") or "//" in path or not path.isprintable():
            raise ValueError("segments separated by single slashes, printable characters only")
        return path


class TagTable(_Model):
    """Definitions of tags of this class, sent before their first use."""

    tags: list[TagDef] = Field(max_length=MAX_TAGS_A_RECORD, description="The definitions.")


class Tombstone(_Model):
    """A range of the stream that its sender no longer has, and why."""

    through: Seq = Field(description="The last seq it covers.")
    from_us: Micros = Field(description="Event time of the first sample given up.")
    to_us: Micros = Field(description="Event time up to which samples are given up.")
    samples: Count = Field(description="How many samples, as far as known.")
    exact: bool = Field(description="Whether span and count are known or estimated.")
    cause: Cause = Field(description="Why.")


class Event(_Model):
    """Something that happened at the agent or one of its devices."""

    at_us: Micros = Field(description="When, edge clock.")
    kind: Literal[
        "agent_start",
        "agent_stop",
        "device_up",
        "device_down",
        "not_collected",
        "clock_step",
        "salvaged",
        "config_changed",
        "other",
    ] = Field(description="What happened.")
    device: str | None = Field(default=None, max_length=64, description="Device concerned.")
    from_us: Micros | None = Field(default=None, description="Start of the time concerned.")
    to_us: Micros | None = Field(default=None, description="End of the time concerned.")
    cause: Cause | None = Field(default=None, description="Cause, for times without data.")
    detail: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="More, for people."
    )

    @field_validator("kind", mode="before")
    @classmethod
    def _known_kind(cls, kind: Any) -> Any:
        # A later release may tell of things this one does not know.
        known = cls.model_fields["kind"].annotation
        return kind if not isinstance(kind, str) or kind in _literals(known) else "other"


class Events(_Model):
    """Agent events, in the order in which they happened."""

    events: list[Event] = Field(max_length=1_000, description="The events.")
    to: Micros = Field(description="Everything of this class up to then is in the stream so far.")


Record = Opening | TagTable | Tombstone | Events

_MODELS: Final[dict[Kind, type[Record]]] = {
    Kind.OPENING: Opening,
    Kind.TAGS: TagTable,
    Kind.TOMBSTONE: Tombstone,
    Kind.EVENTS: Events,
}
_KIND_OF: Final[dict[type[Record], Kind]] = {model: kind for kind, model in _MODELS.items()}


def encode_record(record: Record) -> Body:
    """The packed body. Raises LimitExceeded."""
    return pack_body(
        _KIND_OF[type(record)], orjson.dumps(record.model_dump(mode="json", exclude_none=False))
    )


def decode_record(kind: Kind, plain: bytes) -> Record:
    """The record of a body that is not samples. Raises BadBody naming the first wrong field."""
    try:
        return _MODELS[kind].model_validate(load_json(plain))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"])
        raise BadBody("LS-2025", field=field, reason=first["msg"]) from error


def first_in_stream(kind: Kind, seq: int) -> bool:
    """Whether seq and kind agree: an opening stands first and nowhere else.

    A tombstone may stand first where the opening itself was given up.
    """
    return (kind is Kind.OPENING) == (seq == 1) or (kind is Kind.TOMBSTONE and seq == 1)


def _literals(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__args__", ())
