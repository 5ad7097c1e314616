"""Judges a run at one moment: the comparison with the truth, and what only its story can tell.

docs/reliability.md says in words what is demanded here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from ingest_server.plant.model import load as load_plan
from rig.chaos.evidence import Evidence
from rig.chaos.plan import EDGES
from rig.chaos.story import Story
from rig.chaos.wide_judge import ANSWERS, WideVerdict, judge_wide
from rig.collected import LOSS_WINDOW_US, Missed, Window, missed, silent_holes
from rig.compare import Summary, compare
from rig.ledger import Ledger, read_ledger
from rig.readings import Gap
from rig.server_view import ServerView
from runtime import strict_yaml
from simulators.config import PlantConfig
from simulators.truth import Truth
from wire.quality import NO_VALUE

_PLC_OF: Final = {"plc-a": "line-a", "plc-b": "line-b"}
_WHOLE_WAY: Final = frozenset({"edge_clock"})
"""Faults of an edge in which the way from its devices to its disk is whole, but for its deaths."""
_MOST_SHOWN: Final = 5
_READ_US: Final = 1_000_000
"""Within that a counter is read once more, on a busy machine, too."""
_AFTER_US: Final = 5_000_000
"""Records that were confirmed may be given up to make room until a while after."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """What a run came to, in figures: the comparison, and what never became durable."""

    ok: bool
    readings: int
    lost: int
    duplicated: int
    in_gap: int
    waiting: int
    orders_wrong: int
    alarms_wrong: int
    uncommitted: int
    uncommitted_oldest_us: int
    """How old the oldest of them was when its edge died."""
    on_the_way: int
    findings: list[str]


def judge(evidence: Evidence, view: ServerView) -> Judgement:
    """Compare what a house holds, whose machines stand still, with the truth."""
    run, story = evidence.run, evidence.story
    truth = Truth.load(run / "simulators" / "truth")
    ledger = read_ledger(evidence.buffers, [run / name for name in story.gone])
    plant_file = run / "configs" / "plant.yaml"
    summary = compare(
        view=view,
        ledger=ledger,
        truth=truth,
        simulated=strict_yaml.load(plant_file, PlantConfig, env=evidence.ports),
        plan=load_plan(evidence.configs / "lines.yaml"),
        until_us=evidence.at_us,
        twice=twice(story, evidence.at_us),
    )
    gaps = view.gaps()
    deaths, trouble = troubles(story)
    found = missed(
        truth.answers(until_us=evidence.durable_until_us),
        (row for rows in ledger.rows.values() for row in rows),
        tags=_reported_on_change(run),
        deaths=deaths,
        trouble=trouble,
        broken=told_as_broken(gaps, evidence.at_us),
    )
    if found.lost:
        some = "; ".join(
            f"{one.tag} = {one.value!r} at {one.at_us}" for one in found.lost[:_MOST_SHOWN]
        )
        summary.findings.append(f"{len(found.lost)} changes were handed out, not collected: {some}")
    if ledger.unreadable:
        some = "; ".join(str(place) for place in sorted(ledger.unreadable)[:_MOST_SHOWN])
        summary.findings.append(f"{len(ledger.unreadable)} records cannot be read: {some}")
    given_up = [
        (one.target, Window(from_us=one.from_us, to_us=one.to_us + _AFTER_US))
        for one in story.happened
        if one.kind == "edge_disk_full"
    ]
    unknown = [
        place
        for place, at_us in summary.readings.unknown_us.items()
        if not any(edge == place.edge and window.holds(at_us) for edge, window in given_up)
    ]
    if unknown:
        some = "; ".join(str(place) for place in unknown[:_MOST_SHOWN])
        summary.findings.append(f"{len(unknown)} records at the server are in no buffer: {some}")
    summary.findings += untold_forks(story, view.forks())
    still = [
        Window(from_us=from_us, to_us=to_us or evidence.at_us) for from_us, to_us in story.pauses
    ]
    holes = silent_holes(_times(ledger), gaps, still=still)
    summary.findings += [f"not told in gap: {hole}" for hole in holes[:_MOST_SHOWN]]
    many = WideVerdict()
    if (run / ANSWERS).exists():
        many = judge_wide(view, run / ANSWERS, gaps)
        summary.findings += many.findings
    return _in_figures(summary, found, many)


def _in_figures(summary: Summary, found: Missed, many: WideVerdict) -> Judgement:
    readings = summary.readings
    return Judgement(
        ok=summary.ok,
        readings=readings.collected + many.handed,
        lost=readings.lost + many.lost,
        duplicated=readings.duplicated + many.doubled,
        in_gap=readings.in_gap + many.in_gap,
        waiting=readings.waiting,
        orders_wrong=summary.orders_wrong,
        alarms_wrong=summary.alarms_wrong,
        uncommitted=found.uncommitted,
        uncommitted_oldest_us=found.oldest_us,
        on_the_way=found.on_the_way,
        findings=[*summary.findings, *readings.examples],
    )


def twice(story: Story, at_us: int) -> dict[str, list[Window]]:
    """By edge, when two agents counted its machines: what was made then may be counted wrongly.

    From what the copied buffer did not know yet to the first readings after the second agent's end.
    """
    found: dict[str, list[Window]] = defaultdict(list)
    for twin in story.twins:
        from_us = twin.from_us - LOSS_WINDOW_US - _READ_US
        found[twin.edge].append(Window(from_us=from_us, to_us=(twin.to_us or at_us) + _READ_US))
    return found


def untold_forks(story: Story, told: Collection[str]) -> list[str]:
    """What is wrong where people were not told that a buffer was in use twice. `told`: the epochs
    from which two buffers go on, as they were told.

    A database that was put back in that time has forgotten what it had told, and may have lost the
    second line with it.
    """
    put_back = [one for one in story.happened if one.kind == "database_put_back"]
    return [
        f"{twin.edge} was on two machines from epoch {twin.predecessor} on, and nobody was told"
        for twin in story.twins
        if twin.predecessor not in told
        and not any(one.from_us <= twin.to_us and one.to_us >= twin.from_us for one in put_back)
    ]


def troubles(story: Story) -> tuple[dict[str, list[int]], dict[str, list[Window]]]:
    """By edge: when its agent died, and when the way from its devices to its disk was broken."""
    deaths: dict[str, list[int]] = defaultdict(list)
    trouble: dict[str, list[Window]] = defaultdict(list)
    for one in story.happened:
        if one.kind in _WHOLE_WAY:
            continue
        edge = _PLC_OF.get(one.target, one.target.partition("/")[0])
        if edge not in EDGES or one.target.endswith("-broker"):
            continue
        trouble[edge].append(Window(from_us=one.from_us, to_us=one.to_us))
    for edge, at_us in story.deaths:
        deaths[edge].append(at_us)
        # What a device was handing out just then reached nobody.
        trouble[edge].append(Window(from_us=at_us, to_us=at_us))
    return deaths, trouble


def told_as_broken(gaps: Iterable[Gap], at_us: int) -> dict[str, list[Window]]:
    """By edge: when devices did not answer or were not read in time, as the server was told.

    `at_us`: what is still open ends then.
    """
    broken: dict[str, list[Window]] = defaultdict(list)
    for gap in gaps:
        if gap.cause in ("device_down", "not_collected"):
            to_us = at_us if gap.to_us is None else gap.to_us
            broken[gap.edge].append(Window(from_us=gap.from_us, to_us=to_us))
    return broken


def _reported_on_change(run: Path) -> set[str]:
    """The tags of class key: every change of theirs must be there."""
    paths = set()
    for name in EDGES:
        told = yaml.safe_load((run / "configs" / f"{name}.yaml").read_text("utf-8"))
        for device in told["devices"]:
            for group in device["groups"]:
                if group.get("class") == "key":
                    paths |= {tag["path"] for tag in group["tags"]}
    return paths


def _times(ledger: Ledger) -> dict[tuple[str, str], list[int]]:
    times: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, rows in ledger.rows.items():
        times[place.edge, place.cls] += [row[1] for row in rows if not row[3] & NO_VALUE]
    return times
