"""What was answered to commands, so that a repeated one gets the same; the newest are known."""

from __future__ import annotations

from uuid import UUID

import aiosqlite

from edge_agent.buffer.queries import named


async def answer_of(db: aiosqlite.Connection, command: UUID) -> bytes | None:
    """What was answered to a command before, None if it is new."""
    rows = list(await db.execute_fetchall(named()["answer_of"], {"id": command.bytes}))
    return rows[0][0] if rows else None


async def remember(db: aiosqlite.Connection, command: UUID, answer: bytes, now_us: int) -> None:
    """Write an answer down, within the caller's transaction."""
    values = {"id": command.bytes, "at_us": now_us, "answer": answer}
    await db.execute(named()["answered"], values)
    await db.execute(named()["forget_answers"])
