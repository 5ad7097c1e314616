"""A named person accepts that a gap stays one; kept with name, time and reason."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from ingest_server.store import reads

ACCEPTED: Final = "LS-6050"
"""Code of the notice."""


async def accept(
    connection: psycopg.AsyncConnection[DictRow],
    gap: int,
    *,
    by: str,
    reason: str,
    now: datetime,
) -> bool:
    """Accept a gap; False where somebody has, or there is none: then nothing is changed."""
    taken = await reads.row(
        connection, "faults", "accept_gap", gap=gap, by=by, at=now, reason=reason
    )
    if taken is None:
        return False
    params = {
        "gap": str(gap),
        "cause": taken["cause"],
        "from": taken["from_ts"].isoformat(),
        "by": by,
        "reason": reason,
    }
    await reads.row(
        connection,
        "faults",
        "tell",
        at=now,
        plant=taken["plant"],
        edge=taken["edge"],
        code=ACCEPTED,
        params=Jsonb(params),
    )
    return True
