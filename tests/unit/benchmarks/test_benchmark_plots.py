"""Plots show what the results say."""

from __future__ import annotations

from typing import Literal
from xml.etree import ElementTree

from benchmarks.growth import Growth
from benchmarks.plots import drawn, latency, lines
from benchmarks.results import Result

SPACE = "{http://www.w3.org/2000/svg}"
RESULTS = [
    Result(name=f"latency/{part}/{stage}/p{percent}", value=value, unit="ms")
    for part in ("10%", "90%")
    for stage, values in {"collected": (50, 100), "on-the-broker": (200, 400)}.items()
    for percent, value in zip((50, 99), values, strict=True)
]


def _result(name: str, value: float, ceiling: float | None = None) -> Result:
    return Result(name=name, value=value, unit="us", ceiling=ceiling)


def test_every_stage_and_part_has_its_bar_to_scale() -> None:
    drawn = ElementTree.fromstring(latency([_result("latency/top-rate", 1), *RESULTS]))
    widths = [float(one.get("width", "0").rstrip("%")) for one in drawn.iter(f"{SPACE}rect")]
    bars = [width for width in widths if width not in (10, 100)]
    assert [round(width / bars[0], 1) for width in bars] == [1, 1, 4, 4]
    texts = [one.text for one in drawn.iter(f"{SPACE}text")]
    assert texts.count("50 / 100") == 2
    assert "on the broker" in texts
    assert "90% of the top rate" in texts


def _growth(by_tens: Literal["", "x", "xy"]) -> Growth:
    names = r"g/(?P<size>\d+)"
    return Growth(
        benchmark="g/g", plot="g", title="G", unit="us", sizes="tags", names=names, by_tens=by_tens
    )


def test_points_of_a_line_lie_at_their_values_on_linear_and_on_logarithmic_axes() -> None:
    results = [_result(f"g/{size}", value) for size, value in ((100, 100.0), (10, 10.0), (1, 1.0))]
    for by_tens in ("", "xy"):
        growth = _growth("xy" if by_tens else "")
        points = growth.points(results)
        assert points == {"": [(1, 1), (10, 10), (100, 100)]}
        svg = ElementTree.fromstring(lines(growth, points))
        dots = [(float(one.get("cx", "")), float(one.get("cy", ""))) for one in svg.iter()
                if one.tag == f"{SPACE}circle"]  # fmt: skip
        across = (dots[1][0] - dots[0][0]) / (dots[2][0] - dots[0][0])
        up = (dots[1][1] - dots[0][1]) / (dots[2][1] - dots[0][1])
        expected = 0.5 if by_tens else 9 / 99
        assert round(across, 2) == round(up, 2) == round(expected, 2)


def test_growth_is_told_from_the_least_to_the_largest_size() -> None:
    results = [_result("g/20000", 1.6), _result("g/100", 160.0), _result("g/1000", 12.0)]
    assert _growth("xy").told(results) == "160 to 1.6 us from 100 to 20,000 tags, 0.01 times"
    assert _growth("xy").told(results[:1]) == ""


def test_the_size_the_others_stand_beside_is_drawn_with_them() -> None:
    results = [_result(f"ingest/cost/{n}-edges-beside-10", float(n), 4.0) for n in (1, 100)]
    picture = drawn("ingest/edges", results)["ingest-edges"]
    texts = [one.text for one in ElementTree.fromstring(picture).iter(f"{SPACE}text")]
    assert {"1", "10", "100", "4"} <= set(texts)


def test_a_ceiling_has_a_line_of_its_own_and_no_rows_have_no_place_among_tens() -> None:
    results = [
        _result(f"rows/trend/plain/{n}", n / 1e5, ceiling=2.0) for n in (0, 1_000_000, 10_000_000)
    ]
    picture = drawn("rows/rows", results)["rows-trend"]
    drawing = ElementTree.fromstring(picture)
    assert len([*drawing.iter(f"{SPACE}circle")]) == 4
    assert "plain, bare SQL" in [one.text for one in drawing.iter(f"{SPACE}text")]
