"""The ids under which people sent something, so that what is sent twice counts once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import aiosqlite

from edge_agent.buffer.queries import named


async def remember(db: aiosqlite.Connection, receipts: Sequence[UUID], now_us: int) -> None:
    """Write ids down, in the transaction that makes durable what came under them."""
    if receipts:
        rows = [{"id": receipt.bytes, "at_us": now_us} for receipt in receipts]
        await db.executemany(named()["received"], rows)
        await db.execute(named()["forget_received"])


async def is_known(db: aiosqlite.Connection, receipt: UUID) -> bool:
    """Whether an id was written down."""
    values = {"id": receipt.bytes}
    return bool(list(await db.execute_fetchall(named()["is_received"], values)))
