"""Judges a house at one moment: the comparison with the truth, and what only its story can tell.

docs/reliability.md says in words what is demanded here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import yaml

from ingest_server.plant.model import load as load_plan
from rig.chaos.house import House
from rig.chaos.moment import Moment
from rig.chaos.plan import EDGES
from rig.chaos.story import Story
from rig.collected import Missed, Window, missed, silent_holes
from rig.compare import Summary, compare
from rig.ledger import Ledger, read_ledger
from rig.readings import Gap
from runtime import strict_yaml
from runtime.clock import now_us
from simulators.config import PlantConfig
from simulators.truth import Truth
from wire.quality import NO_VALUE

_PLC_OF: Final = {"plc-a": "line-a", "plc-b": "line-b"}
_WHOLE_WAY: Final = frozenset({"edge_clock"})
"""Faults of an edge in which the way from its devices to its disk is whole, but for its deaths."""
_MOST_SHOWN: Final = 5
_AFTER_US: Final = 5_000_000
"""Records that were confirmed may be given up to make room until a while after."""


@dataclass(kw_only=True, slots=True)
class Judgement:
    """What a run came to: the comparison, and what was handed out but never became durable."""

    summary: Summary
    missed: Missed


def judge(house: House, story: Story, now: Moment) -> Judgement:
    """Compare what a house holds, whose machines stand still, with the truth."""
    truth = Truth.load(house.plant.truth)
    ledger = read_ledger(now.buffers, [house.folder / name for name in story.gone])

    summary = compare(
        view=now.view,
        ledger=ledger,
        truth=truth,
        simulated=strict_yaml.load(house.plant_file, PlantConfig, env=house.ports_in_words()),
        plan=load_plan(house.configs / "lines.yaml"),
        until_us=now_us(),
        twice=_twice(story),
    )
    gaps = now.view.gaps()
    deaths, trouble = troubles(story)
    found = missed(
        truth.answers(until_us=now.durable_until_us),
        (row for rows in ledger.rows.values() for row in rows),
        tags=_reported_on_change(house),
        deaths=deaths,
        trouble=trouble,
        broken=told_as_broken(gaps, now_us()),
    )
    if found.lost:
        some = "; ".join(
            f"{one.tag} = {one.value!r} at {one.at_us}" for one in found.lost[:_MOST_SHOWN]
        )
        summary.findings.append(f"{len(found.lost)} changes were handed out, not collected: {some}")
    if ledger.unreadable:
        some = "; ".join(str(place) for place in sorted(ledger.unreadable)[:_MOST_SHOWN])
        summary.findings.append(f"{len(ledger.unreadable)} records have no tag table: {some}")
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
    still = [Window(from_us=from_us, to_us=to_us or now_us()) for from_us, to_us in story.pauses]
    holes = silent_holes(_times(ledger), gaps, still=still)
    summary.findings += [f"not told in gap: {hole}" for hole in holes[:_MOST_SHOWN]]
    return Judgement(summary=summary, missed=found)


def _twice(story: Story) -> dict[str, list[Window]]:
    """When two agents were one edge, by edge."""
    found: dict[str, list[Window]] = defaultdict(list)
    for one in story.happened:
        if one.kind == "buffer_twice":
            to_us = (one.to_us or now_us()) + _AFTER_US
            found[one.target].append(Window(from_us=one.from_us - _AFTER_US, to_us=to_us))
    return found


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


def _reported_on_change(house: House) -> set[str]:
    """The tags of class key: every change of theirs must be there."""
    paths = set()
    for name in EDGES:
        told = yaml.safe_load((house.folder / "configs" / f"{name}.yaml").read_text("utf-8"))
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
