"""The port through which the servers tell what they handed out and what was asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from simulators.addresses import Table

How = Literal["read", "notified"]
Served = int | float | bool | str | None


class Witness(Protocol):
    """Takes note of answers before they leave, and of attempts to write."""

    def modbus_answer(
        self, *, line: str, unit: int, table: Table, address: int, count: int, body: bytes
    ) -> None:
        """`body` answers a read of `count` registers (big-endian) or bits (lowest first)."""

    def opcua_answer(
        self,
        *,
        line: str,
        how: How,
        places: Sequence[int],
        values: Sequence[Served],
        source_us: Sequence[int],
        statuses: Sequence[int],
    ) -> None:
        """Values of the tags at `places` of the line's address map; times as microseconds since
        the epoch; statuses are OPC UA StatusCodes, 0 good."""

    def write_attempt(self, *, line: str, target: str, answer: str) -> None:
        """Somebody tried to write `target` and got `answer`."""
