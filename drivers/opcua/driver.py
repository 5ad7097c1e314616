"""An OPC UA server: reads nodes in batches, takes what subscriptions report, hands over columns.

Invariants: answers count as many as questions or none is used; a node that fails spoils its own
point only; a lost connection, an unanswered request or a silent subscription gives the whole
object up (RetryLater), and a fresh one is to be made.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

import numpy as np
from asyncua import ua
from asyncua.ua import uaerrors
from numpy.typing import NDArray

from drivers.base import Columns
from drivers.opcua.answers import Answers
from drivers.opcua.config import OpcUaDevice
from drivers.opcua.nodes import node_id, question, standard
from drivers.opcua.plan import Rows, chunks, limit_of
from drivers.opcua.points import Points
from drivers.opcua.reads import Read
from drivers.opcua.session import Session
from drivers.opcua.watch import ITEMS_A_CALL, Watch
from runtime.clock import Clock
from wire import quality

Answered = tuple[Rows, Answers]

_NAMESPACES: Final = standard(2255)
_MOST_NODES_A_READ: Final = standard(11705)
_MOST_ITEMS_A_CALL: Final = standard(11714)
_TOO_MANY: Final = (
    uaerrors.BadTooManyOperations,
    uaerrors.BadResponseTooLarge,
    uaerrors.BadRequestTooLarge,
    uaerrors.BadEncodingLimitsExceeded,
)


class OpcUaConnection:
    """`drivers.base.Device` over OPC UA."""

    def __init__(self, config: OpcUaDevice, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._session = Session(config)
        self._counts: Counter[str] = Counter()
        self._points = Points(config, self._counts)
        self._questions: list[ua.ReadValueId] = []
        self._limit = config.max_nodes_per_read
        self._items_a_call = ITEMS_A_CALL
        self._in_flight = asyncio.Semaphore(config.in_flight)
        self._planned: dict[int, tuple[tuple[bytes, int], list[Read]]] = {}

    @property
    def counts(self) -> Mapping[str, int]:
        """requests, refused, mismatched, overflowed (at the server), given_up (here), holes,
        foreign (values under handles nobody gave out)."""
        return self._counts

    async def __aenter__(self) -> Self:
        await self._session.open()
        try:
            await self._prepare()
        except BaseException:
            await self._session.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        await self._session.close()

    def requests(self, group: int) -> Sequence[str]:
        """The requests one reading of the group takes, in words."""
        rows = self._points.rows(group)
        of = self._config.groups[group]
        if of.mode == "subscribe":
            return [f"subscription: {rows.size} nodes, reported every {of.every_ms} ms"]
        addresses = [tag.address for tag in self._points.tags]
        return [
            f"read: {part.size} nodes from {addresses[part[0]]}"
            for part in self._points.parts(rows, self._limit)
        ]

    async def read(self, group: int) -> Columns:
        """Every node of the group once; see `drivers.base.Device.read`."""
        rows = self._points.rows(group)
        due = self._points.due(rows, self._now_s())
        answers = await self._ask_all(self._reads(group, due))
        read_us = self._clock()
        f, i = np.zeros(rows.size, np.float64), np.zeros(rows.size, np.int64)
        q = self._points.rests.quality[rows] | np.uint32(quality.NO_VALUE)
        source_us = np.zeros(rows.size, np.int64)
        s: NDArray[np.object_] | None = None
        for part, found in answers:
            at = part - rows[0]
            values = self._points.polled(part, found, self._now_s())
            f[at], i[at], q[at], source_us[at] = values.f, values.i, values.q, values.source_us
            if values.s is not None:
                s = np.full(rows.size, "", np.object_) if s is None else s
                s[at] = values.s
        return Columns(
            point=rows.astype(np.int32),
            f=f,
            i=i,
            q=q,
            s=s,
            source_us=source_us,
            read_us=read_us,
        )

    async def changes(self) -> AsyncIterator[Columns]:
        """What the server reports; see `drivers.base.Device.changes`."""
        watch = Watch(
            config=self._config,
            session=self._session,
            points=self._points,
            questions=self._questions,
            items_a_call=self._items_a_call,
            clock=self._clock,
            counts=self._counts,
        )
        async for columns in watch.columns():
            yield columns

    async def _prepare(self) -> None:
        """Learn the server's limits, and resolve namespaces by their URI."""
        asked = [_MOST_NODES_A_READ, _MOST_ITEMS_A_CALL, _NAMESPACES]
        try:
            self._counts["requests"] += 1
            async with self._session.calls() as session:
                answers = await session.read(
                    ua.ReadParameters(NodesToRead=[question(node) for node in asked])
                )
            self._session.same_number(asked=len(asked), found=len(answers or ()))
        except uaerrors.UaStatusCodeError as error:
            raise self._session.give_up(type(error).__name__) from error
        nodes, items, names = (None if one.Value is None else one.Value.Value for one in answers)
        self._limit = limit_of(self._config.max_nodes_per_read, nodes)
        self._items_a_call = limit_of(ITEMS_A_CALL, items)
        known = {uri: index for index, uri in enumerate(names or [])}
        self._questions = []
        for row, tag in enumerate(self._points.tags):
            namespace = tag.node.namespace
            index = known.get(namespace) if isinstance(namespace, str) else namespace
            if index is None:
                self._points.unresolved(row, str(namespace))
            self._questions.append(question(node_id(tag.node, index or 0)))

    def _reads(self, group: int, due: Rows) -> list[Read]:
        """The requests for these rows: those of the last reading, unless the rows changed."""
        key = (due.tobytes(), self._limit)
        known = self._planned.get(group)
        if known is not None and known[0] == key:
            return known[1]
        reads = [self._read(part) for part in self._points.parts(due, self._limit)]
        self._planned[group] = (key, reads)
        return reads

    def _read(self, rows: Rows) -> Read:
        return Read(rows, [self._questions[row] for row in rows.tolist()])

    async def _ask_all(self, reads: Sequence[Read]) -> list[Answered]:
        """The answers to several requests, as many at once as `in_flight` allows."""
        if len(reads) <= 1:
            return [one for read in reads for one in await self._ask(read)]
        tasks = [asyncio.create_task(self._ask(read)) for read in reads]
        try:
            return [one for some in await asyncio.gather(*tasks) for one in some]
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _ask(self, read: Read) -> list[Answered]:
        """The answers to all its rows; in smaller requests where the server finds it too large."""
        rows = read.rows
        try:
            async with self._in_flight:
                return [(rows, await self._answers(read))]
        except _TOO_MANY as error:
            if rows.size == 1:
                raise self._session.give_up(type(error).__name__) from error
            self._limit = max(1, min(self._limit, rows.size // 2))
            parts = [await self._ask(self._read(part)) for part in chunks(rows, self._limit)]
            return [one for some in parts for one in some]
        except uaerrors.UaStatusCodeError as error:
            raise self._session.give_up(type(error).__name__) from error

    async def _answers(self, read: Read) -> Answers:
        self._counts["requests"] += 1
        found = await self._session.read(read)
        self._session.same_number(asked=read.rows.size, found=len(found))
        return found

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()
