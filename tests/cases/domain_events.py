"""Short ways to write readings, orders and alarms in the cases of counting, orders and alarms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ingest_server.domain.alarm_rules import LimitRule
from ingest_server.domain.alarms import RuleState, Transition
from ingest_server.domain.alarms import fold as fold_alarms
from ingest_server.domain.assignments import Assignment, Source, timeline
from ingest_server.domain.attribution import attribute
from ingest_server.domain.counters import CounterConfig, CounterState
from ingest_server.domain.counters import fold as fold_counter
from ingest_server.domain.facts import Facts
from ingest_server.domain.orders import OperationFacts, OrderFacts, OrderPlan, Progress, progress
from ingest_server.domain.quantities import Output

S = 1_000_000
BAD = 0x8000_0000
COUNTER = CounterConfig(kind="cumulative", modulus=65536, max_rate=5.0)
PLAN = OrderPlan(order="WO-1", required=10)
RUNNING = OrderFacts(operations=(OperationFacts(assigned=True),))
HOT = LimitRule(id="hot", direction="high", limit=80.0)


def counted(
    readings: Sequence[tuple[int, int]], state: CounterState | None = None
) -> tuple[CounterState, Facts]:
    """The facts of (second, counter) readings of good quality."""
    ts = np.array([at * S for at, _ in readings], dtype=np.int64)
    value = np.array([value for _, value in readings], dtype=np.int64)
    return fold_counter(COUNTER, state or CounterState(), ts, value, np.zeros(len(ts), np.uint32))


def watched(
    readings: Sequence[tuple[float, ...]],
    state: RuleState | None = None,
    rule: LimitRule = HOT,
) -> tuple[RuleState, tuple[Transition, ...]]:
    """The transitions of (second, temperature[, quality]) readings."""
    ts = np.array([row[0] * S for row in readings], dtype=np.int64)
    value = np.array([row[1] for row in readings], dtype=np.float64)
    q = np.array([row[2] if len(row) > 2 else 0 for row in readings], dtype=np.uint32)
    return fold_alarms(rule, state or RuleState(), ts, value, q)


def outputs(facts: Facts, assignments: Sequence[Assignment]) -> list[Output]:
    """What counted pieces mean for orders, as an equipment's good pieces."""
    rows = attribute(facts, timeline(assignments), gap_us=None)
    return [
        Output(
            order=key.run.order or key.place,
            operation=key.run.operation,
            equipment="press-1",
            role="good",
            quantity=quantity,
        )
        for key, quantity in rows.by_key().items()
    ]


def how_far(
    rows: Sequence[Output], facts: OrderFacts = RUNNING, plan: OrderPlan = PLAN
) -> Progress:
    """The progress of the order WO-1, of which 10 are required."""
    return progress(plan, rows, facts=facts)


def said(at_s: int, order: str | None, source: Source = "plc", seq: int = 0) -> Assignment:
    """What a source said of press-1."""
    return Assignment(equipment="press-1", at_us=at_s * S, order=order, source=source, seq=seq)
