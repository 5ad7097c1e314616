"""What applying a plan would change: a pure comparison of two plans, object by object.

The same plan twice gives nothing, whatever the order of its parts. An order that has production is
never removed by leaving it out of a file: its figures would lose their requirement.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel

from ingest_server.plant.model import Plan
from runtime.errors import Reconfigure
from runtime.messages import Language, text

Kind = Literal["plant", "line", "equipment", "counter", "rule", "order"]
Action = Literal["added", "changed", "removed"]

# Parents before children, so that applying in this order (removals backwards) breaks no reference.
_KINDS: Final[tuple[Kind, ...]] = ("plant", "line", "equipment", "counter", "rule", "order")
_NAMES: Final[Mapping[Kind, str]] = {
    "plant": "LS-5340",
    "line": "LS-5341",
    "equipment": "LS-5342",
    "counter": "LS-5343",
    "rule": "LS-5344",
    "order": "LS-5345",
}
_ACTIONS: Final[Mapping[Action, str]] = {
    "added": "LS-5330",
    "changed": "LS-5331",
    "removed": "LS-5332",
}


class PlanRefused(Reconfigure):
    """The wanted plan cannot be applied to what is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldChange:
    """One field before and after, as JSON values; nested fields have dotted names."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One object added, changed or removed. `fields` is empty unless it is changed."""

    action: Action
    kind: Kind
    id: str
    fields: tuple[FieldChange, ...] = ()

    def text(self, lang: Language | None = None) -> str:
        """The change in words for people."""
        fields = "; ".join(f"{one.name}: {one.before} → {one.after}" for one in self.fields)
        what = text(_NAMES[self.kind], lang=lang)
        return text(_ACTIONS[self.action], lang=lang, what=what, id=self.id, fields=fields)


def diff(
    current: Plan | None,
    wanted: Plan,
    *,
    orders_with_facts: Collection[str] = (),
    orders_elsewhere: Collection[str] = (),
) -> tuple[Change, ...]:
    """All changes from `current` (None: nothing yet) to `wanted`, sorted by kind and id.

    Both are plans of one plant. `orders_with_facts`: orders that something was counted for.
    `orders_elsewhere`: wanted orders that another plant has. Raises `PlanRefused` where one of the
    former would be removed, or where there is any of the latter.
    """
    if current is not None and current.plant != wanted.plant:
        raise ValueError(f"plans of two plants: {current.plant} and {wanted.plant}")
    if orders_elsewhere:
        raise PlanRefused("LS-5321", orders=", ".join(sorted(orders_elsewhere)))
    before = _objects(current) if current is not None else {}
    after = _objects(wanted)
    produced = sorted(
        name
        for kind, name in before.keys() - after.keys()
        if kind == "order" and name in orders_with_facts
    )
    if produced:
        raise PlanRefused("LS-5320", orders=", ".join(produced))
    changes: list[Change] = []
    for kind, name in sorted(before.keys() | after.keys(), key=_place):
        old, new = before.get((kind, name)), after.get((kind, name))
        if old is None:
            changes.append(Change(action="added", kind=kind, id=name))
        elif new is None:
            changes.append(Change(action="removed", kind=kind, id=name))
        elif old != new:
            fields = _field_changes(old, new)
            changes.append(Change(action="changed", kind=kind, id=name, fields=fields))
    return tuple(changes)


def _objects(plan: Plan) -> dict[tuple[Kind, str], dict[str, Any]]:
    found: dict[tuple[Kind, str], dict[str, Any]] = {
        ("plant", plan.plant): {"name": plan.name, "time_zone": plan.time_zone}
    }
    for line in plan.lines:
        found["line", line.id] = _fields(line)
    for equipment in plan.equipment:
        found["equipment", equipment.id] = _fields(equipment, without={"counters"})
        for counter in equipment.counters:
            own = {"equipment": equipment.id, **_fields(counter)}
            found["counter", f"{counter.edge}:{counter.tag}"] = own
    for rule in plan.rules:
        found["rule", rule.id] = _fields(rule)
    for order in plan.orders:
        found["order", order.order] = _fields(order)
    return found


def _fields(part: BaseModel, *, without: Collection[str] = ()) -> dict[str, Any]:
    return _flat(part.model_dump(mode="json", exclude=set(without)), "")


def _flat(value: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, one in value.items():
        if isinstance(one, Mapping):
            found |= _flat(one, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = one
    return found


def _field_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    names = [*new, *(name for name in old if name not in new)]
    return tuple(
        FieldChange(name=name, before=old.get(name), after=new.get(name))
        for name in names
        if old.get(name) != new.get(name)
    )


def _place(key: tuple[Kind, str]) -> tuple[int, str]:
    return _KINDS.index(key[0]), key[1]
