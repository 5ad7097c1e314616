"""What one process takes down of a run is what another one reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rig.chaos.evidence import Evidence
from rig.chaos.story import Happened, Story, Twin
from runtime.errors import Reconfigure


def test_evidence_is_read_as_it_was_saved(tmp_path: Path) -> None:
    story = Story(
        seed=7,
        broker="nats",
        database="plain",
        only=[],
        happened=[Happened(kind="kill_edge", target="line-a", from_us=10, to_us=20)],
        twins=[Twin(edge="line-a", predecessor="e-1", from_us=1, to_us=2)],
        pauses=[[3, 4]],
    )
    evidence = Evidence(
        run=tmp_path / "run",
        configs=tmp_path / "configs",
        ports={"LINESIDE_SIM_OPCUA_PORT": "4840"},
        story=story,
        buffers=(tmp_path / "line-a.db", tmp_path / "line-b.db"),
        dsn="postgresql://somewhere",
        snapshot="00000003-00000002-1",
        durable_until_us=1 << 62,
        at_us=5,
    )
    evidence.save(tmp_path)
    assert Evidence.load(tmp_path) == evidence
    later = replace(evidence, snapshot=None, buffers=())
    later.save(tmp_path)
    assert Evidence.load(tmp_path) == later


def test_a_folder_without_evidence_says_so(tmp_path: Path) -> None:
    with pytest.raises(Reconfigure) as raised:
        Evidence.load(tmp_path)
    assert raised.value.code == "LS-8202"
