"""The whole comparison of a run: buffers and truth on one side, the server on the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingest_server.plant.model import Plan
from rig.collected import Window
from rig.figures import (
    ALARM_TOLERANCE_US,
    AlarmMatch,
    Count,
    CounterTruth,
    Part,
    Reset,
    Span,
    blurred_parts,
    due_alarms,
    expected_count,
    explained,
    match_alarms,
    order_truth,
    orders_agree,
    unwatched,
)
from rig.ledger import Ledger
from rig.readings import Gap, Verdict, judge
from rig.rows import Place
from rig.server_view import Alarm, Counter, ServerView
from rig.two_agents import as_gaps, in_time, made_within
from rig.values import never_handed_out
from runtime.clock import to_datetime
from simulators.config import PlantConfig
from simulators.truth import Truth

_GAP_SLACK_US = 1_000_000
_STILL_COLLECTING_US = 600_000_000
_MOST_SHOWN = 5


@dataclass(kw_only=True, slots=True)
class OrderResult:
    """One order of the plan on its machine: good parts at the server and in truth."""

    order: str
    machine: str
    required: float
    good: float
    truth: int
    ok: bool


@dataclass(kw_only=True, slots=True)
class CounterResult:
    """One counter: what it must have come to (unseen parts taken off) and what the server has."""

    tag: str
    truth: int
    server: float
    unseen: int
    ok: bool


@dataclass(kw_only=True, slots=True)
class Summary:
    """What a run came to."""

    readings: Verdict
    counters: list[CounterResult] = field(default_factory=list)
    orders: list[OrderResult] = field(default_factory=list)
    alarms: list[AlarmMatch] = field(default_factory=list)
    latency_ms: tuple[float | None, float | None] = (None, None)
    findings: list[str] = field(default_factory=list)
    runs_wrong: int = 0
    """Counters whose quantities by order disagree."""

    @property
    def alarms_wrong(self) -> int:
        """Alarms that ought to have been raised and were not, or the reverse."""
        return sum(not alarm.ok for alarm in self.alarms)

    @property
    def orders_wrong(self) -> int:
        """Counters, and orders, with a quantity that the machine did not make."""
        wrong = sum(not one.ok for one in self.counters) + sum(not one.ok for one in self.orders)
        return wrong + self.runs_wrong

    @property
    def ok(self) -> bool:
        """Whether everything agreed, and there was something to agree."""
        return (
            self.readings.ok
            and self.readings.collected > 0
            and bool(self.counters)
            and all(counter.ok for counter in self.counters)
            and all(order.ok for order in self.orders)
            and all(alarm.ok for alarm in self.alarms)
            and not self.findings
        )

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        readings = self.readings
        return {
            "readings": {
                "collected": readings.collected,
                "stored": readings.stored,
                "lost": readings.lost,
                "duplicated": readings.duplicated,
                "in_gap": readings.in_gap,
                "waiting": readings.waiting,
            },
            "counters": [
                {"tag": c.tag, "truth": c.truth, "server": c.server, "unseen": c.unseen}
                for c in self.counters
            ],
            "orders": [
                {"order": o.order, "required": o.required, "good": o.good, "truth": o.truth}
                for o in self.orders
            ],
            "alarms": [
                {
                    "rule": alarm.rule,
                    "raised": _iso(alarm.raised_us),
                    "truth_raised": _iso(alarm.truth_raised_us),
                }
                for alarm in self.alarms
            ],
            "latency_ms": {"p50": self.latency_ms[0], "p99": self.latency_ms[1]},
            "findings": [*self.findings, *readings.examples],
            "ok": self.ok,
        }


def compare(
    *,
    view: ServerView,
    ledger: Ledger,
    truth: Truth,
    simulated: PlantConfig,
    plan: Plan,
    connected: Sequence[tuple[datetime, datetime]] = (),
    until_us: int,
    twice: Mapping[str, Sequence[Window]] | None = None,
) -> Summary:
    """Compare what a run has come to; what the view shows must be in the ledger, too.

    `ledger`: what the edges' buffers hold, the lost ones too. `connected`: times in which latency
    is measured. `until_us`: alarms due after that are not waited for.
    `twice`: by edge, when two agents counted the same machines: quantities may be wrong by no more
    than was made meanwhile, of the orders it was made for.
    """
    cursors = view.cursors()
    waiting = {
        place
        for place in ledger.unconfirmed
        if place.seq > cursors.get((str(place.epoch), place.cls), 0)
    }
    gaps = view.gaps()
    heard = {epoch for epoch, _ in cursors}
    summary = Summary(
        readings=judge(
            ledger.rows,
            view.stored(),
            gaps,
            waiting=waiting,
            untold={epoch for epoch in ledger.left if str(epoch) not in heard},
            strays=view.strays(),
        ),
        latency_ms=view.latency_ms(connected),
    )
    counters = view.counters()
    rows = (row for some in ledger.rows.values() for row in some)
    wrong = never_handed_out(rows, truth.answers(), truth.tags)
    if wrong:
        some = "; ".join(str(one) for one in wrong[:_MOST_SHOWN])
        summary.findings.append(f"{len(wrong)} values were never handed out: {some}")
    _figures(summary, counters, truth, simulated, gaps, view.orders(), twice or {})
    if not counters:
        summary.findings.append("no counter of the plan has a reading")
    first_us = min((c.readings[0].at_us for c in counters if c.readings), default=0)
    # What became due while the edges were being stopped may or may not have been seen.
    last_us = _seen_until(ledger, waiting) - ALARM_TOLERANCE_US
    _alarms(summary, view.alarms(), truth, plan, gaps, (first_us, min(until_us, last_us)))
    if left := view.unfinished_figures():
        summary.findings.append(f"{left} minutes were not recomputed")
    return summary


def _seen_until(ledger: Ledger, waiting: Collection[Place]) -> int:
    """Until when the server has the readings of every edge."""
    last: dict[str, int] = {}
    for place, rows in ledger.rows.items():
        if place not in waiting and rows:
            newest = max(row[1] for row in rows)
            last[place.edge] = max(last.get(place.edge, 0), newest)
    return min(last.values(), default=0)


def counter_truth(truth: Truth, simulated: PlantConfig, path: str, role: str) -> CounterTruth:
    """What really happened to the counter at tag `path` (`line/machine/name`)."""
    line_name, machine_name, _ = path.split("/")
    line = next(line for line in simulated.lines if line.name == line_name)
    machine = next(machine for machine in line.machines if machine.name == machine_name)
    stream = f"{line_name}/{machine_name}"
    parts, resets, total = [], [], 0
    for record in truth.records:
        if record.get("stream") != stream:
            continue
        if record["what"] == "parts" and record[role]:
            total += record[role]
            parts.append(
                Part(at_us=record["at"], order=record["order"], count=record[role], total=total)
            )
        elif record["what"] == "reset":
            resets.append(Reset(at_us=record["at"], total=total))
    start = machine.counters.good_start if role == "good" else machine.counters.scrap_start
    modulus = 2**16 if line.protocol == "modbus" else 2**32
    return CounterTruth(start=start, modulus=modulus, parts=parts, resets=resets)


def _figures(
    summary: Summary,
    counters: Sequence[Counter],
    truth: Truth,
    simulated: PlantConfig,
    gaps: Sequence[Gap],
    planned: Sequence[tuple[str, str, float]],
    twice: Mapping[str, Sequence[Window]],
) -> None:
    spared: dict[tuple[str, str], int] = {}
    good: dict[str, dict[str, float]] = {}
    true_good: dict[str, dict[str, int]] = {}
    for counter in (in_time(one) if twice.get(one.edge) else one for one in counters):
        known = counter_truth(truth, simulated, counter.path, counter.role)
        count = expected_count(known, counter.readings)
        unseen = sum(stretch.count for stretch in count.unseen)
        windows = twice.get(counter.edge, ())
        spare = made_within(known, windows)
        agrees = abs(counter.quantity - count.visible) <= sum(spare.values())
        told = explained(count.unseen, gaps, counter.edge)
        if not told:
            summary.findings.append(f"{counter.path}: unseen parts stand in no gap: {count.unseen}")
        summary.counters.append(
            CounterResult(
                tag=counter.path,
                truth=count.truth,
                server=counter.quantity,
                unseen=unseen,
                ok=agrees and told,
            )
        )
        _check_runs(summary, counter, known, count, [*gaps, *as_gaps(counter.edge, windows)], spare)
        if counter.role == "good":
            for order, some in spare.items():
                where = (counter.equipment, order)
                spared[where] = spared.get(where, 0) + some
            machine = good.setdefault(counter.equipment, {})
            for run, quantity in counter.by_run.items():
                machine[run] = machine.get(run, 0) + quantity
            real = true_good.setdefault(counter.equipment, {})
            for order, made in order_truth(known, count).items():
                real[order] = real.get(order, 0) + made
    for order, machine_name, required in planned:
        made = true_good.get(machine_name, {}).get(order, 0)
        has = good.get(machine_name, {}).get(f"order:{order}", 0)
        summary.orders.append(
            OrderResult(
                order=order,
                machine=machine_name,
                required=required,
                good=has,
                truth=made,
                # To the part where nothing disturbed the machine (checked by run), else not above.
                ok=has <= made + spared.get((machine_name, order), 0),
            )
        )


def _check_runs(
    summary: Summary,
    counter: Counter,
    known: CounterTruth,
    count: Count,
    gaps: Sequence[Gap],
    spare: Mapping[str, int],
) -> None:
    by_order = {
        run.removeprefix("order:"): int(quantity)
        for run, quantity in counter.by_run.items()
        if run.startswith("order:")
    }
    open_quantity = int(
        sum(quantity for run, quantity in counter.by_run.items() if not run.startswith("order:"))
    )
    real = order_truth(known, count)
    unassigned = real.pop("", 0)
    agree = orders_agree(
        real,
        by_order,
        open_quantity=open_quantity - unassigned,
        unseen=sum(stretch.count for stretch in count.unseen),
        blurred=blurred_parts(
            known,
            counter.readings,
            [gap for gap in gaps if gap.edge == counter.edge],
            slack_us=_GAP_SLACK_US,
        ),
        spare=spare,
    )
    if not agree:
        summary.runs_wrong += 1
        doubled = f", {dict(spare)} of it while read twice" if spare else ""
        summary.findings.append(
            f"{counter.path}: by order {real} in truth{doubled}, {counter.by_run} at the server"
        )


def _alarms(
    summary: Summary,
    raised: Sequence[Alarm],
    truth: Truth,
    plan: Plan,
    gaps: Sequence[Gap],
    window: tuple[int, int],
) -> None:
    for name, bit, spans, delay_us, edge in _conditions(truth, plan):
        # Collecting goes on for a moment after `until`: what is due then may be raised or not.
        horizon_us = window[1] + _STILL_COLLECTING_US
        due = due_alarms(spans, delay_us=delay_us, from_us=window[0], until_us=horizon_us)
        have = [alarm.raised_us for alarm in raised if (alarm.rule, alarm.bit) == (name, bit)]
        label = name if bit is None else f"{name}.{bit}"
        for match in match_alarms(label, due, have, tolerance_us=ALARM_TOLERANCE_US):
            at = match.truth_raised_us if match.raised_us is None else match.raised_us
            disturbed = at is not None and unwatched(
                at, (gap for gap in gaps if gap.edge == edge), delay_us=delay_us
            )
            optional = match.raised_us is None and (match.truth_raised_us or 0) > window[1]
            # What nobody watched from its beginning to its delay's end cannot be timed.
            if match.ok or not (disturbed or optional):
                summary.alarms.append(match)
            if not (match.ok or disturbed or optional):
                when = f"raised {_iso(match.raised_us)}, due {_iso(match.truth_raised_us)}"
                summary.findings.append(f"alarm {label}: {when}")


def _conditions(truth: Truth, plan: Plan) -> Iterable[tuple[str, int | None, list[Span], int, str]]:
    """(rule, bit, when its condition really held, delay, edge) of every rule of the plan."""
    for rule in plan.rules:
        path = rule.tag
        delay_us = int(rule.on_delay_s * 1_000_000)
        if rule.kind == "fault_word":
            machine = path.rpartition("/")[0]
            for bit in rule.bits:
                spans = [
                    Span(from_us=interval.on_us, to_us=interval.off_us)
                    for interval in truth.fault_intervals(machine, bit)
                ]
                yield rule.id, bit, spans, delay_us, rule.edge
        else:
            yield rule.id, None, _above(truth, path), delay_us, rule.edge


def _above(truth: Truth, path: str) -> list[Span]:
    spans: list[Span] = []
    since: int | None = None
    for crossing in truth.crossings(path):
        if crossing.above and since is None:
            since = crossing.at_us
        elif not crossing.above and since is not None:
            spans.append(Span(from_us=since, to_us=crossing.at_us))
            since = None
    if since is not None:
        spans.append(Span(from_us=since, to_us=None))
    return spans


def _iso(at_us: int | None) -> str | None:
    return None if at_us is None else to_datetime(at_us).isoformat()
