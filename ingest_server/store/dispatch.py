"""Orders at the lines: what there is to do where, what each edge was told last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from psycopg.types.json import Jsonb

from ingest_server.store import commands
from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from ingest_server.store.connection import Connection

_SQL = beside(__file__, "dispatch.sql")
_LOCK: Final = 0x4C53_4445_0007

Place = tuple[str, str]
"""Plant and equipment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkOrder:
    """A row of `work_order`."""

    order: str
    plant: str
    equipment: str
    product: str
    required: float
    due: datetime | None
    completes: Any
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What an edge was told last about an order on an equipment."""

    edge_id: int
    plant: str
    order: str
    equipment: str
    revision: int
    state: str
    body: Mapping[str, Any]
    forgotten: bool = False
    """The edge has lost its memory since."""


def take_turn(connection: Connection) -> None:
    """Wait until nobody else compares, until the end of the caller's transaction."""
    with wrapped():
        connection.execute(_SQL["one_at_a_time"], {"key": _LOCK})


def orders(connection: Connection, plant: str | None) -> list[WorkOrder]:
    """The orders of a plant, None: of all."""
    with wrapped():
        rows = connection.execute(_SQL["orders"], {"plant": plant}).fetchall()
    names = ("order", "plant", "equipment", "product", "required", "due", "completes", "state")
    return [WorkOrder(**dict(zip(names, row, strict=True))) for row in rows]


def edges_of(connection: Connection, plant: str | None) -> dict[Place, list[int]]:
    """The edges of each equipment: those that count for it or read its order."""
    with wrapped():
        rows = connection.execute(_SQL["edges"], {"plant": plant}).fetchall()
    found: dict[Place, list[int]] = {}
    for of_plant, equipment, edge_id in sorted(rows):
        found.setdefault((of_plant, equipment), []).append(edge_id)
    return found


def made(connection: Connection, numbers: Collection[str]) -> list[tuple[str, str, Any, float]]:
    """Order, equipment (with its plant), counter role and quantity."""
    if not numbers:
        return []
    runs = [f"order:{number}" for number in numbers]
    with wrapped():
        return connection.execute(_SQL["made"], {"runs": runs}).fetchall()


def told(connection: Connection, plant: str | None) -> list[Told]:
    """What edges were told last about a plant's orders, None: about all."""
    with wrapped():
        rows = connection.execute(_SQL["told"], {"plant": plant}).fetchall()
    fields = "edge_id plant order equipment revision state body forgotten"
    names = fields.split()
    return [Told(**dict(zip(names, row, strict=True))) for row in rows]


def tell(connection: Connection, news: Told, *, author: str) -> None:
    """Tell an edge something about an order: note it, and have it asked by a command."""
    values = {
        "edge_id": news.edge_id,
        "plant": news.plant,
        "order": news.order,
        "equipment": news.equipment,
        "revision": news.revision,
        "state": news.state,
        "body": Jsonb(dict(news.body)),
    }
    with wrapped():
        connection.execute(_SQL["tell"], values)
    body = {**news.body, "state": news.state, "revision": news.revision}
    subject = f"order {news.equipment} {news.order}"
    commands.ask(connection, news.edge_id, "order", body, author=author, subject=subject)
