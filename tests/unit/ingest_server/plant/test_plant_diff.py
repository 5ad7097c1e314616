"""What applying a plan changes, and what it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest_server.plant.diff import PlanRefused, diff
from ingest_server.plant.model import Plan, load

EXAMPLE = load(Path(__file__).parents[4] / "configs" / "examples" / "plant.yaml")


def edited(**changes: Any) -> Plan:
    return EXAMPLE.model_copy(update=changes)


def first_edited(section: str, **changes: Any) -> Plan:
    head, *tail = getattr(EXAMPLE, section)
    return edited(**{section: (head.model_copy(update=changes), *tail)})


def shown(current: Plan | None, wanted: Plan, **more: Any) -> list[tuple[str, str, str]]:
    return [(one.action, one.kind, one.id) for one in diff(current, wanted, **more)]


def test_the_same_file_twice_changes_nothing() -> None:
    assert diff(EXAMPLE, EXAMPLE) == ()
    assert diff(EXAMPLE, Plan.model_validate_json(EXAMPLE.model_dump_json())) == ()


def test_the_order_of_the_parts_is_no_change() -> None:
    assert (
        diff(EXAMPLE, edited(orders=EXAMPLE.orders[::-1], equipment=EXAMPLE.equipment[::-1])) == ()
    )


def test_a_first_plan_adds_everything_parents_first() -> None:
    kinds = [kind for _, kind, _ in shown(None, EXAMPLE)]
    assert kinds == (
        ["plant"]
        + ["line"] * 2
        + ["equipment"] * 4
        + ["counter"] * 7
        + ["rule"] * 2
        + ["order"] * 3
    )


def test_a_change_names_its_fields_before_and_after_in_both_languages() -> None:
    (change,) = diff(EXAMPLE, first_edited("orders", required=50.0))
    (field,) = change.fields
    assert (field.name, field.before, field.after) == ("required", 30.0, 50.0)
    assert change.text("en") == "changed: order WO-2601-001 (required: 30.0 → 50.0)"
    assert change.text("zh") == "修改：工单 WO-2601-001（required: 30.0 → 50.0）"


def test_a_nested_field_has_a_dotted_name() -> None:
    press = EXAMPLE.equipment[0]
    tag = press.order_tag.model_copy(update={"tag": "other"}) if press.order_tag else None
    (change,) = diff(EXAMPLE, first_edited("equipment", order_tag=tag))
    assert [field.name for field in change.fields] == ["order_tag.tag"]


def test_a_counter_is_an_object_of_its_own() -> None:
    press = EXAMPLE.equipment[0]
    good = press.counters[0].model_copy(update={"max_rate": 9.0})
    wanted = first_edited("equipment", counters=(good,))
    assert shown(EXAMPLE, wanted) == [
        ("changed", "counter", "line-a:line-a/press-1/good"),
        ("removed", "counter", "line-a:line-a/press-1/scrap"),
    ]


def test_an_order_without_production_can_go() -> None:
    assert shown(EXAMPLE, edited(orders=EXAMPLE.orders[1:])) == [
        ("removed", "order", "WO-2601-001")
    ]


def test_an_order_with_production_is_not_removed() -> None:
    with pytest.raises(PlanRefused) as refused:
        diff(EXAMPLE, edited(orders=()), orders_with_facts={"WO-2601-003", "WO-9"})
    assert (refused.value.code, refused.value.params) == ("LS-5320", {"orders": "WO-2601-003"})


def test_an_order_of_another_plant_is_not_taken_from_it() -> None:
    with pytest.raises(PlanRefused) as refused:
        diff(EXAMPLE, EXAMPLE, orders_elsewhere={"WO-9", "WO-2601-003"})
    assert (refused.value.code, refused.value.params) == (
        "LS-5321",
        {"orders": "WO-2601-003, WO-9"},
    )
