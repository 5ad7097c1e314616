"""Active alarms, their journal and acknowledging, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

RAISE = "press-1-hot@9.9"


async def get(client: httpx2.AsyncClient, path: str, **params: Any) -> Any:
    response = await client.get(f"/api/v1/alarms/{path}", params=params)
    assert response.status_code == 200, response.text
    return response.json()["items"]


@pytest.fixture
def raised(sql: Any) -> Iterator[str]:
    """An unacknowledged alarm of this test's own; its id."""
    _insert(sql, RAISE, "B")
    yield RAISE
    sql.execute("DELETE FROM alarm WHERE occurrence = %s", (RAISE,))
    sql.execute("DELETE FROM alarm_event WHERE occurrence = %s", (RAISE,))


def _insert(sql: Any, occurrence: str, state: str) -> None:
    sql.execute(
        "INSERT INTO alarm (occurrence, rule, equipment, plant, tag_id, raised_at, state, priority)"
        " VALUES (%s, 'press-1-hot', 'press-1', 'demo', 2, '2026-03-01 01:00Z', %s, 'high')",
        (occurrence, state),
    )


async def test_active_alarms_have_no_window_of_time(client: httpx2.AsyncClient) -> None:
    alarms = {each["occurrence"]: each for each in await get(client, "active")}
    # Raised three months ago, and still there; back to normal and acknowledged is not.
    assert set(alarms) == {"press-1-hot@1.1", "press-1-hot@2.2", "word/3@4.1", "word/4@5.1"}
    old = alarms["press-1-hot@1.1"]
    assert old["raised_at"] == "2025-12-01T08:00:00+08:00"
    assert (old["state"], old["value"], old["name"]) == ("B", 91.5, "Press 1 too hot")
    assert old["tag"] == "demo/line-a/press-1/temp"


async def test_what_was_learned_late_or_is_provisional_says_so(client: httpx2.AsyncClient) -> None:
    alarms = {each["occurrence"]: each for each in await get(client, "active")}
    late = alarms["press-1-hot@2.2"]
    assert (late["state"], late["late"], late["provisional"]) == ("D", True, False)
    assert (late["cleared_at"], late["learned_at"]) == (
        "2026-03-01T08:12:00+08:00",
        "2026-03-01T09:00:00+08:00",
    )
    assert alarms["word/3@4.1"]["provisional"] is True
    assert alarms["word/3@4.1"]["bit"] == 3


async def test_active_alarms_are_filtered(client: httpx2.AsyncClient) -> None:
    assert len(await get(client, "active", equipment="press-2")) == 2
    assert len(await get(client, "active", priority="high")) == 2
    assert len(await get(client, "active", line="press", plant="demo")) == 4
    assert await get(client, "active", plant="nord") == []


async def test_the_journal_tells_what_happened_newest_first(client: httpx2.AsyncClient) -> None:
    entries = await get(client, "journal", rule="press-1-hot")
    assert [(each["event"], each["at"]) for each in entries] == [
        ("cleared", "2026-03-01T08:12:00+08:00"),
        ("raised", "2026-03-01T08:10:00+08:00"),
        ("raised", "2025-12-01T08:00:00+08:00"),
    ]
    assert entries[0]["late"] is True
    recent = await get(client, "journal", rule="press-1-hot", **{"from": "2026-03-01T00:00:00Z"})
    assert len(recent) == 2
    assert len(await get(client, "journal", occurrence="word/3@4.1")) == 1


async def test_an_acknowledgement_names_who_and_when_and_is_done_once(
    client: httpx2.AsyncClient, raised: str
) -> None:
    path = f"/api/v1/alarms/{raised}/acknowledge"
    first = await client.post(path, json={"by": "Li Wei"})
    assert first.status_code == 200
    assert (first.json()["state"], first.json()["acknowledged_by"]) == ("C", "Li Wei")
    assert first.json()["acknowledged_at"] == "2026-03-01T10:00:00+08:00"
    again = await client.post(path, json={"by": "Zhang"})
    assert again.json() == first.json()
    journal = await get(client, "journal", occurrence=raised)
    assert [(each["event"], each["by"]) for each in journal] == [("acknowledged", "Li Wei")]


async def test_two_people_at_the_same_time_are_one_acknowledgement(
    client: httpx2.AsyncClient, raised: str
) -> None:
    path = f"/api/v1/alarms/{raised}/acknowledge"
    answers = await asyncio.gather(
        *(client.post(path, json={"by": name}) for name in ("Li Wei", "Zhang"))
    )
    assert len({each.json()["acknowledged_by"] for each in answers}) == 1
    assert len(await get(client, "journal", occurrence=raised)) == 1


@pytest.mark.parametrize(("before", "after"), [("D", "A"), ("E", "F"), ("G", "G"), ("I", "I")])
async def test_the_letter_follows_from_the_table_of_states(
    client: httpx2.AsyncClient, raised: str, sql: Any, before: str, after: str
) -> None:
    sql.execute("UPDATE alarm SET state = %s WHERE occurrence = %s", (before, raised))
    response = await client.post(f"/api/v1/alarms/{raised}/acknowledge", json={"by": "Li Wei"})
    assert response.json()["state"] == after


async def test_what_needs_no_acknowledgement_is_refused_and_unchanged(
    client: httpx2.AsyncClient, raised: str, sql: Any
) -> None:
    sql.execute("UPDATE alarm SET state = 'A' WHERE occurrence = %s", (raised,))
    response = await client.post(f"/api/v1/alarms/{raised}/acknowledge", json={"by": "Li Wei"})
    assert (response.status_code, response.json()["code"]) == (409, "LS-6038")
    assert await get(client, "journal", occurrence=raised) == []


async def test_an_occurrence_may_hold_a_slash(client: httpx2.AsyncClient, sql: Any) -> None:
    _insert(sql, "word/7@8.1", "B")
    try:
        response = await client.post("/api/v1/alarms/word/7@8.1/acknowledge", json={"by": "Li"})
        assert response.json()["occurrence"] == "word/7@8.1"
        unknown = await client.post("/api/v1/alarms/word/8@8.1/acknowledge", json={"by": "Li"})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "LS-6037")
    finally:
        sql.execute("DELETE FROM alarm WHERE occurrence = 'word/7@8.1'")
        sql.execute("DELETE FROM alarm_event WHERE occurrence = 'word/7@8.1'")
