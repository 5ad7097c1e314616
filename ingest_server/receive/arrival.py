"""A message as it arrived: its topic and prefix read, its body unpacked into columns. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest_server.receive.decide import Content, SampleBatch
from ingest_server.store.rows import DeadLetterRow
from wire.columns import decode_columns
from wire.control import Status
from wire.errors import BadBody, DamagedBody, WireError
from wire.frame import MAX_PACKED, Kind, Prefix, read_prefix, unpack_body
from wire.records import decode_record
from wire.topics import parse_up

if TYPE_CHECKING:
    from wire.ids import EdgeId


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """One message on `up/data` or `up/status`.

    Either `error` says why nothing in it can be trusted (then `edge` may still be known), or
    `prefix` is a record's, or `status` a status. `content` None: not looked at yet.
    """

    topic: str
    payload: bytes
    edge: EdgeId | None = None
    prefix: Prefix | None = None
    content: Content | None = None
    status: Status | None = None
    error: WireError | None = None

    @property
    def rows(self) -> int:
        """Samples in it, as far as it was looked at."""
        return len(self.content.samples) if isinstance(self.content, SampleBatch) else 0

    @property
    def sha256(self) -> bytes:
        """Hash of the payload."""
        return hashlib.sha256(self.payload).digest()


def look_at(topic: str, payload: bytes) -> Arrival:
    """Topic and prefix of a message; never raises."""
    try:
        parsed = parse_up(topic)
    except WireError as error:
        return Arrival(topic=topic, payload=payload, error=error)
    try:
        if parsed.kind == "status":
            status = Status.decode(payload)
            return Arrival(topic=topic, payload=payload, edge=parsed.edge, status=status)
        prefix = read_prefix(payload)
    except WireError as error:
        return Arrival(topic=topic, payload=payload, edge=parsed.edge, error=error)
    return Arrival(topic=topic, payload=payload, edge=parsed.edge, prefix=prefix)


def read_content(payload: bytes, prefix: Prefix) -> Content:
    """What a record says, or what is wrong with its body; bounded before it is unpacked."""
    try:
        plain = unpack_body(payload, prefix)
        if prefix.kind is Kind.SAMPLES:
            samples, complete_to_us = decode_columns(plain)
            return SampleBatch(samples=samples, complete_to_us=complete_to_us)
        return decode_record(prefix.kind, plain)
    except (BadBody, DamagedBody) as error:
        return error


def dead_letter(arrival: Arrival, error: WireError, *, edge_id: int | None) -> DeadLetterRow:
    """The row that keeps a message that could not be used; at most the bytes a record may have."""
    prefix = arrival.prefix
    return DeadLetterRow(
        sha256=arrival.sha256,
        topic=_clean(arrival.topic),
        code=error.code,
        reason=_clean(str(error)),
        params={name: _plain(value) for name, value in error.params.items()},
        size=len(arrival.payload),
        kept=arrival.payload[:MAX_PACKED],
        edge_id=edge_id,
        epoch=None if prefix is None else prefix.epoch,
        cls=None if prefix is None else prefix.cls,
        seq=None if prefix is None else min(prefix.seq, 2**63 - 1),
    )


def _clean(text: str) -> str:
    """What a column of text can hold; half of a surrogate pair is no UTF-8."""
    return text[:500].replace("\0", "\u2400").encode("utf-8", "replace").decode()


def _plain(value: object) -> object:
    return value if isinstance(value, bool | int | float) else _clean(str(value))
