"""What the server asks of this edge: carried out once, answered as often as it is asked.

Nothing that is asked can reach a PLC. There is `ping`, `order` (what there is to do at this line,
kept for whoever stands there), and a configuration to run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from uuid import UUID

from edge_agent.buffer.orders import MOST_DISPATCHED
from edge_agent.buffer.store import Store
from edge_agent.publish.order_body import order_of
from runtime import logs, messages
from runtime.clock import Clock
from wire.control import Command, CommandAck, ConfigPush
from wire.errors import LinesideError, WireError

_log = logs.get("edge.commands")

_LATE_KEPT: Final = 16

Pushed = Callable[[ConfigPush], CommandAck | None]
"""Takes a pushed configuration: the answer if it is known already, else None and `say` later."""


class Commands:
    """Answers commands, and remembers the answers in the buffer."""

    def __init__(self, store: Store, clock: Clock, pushed: Pushed | None = None) -> None:
        self.late: asyncio.Queue[bytes] = asyncio.Queue(_LATE_KEPT)
        """Answers that wait for a connection; the oldest make room: the server asks again."""
        self._store = store
        self._clock = clock
        self._pushed = pushed

    async def answer(self, payload: bytes) -> bytes | None:
        """The answer to a message on `down/cmd`, None where it cannot be read."""
        try:
            command = Command.decode(payload)
        except WireError as error:
            _log.warning("LS-4304", topic="cmd", reason=error)
            return None
        known = await self._store.answer_of(command.id)
        if known is not None:
            return known
        answer = await self._carry_out(command)
        encoded = answer.encode()
        # What it did is durable by now: killed in between, the agent does it again, to no effect.
        await self._store.answered(command.id, encoded)
        _log.info("command answered", id=str(command.id), kind=command.kind, state=answer.state)
        return encoded

    async def answer_config(self, payload: bytes) -> bytes | None:
        """The answer to a message on `down/config`; None while there is none, or it is no push."""
        try:
            push = ConfigPush.decode(payload)
        except WireError as error:
            _log.warning("LS-4304", topic="config", reason=error)
            return None
        if self._pushed is None:
            answer: CommandAck | None = config_ack(
                push.version, push.sha256, self._clock(), "LS-4402", version=push.version
            )
        else:
            answer = self._pushed(push)
        return None if answer is None else answer.encode()

    def say(self, answer: CommandAck) -> None:
        """Answer what could not be answered at once."""
        if self.late.full():
            self.late.get_nowait()
        self.late.put_nowait(answer.encode())

    async def _carry_out(self, command: Command) -> CommandAck:
        now_us = self._clock()
        if command.expires_us is not None and command.expires_us < now_us:
            return CommandAck(id=command.id, state="expired", at_us=now_us)
        if command.kind == "order":
            return await self._order(command, now_us)
        if command.kind == "ping":
            return CommandAck(id=command.id, state="done", at_us=now_us)
        return _refused(command.id, now_us, "LS-4401", kind=command.kind)

    async def _order(self, command: Command, now_us: int) -> CommandAck:
        """Keep an order dispatched to this line, or its withdrawal."""
        try:
            order = order_of(command.body, at_us=now_us)
        except LinesideError as error:
            return _refused(command.id, now_us, error.code, **error.params)
        if not await self._store.take_order(order):
            return _refused(command.id, now_us, "LS-4404", most=MOST_DISPATCHED)
        return CommandAck(id=command.id, state="done", at_us=now_us)


def config_ack(
    version: int, sha256: str, now_us: int, code: str | None = None, /, **params: object
) -> CommandAck:
    """The answer to a pushed configuration: done, or refused with `code`.

    Its id is the first half of the text's hash; the version tells two pushes of one text apart.
    """
    command = UUID(hex=sha256[:32])
    if code is None:
        return CommandAck(id=command, state="done", at_us=now_us, version=version)
    return _refused(command, now_us, code, **params).model_copy(update={"version": version})


def _refused(command: UUID, now_us: int, code: str, /, **params: object) -> CommandAck:
    return CommandAck(
        id=command,
        state="refused",
        at_us=now_us,
        code=code,
        reason=messages.text(code, lang="en", **params)[:500],
    )
