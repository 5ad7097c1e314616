"""The progress line of the demo: what comes in, what waits, orders and alarms."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

import httpx2

from rig.edge_page import unacked_records
from rig.server_view import ServerView
from rig.system import System
from runtime import messages


class Progress:
    """Asks the API, as anybody would, and the buffers."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._client: httpx2.AsyncClient | None = None
        self._rows: tuple[float, int] | None = None

    async def __aenter__(self) -> Self:
        self._client = httpx2.AsyncClient(
            base_url=self._system.api_url,
            headers={"Authorization": f"Bearer {self._system.api_token}"},
            timeout=5,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def line(self, passed_s: float) -> str:
        """One line in the language of the terminal."""
        with ServerView(self._system.database.dsn) as view:
            rows = view.rows()
        at = time.monotonic()
        before = self._rows or (at - 1, rows)
        self._rows = (at, rows)
        orders = await self._get("/api/v1/orders")
        alarms = await self._get("/api/v1/alarms/active")
        buffered = await unacked_records(self._system)
        return messages.text(
            "LS-8116",
            seconds=round(passed_s),
            rate=round((rows - before[1]) / max(at - before[0], 1e-3)),
            stored=rows,
            buffered="?" if buffered is None else buffered,
            orders=_orders(orders),
            alarms=len(alarms),
        )

    async def _get(self, path: str) -> list[dict[str, Any]]:
        if self._client is None:
            raise RuntimeError("the progress is not open")
        try:
            answer = await self._client.get(path)
        except httpx2.HTTPError:
            return []
        items = answer.json().get("items", []) if answer.status_code == 200 else []
        return list(items)


def _orders(orders: list[dict[str, Any]]) -> str:
    running = [order for order in orders if order.get("state") == "in_progress"]
    return ", ".join(
        f"{order['order']} {order['good']:g}/{order['required']:g}" for order in running[:4]
    )
