"""All subscriptions of a connection: has nodes watched, hands over what is reported, column-wise.

Invariants: each subscription is heard of in time or the connection is given up; nodes that the
server refuses to watch are bad at once and tried again rarely.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Final

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from drivers.base import Columns
from drivers.opcua.answers import Objects
from drivers.opcua.config import OpcUaDevice, OpcUaGroup, OpcUaTag
from drivers.opcua.plan import Rows, chunks
from drivers.opcua.points import Points
from drivers.opcua.session import Session
from drivers.opcua.subscription import Inbox, Subscription
from runtime import logs
from runtime.clock import Clock
from wire import quality

GATHER_S: Final = 0.01
"""Reports that come within this are handed over together."""
ITEMS_A_CALL: Final = 500
NOTIFICATIONS_A_MESSAGE: Final = 10_000
_SILENT_INTERVALS: Final = 3
_LIFETIME_COUNTS: Final = 10
_LOOK_S: Final = 1.0
"""How often refused nodes and silence are looked at."""

_log = logs.get("drivers.opcua")


class Watch:
    """Iterate `columns` once."""

    def __init__(
        self,
        *,
        config: OpcUaDevice,
        session: Session,
        points: Points,
        questions: Sequence[ua.ReadValueId],
        items_a_call: int,
        clock: Clock,
        counts: Counter[str],
    ) -> None:
        self._config = config
        self._session = session
        self._points = points
        self._questions = questions
        self._items_a_call = items_a_call
        self._clock = clock
        self._counts = counts
        self._news = asyncio.Event()
        self._inbox = Inbox(points=len(points.tags), most=config.max_waiting, clock=clock)
        self._reporting: list[Subscription] = []
        self._told_given_up = 0

    async def columns(self) -> AsyncIterator[Columns]:
        """See `drivers.base.Device.changes`."""
        self._session.on_lost.append(self._news.set)
        for group, of in enumerate(self._config.groups):
            if of.mode == "subscribe":
                refused = await self._begin(group, of)
                if refused.size:
                    yield self._without_value(refused)
        looked_s = self._now_s()
        while self._reporting:
            await self._wait()
            if self._inbox.waiting and (columns := self._take()).point.size:
                yield columns
            self._check()
            if self._now_s() - looked_s >= _LOOK_S:
                looked_s = self._now_s()
                for subscription in self._reporting:
                    await self._monitor(subscription, self._resting(subscription, looked_s))

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_S):
                await self._news.wait()
        except TimeoutError:
            return
        await asyncio.sleep(GATHER_S)
        self._news.clear()

    def _check(self) -> None:
        """Raise if the connection, or a subscription, is gone; tell what was given up."""
        if self._session.lost.is_set():
            raise self._session.give_up("")
        now_s = self._now_s()
        for subscription in self._reporting:
            silent_s = now_s - subscription.heard_s
            if subscription.ended:
                raise self._session.give_up(f"subscription ended: {subscription.ended}")
            if silent_s > subscription.silence_s:
                self._session.give_up("a subscription fell silent")
                raise self._session.error("LS-3219", silent_s=round(silent_s, 1))
        given_up = self._counts["given_up"] = self._inbox.given_up
        self._counts["foreign"] = self._inbox.foreign
        self._counts["holes"] = sum(subscription.holes for subscription in self._reporting)
        if given_up > 2 * self._told_given_up:
            self._told_given_up = given_up
            _log.warning(
                "LS-3223", device=self._config.id, address=self._config.url, count=given_up
            )

    def _take(self) -> Columns:
        rows, reported = self._inbox.take()
        values = self._points.reported(rows, Objects(reported))
        values.q[self._inbox.after_a_hole(rows)] |= np.uint32(quality.OVERFLOW)
        return Columns(
            point=rows.astype(np.int32),
            f=values.f,
            i=values.i,
            q=values.q,
            s=values.s,
            source_us=values.source_us,
            read_us=self._inbox.read_us,
        )

    def _without_value(self, rows: Rows) -> Columns:
        return Columns(
            point=rows.astype(np.int32),
            f=np.zeros(rows.size, np.float64),
            i=np.zeros(rows.size, np.int64),
            q=self._points.rests.quality[rows] | np.uint32(quality.NO_VALUE),
            source_us=np.zeros(rows.size, np.int64),
            read_us=self._clock(),
        )

    async def _begin(self, group: int, of: OpcUaGroup) -> Rows:
        """Subscribe to a group; returns the rows that are refused."""
        subscription = Subscription(group, self._points.rows(group), self._inbox)
        now_s = asyncio.get_running_loop().time

        def hear(result: ua.PublishResult) -> None:
            subscription.hear(result, now_s())
            self._news.set()

        async with self._session.service() as session:
            made = await session.create_subscription(
                ua.CreateSubscriptionParameters(
                    RequestedPublishingInterval=float(of.every_ms),
                    RequestedLifetimeCount=of.keep_alive_count * _LIFETIME_COUNTS,
                    RequestedMaxKeepAliveCount=of.keep_alive_count,
                    MaxNotificationsPerPublish=NOTIFICATIONS_A_MESSAGE,
                    PublishingEnabled=True,
                    Priority=0,
                ),
                hear,
            )
        subscription.id = made.SubscriptionId
        subscription.heard_s = now_s()
        interval_s = max(made.RevisedPublishingInterval, of.every_ms) / 1000
        keep_alive_count = max(made.RevisedMaxKeepAliveCount, 1)
        subscription.silence_s = _SILENT_INTERVALS * interval_s * keep_alive_count
        self._reporting.append(subscription)
        await self._monitor(subscription, self._points.due(subscription.rows, now_s()))
        refused: Rows = subscription.rows[self._points.rests.quality[subscription.rows] != 0]
        return refused

    def _resting(self, subscription: Subscription, now_s: float) -> Rows:
        """Refused rows whose pause is over."""
        due = self._points.due(subscription.rows, now_s)
        resting: Rows = due[self._points.rests.quality[due] != 0]
        return resting

    async def _monitor(self, subscription: Subscription, rows: Rows) -> None:
        """Have rows watched; those refused rest."""
        of = self._config.groups[subscription.group]
        for part in chunks(rows, self._items_a_call):
            items = [self._item(row, of) for row in part.tolist()]
            async with self._session.service() as session:
                results = await session.create_monitored_items(
                    ua.CreateMonitoredItemsParameters(
                        SubscriptionId=subscription.id,
                        TimestampsToReturn=ua.TimestampsToReturn.Source,
                        ItemsToCreate=items,
                    )
                )
            self._session.same_number(asked=len(items), found=len(results or ()))
            codes: NDArray[np.uint32] = np.array([r.StatusCode.value for r in results], np.uint32)
            bad = codes >> np.uint32(30) >= 2
            now_s = self._now_s()
            self._points.rests.heard(part[~bad], np.zeros(int((~bad).sum()), np.uint32), now_s)
            fresh = self._points.rests.refuse(part[bad], codes[bad], now_s)
            self._points.refused_now(fresh, codes, part)

    def _item(self, row: int, of: OpcUaGroup) -> ua.MonitoredItemCreateRequest:
        sampling_ms = of.every_ms if of.sampling_ms is None else of.sampling_ms
        parameters = ua.MonitoringParameters(
            ClientHandle=row,
            SamplingInterval=float(sampling_ms),
            Filter=_filter(self._points.tags[row]),
            QueueSize=of.queue_size,
            DiscardOldest=True,
        )
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=self._questions[row],
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=parameters,
        )

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()


def _filter(tag: OpcUaTag) -> ua.DataChangeFilter | None:
    """The server-side deadband (OPC UA Part 4, 7.22.2); None: every change of value or status."""
    band = tag.server_deadband
    if band is None:
        return None
    kind = ua.DeadbandType.Absolute if band.absolute is not None else ua.DeadbandType.Percent
    width = band.absolute if band.absolute is not None else band.percent
    return ua.DataChangeFilter(
        Trigger=ua.DataChangeTrigger.StatusValue, DeadbandType=kind.value, DeadbandValue=width
    )
