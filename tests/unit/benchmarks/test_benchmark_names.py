"""Which benchmarks `scripts/bench` runs."""

from __future__ import annotations

import pytest

from benchmarks import app
from benchmarks.results import by_turns


def test_unknown_names_are_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        app.main(["ingest", "--only", "rate,modbus,nonsense"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "ingest has no modbus, nonsense; there are rate, edges, workers" in said


async def test_every_work_of_a_round_has_its_turn_at_the_front() -> None:
    order: list[int] = []

    def work(number: int) -> float:
        order.append(number)
        return float(number * 10 + len(order))

    async def first() -> float:
        return work(0)

    async def second() -> float:
        return work(1)

    assert await by_turns(3, [first, second]) == [4.0, 13.0]
    assert order == [0, 1, 1, 0, 0, 1]
