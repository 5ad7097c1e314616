"""So many tags as a rate needs, and what the simulators serve is what the edges read."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from drivers.registry import DRIVERS
from rig.chaos import setting
from rig.chaos.plan import EDGES
from rig.chaos.volume import OWN_RATE, further_groups, with_volume
from runtime import strict_yaml
from simulators.addresses import plant_tags
from simulators.config import PlantConfig


def files(folder: Path, rate: float) -> tuple[PlantConfig, dict[str, list[dict[str, object]]]]:
    """The plant, and the groups of each edge's device."""
    plant = setting.plant_file(folder, rate)
    groups = {}
    for edge in EDGES:
        file = setting.edge_file(folder, edge, folder / "data", plant=plant)
        device = yaml.safe_load(file.read_text("utf-8"))["devices"][0]
        told = {name: value for name, value in device.items() if name not in ("port", "url")}
        told |= {"url": "opc.tcp://127.0.0.1:1"} if "url" in device else {"port": 1}
        DRIVERS[device["driver"]].config.model_validate(told)
        groups[edge] = device["groups"]
    return strict_yaml.load(plant, PlantConfig, env={}), groups


@pytest.mark.parametrize("rate", [500.0, 3_000.0])
def test_each_tag_that_is_served_is_read(tmp_path: Path, rate: float) -> None:
    plant, groups = files(tmp_path, rate)
    read = {
        tag["path"]: tag
        for some in groups.values()
        for group in some
        for tag in group["tags"]  # type: ignore[attr-defined]
    }
    served = {tag.path: tag for tag in plant_tags(plant)}
    assert read.keys() == served.keys()
    for path, tag in served.items():
        if tag.protocol == "modbus":
            assert read[path]["address"] == f"{tag.table}:{tag.address}"
            assert read[path]["unit_id"] == tag.unit_id
    further = sum("/x-" in path for path in served)
    assert rate - OWN_RATE <= further <= rate - OWN_RATE + 40


def test_without_a_rate_nothing_is_added(tmp_path: Path) -> None:
    plant, groups = files(tmp_path, 0)
    assert not any("/x-" in tag.path for tag in plant_tags(plant))
    assert [len(some) for some in groups.values()] == [2, 2]
    assert further_groups({"name": "a", "protocol": "modbus", "machines": [{"name": "m"}]}) == []
    one = {"lines": [{"machines": [{"name": "m"}]}]}
    assert with_volume(one, OWN_RATE)["lines"][0]["machines"][0]["extra"] == {}
