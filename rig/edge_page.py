"""What a running edge agent says of itself on its local page."""

from __future__ import annotations

from typing import Any, Protocol

import httpx2

from rig.system import EDGES, System


class HasPages(Protocol):
    """Where the edges' pages are."""

    def page_url(self, edge: str) -> str | None: ...


async def edge_status(system: HasPages, edge: str) -> dict[str, Any] | None:
    """The agent's status, None while it does not answer."""
    url = system.page_url(edge)
    if url is None:
        return None
    try:
        async with httpx2.AsyncClient(timeout=5) as client:
            answer = await client.get(f"{url}status.json")
            found: dict[str, Any] = answer.json()
    except (httpx2.HTTPError, ValueError):
        return None
    return found if answer.status_code == 200 else None


async def unacked_records(system: System) -> int | None:
    """Records of all edges that no server has confirmed; None while an edge does not say."""
    total = 0
    for edge in EDGES:
        status = await edge_status(system, edge)
        count = None if status is None else status["buffer"].get("unacked_records")
        if count is None:
            return None
        total += int(count)
    return total
