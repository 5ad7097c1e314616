"""What `lineside-server doctor` makes of what it read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingest_server.store.checkup import Facts
from ingest_server.usecases.checkup import of_database, of_folder, size_text

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SERVER: dict[str, Any] = {
    "version": "18.1",
    "major": 18,
    "bytes": 5_000_000,
    "connections": 7,
    "most_connections": 100,
    "fsync": True,
    "full_page_writes": True,
    "standby": False,
    "encoding": "UTF8",
    "timescaledb": None,
    "available": None,
    "has_schema": True,
    "now": NOW,
}
STATE: dict[str, Any] = {
    "workers": 1,
    "shards": 64,
    "edges": 2,
    "online": 2,
    "parked": 0,
    "letters": 0,
    "gaps": 0,
    "plants": 1,
}


def codes(facts: Facts) -> dict[str, str]:
    return {one.code: one.level for one in of_database(facts, now=NOW)}


def facts(state: dict[str, Any] | None = STATE, **server: Any) -> Facts:
    return Facts(
        server={**SERVER, **server}, revision="m2", newest="m2", is_known=True, state=state
    )


def test_of_a_database_that_is_well_nothing_is_to_be_mended() -> None:
    assert set(codes(facts()).values()) == {"ok"}


@pytest.mark.parametrize(
    ("server", "code", "level"),
    [
        ({"major": 15}, "LS-5701", "bad"),
        ({"major": 19}, "LS-5701", "bad"),
        ({"fsync": False}, "LS-5702", "bad"),
        ({"full_page_writes": False}, "LS-5702", "bad"),
        ({"standby": True}, "LS-5703", "bad"),
        ({"encoding": "SQL_ASCII"}, "LS-5704", "bad"),
        ({"connections": 81}, "LS-5705", "look"),
        ({"now": NOW + timedelta(seconds=3)}, "LS-5709", "look"),
        ({"now": NOW - timedelta(seconds=3)}, "LS-5709", "look"),
        ({"available": "2.20.0"}, "LS-5711", "look"),
    ],
)
def test_what_is_wrong_with_a_database_server_is_named(
    server: dict[str, Any], code: str, level: str
) -> None:
    assert codes(facts(**server))[code] == level


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"shards": 63}, "LS-5721"),
        ({"parked": 1}, "LS-5724"),
        ({"letters": 1}, "LS-5725"),
        ({"gaps": 1}, "LS-5726"),
        ({"plants": 0}, "LS-5727"),
    ],
)
def test_what_waits_for_somebody_is_named(state: dict[str, Any], code: str) -> None:
    found = codes(facts({**STATE, **state}))
    assert found[code] == "look"
    assert "bad" not in found.values()


def test_a_schema_of_another_release_is_told_apart_from_none() -> None:
    def found(revision: str | None, *, is_known: bool) -> dict[str, str]:
        return codes(
            Facts(server=SERVER, revision=revision, newest="m2", is_known=is_known, state=None)
        )

    assert found(None, is_known=True)["LS-5708"] == "look"
    assert found("m1", is_known=True)["LS-5707"] == "look"
    assert found("m9", is_known=False)["LS-5510"] == "bad"


def test_a_full_disk_is_to_be_mended() -> None:
    assert of_folder("data", 1 << 30).level == "ok"
    assert of_folder("data", (1 << 30) - 1).level == "bad"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 << 30, "3.0 GiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes_are_told_as_people_read_them(size: int, text: str) -> None:
    assert size_text(size) == text
