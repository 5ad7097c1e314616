"""What a soak says is where it went: what grew fails it, and the plot shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rig.chaos.plot import draw
from rig.chaos.soak import Sample, append, begin, grown, not_flat, rate


def sample(at_s: float, part: str = "work", **more: Any) -> Sample:
    told: dict[str, Any] = {
        "memory_mib": 100.0,
        "handles": 20,
        "disk_mib": 1.0,
        "lag_s": 0.5,
        **more,
    }
    return Sample(at_s=at_s, part=part, **told)


TIMES = range(0, 101, 5)


def test_a_soak_compares_its_ends_and_leaves_out_the_beginning() -> None:
    told = grown([sample(at, memory_mib=500.0 if at < 20 else 100.0 + at) for at in TIMES])["work"]
    first, last = told["memory_mib"]
    assert 120 <= first <= 147
    assert 173 <= last <= 200
    assert told["handles"] == [20, 20]
    assert grown([]) == {}


@pytest.mark.parametrize(
    ("name", "each", "fails"),
    [
        ("memory_mib", 0.5, True),
        ("memory_mib", 0.1, False),
        ("handles", 1.0, True),
        ("lag_s", 0.1, True),
        ("disk_mib", 50.0, False),
    ],
)
def test_what_grows_though_it_may_not_fails_the_soak(name: str, each: float, fails: bool) -> None:
    grows: list[dict[str, Any]] = [{"at_s": at, name: 10 + at * each} for at in TIMES]
    found = not_flat(grown([sample(**one) for one in grows]))
    assert [name in one and "work" in one for one in found] == [True] * fails


def test_a_spike_in_the_middle_and_what_shrinks_are_no_growth() -> None:
    spike = [sample(at, memory_mib=900.0 if at == 60 else 100.0 - at / 2) for at in TIMES]
    assert not_flat(grown(spike)) == []


def test_the_rate_is_that_of_what_the_server_stored() -> None:
    samples = [sample(at, "database", readings=1_000 + at * 50) for at in TIMES]
    assert rate([*samples, sample(100)]) == 50.0
    assert rate([sample(0)]) is None


def test_the_plot_has_a_line_a_program_and_quantity() -> None:
    names = ("line-a", "work")
    samples = [sample(at, name, memory_mib=at) for at in range(0, 5_000, 5) for name in names]
    drawn = ElementTree.fromstring(draw(samples, title="2 < 3"))
    lines = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 4 * len(names)
    assert all(2 <= len(line.attrib["points"].split()) <= 240 for line in lines)
    ElementTree.fromstring(draw([], title="nothing"))


def test_samples_are_added_to_the_file_behind_those_that_are_there(tmp_path: Path) -> None:
    file = tmp_path / "soak.csv"
    file.write_text("of an earlier soak\n")
    begin(file)
    append(file, [sample(0), sample(0, "database", readings=7)])
    append(file, [sample(5)])
    head, *lines = file.read_text("utf-8").splitlines()
    assert head == "at_s,part,memory_mib,handles,disk_mib,lag_s,readings"
    assert lines == [
        "0,work,100.0,20,1.0,0.5,0",
        "0,database,100.0,20,1.0,0.5,7",
        "5,work,100.0,20,1.0,0.5,0",
    ]
