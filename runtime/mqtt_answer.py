"""Waits for a broker's answer with a limit: one that lives may forget what it was told."""

from __future__ import annotations

import asyncio
from typing import Any

from runtime.errors import RetryLater


async def in_time(answer: asyncio.Future[Any], *, limit_s: float, broker: str) -> Any:
    """What the broker answers; RetryLater where it does not within `limit_s` seconds."""
    try:
        async with asyncio.timeout(limit_s):
            return await answer
    except TimeoutError as error:
        raise RetryLater("LS-1102", broker=broker, limit_s=limit_s) from error
