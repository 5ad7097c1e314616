"""What a change of configuration costs: only what it touches."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import EdgeConfig, parse
from edge_agent.configure.changes import HANDLED, compare, fixed

BASE = """
plant: p
edge: e
data_dir: d
broker: {host: h, port: 1883}
devices:
  - {id: a, driver: modbus-tcp, host: x, groups: [
      {every_ms: 100, tags: [{path: a, address: "holding:0", dtype: u16}]}]}
  - {id: b, driver: modbus-tcp, host: y, groups: [
      {every_ms: 100, tags: [{path: b, address: "holding:0", dtype: u16}]}]}
"""


def _config(old: str = "", new: str = "", more: str = "") -> EdgeConfig:
    assert old in BASE
    return parse(BASE.replace(old, new, 1) + more, "edge.yaml", folder=Path("/etc/lineside"))


def test_every_section_of_a_configuration_is_handled_by_a_change() -> None:
    assert set(EdgeConfig.model_fields) == HANDLED


def test_nothing_changes_by_what_reads_the_same() -> None:
    changes = compare(_config(), _config("plant: p", "plant: p  # a comment"))
    assert not changes
    assert changes.untouched == ("a", "b")


@pytest.mark.parametrize(
    ("old", "new", "restarted"),
    [
        ("host: x", "host: z", ("a",)),
        ("every_ms: 100", "every_ms: 200", ("a",)),
        ("path: b", "path: c", ("b",)),
        ("id: a,", "id: a, name: Press,", ()),
    ],
)
def test_a_device_starts_again_only_if_it_is_read_differently(
    old: str, new: str, restarted: tuple[str, ...]
) -> None:
    changes = compare(_config(), _config(old, new))
    assert changes.restarted == restarted
    assert set(changes.untouched) == {"a", "b"} - set(restarted)
    assert changes
    assert not (changes.session or changes.buffer or changes.page or changes.clock)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("publish: {window: 32}", "session"),
        ("buffer: {commit_every_ms: 100}", "buffer"),
        ("clock: {past_s: 10}", "clock"),
        ("page: {port: null}", "page"),
        ("push: {trial_s: 10}", "words"),
        ("name: Line", "words"),
    ],
)
def test_a_section_touches_only_its_own_part(more: str, what: str) -> None:
    changes = compare(_config(), _config(more=more))
    assert changes.untouched == ("a", "b")
    touched = [name for name in ("session", "buffer", "clock", "page", "words")
               if getattr(changes, name)]  # fmt: skip
    assert touched == [what]


def test_a_broker_elsewhere_is_another_session() -> None:
    assert compare(_config(), _config("host: h", "host: i")).session


def test_a_device_under_another_id_goes_and_comes() -> None:
    changes = compare(_config(), _config("id: a", "id: c"))
    assert (changes.added, changes.removed, changes.untouched) == (("c",), ("a",), ("b",))


@pytest.mark.parametrize("name", ["plant", "edge", "data_dir"])
def test_what_an_agent_is_cannot_change_while_it_runs(name: str) -> None:
    old = {"plant": "plant: p", "edge": "edge: e", "data_dir": "data_dir: d"}[name]
    (found,) = fixed(_config(), _config(old, f"{name}: other"))
    assert found.field == name
    assert found.new.endswith("other")
    assert not fixed(_config(), _config(old, old + " # the same"))
