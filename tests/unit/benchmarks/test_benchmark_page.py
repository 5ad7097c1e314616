"""docs/performance.md says what was measured: no figure of it is written by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks import app, kept, page
from benchmarks.kept import Run
from benchmarks.results import Goal, Result, ratio_at_least, ratio_at_most, value_at_most
from benchmarks.tables import tables, verdict

AT = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
AGAIN = "make it anew with: scripts/bench render"


def result(name: str, value: float = 30.0, ceiling: float | None = 120.0) -> Result:
    return Result(name=name, value=value, unit="x/s", ceiling=ceiling, goal=ratio_at_least(0.3))


def run(*results: Result, hour: int = 10, benchmark: str = "edge/modbus") -> Run:
    return Run(
        benchmark=benchmark,
        rounds=5,
        quick=False,
        started=AT.replace(hour=hour),
        ended=AT.replace(hour=hour, minute=40),
        load=(1.2, 2.0),
        commit="abc",
        machine={"processor": "one", "memory": "4 GiB"},
        results=results,
    )


def test_the_page_is_what_the_kept_figures_make_of_it() -> None:
    text = (page.DOCS / page.PAGE).read_text("utf-8")
    assert page.rendered(text, kept.load(page.DOCS / page.FILE)) == text, AGAIN


def test_the_plots_are_what_the_kept_figures_make_of_them() -> None:
    for name, picture in page.pictures(kept.load(page.DOCS / page.FILE)).items():
        on_disk = (page.DOCS / page.PLOTS / f"{name}.svg").read_text("utf-8")
        assert on_disk == picture, f"{name}: {AGAIN}"


def test_every_benchmark_has_its_place_on_the_page_and_nothing_else_has() -> None:
    text = (page.DOCS / page.PAGE).read_text("utf-8")
    marks = set(re.findall(r"<!-- bench (\S+) -->", text))
    names = {f"{group}/{name}" for group, of in app.BENCHMARKS.items() for name in of}
    assert marks == names | {page.MACHINE}


def test_a_figure_changed_by_hand_is_put_right_and_prose_stays(tmp_path: Path) -> None:
    (tmp_path / page.PAGE).write_text(
        "Before.\n\n<!-- bench edge/modbus -->\n| modbus/rate | 123 x/s |\n<!-- /bench -->\n\n"
        "After.\n"
        "<!-- bench machine -->\n<!-- /bench -->\n",
        "utf-8",
    )
    page.add(tmp_path, run(result("edge/modbus/rate")))
    text = (tmp_path / page.PAGE).read_text("utf-8")
    assert text.startswith("Before.\n\n<!-- bench edge/modbus -->\n")
    assert "\n\nAfter.\n" in text
    assert "123 x" not in text
    assert "| modbus/rate | 30 x/s | 120 | 0.25 | ratio >= 0.3 | **missed by 17 %** |" in text
    assert "2026-03-01 10:30 to 10:40 UTC, in full, load average 1.2 at the start, 2.0" in text
    assert "| memory | 4 GiB |" in text
    assert app.main(["render", "--docs", str(tmp_path)]) == 0
    assert (tmp_path / page.PAGE).read_text("utf-8") == text


def test_a_page_without_a_place_for_a_benchmark_says_which_line_to_add() -> None:
    with pytest.raises(page.PageError, match=r"add these lines: <!-- bench edge/modbus -->"):
        page.rendered("# Nothing\n", (run(result("a")),))
    twice = "<!-- bench edge/modbus -->\n<!-- /bench -->\n" * 2
    with pytest.raises(page.PageError, match="twice"):
        page.rendered(twice, ())


def test_a_figure_measured_again_leaves_its_old_run_and_others_keep_theirs() -> None:
    first = run(result("rows/1"), result("rows/1000"))
    second = run(result("rows/1000", 60.0), hour=12)
    runs = kept.with_run((first,), second)
    assert [[one.name for one in of.results] for of in runs] == [["rows/1"], ["rows/1000"]]
    third = run(result("rows/1"), hour=14)
    assert kept.with_run(runs, third) == (second, third)
    other = run(result("rows/1"), benchmark="edge/opcua")
    assert kept.with_run((first,), other) == (first, other)


def test_what_two_runs_measured_stands_by_size_with_the_run_it_is_of() -> None:
    runs = (run(result("edge/x/1000")), run(result("edge/x/20"), hour=12))
    text = page.rendered("<!-- bench edge/modbus -->\n<!-- /bench -->\n", runs)
    lines = [line for line in text.splitlines() if line.startswith("| x/")]
    assert [(line.split("|")[1].strip(), line[-5:]) for line in lines] == [
        ("x/20", "| b |"),
        ("x/1000", "| a |"),
    ]
    assert "run a: 2026-03-01 10:30" in text
    assert "run b: 2026-03-01 12:30" in text


def test_runs_of_two_machines_say_which() -> None:
    other = replace(run(result("b"), benchmark="edge/opcua"), machine={"processor": "two"})
    marks = "".join(
        f"<!-- bench {name} -->\n<!-- /bench -->\n"
        for name in ("machine", "edge/modbus", "edge/opcua")
    )
    text = page.rendered(marks, (run(result("a")), other))
    assert "| memory | 4 GiB | - |" in text
    assert "commit abc, machine 1" in text
    assert "commit abc, machine 2" in text


def test_what_is_kept_comes_back_and_can_be_forgotten(tmp_path: Path) -> None:
    file = tmp_path / page.FILE
    runs = (run(result("a"), replace(result("b", ceiling=None), goal=None, note="1.0")),)
    kept.save(file, runs)
    assert kept.load(file) == runs
    assert [one.name for one in kept.without(runs, "a")[0].results] == ["b"]
    assert kept.without(runs, "*") == ()
    assert kept.load(tmp_path / "none.json") == ()


@pytest.mark.parametrize(
    ("value", "ceiling", "goal", "said"),
    [
        (65.0, 100.0, ratio_at_least(0.7), "**missed by 7.1 %**"),
        (70.0, 100.0, ratio_at_least(0.7), "met"),
        (3.0, None, value_at_most(2), "**missed by 50 %**"),
        (3.0, None, value_at_most(0), "**missed by 3**"),
        (3.0, None, ratio_at_most(2), "**missed**"),
        (3.0, 1.0, None, ""),
    ],
)
def test_a_missed_goal_says_by_how_much(
    value: float, ceiling: float | None, goal: Goal | None, said: str
) -> None:
    assert verdict(Result(name="a", value=value, unit="", ceiling=ceiling, goal=goal)) == said
    assert goal is None or Goal.parse(str(goal)) == goal


def test_stages_and_parts_of_latency_stand_across_and_the_rest_a_line_each() -> None:
    results = [Result(name="latency/top-rate", value=5e4, unit="readings/s")] + [
        Result(name=f"latency/{part}/on-the-broker/p{percent}", value=percent, unit="ms")
        for part in ("10%", "90%")
        for percent in (50, 99)
    ]
    lines, across = tables("latency/stages", [(one, "") for one in results])
    assert "| top-rate | 50,000 readings/s | - | - | - | |" in lines
    assert across.splitlines()[0] == "| from the change at the PLC | 10%, ms | 90%, ms |"
    assert across.splitlines()[2] == "| on the broker | 50 / 99 | 50 / 99 |"


async def test_a_benchmark_that_fails_does_not_hold_up_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def fails(_rounds: int) -> list[Result]:
        raise TimeoutError("no broker")

    async def runs(_rounds: int) -> list[Result]:
        return [result("edge/b", 100.0)]

    found: list[Run] = []
    results, failed = await app.run(
        {"edge": {"a": fails, "b": runs}}, "all", (), quick=True, keep=found.append
    )
    assert failed == ["edge/a"]
    assert [one.name for one in results] == ["edge/b"]
    assert [(one.benchmark, one.rounds, one.quick) for one in found] == [("edge/b", 3, True)]
    assert "edge/a FAILED" in capsys.readouterr().err
