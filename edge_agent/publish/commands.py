"""What the server asks of this edge: carried out once, answered as often as it is asked.

Nothing that is asked can reach a PLC. This release answers `ping`; whatever else it is asked, a
configuration included, it refuses with a reason.
"""

from __future__ import annotations

from uuid import UUID

from edge_agent.buffer.store import Store
from runtime import logs, messages
from runtime.clock import Clock
from wire.control import Command, CommandAck, ConfigPush
from wire.errors import WireError

_log = logs.get("edge.commands")


class Commands:
    """Answers commands, and remembers the answers in the buffer."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def answer(self, payload: bytes) -> bytes | None:
        """The answer to a message on `down/cmd`, None where it cannot be read."""
        try:
            command = Command.decode(payload)
        except WireError as error:
            _log.warning("LS-4304", topic="cmd", reason=error)
            return None
        return await self._once(command.id, self._decide(command))

    async def answer_config(self, payload: bytes) -> bytes | None:
        """The answer to a message on `down/config`; its id is the first half of the text's hash."""
        try:
            push = ConfigPush.decode(payload)
        except WireError as error:
            _log.warning("LS-4304", topic="config", reason=error)
            return None
        command = UUID(hex=push.sha256[:32])
        return await self._once(command, self._refused(command, "LS-4402", version=push.version))

    async def _once(self, command: UUID, answer: CommandAck) -> bytes:
        known = await self._store.answer_of(command)
        if known is not None:
            return known
        encoded = answer.encode()
        await self._store.answered(command, encoded)
        _log.info("command answered", id=str(command), state=answer.state)
        return encoded

    def _decide(self, command: Command) -> CommandAck:
        now_us = self._clock()
        if command.expires_us is not None and command.expires_us < now_us:
            return CommandAck(id=command.id, state="expired", at_us=now_us)
        if command.kind == "ping":
            return CommandAck(id=command.id, state="done", at_us=now_us)
        return self._refused(command.id, "LS-4401", kind=command.kind)

    def _refused(self, command: UUID, code: str, **params: object) -> CommandAck:
        return CommandAck(
            id=command,
            state="refused",
            at_us=self._clock(),
            code=code,
            reason=messages.text(code, lang="en", **params)[:500],
        )
