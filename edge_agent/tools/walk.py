"""Walks the address space of an OPC UA server, breadth first, many nodes a request.

Several requests are under way at once. A server that cannot keep a continuation point for each of
the nodes asked together is asked for those nodes one by one.

Memory is bounded by `most`: so many nodes are looked at. Whatever ends the walk early, what was
found until then stays in `found`. Only Browse, BrowseNext and Read are ever called.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from drivers.opcua.nodes import question, standard
from drivers.opcua.session import Session
from wire.dtypes import DType
from wire.records import MAX_PATH

T = TypeVar("T")

_OBJECTS: Final = 85
_SERVER: Final = 2253
_HIERARCHICAL: Final = 33
_PROPERTY_TYPE: Final = 68
_NAMESPACES: Final = 2255
_MOST_PER_BROWSE: Final = 11_710
_MOST_PER_READ: Final = 11_705
_BATCH: Final = 200
_IN_FLIGHT: Final = 4
_NO_POINT: Final = StatusCodes.BadNoContinuationPoints
_READ_BATCH: Final = 500
_REFERENCES: Final = 1_000
"""References of one node in one answer; a server keeps the rest behind a continuation point."""
_MOST_ADDRESS: Final = 300
_READABLE: Final = 1
_CLASSES: Final = int(ua.NodeClass.Object) | int(ua.NodeClass.Variable)
_V: Final = ua.VariantType
_DTYPES: Final[dict[ua.VariantType, DType]] = {
    _V.Boolean: DType.BOOL, _V.SByte: DType.I8, _V.Byte: DType.U8, _V.Int16: DType.I16,
    _V.UInt16: DType.U16, _V.Int32: DType.I32, _V.UInt32: DType.U32, _V.Int64: DType.I64,
    _V.UInt64: DType.U64, _V.Float: DType.F32, _V.Double: DType.F64, _V.String: DType.STR,
    _V.LocalizedText: DType.STR, _V.DateTime: DType.TIME,
}  # fmt: skip
_BUILT_IN: Final = {kind.value: dtype for kind, dtype in _DTYPES.items()}
_ALIASES: Final = {290: DType.F64, 294: DType.TIME, 29: DType.I32, 12: DType.STR}
"""Duration, UtcTime, Enumeration in namespace 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundTag:
    """A variable that can be read as a tag."""

    path: str
    address: str
    dtype: DType
    literal: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Variable:
    node: ua.NodeId
    path: str


