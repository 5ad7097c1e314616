"""Plots show what the results say."""

from __future__ import annotations

from xml.etree import ElementTree

from benchmarks.plots import latency

RESULTS = [
    {"name": f"latency/{part}/{stage}/p{percent}", "value": value}
    for part in ("10%", "90%")
    for stage, values in {"collected": (50, 100), "on-the-broker": (200, 400)}.items()
    for percent, value in zip((50, 99), values, strict=True)
]


def test_every_stage_and_part_has_its_bar_to_scale() -> None:
    drawn = ElementTree.fromstring(latency([{"name": "latency/top-rate", "value": 1}, *RESULTS]))
    space = "{http://www.w3.org/2000/svg}"
    widths = [float(one.get("width", "0").rstrip("%")) for one in drawn.iter(f"{space}rect")]
    bars = [width for width in widths if width not in (10, 100)]
    assert [round(width / bars[0], 1) for width in bars] == [1, 1, 4, 4]
    texts = [one.text for one in drawn.iter(f"{space}text")]
    assert texts.count("50 / 100") == 2
    assert "on the broker" in texts
    assert "90% of the top rate" in texts
