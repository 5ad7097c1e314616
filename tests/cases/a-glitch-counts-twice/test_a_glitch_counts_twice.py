"""A glitch counts twice."""

from __future__ import annotations

import pytest

from tests.cases.domain_events import counted


@pytest.mark.parametrize("glitch", [0, 20_000, 65_000])
def test_one_wild_reading_adds_nothing(glitch: int) -> None:
    _, facts = counted([(0, 50_000), (1, glitch), (2, 50_001), (3, 50_002)])
    assert facts.total() == 2
