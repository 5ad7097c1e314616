"""When a configuration on trial is found wanting, and why."""

from __future__ import annotations

import pytest

from edge_agent.configure.trial import Health, ailments

WELL = Health(
    broker="h:1883",
    connected=True,
    broker_error=None,
    answers=6,
    devices={"a": ("up", None), "b": ("down", "no answer")},
    restarts={"page": 2},
)


def _codes(health: Health) -> list[str]:
    found = ailments(health, up_before=frozenset({"a", "gone"}), answers=5, restarts={"page": 2})
    return [one.code for one in found]


def test_what_was_down_before_or_is_not_configured_any_more_is_no_ailment() -> None:
    assert _codes(WELL) == []


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"connected": False, "broker_error": "refused"}, ["LS-4944"]),
        ({"answers": 5}, ["LS-4945"]),
        ({"devices": {"a": ("down", None)}}, ["LS-4946"]),
        ({"devices": {"a": ("connecting", None)}}, ["LS-4946"]),
        ({"restarts": {"page": 3}}, ["LS-4947"]),
        ({"restarts": {"page": 2, "collect/a": 1}}, ["LS-4947"]),
        (
            {"connected": False, "devices": {"a": ("down", "x")}, "restarts": {"commit": 1}},
            ["LS-4944", "LS-4946", "LS-4947"],
        ),
    ],
)
def test_each_ailment_is_told(change: dict[str, object], codes: list[str]) -> None:
    fields = {name: getattr(WELL, name) for name in Health.__dataclass_fields__}
    assert _codes(Health(**{**fields, **change})) == codes
