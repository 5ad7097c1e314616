"""The plan in the database: read whole, written whole within one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from ingest_server.store.errors import wrapped
from ingest_server.store.queries import beside

if TYPE_CHECKING:
    from ingest_server.store.connection import Connection

_SQL = beside(__file__, "plan.sql")


def load_current(connection: Connection, plant: str) -> tuple[int, Mapping[str, Any] | None]:
    """Version and JSON of the plan of a plant in force; 0 and None where none was applied."""
    with wrapped():
        row = connection.execute(_SQL["current"], {"plant": plant}).fetchone()
    return (int(row[0]), row[1]) if row else (0, None)


def orders_with_facts(connection: Connection) -> set[str]:
    """Orders that something was counted for or that a tag or person named."""
    with wrapped():
        return {order for (order,) in connection.execute(_SQL["orders_with_facts"]).fetchall()}


def orders_elsewhere(connection: Connection, plant: str, orders: Collection[str]) -> set[str]:
    """Which of these orders another plant has."""
    values = {"plant": plant, "orders": list(orders)}
    with wrapped():
        found = connection.execute(_SQL["orders_elsewhere"], values).fetchall()
    return {order for (order,) in found}


def write_plan(connection: Connection, plan: Mapping[str, Any], due: Mapping[str, Any]) -> None:
    """Make the tables say of its plant what a plan says; other plants stay as they are.

    The plan is given as plain values in the words of plant.yaml. `due`: due time by order, with
    zone or None.
    """
    plant = plan["plant"]
    with wrapped():
        connection.execute(_SQL["clear_bindings"], {"plant": plant})
        numbers = [one["order"] for one in plan["orders"]]
        connection.execute(_SQL["drop_orders"], {"plant": plant, "keep": numbers})
        connection.execute(_SQL["put_plant"], plan)
        for line in plan["lines"]:
            values = {"plant": plant, "line": line["id"], **_some(line, "name", "area")}
            connection.execute(_SQL["put_line"], values)
        for one in plan["equipment"]:
            values = {"equipment": one["id"], "plant": plant, **_some(one, "line", "name")}
            connection.execute(_SQL["put_equipment"], values)
        for order in plan["orders"]:
            values = {**order, "plant": plant, "due": due.get(order["order"])}
            connection.execute(_SQL["put_order"], values)
        kept = [one["id"] for one in plan["equipment"]]
        connection.execute(_SQL["drop_equipment"], {"plant": plant, "keep": kept})
        lines = [one["id"] for one in plan["lines"]]
        connection.execute(_SQL["drop_lines"], {"plant": plant, "keep": lines})
        _bindings(connection, plan)


def _bindings(connection: Connection, plan: Mapping[str, Any]) -> None:
    for one in plan["equipment"]:
        own = {"equipment": one["id"], "plant": plan["plant"]}
        for counter in one["counters"]:
            connection.execute(_SQL["put_counter"], {**counter, **own, "path": counter["tag"]})
        for query, name in (("put_order_tag", "order_tag"), ("put_state_tag", "state_tag")):
            if one[name] is not None:
                values = {**own, "edge": one[name]["edge"], "path": one[name]["tag"]}
                connection.execute(_SQL[query], values)
    for rule in plan["rules"]:
        values = {
            **_some(rule, "equipment", "edge", "name", "kind"),
            "rule": rule["id"],
            "plant": plan["plant"],
            "path": rule["tag"],
            "spec": Jsonb(rule),
        }
        connection.execute(_SQL["put_rule"], values)


def _some(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names}


def add_version(
    connection: Connection, *, plan: Mapping[str, Any], author: str, sha256: str, text: str
) -> int:
    """Write down what was applied (JSON values); the new version."""
    with wrapped():
        row = connection.execute(
            _SQL["add_version"],
            {
                "author": author,
                "plant": plan["plant"],
                "sha256": sha256,
                "text": text,
                "plan": Jsonb(dict(plan)),
            },
        ).fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING
    return int(row[0])


def mark_equipment(connection: Connection, plant: str, equipment: Collection[str]) -> None:
    """Have all production of these of a plant computed again."""
    if equipment:
        values = {"plant": plant, "equipment": sorted(equipment)}
        with wrapped():
            connection.execute(_SQL["mark_equipment"], values)


def rule_states(
    connection: Connection, plant: str, rule: str
) -> list[tuple[int, int, str, str, Mapping[str, Any]]]:
    """Tag id, edge id, edge, path and state of every tag that a plant's rule was folded for."""
    values = {"plant": plant, "fold": f"rule:{rule}"}
    with wrapped():
        rows = connection.execute(_SQL["rule_states"], values).fetchall()
    return [(tag_id, edge_id, edge, path, state) for tag_id, edge_id, edge, path, state in rows]


def drop_rule_state(connection: Connection, tag_id: int, rule: str) -> None:
    """Forget a rule of a tag."""
    with wrapped():
        connection.execute(_SQL["drop_state"], {"tag_id": tag_id, "fold": f"rule:{rule}"})