class Walk:
    """One walk over an open session; `run` until done, `stop` set, or `most` nodes seen."""

    def __init__(
        self, session: Session, *, text: str, most: int, progress: Callable[[int, int], None]
    ) -> None:
        self.found: list[FoundTag] = []
        self.left_out: Counter[str] = Counter()
        """Variables that are no tags, by reason: array, type, address, unreadable."""
        self.seen = 0
        self.stop = asyncio.Event()
        self._session = session
        self._text = text.casefold()
        self._most = most
        self._progress = progress
        self._known: set[ua.NodeId] = set()
        self._paths: Counter[str] = Counter()
        self._uris: Sequence[str] = ()
        self._variables: list[_Variable] = []

    @property
    def cut_off(self) -> bool:
        """Whether there was more than `most`."""
        return self.seen >= self._most

    async def run(self) -> None:
        """Walk. Raises RetryLater where the connection is lost; `found` stays."""
        self._uris, per_browse, per_read = await self._limits()
        waiting = deque([(standard(_OBJECTS), "")])
        self._known = {waiting[0][0], standard(_SERVER)}
        while waiting and not self.stop.is_set() and not self.cut_off:
            batch = [waiting.popleft() for _ in range(min(_IN_FLIGHT * per_browse, len(waiting)))]
            found = await self._browse([node for node, _ in batch], per_browse)
            for (_, path), references in zip(batch, found, strict=True):
                for one in references:
                    self._meet(one, path, waiting)
            if len(self._variables) >= _IN_FLIGHT * per_read or not waiting:
                await self._read_all(per_read)
            self._progress(self.seen, len(self.found))
        await self._read_all(per_read)
        self._progress(self.seen, len(self.found))

    def _meet(self, one: ua.ReferenceDescription, path: str, waiting: deque[Any]) -> None:
        node = ua.NodeId(one.NodeId.Identifier, one.NodeId.NamespaceIndex, one.NodeId.NodeIdType)
        foreign = getattr(one.NodeId, "ServerIndex", 0) or getattr(one.NodeId, "NamespaceUri", None)
        if node in self._known or foreign or self.cut_off:
            return
        self._known.add(node)
        self.seen += 1
        below = f"{path}/{_step(one.BrowseName.Name or '')}".lstrip("/")
        waiting.append((node, below))
        is_property = one.TypeDefinition.Identifier == _PROPERTY_TYPE
        if one.NodeClass == ua.NodeClass.Variable and not is_property:
            wanted = self._text in below.casefold() or self._text in node.to_string().casefold()
            if wanted:
                self._variables.append(_Variable(node=node, path=below))

    async def _browse(
        self, nodes: Sequence[ua.NodeId], each: int
    ) -> list[list[ua.ReferenceDescription]]:
        """What is below each node, in requests of at most `each` nodes."""
        parts = [nodes[start : start + each] for start in range(0, len(nodes), each)]
        answers = await _at_once([self._browse_together(part) for part in parts])
        found = [one for some in answers for one in some]
        for at, one in enumerate(found):
            if one is None:
                (alone,) = await self._browse_together(nodes[at : at + 1])
                found[at] = alone
        return [one or [] for one in found]

    async def _browse_together(
        self, nodes: Sequence[ua.NodeId]
    ) -> list[list[ua.ReferenceDescription] | None]:
        """The answer to one request; None where the server had no continuation point left."""
        asked = ua.BrowseParameters(
            RequestedMaxReferencesPerNode=ua.UInt32(_REFERENCES),
            NodesToBrowse=[
                ua.BrowseDescription(
                    NodeId=node,
                    BrowseDirection=ua.BrowseDirection.Forward,
                    ReferenceTypeId=standard(_HIERARCHICAL),
                    IncludeSubtypes=True,
                    NodeClassMask=ua.UInt32(_CLASSES),
                    ResultMask=ua.UInt32(int(ua.BrowseResultMask.All)),
                )
                for node in nodes
            ],
        )
        async with self._session.service() as session:
            results = await session.browse(asked)
        self._session.same_number(asked=len(nodes), found=len(results))
        found: list[list[ua.ReferenceDescription] | None] = [
            None if one.StatusCode.value == _NO_POINT else list(one.References or ())
            for one in results
        ]
        more = {at: one.ContinuationPoint for at, one in enumerate(results)}
        while open_points := {at: point for at, point in more.items() if point}:
            following = ua.BrowseNextParameters(
                ReleaseContinuationPoints=self.stop.is_set(),
                ContinuationPoints=list(open_points.values()),
            )
            async with self._session.service() as session:
                results = await session.browse_next(following)
            self._session.same_number(asked=len(open_points), found=len(results))
            more = {}
            for at, one in zip(open_points, results, strict=True):
                known = found[at]
                if known is not None:
                    known += one.References or ()
                more[at] = one.ContinuationPoint
        return found

    async def _read_all(self, per_read: int) -> None:
        each = max(1, per_read // 3)
        variables, self._variables = self._variables, []
        parts = [variables[start : start + each] for start in range(0, len(variables), each)]
        for start in range(0, len(parts), _IN_FLIGHT):
            together = parts[start : start + _IN_FLIGHT]
            described = await _at_once([self._describe(part) for part in together])
            for part, kinds in zip(together, described, strict=True):
                for one, dtype in zip(part, kinds, strict=True):
                    if dtype is not None:
                        self._keep(one, dtype)
            self._progress(self.seen, len(self.found))

    async def _describe(self, variables: Sequence[_Variable]) -> list[DType | None]:
        """The data type of each, None for those that are no tags."""
        attributes = (AttributeIds.DataType, AttributeIds.ValueRank, AttributeIds.UserAccessLevel)
        answers = await self._read(
            [
                ua.ReadValueId(NodeId=one.node, AttributeId=attribute)
                for one in variables
                for attribute in attributes
            ]
        )
        kinds: list[DType | None] = []
        asking: list[int] = []
        for at, _ in enumerate(variables):
            dtype, rank, access = (_value(one) for one in answers[3 * at : 3 * at + 3])
            reason = "array" if isinstance(rank, int) and rank >= 0 else ""
            if isinstance(access, int) and not access & _READABLE:
                reason = "unreadable"
            if reason:
                self.left_out[reason] += 1
            known = None if reason else _of_node(dtype)
            if not reason and known is None:
                asking.append(at)
            kinds.append(known)
        values = await self._read([question(variables[at].node) for at in asking])
        for at, value in zip(asking, values, strict=True):
            variant = value.Value
            kind = None if variant is None or variant.is_array else _DTYPES.get(variant.VariantType)
            if kind is None:
                self.left_out["type"] += 1
            kinds[at] = kind
        return kinds

    def _keep(self, one: _Variable, dtype: DType) -> None:
        address = self._address(one.node)
        if len(address) > _MOST_ADDRESS:
            self.left_out["address"] += 1
            return
        path = one.path[-(MAX_PATH - 8) :].strip("/ ") or "tag"
        self._paths[path] += 1
        if (nth := self._paths[path]) > 1:
            path = f"{path}~{nth}"
        literal = address.endswith("]")
        self.found.append(FoundTag(path=path, address=address, dtype=dtype, literal=literal))

    def _address(self, node: ua.NodeId) -> str:
        """With the namespace's URI: its index may change when the server starts again."""
        index, text = node.NamespaceIndex, node.to_string().rpartition("ns=")[2]
        plain = text.partition(";")[2] if index else node.to_string()
        uri = self._uris[index] if 0 < index < len(self._uris) else ""
        if not index:
            return plain
        return f"nsu={uri};{plain}" if uri and ";" not in uri else f"ns={index};{plain}"

    async def _limits(self) -> tuple[Sequence[str], int, int]:
        nodes = (_NAMESPACES, _MOST_PER_BROWSE, _MOST_PER_READ)
        answers = await self._read([question(standard(node)) for node in nodes])
        uris, browse, read = (_value(one) for one in answers)
        return (
            list(uris or ()),
            min(_BATCH, browse) if isinstance(browse, int) and browse > 0 else _BATCH,
            min(_READ_BATCH, read) if isinstance(read, int) and read > 0 else _READ_BATCH,
        )

    async def _read(self, asked: list[ua.ReadValueId]) -> list[ua.DataValue]:
        if not asked:
            return []
        async with self._session.service() as session:
            answers = await session.read(ua.ReadParameters(NodesToRead=asked))
        self._session.same_number(asked=len(asked), found=len(answers))
        return answers


async def _at_once(calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of them return, in order; one that fails ends the others."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _value(answer: ua.DataValue) -> Any:
    return None if answer.Value is None else answer.Value.Value


def _of_node(node: Any) -> DType | None:
    """The data type a DataType attribute names; None where only a value can tell."""
    if not isinstance(node, ua.NodeId) or node.NamespaceIndex or not isinstance(
        node.Identifier, int
    ):  # fmt: skip
        return None
    return _ALIASES.get(node.Identifier) or _BUILT_IN.get(node.Identifier)


def _step(name: str) -> str:
    """A browse name as a step of a path."""
    kept = "".join(letter if letter.isprintable() else "_" for letter in name)
    return kept.replace("/", "_").strip() or "_"
