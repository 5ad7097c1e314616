"""Every parser of outside bytes: a value, or the documented error; never anything else."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rig.fuzz.target import Target
from rig.fuzz.targets import TARGETS

SLOW = {"xlsx": 40, "xlsx-sheet": 40, "csv": 80, "edge-yaml": 150, "plant-yaml": 150, "kept": 100}
EXAMPLES = 300


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_valid_passes_and_comes_back_the_same(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].feed(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_nearly_valid_is_a_value_or_a_documented_error(name: str) -> None:
    target = TARGETS[name]

    @settings(
        max_examples=SLOW.get(name, EXAMPLES),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.integers(0, 2**64 - 1))
    def near(seed: int) -> None:
        target.feed(target.near(Random(seed)))

    near()


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_nothing_at_all_is_a_documented_error(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=SLOW.get(name, EXAMPLES) // 4, deadline=None)
    @given(st.binary(max_size=400))
    def noise(raw: bytes) -> None:
        target.feed(raw)

    noise()


def test_a_finding_is_seen() -> None:
    def feed(raw: bytes) -> None:
        int(raw)

    target = Target(name="broken", seeds=[b"123456"], feed=feed)
    with pytest.raises(ValueError, match="invalid literal"):
        for seed in range(100):
            target.feed(target.near(Random(seed)))
