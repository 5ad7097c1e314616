"""The JSON messages around the streams: status, acknowledgements, live values, commands."""

from __future__ import annotations

from typing import Any, Literal, Self
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wire.errors import WireError
from wire.frame import StreamClass
from wire.records import Count, Micros, Seq, TagNumber

MAX_CONTROL = 256 * 1024


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    v: Literal[1] = Field(default=1, description="Version of the contract.")

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """The message of untrusted bytes. Raises WireError naming the first wrong field."""
        if len(payload) > MAX_CONTROL:
            raise WireError("LS-2030", size=len(payload), limit=MAX_CONTROL)
        try:
            return cls.model_validate(orjson.loads(payload))
        except orjson.JSONDecodeError as error:
            raise WireError("LS-2022", reason=str(error)) from error
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(step) for step in first["loc"])
            raise WireError("LS-2031", message=cls.__name__, field=field) from error

    def encode(self) -> bytes:
        """JSON bytes."""
        return orjson.dumps(self.model_dump(mode="json"))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class StreamStatus(_Part):
    """Where a stream stands at the edge."""

    epoch: UUID = Field(description="Epoch of the stream.")
    cls: StreamClass = Field(description="Class of the stream.")
    last_seq: Count = Field(description="Last seq given.")
    acked: Count = Field(description="Highest cursor the server has confirmed.")
    held_from: Seq = Field(description="Lowest seq still kept here (last_seq + 1 if none).")
    from_us: Micros | None = Field(default=None, description="Event time of the oldest unacked.")
    to_us: Micros | None = Field(default=None, description="Event time of the newest.")


class Status(_Message):
    """Retained on `up/status`: birth and regular reports; the last will says `offline`."""

    state: Literal["online", "offline"] = Field(description="Whether the edge is connected.")
    epoch: UUID = Field(description="Epoch in which the edge now numbers.")
    session: Count = Field(
        description="Count of connections in this epoch: an older will is ignored."
    )
    at_us: Micros = Field(description="Edge clock; of a will, when the connection began.")
    agent: str = Field(default="", max_length=64, description="Release of the agent.")
    streams: list[StreamStatus] = Field(default=[], description="Every stream held.")
    offset_us: int | None = Field(
        default=None,
        gt=-(2**63),
        lt=2**63,
        description="Server clock minus edge clock, as the edge estimates it.",
    )
    config_version: Seq | None = Field(
        default=None,
        description="Version of the pushed configuration that runs; null: the edge's own file.",
    )
    config_sha256: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="Hash of the text in UTF-8 of the configuration that runs.",
    )


class Cursor(_Part):
    """The highest seq up to which a stream is stored without a hole."""

    epoch: UUID = Field(description="Epoch of the stream.")
    cls: StreamClass = Field(description="Class of the stream.")
    cursor: Count = Field(description="0 where nothing is stored.")


class Rewind(_Part):
    """The server has less than it once confirmed: its database was restored from an older state."""

    epoch: UUID = Field(description="Epoch of the stream.")
    cls: StreamClass = Field(description="Class of the stream.")
    cursor: Count = Field(description="What the server has now.")
    acked: Count = Field(
        description="What the edge said was confirmed; it obeys only if that still holds."
    )


class Refusal(_Part):
    """A record the server will not take as it is."""

    epoch: UUID | None = Field(description="Epoch, null where the prefix was unreadable.")
    cls: StreamClass | None = Field(description="Class, likewise.")
    seq: Count | None = Field(description="Seq, likewise.")
    code: str = Field(max_length=16, description="Message code of the reason.")
    reason: str = Field(max_length=500, description="The reason in English.")


class Ack(_Message):
    """Retained on `down/ack`: what the server has durably.

    `hello` is the announcement of a worker that has just taken over the edge's shard: the edge
    sends again from the cursors at once.
    """

    kind: Literal["ack", "hello"] = Field(description="Answer, or announcement of a worker.")
    worker: UUID = Field(description="The worker's run; another one means resend on hello.")
    at_us: Micros = Field(description="Server clock.")
    streams: list[Cursor] = Field(description="Every open stream of the edge.")
    rewind: list[Rewind] = Field(default=[], description="Streams to send again.")
    refused: list[Refusal] = Field(default=[], description="Records not taken.")


class Live(_Message):
    """On `up/live`, QoS 0: the latest value per tag; for screens, never stored as history."""

    epoch: UUID = Field(description="Epoch of the tag numbers.")
    at_us: Micros = Field(description="Edge clock.")
    tags: list[TagNumber] = Field(description="Tag numbers, n of them.")
    ts: list[Micros] = Field(description="Event times, n.")
    values: list[bool | int | float | str | None] = Field(description="Values, n.")
    quality: list[int] = Field(description="Qualities, n.")

    def encode(self) -> bytes:
        """JSON bytes; every second, of every tag: the columns are written as they are."""
        return orjson.dumps({name: getattr(self, name) for name in type(self).model_fields})


class Command(_Message):
    """On `down/cmd`: something the server asks of the edge; safe to repeat."""

    id: UUID = Field(description="The same id is carried out once.")
    kind: str = Field(max_length=32, description="What to do.")
    at_us: Micros = Field(description="When it was given, server clock.")
    expires_us: Micros | None = Field(default=None, description="Not to be started after that.")
    body: dict[str, Any] = Field(default={}, description="Arguments.")


class CommandAck(_Message):
    """On `up/cmd-ack`: what became of a command."""

    id: UUID = Field(description="The command.")
    state: Literal["done", "refused", "expired"] = Field(description="Outcome.")
    at_us: Micros = Field(description="Edge clock.")
    code: str | None = Field(default=None, max_length=16, description="Message code if refused.")
    reason: str | None = Field(default=None, max_length=500, description="Reason if refused.")
    version: Seq | None = Field(
        default=None,
        description="Of an answer to a pushed configuration: its version; one text may be pushed "
        "twice, and has one id.",
    )


class ConfigPush(_Message):
    """On `down/config`: a configuration the edge should run, by version."""

    version: Seq = Field(description="Rises with each push.")
    at_us: Micros = Field(description="Server clock.")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Hash of the text in UTF-8.")
    text: str = Field(description="The YAML.")
