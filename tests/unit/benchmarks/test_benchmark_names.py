"""Which benchmarks `scripts/bench` runs."""

from __future__ import annotations

import pytest

from benchmarks import app
from benchmarks.kept import Run
from benchmarks.results import Result, by_turns
from benchmarks.skipped import CannotMeasureError


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


async def test_one_that_cannot_be_had_here_or_fails_is_told_and_the_others_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def unreachable(_: int) -> list[Result]:
        raise CannotMeasureError("no way to PyPI")

    async def broken(_: int) -> list[Result]:
        raise TimeoutError("never came")

    async def whole(_: int) -> list[Result]:
        return [Result(name="a/b", value=1.0, unit="s")]

    benchmarks: dict[str, dict[str, app.Benchmark]] = {
        "one": {"unreachable": unreachable, "broken": broken, "whole": whole}
    }
    kept: list[Run] = []
    results, failed = await app.run(benchmarks, "all", (), quick=True, keep=kept.append)
    assert [one.name for one in results] == ["a/b"]
    assert failed == ["one/broken"]
    assert [run.benchmark for run in kept] == ["one/whole"]
    said = capsys.readouterr().err
    assert "one/unreachable was not run: no way to PyPI" in said
    assert "one/broken FAILED" in said
