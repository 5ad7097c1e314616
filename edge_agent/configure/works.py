"""What the choice of a configuration needs of the parts that run: a port."""

from __future__ import annotations

from typing import Protocol

from edge_agent.config import EdgeConfig
from edge_agent.configure.changes import Changes
from edge_agent.configure.trial import Health
from wire.control import CommandAck
from wire.records import Event


class Works(Protocol):
    """The parts that run, as far as a change of configuration concerns them."""

    async def apply(self, new: EdgeConfig) -> Changes:
        """Run it. Raises BufferBlocked, with nothing changed."""

    def health(self) -> Health:
        """How the agent is."""

    def answer(self, ack: CommandAck) -> None:
        """Answer a push."""

    def tell(self, event: Event) -> None:
        """Put an event into the stream."""

    def report(self) -> None:
        """Send a status now."""
