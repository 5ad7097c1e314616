"""plant.yaml: the example works, and what cannot work is said with its line, in both languages."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from ingest_server.domain.alarm_rules import FaultWordRule, LimitRule
from ingest_server.plant.bindings import (
    counter_bindings,
    due_at,
    order_plans,
    order_tag_bindings,
    rule_bindings,
)
from ingest_server.plant.model import Plan, checked, load
from runtime.strict_yaml import ConfigError, Problem, loads_located

EXAMPLE = Path(__file__).parents[4] / "configs" / "examples" / "plant.yaml"

BASE = """\
plant: p1
name: Plant
time_zone: Asia/Shanghai
lines:
  - {id: a, name: A}
equipment:
  - id: press
    name: Press
    line: a
    counters:
      - {edge: e1, tag: press/good, role: good, max_rate: 2}
rules: []
orders:
  - {order: WO 7/2, product: x, required: 5, equipment: press}
"""


def plan(text: str) -> Plan:
    return checked(loads_located(text, "plant.yaml", Plan))


def problems(text: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        plan(text)
    return list(caught.value.problems)


def places(text: str) -> list[tuple[str, int, str]]:
    return [(one.code, one.line, one.field) for one in problems(text)]


def test_the_example_says_what_it_means() -> None:
    found = load(EXAMPLE)
    counters = {f"{one.equipment} {one.role}": one.config for one in counter_bindings(found)}
    assert counters["mill-1 good"].modulus == 65536
    assert counters["weld-1 scrap"].kind == "job_reset"
    assert (counters["scale-1 total"].kind, counters["scale-1 total"].factor) == ("pulse", 12)
    hot, fault = rule_bindings(found)
    assert hot.rule == LimitRule(
        id="press-1-hot",
        direction="high",
        limit=80,
        deadband=2,
        on_delay_us=5_000_000,
        off_delay_us=2_000_000,
    )
    assert fault.rule == FaultWordRule(id="press-1-fault", bits=(0, 3, 7), latching=True)
    assert fault.names["3"] == "Press 1: guard open"
    assert fault.priorities == {"0": "critical", "3": "medium", "7": "low"}
    assert [one.equipment for one in order_tag_bindings(found)] == ["press-1", "weld-1", "mill-1"]
    assert [one.completes for one in order_plans(found)] == ["quantity", "quantity", "explicit"]


def test_a_due_time_without_an_offset_is_the_plants() -> None:
    found = load(EXAMPLE)
    due = found.orders[0].due
    assert due is not None
    assert due_at(found, due).utcoffset() == timedelta(hours=8)


def test_a_plan_survives_json() -> None:
    found = load(EXAMPLE)
    assert Plan.model_validate_json(found.model_dump_json()) == found


def test_a_plan_of_lines_only_is_enough_to_begin() -> None:
    assert plan("{plant: p1, name: Plant, time_zone: UTC}").equipment == ()


def changed(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "code", "line", "field"),
    [
        (changed("plant: p1", "plant: P.1"), "LS-5301", 1, "plant"),
        (changed("WO 7/2", '"WO\\t7"'), "LS-5302", 14, "orders[0].order"),
        (changed("WO 7/2", '" WO"'), "LS-5302", 14, "orders[0].order"),
        (changed("WO 7/2", "x" * 65), "LS-5302", 14, "orders[0].order"),
        (changed("Asia/Shanghai", "Asia/Nowhere"), "LS-5303", 3, "time_zone"),
        (changed("Asia/Shanghai", "../etc/passwd"), "LS-5303", 3, "time_zone"),
        (
            changed("role: good,", "role: good, kind: pulse, modulus: 8,"),
            "LS-5304",
            11,
            "equipment[0].counters[0]",
        ),
        (changed("line: a", "line: b"), "LS-5312", 9, "equipment[0].line"),
        (changed("equipment: press}", "equipment: pres}"), "LS-5313", 14, "orders[0].equipment"),
    ],
)
def test_what_cannot_be_is_refused_at_its_line(text: str, code: str, line: int, field: str) -> None:
    assert places(text) == [(code, line, field)]


def test_ids_are_unique_and_the_first_one_is_named() -> None:
    text = BASE + "  - {order: WO 7/2, product: y, required: 1, equipment: press}\n"
    (found,) = problems(text)
    assert (found.code, found.line, found.params["first"]) == ("LS-5310", 15, 14)


def test_one_tag_never_counts_twice() -> None:
    counter = "      - {edge: e1, tag: press/good, role: good, max_rate: 2}\n"
    (found,) = problems(changed(counter, counter + counter.replace("role: good", "role: total")))
    assert (found.code, found.line, found.params["tag"]) == ("LS-5311", 12, "e1:press/good")


def rules(text: str) -> str:
    body = dedent(text).strip().replace("\n", "\n  ")
    return changed("rules: []", "rules:\n  " + body)


LIMIT = "- {id: hot, name: hot, kind: limit, equipment: press, edge: e1, tag: t"
WORD = "- {id: word, name: word, kind: fault_word, equipment: press, edge: e1, tag: t"


def test_a_limit_of_zero_is_a_limit() -> None:
    for side in ("high", "low"):
        rule = rule_bindings(plan(rules(f"{LIMIT}, {side}: 0}}")))[0].rule
        assert isinstance(rule, LimitRule)
        assert (rule.direction, rule.limit) == (side, 0)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (f"{LIMIT}}}", "LS-5305", 13),
        (f"{LIMIT}, high: 5, low: 1}}", "LS-5305", 13),
        (f"{WORD}, bits: {{64: {{name: x}}}}}}", "LS-5306", 13),
    ],
)
def test_a_rule_that_cannot_work_is_refused(text: str, code: str, line: int) -> None:
    assert [(one.code, one.line) for one in problems(rules(text))] == [(code, line)]


def test_bits_are_numbers_and_sorted() -> None:
    found = plan(rules(f"{WORD}, bits: {{15: {{name: x}}, 2: {{name: y}}}}}}"))
    rule = rule_bindings(found)[0].rule
    assert isinstance(rule, FaultWordRule)
    assert rule.bits == (2, 15)


def test_a_rule_of_unknown_kind_or_with_unknown_keys_is_refused() -> None:
    assert len(problems(rules(f"{LIMIT.replace('limit', 'trend')}, high: 5}}"))) == 1
    assert len(problems(rules(f"{LIMIT}, high: 5, deadbnd: 1}}"))) == 1


def test_all_problems_are_told_at_once() -> None:
    text = changed("line: a", "line: b").replace("equipment: press}", "equipment: gone}")
    assert [code for code, _, _ in places(text)] == ["LS-5312", "LS-5313"]


def test_every_key_of_the_file_is_described() -> None:
    schema = Plan.model_json_schema()
    parts = [schema, *schema["$defs"].values()]
    assert [
        name
        for part in parts
        for name, field in part.get("properties", {}).items()
        if not field.get("description")
    ] == []
