"""plant.yaml: what a plant has (lines, equipment, counters, rules) and what it is to make (orders).

`checked` is what spans parts: ids are unique, what is named exists, and no tag counts twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import Field

from ingest_server.plant.parts import (
    Equipment,
    Id,
    Line,
    Name,
    OrderConfig,
    RuleConfig,
    Strict,
    TimeZone,
)
from runtime.strict_yaml import ConfigError, Located, Problem, load_located


class Plan(Strict):
    """One plant with everything the server must know about it."""

    plant: Id = Field(description="Id of the plant, the same as in its edges' configuration.")
    name: Name = Field(description="Name for people.")
    time_zone: TimeZone = Field(description="IANA name, e.g. Asia/Shanghai; days begin by it.")
    lines: tuple[Line, ...] = Field(default=(), description="Production lines.")
    equipment: tuple[Equipment, ...] = Field(default=(), description="Machines and stations.")
    rules: tuple[RuleConfig, ...] = Field(default=(), description="What raises alarms.")
    orders: tuple[OrderConfig, ...] = Field(default=(), description="Work orders.")


Place = tuple[str | int, ...]


def load(path: Path) -> Plan:
    """The plan in a file; raises `ConfigError` with every problem found."""
    return checked(load_located(path, Plan))


def checked(located: Located[Plan]) -> Plan:
    """The plan, if its parts fit together; otherwise raises `ConfigError` with all problems."""
    plan = located.value
    problems = [*_repeated_ids(located), *_repeated_counters(located)]
    lines = {line.id for line in plan.lines}
    for place, one in enumerate(plan.equipment):
        if one.line not in lines:
            at: Place = ("equipment", place, "line")
            problems.append(located.problem("LS-5312", *at, id=one.line, known=_list(lines)))
    equipment = {one.id for one in plan.equipment}
    for section in ("rules", "orders"):
        for place, part in enumerate(getattr(plan, section)):
            if part.equipment not in equipment:
                at = (section, place, "equipment")
                known = _list(equipment)
                problems.append(located.problem("LS-5313", *at, id=part.equipment, known=known))
    if problems:
        raise ConfigError(problems)
    return plan


def _repeated_ids(located: Located[Plan]) -> Iterator[Problem]:
    plan = located.value
    sections: dict[str, list[str]] = {
        "lines": [line.id for line in plan.lines],
        "equipment": [one.id for one in plan.equipment],
        "rules": [rule.id for rule in plan.rules],
    }
    for section, ids in sections.items():
        yield from _repeated(located, [((section, i, "id"), name) for i, name in enumerate(ids)])
    numbers = [(("orders", i, "order"), order.order) for i, order in enumerate(plan.orders)]
    yield from _repeated(located, numbers)


def _repeated(located: Located[Plan], named: Iterable[tuple[Place, str]]) -> Iterator[Problem]:
    first: dict[str, Place] = {}
    for place, name in named:
        if name in first:
            line = located.line_of(*first[name])
            yield located.problem("LS-5310", *place, id=name, first=line)
        else:
            first[name] = place


def _repeated_counters(located: Located[Plan]) -> Iterator[Problem]:
    """One tag is one counter: bound twice, each piece would count twice."""
    first: dict[tuple[str, str], Place] = {}
    for i, equipment in enumerate(located.value.equipment):
        for j, counter in enumerate(equipment.counters):
            place: Place = ("equipment", i, "counters", j, "tag")
            bound = (counter.edge, counter.tag)
            if bound in first:
                line = located.line_of(*first[bound])
                tag = f"{counter.edge}:{counter.tag}"
                yield located.problem("LS-5311", *place, tag=tag, first=line)
            else:
                first[bound] = place


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "-"
