"""The model: the same plant always does the same, and what it tells is what its counters show."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runtime import strict_yaml
from simulators.config import PlantConfig
from simulators.errors import SimulatorError
from simulators.events import Event
from simulators.machine import Action, Intervention
from simulators.model import Plant
from simulators.noise import key, uniform, uniforms
from tests.unit.simulators.simulated_plants import machine, plant

PATH = "line-x/m1"
DEMO = Path(__file__).parents[3] / "configs" / "demo" / "plant.yaml"
SECOND = 20
"""Ticks of a second."""

actions: st.SearchStrategy[Action] = st.sampled_from(["plc_restart", "fault", "halt", "resume"])
interventions = st.lists(
    st.builds(
        Intervention,
        tick=st.integers(1, 2000),
        machine=st.just(PATH),
        do=actions,
        bit=st.integers(0, 15),
        on=st.booleans(),
    ),
    max_size=6,
)


def told_and_served(
    config: PlantConfig, ticks: list[int], asked: list[Intervention]
) -> tuple[list[Event], list[object]]:
    made = Plant(config)
    made.intervene(asked)
    told = [event for tick in ticks for event in made.advance(tick)]
    told.sort(key=lambda event: (event.stream, event.number))
    return told, list(made.machine(PATH).values(0))


@settings(max_examples=60, deadline=None)
@given(
    stops=st.lists(st.integers(0, 2500), max_size=40),
    asked=interventions,
    seed=st.integers(0, 2**32),
)
def test_any_batching_of_ticks_gives_the_same_plant(
    stops: list[int], asked: list[Intervention], seed: int
) -> None:
    config = plant(machine(extra={"floats": 3, "scaled": 2, "counters": 2, "bits": 2}), seed=seed)
    at_once = told_and_served(config, [2500], asked)
    in_steps = told_and_served(config, [*sorted(stops), 2500], asked)
    assert in_steps == at_once


def test_another_seed_gives_another_plant() -> None:
    one, _ = told_and_served(plant(), [1200], [])
    other, _ = told_and_served(plant(seed=6), [1200], [])
    assert one != other


@settings(max_examples=40, deadline=None)
@given(
    asked=interventions,
    protocol=st.sampled_from(["modbus", "opcua"]),
    kind=st.sampled_from(["cumulative", "job_reset"]),
    per_cycle=st.integers(1, 4),
)
def test_the_unwrapped_counters_are_the_parts_made(
    asked: list[Intervention], protocol: str, kind: str, per_cycle: int
) -> None:
    """A reader that sees every tick and knows the resets counts exactly what the truth counts."""
    modulus = 1 << (16 if protocol == "modbus" else 32)
    starts = {"kind": kind, "good_start": modulus - 30, "scrap_start": modulus - 3}
    config = plant(
        machine(counters=starts, parts_per_cycle=per_cycle, pulse={"every_parts": 40}),
        protocol=protocol,
    )
    made = Plant(config)
    made.intervene(asked)
    good, scrap = starts["good_start"], starts["scrap_start"]
    counted = [0, 0]
    for tick in range(2000):
        resets = [event for event in made.advance(tick) if event.what == "reset"]
        shown_good, shown_scrap = made.machine(PATH).values(0)[:2]
        assert isinstance(shown_good, int)
        assert isinstance(shown_scrap, int)
        if resets:
            assert (resets[0].data["good_before"], resets[0].data["scrap_before"]) == (good, scrap)
            good, scrap = 0, 0
        counted[0] += (shown_good - good) % modulus
        counted[1] += (shown_scrap - scrap) % modulus
        good, scrap = shown_good, shown_scrap
    assert counted == [made.machine(PATH).good_total, made.machine(PATH).scrap_total]


@settings(max_examples=40, deadline=None)
@example(asked=[])
@given(asked=interventions)
def test_no_part_is_made_around_a_reset_or_a_change_of_order(asked: list[Intervention]) -> None:
    told, _ = told_and_served(plant(), [4000], asked)
    parts = np.array([event.tick for event in told if event.what == "parts"])
    edges = [e.tick for e in told if e.what == "reset" or (e.what == "order" and e.tick)]
    assert edges or asked
    for edge in edges:
        assert not np.any(np.abs(parts - edge) < 2 * SECOND), edge


def test_parts_belong_to_the_order_that_is_shown() -> None:
    made = Plant(plant())
    by_order: dict[str, int] = {}
    shown = ""
    for tick in range(3000):
        for event in made.advance(tick):
            if event.what == "order":
                shown = str(event.data["order"])
            if event.what == "parts":
                assert event.data["order"] == shown
                by_order[shown] = by_order.get(shown, 0) + int(str(event.data["good"]))
        assert made.machine(PATH).values(0)[5] == shown
    assert by_order["A1"] == 20
    assert by_order["A2"] == 30
    assert "A1-R2" in by_order


def test_after_the_last_order_the_machine_is_idle_without_an_order() -> None:
    made = Plant(plant(machine(after_orders="idle", plc_restarts_s=[])))
    made.advance(200 * SECOND)
    values = made.machine(PATH).values(0)
    assert values[2:3] + values[5:7] == [0, "", ""]
    assert made.machine(PATH).good_total == 50


def test_a_halted_machine_makes_nothing_until_it_goes_on() -> None:
    made = Plant(plant())
    made.advance(8 * SECOND)
    before = made.machine(PATH).good_total
    made.intervene([Intervention(tick=8 * SECOND + 1, machine=PATH, do="halt")])
    made.advance(30 * SECOND)
    assert made.machine(PATH).good_total == before
    assert made.machine(PATH).values(0)[2] == 0
    made.intervene([Intervention(tick=30 * SECOND + 1, machine=PATH, do="resume")])
    made.advance(60 * SECOND)
    assert made.machine(PATH).good_total > before


def test_crossings_are_those_of_the_served_temperature() -> None:
    made = Plant(plant())
    seen, told, above = [], [], False
    for tick in range(4000):
        told += [e for e in made.advance(tick) if e.what == "limit"]
        value = made.machine(PATH).values(0)[8]
        assert isinstance(value, float)
        if (value > 80) is not above:
            above = not above
            seen.append((tick, above, value))
    assert [(e.tick, e.data["above"], e.data["value"]) for e in told] == seen
    assert len(seen) > 4


def test_a_pulse_rises_once_for_so_many_good_parts_and_can_be_seen() -> None:
    made = Plant(plant())
    shown = []
    for tick in range(4000):
        made.advance(tick)
        shown.append(bool(made.machine(PATH).values(0)[12]))
    edges = [tick for tick, (a, b) in enumerate(pairwise(shown)) if a != b]
    assert sum(b and not a for a, b in pairwise(shown)) == made.machine(PATH).good_total // 10
    assert min(b - a for a, b in pairwise(edges)) >= 2 * SECOND


def test_measured_values_change_at_refreshes_only_and_volume_at_every_one() -> None:
    made = Plant(plant(machine(extra={"scaled": 5, "counters": 5, "bits": 5})))
    last: list[object] = []
    for tick in range(400):
        made.advance(tick)
        measured = made.machine(PATH).values(0)
        if last and tick % 4:
            assert measured[8:10] + measured[14:] == last[8:10] + last[14:]
        elif last:
            assert all(a != b for a, b in zip(measured[14:], last[14:], strict=True))
        last = measured


def test_a_restart_by_command_sets_the_counters_to_zero_after_a_pause() -> None:
    made = Plant(plant(machine(plc_restarts_s=[], faults=[])))
    made.advance(7 * SECOND)
    made.intervene([Intervention(tick=7 * SECOND + 1, machine=PATH, do="plc_restart")])
    told = made.advance(20 * SECOND)
    resets = [event for event in told if event.what == "reset"]
    assert [event.tick for event in resets] == [9 * SECOND + 1]
    assert resets[0].data["reason"] == "plc_restart"


def test_the_past_cannot_be_changed() -> None:
    made = Plant(plant())
    made.advance(100)
    with pytest.raises(ValueError, match="past"):
        made.advance(99)
    with pytest.raises(ValueError, match="past"):
        made.intervene([Intervention(tick=100, machine=PATH, do="halt")])
    with pytest.raises(SimulatorError) as caught:
        made.intervene([Intervention(tick=101, machine="line-x/m9", do="halt")])
    assert caught.value.code == "LS-7010"


@given(
    st.integers(0, 2**64 - 1),
    st.lists(st.integers(0, 2**40), min_size=1, max_size=50),
)
def test_noise_is_the_same_one_by_one_and_in_arrays(of: int, indices: list[int]) -> None:
    together = uniforms(of, np.array(indices, dtype=np.int64))
    assert together.tolist() == [uniform(of, index) for index in indices]
    assert together.min() >= 0
    assert together.max() < 1


def test_keys_differ_by_seed_and_name() -> None:
    assert len({key(1, "a", "b"), key(2, "a", "b"), key(1, "ab"), key(1, "a", "c")}) == 4


def test_the_demo_plant_shows_everything_in_its_first_minute() -> None:
    config = strict_yaml.load(DEMO, PlantConfig, env={})
    made = Plant(config)
    told = made.advance(60 * SECOND)
    for path, one in made.machines.items():
        assert 20 <= one.good_total <= 400, path
        assert one.scrap_total, path
        orders = [e.data["order"] for e in told if e.stream == path and e.what == "order"]
        assert len(orders) >= 2, f"{path}: an order completes, another is in progress"
        assert one.state.name in ("RUNNING", "SETUP"), path
    wraps = {e.stream for e in told if e.what == "wrap"}
    resets = {(e.stream, e.data["reason"]) for e in told if e.what == "reset"}
    assert wraps == {"line-b/mill-1"}
    assert resets == {("line-b/drill-1", "plc_restart"), ("line-a/weld-1", "job_reset")}
    faults = [(e.stream, e.data["bit"], e.data["on"]) for e in told if e.what == "fault"]
    assert len(faults) == 6
    assert {on for _, _, on in faults} == {True, False}
    crossings = [
        (e.tick, e.data["above"]) for e in told if e.stream.endswith("press-1/temperature")
    ]
    lengths = [(b[0] - a[0]) / SECOND for a, b in pairwise(crossings) if a[1]]
    assert [round(length) for length in lengths] == [12, 2]


def test_whoever_polls_the_demo_plant_sees_every_part_under_its_order() -> None:
    """Polled every 1.5 s for 20 minutes; falls are told apart as wrap or reset by their size."""
    config = strict_yaml.load(DEMO, PlantConfig, env={})
    made = Plant(config)
    by_order: dict[tuple[str, str], int] = {}
    true: dict[tuple[str, str], int] = {}
    last: dict[str, tuple[int, str]] = {}
    for tick in range(0, 20 * 60 * SECOND, 30):
        for event in made.advance(tick):
            if event.what == "parts":
                which = (event.stream, str(event.data["order"]))
                true[which] = true.get(which, 0) + int(str(event.data["good"]))
        for path, one in made.machines.items():
            values = one.values(0)
            good, order = int(values[0]), str(values[5])
            before, shown = last.get(path, (good, order))
            made_since = good - before
            if made_since < 0:
                modulus = 1 << (16 if path.startswith("line-b") else 32)
                wrapped = made_since % modulus
                made_since = wrapped if wrapped < 100 else good
            if made_since:
                assert order == shown, "no part is seen together with a change of order"
                by_order[path, order] = by_order.get((path, order), 0) + made_since
            last[path] = (good, order)
    assert by_order == {which: good for which, good in true.items() if good}
    assert len(by_order) > 14
