"""The conversation with the server over MQTT: one connection after another.

Invariants:
- a connection begins with the subscription to `down/+` and the retained birth status; its will says
  offline with the same epoch and session, so that a late will of an older session is recognised;
- records go out in the order of the window, as they are on disk; the broker's own PUBACK deletes
  and confirms nothing;
- a retained message is old news: its cursors count, its rewinds and its time do not.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_agent.buffer.reminder import Reminder
from edge_agent.buffer.store import BufferDamaged, Store
from edge_agent.clock.house import HouseClock
from edge_agent.publish.ahead import ReadAhead
from edge_agent.publish.commands import Commands
from edge_agent.publish.deaf import Patience
from edge_agent.publish.live import LiveSource
from edge_agent.publish.outlet import Outlet
from edge_agent.publish.rates import Budget
from edge_agent.publish.report import Runs, offline, status
from edge_agent.publish.window import Outcome, Window
from runtime import logs
from runtime.errors import LinesideError, Reconfigure, RetryLater
from runtime.metrics import Metrics
from runtime.mqtt import BrokerAddress, Connection, Message, Will
from runtime.reconnect import Reconnect
from wire.control import Ack
from wire.errors import WireError
from wire.ids import EdgeId
from wire.records import Event
from wire.topics import down, up

_log = logs.get("edge.publish")

_MOST_TOLD = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How often a session does what."""

    status_every_s: float = 10.0
    keepalive_s: int = 15


class _Left(Exception):
    """The session ended because it was asked to."""


