"""What a run is continued with is what was saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.chaos.judging import told_as_broken, troubles
from rig.chaos.story import Happened, Story
from rig.collected import Window
from rig.readings import Gap
from runtime.errors import Reconfigure


def story() -> Story:
    return Story(
        seed=7,
        broker="nats",
        database="plain",
        only=["kill_edge"],
        cycles=3,
        happened=[
            Happened(kind="kill_edge", target="line-a", from_us=10, to_us=20),
            Happened(kind="net_reset", target="plc-b", from_us=30, to_us=40),
            Happened(kind="net_reset", target="line-a-broker", from_us=50, to_us=60),
            Happened(kind="kill_edge", target="line-a", from_us=70, to_us=80),
        ],
        deaths=[("line-a", 10), ("line-a", 70)],
    )


def test_a_story_is_read_as_it_was_saved(tmp_path: Path) -> None:
    story().save(tmp_path)
    read = Story.load(tmp_path)
    assert read.faults() == {"kill_edge": 2, "net_reset": 2}
    assert (read.seed, read.cycles, read.happened) == (7, 3, story().happened)
    read.save(tmp_path)
    assert Story.load(tmp_path).happened == story().happened


def test_a_folder_without_a_story_says_so(tmp_path: Path) -> None:
    with pytest.raises(Reconfigure) as raised:
        Story.load(tmp_path)
    assert raised.value.code == "LS-8202"
    (tmp_path / "story.json").write_text('{"seed": 1}')
    with pytest.raises(Reconfigure):
        Story.load(tmp_path)


def test_trouble_on_the_way_from_the_device_is_not_trouble_behind_the_buffer() -> None:
    deaths, trouble = troubles(story())
    assert deaths == {"line-a": [10, 70]}
    spans = {(one.from_us, one.to_us) for one in trouble["line-a"]}
    assert spans == {(10, 20), (70, 80), (10, 10), (70, 70)}
    assert [(one.from_us, one.to_us) for one in trouble["line-b"]] == [(30, 40)]


def test_nothing_is_excused_while_an_edges_clock_is_wrong_but_what_dies_with_its_agent() -> None:
    told = story()
    told.happened = [Happened(kind="edge_clock", target="line-a", from_us=5, to_us=90)]
    deaths, trouble = troubles(told)
    assert deaths == {"line-a": [10, 70]}
    assert [(one.from_us, one.to_us) for one in trouble["line-a"]] == [(10, 10), (70, 70)]


@pytest.mark.parametrize(
    ("cause", "excuses"),
    [("device_down", True), ("not_collected", True), ("agent_down", False), ("overflow", False)],
)
def test_only_a_gap_before_the_buffer_excuses_what_is_in_none(cause: str, excuses: bool) -> None:
    gap = Gap(
        plant="demo",
        edge="line-b",
        cls=None,
        device="gateway",
        from_us=5,
        to_us=None,
        cause=cause,
    )
    assert told_as_broken([gap], 9) == ({"line-b": [Window(from_us=5, to_us=9)]} if excuses else {})
