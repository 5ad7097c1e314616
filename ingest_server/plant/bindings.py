"""What a plan means to the folds: which tag feeds which counter, alarm rule or order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ingest_server.domain.alarm_rules import FaultWordRule, LimitRule, Priority, Rule
from ingest_server.domain.counters import CounterConfig
from ingest_server.domain.orders import OrderPlan
from ingest_server.domain.quantities import Role
from ingest_server.plant.model import Plan
from ingest_server.plant.parts import Counter, FaultWordConfig, LimitRuleConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class CounterBinding:
    """A tag that counts for an equipment."""

    edge: str
    tag: str
    equipment: str
    role: Role
    config: CounterConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleBinding:
    """A tag that feeds a rule. `names`, `priorities`: of each alarm, by its key in the rule."""

    edge: str
    tag: str
    equipment: str
    rule: Rule
    names: Mapping[str, str]
    priorities: Mapping[str, Priority]


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderTagBinding:
    """A tag that says which order an equipment works on."""

    edge: str
    tag: str
    equipment: str


def counter_bindings(plan: Plan) -> tuple[CounterBinding, ...]:
    """One for each counter of each equipment."""
    return tuple(
        CounterBinding(
            edge=counter.edge,
            tag=counter.tag,
            equipment=equipment.id,
            role=counter.role,
            config=_counter_config(counter),
        )
        for equipment in plan.equipment
        for counter in equipment.counters
    )


def rule_bindings(plan: Plan) -> tuple[RuleBinding, ...]:
    """One for each rule."""
    return tuple(_rule_binding(rule) for rule in plan.rules)


def order_tag_bindings(plan: Plan) -> tuple[OrderTagBinding, ...]:
    """One for each equipment that has an order tag."""
    return tuple(
        OrderTagBinding(edge=one.order_tag.edge, tag=one.order_tag.tag, equipment=one.id)
        for one in plan.equipment
        if one.order_tag is not None
    )


def order_plans(plan: Plan) -> tuple[OrderPlan, ...]:
    """One for each order, with its single operation."""
    return tuple(
        OrderPlan(order=order.order, required=order.required, completes=order.completes)
        for order in plan.orders
    )


def due_at(plan: Plan, due: datetime) -> datetime:
    """A due time with its zone: the plant's, where none was written."""
    return due if due.tzinfo is not None else due.replace(tzinfo=ZoneInfo(plan.time_zone))


def _counter_config(counter: Counter) -> CounterConfig:
    return CounterConfig(
        kind=counter.kind,
        modulus=counter.modulus,
        factor=counter.factor,
        max_rate=counter.max_rate,
        cadence_us=_us(counter.cadence_s),
        gap_us=None if counter.gap_s is None else _us(counter.gap_s),
    )


def _rule_binding(config: LimitRuleConfig | FaultWordConfig) -> RuleBinding:
    delays = {"on_delay_us": _us(config.on_delay_s), "off_delay_us": _us(config.off_delay_s)}
    if isinstance(config, LimitRuleConfig):
        rule: Rule = LimitRule(
            id=config.id,
            direction="high" if config.high is not None else "low",
            limit=config.high if config.high is not None else config.low or 0.0,
            deadband=config.deadband,
            latching=config.latching,
            **delays,
        )
        names, priorities = {"": config.name}, {"": config.priority}
    else:
        rule = FaultWordRule(
            id=config.id, bits=tuple(config.bits), latching=config.latching, **delays
        )
        names = {str(bit): f"{config.name}: {one.name}" for bit, one in config.bits.items()}
        priorities = {str(bit): one.priority or config.priority for bit, one in config.bits.items()}
    return RuleBinding(
        edge=config.edge,
        tag=config.tag,
        equipment=config.equipment,
        rule=rule,
        names=names,
        priorities=priorities,
    )


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)