class Session:
    """Talks to the server; `run` is its task."""

    def __init__(
        self,
        store: Store,
        window: Window,
        *,
        edge: EdgeId,
        broker: BrokerAddress,
        agent: str,
        clock: HouseClock,
        metrics: Metrics,
        tell: Callable[[Event], None],
        live: Sequence[LiveSource] = (),
        pace: Pace | None = None,
        commands: Commands | None = None,
        runs: Callable[[], Runs] = Runs,
        budget: Budget | None = None,
    ) -> None:
        self.connected = False
        self.since_us = 0
        self.error: LinesideError | None = None
        """Why there is no connection."""
        self.heard_us = 0
        """When the server last answered, 0 for never."""
        self.answers = 0
        """How often it did."""
        self.left = asyncio.Event()
        """Set when `run` has ended."""
        self.sessions = 0
        self._store = store
        self._window = window
        self._edge = edge
        self._broker = broker
        self._agent = agent
        self._clock = clock
        self._tell = tell
        self._reminder = Reminder()
        self._pace = pace or Pace()
        self._patience = Patience(self._pace.status_every_s)
        self._commands = commands or Commands(store, clock)
        self._runs = runs
        self._report_due = asyncio.Event()
        self.outlet = Outlet(
            edge, live=live, budget=budget or Budget(), clock=clock, metrics=metrics
        )
        self._ahead = ReadAhead(store)
        self._changed = asyncio.Event()
        self._moved = asyncio.Event()
        self._leaving = asyncio.Event()
        self._leave_s = 0.0
        self._told: set[object] = set()
        self._sent = metrics.counter(
            "edge_records_sent_total", "Records published, repeats included."
        )
        self._acked = metrics.counter("edge_records_acked_total", "Records the server confirmed.")
        self._back = metrics.counter(
            "edge_resends_total", "How often sending went back.", ["reason"]
        )
        self._connects = metrics.counter("edge_broker_connects_total", "Connections to the broker.")
        self._refused = metrics.counter("edge_records_refused_total", "Records the server refused.")
        metrics.gauge("edge_broker_up", "Whether the broker is connected.").set_function(
            lambda: float(self.connected)
        )

    async def run(self) -> None:
        """Connect and talk, until asked to leave. Raises BufferDamaged."""
        self.left.clear()
        try:
            await self._talk()
        finally:
            self.left.set()

    async def _talk(self) -> None:
        again = Reconnect()
        while not self._leaving.is_set():
            answers = self.answers
            try:
                await self._once()
            except* _Left:
                _log.info("left the broker in order", broker=str(self._broker))
            except* LinesideError as group:
                self._ended(_first(group))
            finally:
                if self.connected:
                    self.connected, self.since_us = False, self._clock()
            if isinstance(self.error, BufferDamaged):
                raise self.error
            pause_s = again.pause_s(
                self.error,
                # The birth's, and one of what came after. A deaf one is replaced at once.
                worked=self.answers > answers + 1 or self._patience.given_up > 0,
                lot=random.random(),  # noqa: S311
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), pause_s)

    def _ended(self, error: LinesideError) -> None:
        """Take note of why a connection ended or was not made; told at widening intervals."""
        self.error = error
        if self._reminder.is_due(time.monotonic()):
            write = _log.error if isinstance(error, Reconfigure) else _log.warning
            write("LS-4301", broker=str(self._broker), reason=error)

    async def _once(self) -> None:
        """One connection from its beginning to its end, which is always an error."""
        session = self.sessions + 1
        will = Will(
            topic=up(self._edge, "status"),
            payload=offline(
                self._store, session=session, agent=self._agent, at_us=self._clock()
            ).encode(),
            qos=1,
            retain=True,
        )
        name = f"lineside-{self._edge.plant}-{self._edge.edge}-{self._store.epoch.hex[:8]}"
        async with Connection(
            self._broker, client_id=name, will=will, keepalive_s=self._pace.keepalive_s
        ) as connection:
            self.sessions = session
            # Not with a wildcard at the end: brokers' access rules may name the topics.
            await connection.subscribe(
                *(down(self._edge, kind) for kind in ("ack", "cmd", "config"))
            )
            self._window.connected()
            self._ahead.clear()
            await self._report(connection)
            self.connected, self.since_us, self.error = True, self._clock(), None
            self._connects.inc()
            self._reminder.over()
            _log.info("connected to the broker", broker=str(self._broker), session=session)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(connection))
                tasks.create_task(self._send(connection))
                tasks.create_task(self._report_regularly(connection))
                tasks.create_task(self.outlet.show(connection, self._store.epoch))
                tasks.create_task(self._answer_late(connection))
                tasks.create_task(self._say_goodbye(connection))
                tasks.create_task(self._bear_silence())

    def follow(self, before: Session) -> None:
        """Go on counting where the session with another configuration ended."""
        self.sessions, self.answers = before.sessions, before.answers
        self.heard_us = before.heard_us

    def show(self, live: Sequence[LiveSource]) -> None:
        """Show other devices' values from now on."""
        self.outlet.show_all(live)

    def report_soon(self) -> None:
        """Send a status now, where there is a connection."""
        self._report_due.set()

    def leave(self, limit_s: float) -> None:
        """Ask `run` to end: once everything is confirmed, at the latest after `limit_s`."""
        self._leave_s = time.monotonic() + limit_s
        self._leaving.set()
        self._changed.set()

    async def _say_goodbye(self, connection: Connection) -> None:
        """When asked to leave: wait for what is under way, then say offline in order."""
        await self._leaving.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._leave_s - time.monotonic())):
                while not self._window.idle:
                    self._moved.clear()
                    await self._moved.wait()
        await self._report(connection, state="offline")
        raise _Left

    # -- out -------------------------------------------------------------------------------------

    async def _send(self, connection: Connection) -> None:
        while True:
            self._store.grown.clear()
            self._changed.clear()
            wanted = self._window.wanted()
            if wanted is None:
                await self._wait()
                continue
            pause_s = self.outlet.pause_s(wanted.place.cls)
            if pause_s > 0:
                await self._wait(pause_s)
                continue
            record = await self._ahead.next(wanted)
            if wanted != self._window.wanted():
                continue  # an answer came while the disk was read
            if record is None:
                # Numbered but not there: only damage to the file can do that.
                _log.error("LS-4303", epoch=str(self._store.streams[wanted.place].epoch),
                           cls=str(wanted.place.cls), seq=wanted.seq)  # fmt: skip
                await self._store.mend(wanted.place)
                continue
            self.outlet.record(connection, record.body)
            self._window.sent(wanted, through=record.through, now_s=time.monotonic())
            self._sent.inc()

    async def _wait(self, limit_s: float = 3600.0) -> None:
        """Until there is more to send, an answer, a time-out, or `limit_s` have passed."""
        deadline_s = self._window.next_deadline_s()
        left_s = limit_s
        if deadline_s is not None:
            left_s = min(limit_s, max(0.0, deadline_s - time.monotonic()))
        waits = [
            asyncio.ensure_future(self._store.grown.wait()),
            asyncio.ensure_future(self._changed.wait()),
        ]
        try:
            await asyncio.wait(waits, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
        for cls in self._window.timed_out(time.monotonic()):
            self._back.labels("timeout").inc()
            _log.info("no answer in time, sending again", cls=str(cls))

    async def _report(
        self, connection: Connection, *, state: Literal["online", "offline"] = "online"
    ) -> None:
        said = await status(
            self._store,
            state=state,
            session=self.sessions,
            agent=self._agent,
            at_us=self._clock(),
            offset_us=self._clock.offset_us,
            runs=self._runs(),
        )
        await self.outlet.status(connection, said.encode())

    async def _report_regularly(self, connection: Connection) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._report_due.wait(), self._pace.status_every_s)
            self._report_due.clear()
            await self._report(connection)

    async def _bear_silence(self) -> None:
        self._patience.connected(self.answers, time.monotonic(), lot=random.random())  # noqa: S311
        while True:
            await asyncio.sleep(self._pace.status_every_s / 2)
            waiting = self._window.under_way > 0
            if self._patience.is_over(self.answers, time.monotonic(), waiting=waiting):
                quiet_s = round(self._patience.limit_s, 1)
                raise RetryLater("LS-4307", broker=str(self._broker), quiet_s=quiet_s)

    async def _answer_late(self, connection: Connection) -> None:
        """Send the answers that took longer than their message."""
        while True:
            self.outlet.answer(connection, await self._commands.late.get())

    # -- in --------------------------------------------------------------------------------------

    async def _listen(self, connection: Connection) -> None:
        topics = {down(self._edge, kind): kind for kind in ("ack", "cmd", "config")}
        async for message in connection.messages():
            kind = topics.get(message.topic)
            if kind == "ack":
                await self._answered(message)
            elif kind is not None:
                answer = await (
                    self._commands.answer(message.payload)
                    if kind == "cmd"
                    else self._commands.answer_config(message.payload)
                )
                if answer is not None:
                    self.outlet.answer(connection, answer)
            message.ack()

    async def _answered(self, message: Message) -> None:
        received_us = self._clock()
        try:
            ack = Ack.decode(message.payload)
        except WireError as error:
            _log.warning("LS-4304", topic="ack", reason=error)
            return
        fresh = not message.retain
        if fresh:
            self.heard_us, self.answers = received_us, self.answers + 1
            self._clock.heard(ack.at_us)
        outcome = self._window.answered(
            ack.streams,
            ack.rewind if fresh else (),
            hello_of=ack.worker if fresh and ack.kind == "hello" else None,
            now_s=time.monotonic(),
        )
        await self._apply(outcome)
        for refusal in ack.refused if fresh else ():
            self._refused.inc()
            place = (refusal.epoch, refusal.cls, refusal.seq)
            if self._first_time(("refused", place)):
                _log.error("LS-4305", reason=f"{refusal.code} {refusal.reason}",
                           cls=str(refusal.cls), seq=refusal.seq)  # fmt: skip
        self._changed.set()
        self._moved.set()

    async def _apply(self, outcome: Outcome) -> None:
        for place, acked in outcome.progress.items():
            self._store.acknowledged(place, acked)
        self._acked.inc(outcome.records)
        if outcome.back is not None:
            self._back.labels(str(outcome.back)).inc()
        for excess in outcome.excess:
            if self._first_time(("excess", excess.place, excess.cursor)):
                epoch = str(self._store.streams[excess.place].epoch)
                params: dict[str, str | int | float | bool] = {
                    "epoch": epoch,
                    "cls": str(excess.place.cls),
                    "cursor": excess.cursor,
                    "last_seq": excess.last_seq,
                }
                _log.error("LS-4302", **params)
                self._tell(
                    Event(at_us=self._clock(), kind="other", detail={"code": "LS-4302", **params})
                )
        for place, cursor in outcome.rewinds:
            missing = await self._store.rewind(place, cursor)
            self._ahead.clear()
            self._window.rewound(place)
            self._back.labels("rewind").inc()
            _log.warning("LS-4306", epoch=str(self._store.streams[place].epoch),
                         cls=str(place.cls), cursor=cursor, missing=missing)  # fmt: skip

    def _first_time(self, what: object) -> bool:
        """Whether this was not told yet."""
        if what in self._told or len(self._told) >= _MOST_TOLD:
            return False
        self._told.add(what)
        return True


def _first(group: BaseExceptionGroup[LinesideError]) -> LinesideError:
    inner: BaseException = group
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    assert isinstance(inner, LinesideError)  # noqa: S101 - what `except*` chose
    return inner
