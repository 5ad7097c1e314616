"""Which folds a tag feeds, by the plans in force. Pure.

A tag is bound by its edge and path, so all its revisions are. What was stored before a tag was
bound is not folded: its counters and rules start with the first reading after the plan was applied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from ingest_server.plant.bindings import (
    CounterBinding,
    OrderTagBinding,
    RuleBinding,
    counter_bindings,
    order_tag_bindings,
    rule_bindings,
)
from ingest_server.plant.model import Plan
from wire.ids import EdgeId


@dataclass(frozen=True, kw_only=True, slots=True)
class Uses:
    """All that one tag feeds."""

    plant: str
    path: str
    counters: tuple[CounterBinding, ...] = ()
    orders: tuple[OrderTagBinding, ...] = ()
    rules: tuple[RuleBinding, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Bindings:
    """Uses by edge and path; `version` is that of the plans they come from.

    `unreadable`: why the plan of a plant means nothing to this release.
    """

    version: int = 0
    uses: Mapping[EdgeId, Mapping[str, Uses]] = field(default_factory=dict)
    unreadable: Mapping[str, Exception] = field(default_factory=dict)

    def of_edge(self, edge: EdgeId) -> Mapping[str, Uses]:
        """The uses of an edge's tags by path."""
        return self.uses.get(edge, {})


def bindings_of(version: int, plans: Sequence[Mapping[str, Any]]) -> Bindings:
    """The bindings of all plans, given as the JSON that `apply` stored."""
    uses: dict[EdgeId, dict[str, Uses]] = {}
    unreadable: dict[str, Exception] = {}
    for saved in plans:
        try:
            plan = Plan.model_validate(saved)
        except ValidationError as error:
            unreadable[str(saved.get("plant"))] = error
            continue
        bound: dict[tuple[str, str], dict[str, list[Any]]] = {}
        parts: tuple[tuple[str, Sequence[Any]], ...] = (
            ("counters", counter_bindings(plan)),
            ("orders", order_tag_bindings(plan)),
            ("rules", rule_bindings(plan)),
        )
        for name, found in parts:
            for one in found:
                bound.setdefault((one.edge, one.tag), {}).setdefault(name, []).append(one)
        for (edge, path), fields in bound.items():
            paths = uses.setdefault(EdgeId(plant=plan.plant, edge=edge), {})
            paths[path] = Uses(
                plant=plan.plant,
                path=path,
                **{name: tuple(found) for name, found in fields.items()},
            )
    return Bindings(version=version, uses=uses, unreadable=unreadable)
