"""One read request, made once and sent again and again, and what becomes of its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary, struct_to_binary

from drivers.opcua.answers import Answers, Objects
from drivers.opcua.flat import Layout, flat
from drivers.opcua.plan import Rows

_NEWEST: Final = 0.0
"""Greatest age of a value: none, the server is to look itself (OPC UA Part 4, 5.11.2.2)."""


class _Encoded(bytes):
    """The bytes of an array's items, whose length is their number.

    A ByteString is encoded as its length and its bytes, an array as its length and its items: so
    the library's encoder writes this as the array it is, without going through the items.
    """

    items = 0

    def __len__(self) -> int:
        return self.items


@dataclass(slots=True)
class _Parameters:
    """As `ua.ReadParameters`; the encoder goes by names and annotations."""

    MaxAge: ua.Double
    TimestampsToReturn: ua.TimestampsToReturn
    NodesToRead: ua.ByteString


@dataclass(slots=True)
class _Request:
    """As `ua.ReadRequest`."""

    TypeId: ua.NodeId
    RequestHeader: ua.RequestHeader
    Parameters: _Parameters


class Read:
    """Asks for the values of a run of rows; `rows[n]` is the row of the n-th question."""

    def __init__(self, rows: Rows, questions: Sequence[ua.ReadValueId]) -> None:
        self.rows = rows
        self._plain = ua.ReadParameters(
            MaxAge=_NEWEST,
            TimestampsToReturn=ua.TimestampsToReturn.Source,
            NodesToRead=list(questions),
        )
        self._ready: _Parameters | None = None
        self._prepared = False
        self._layout: Layout | None = None

    def request(self) -> Any:
        """The request, with a header of its own."""
        if not self._prepared:
            self._prepared = True
            self._ready = _prepared(self._plain)
        if self._ready is None:
            return ua.ReadRequest(Parameters=self._plain)
        return _Request(_TYPE, ua.RequestHeader(), self._ready)

    def answers(self, body: Buffer) -> Answers:
        """What an answer says. Raises what the library raises of a bad status or bad bytes."""
        results = body.copy()
        nodeid_from_binary(results)
        struct_from_binary(ua.ResponseHeader, results).ServiceResult.check()
        self._layout, found = flat(self._layout, results.read(len(results)))
        if found is not None:
            return found
        return Objects(struct_from_binary(ua.ReadResponse, body).Results or ())


_TYPE: Final = ua.ReadRequest().TypeId


def _prepared(plain: ua.ReadParameters) -> _Parameters | None:
    """The same parameters with their questions encoded; None if that is not the very same."""
    nodes = _Encoded(b"".join(struct_to_binary(one) for one in plain.NodesToRead))
    nodes.items = len(plain.NodesToRead)
    ready = _Parameters(ua.Double(plain.MaxAge), plain.TimestampsToReturn, ua.ByteString(nodes))
    ready.NodesToRead = nodes  # type: ignore[assignment] # the constructor would copy the bytes
    return ready if struct_to_binary(ready) == struct_to_binary(plain) else None
