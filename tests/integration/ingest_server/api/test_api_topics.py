"""Edges, tags, latest values, gaps, dead letters and notices, on a real database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import httpx2
import pytest

from ingest_server.api.ports import LiveValue
from ingest_server.store.rows import GapCause
from tests.integration.ingest_server.api.serving import T0, Live, Serve
from wire.quality import BAD, CLOCK


async def get(client: httpx2.AsyncClient, path: str, **params: Any) -> Any:
    response = await client.get(f"/api/v1/{path}", params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def pages(client: httpx2.AsyncClient, path: str, limit: int, **params: Any) -> list[Any]:
    """All items of a listing, page by page; no page but the last may be short."""
    items: list[Any] = []
    cursor = None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        page = await get(client, path, limit=limit, **params, **more)
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items
        assert len(page["items"]) == limit


async def test_an_edge_tells_how_far_each_of_its_streams_is(client: httpx2.AsyncClient) -> None:
    edges = (await get(client, "edges", plant="demo"))["items"]
    assert [edge["edge"] for edge in edges] == ["line-a", "line-b"]
    line_a = edges[0]
    assert line_a["online"] is True
    assert line_a["last_seen"] == "2026-03-01T09:59:59+08:00"
    assert line_a["clock_offset_s"] == -0.25
    assert line_a["time_zone"] == "Asia/Shanghai"
    bulk, key = sorted(line_a["streams"], key=lambda stream: stream["class"])
    assert key["complete_to"] == "2026-03-01T09:59:00+08:00"
    assert key["lag_s"] == 60.0
    assert (key["waiting"], key["oldest_waiting"]) == (2, "2026-03-01T08:59:00+08:00")
    assert key["parked"] is True
    assert key["readings"] == 150
    # The newest epoch has delivered nothing yet: what the one before said still holds.
    assert bulk["complete_to"] == "2026-03-01T09:30:00+08:00"
    assert (bulk["waiting"], bulk["oldest_waiting"], bulk["parked"]) == (0, None, False)
    assert edges[1]["streams"][0]["waiting"] is None


async def test_one_edge_is_the_same_as_in_the_list(client: httpx2.AsyncClient) -> None:
    listed = (await get(client, "edges"))["items"]
    assert await get(client, "edges/demo/line-b") == listed[1]
    missing = await client.get("/api/v1/edges/demo/line-x")
    assert (missing.status_code, missing.json()["code"]) == (404, "LS-6011")


async def test_listings_give_everything_once_whatever_the_page(client: httpx2.AsyncClient) -> None:
    for path in ("edges", "tags", "latest", "gaps", "dead-letters", "notices", "orders"):
        whole = await pages(client, path, 100)
        assert len(whole) > 1, path
        for limit in (1, 2):
            assert await pages(client, path, limit) == whole, path
    for path in ("alarms/active", "alarms/journal"):
        assert await pages(client, path, 1) == await pages(client, path, 100), path


async def test_tags_are_found_by_part_of_name_and_by_what_they_serve(
    client: httpx2.AsyncClient,
) -> None:
    found = await get(client, "tags", q="TEMP")
    assert [tag["tag"] for tag in found["items"]] == ["demo/line-a/press-1/temp"]
    temp = found["items"][0]
    assert (temp["revision"], temp["unit"], temp["class"]) == (2, "F", "bulk")
    assert temp["equipment"] == [
        {"equipment": "press-1", "line": "press", "uses": ["rule:press-1-hot"]}
    ]
    served = await get(client, "tags", equipment="press-1")
    assert [tag["path"] for tag in served["items"]] == [
        "press-1/count",
        "press-1/recipe",
        "press-1/temp",
    ]
    assert len((await get(client, "tags", line="press"))["items"]) == 4
    assert [t["edge"] for t in (await get(client, "tags", edge="line-b"))["items"]] == ["line-b"]
    assert (await get(client, "tags", q="plc-9"))["items"][0]["path"] == "100%_a"


@pytest.mark.parametrize(("text", "found"), [("100%", 1), ("%", 1), ("_", 1), ("\\", 0)])
async def test_wildcards_in_a_search_mean_themselves(
    client: httpx2.AsyncClient, text: str, found: int
) -> None:
    assert len((await get(client, "tags", q=text))["items"]) == found


async def test_the_hierarchy_shows_plants_lines_equipment_and_their_tags(
    client: httpx2.AsyncClient,
) -> None:
    plants = (await get(client, "hierarchy"))["plants"]
    assert [plant["plant"] for plant in plants] == ["demo", "nord"]
    press = plants[0]["lines"][0]
    assert [each["equipment"] for each in press["equipment"]] == ["press-1", "press-2"]
    assert press["equipment"][0]["tags"] == [
        "demo/line-a/press-1/count",
        "demo/line-a/press-1/recipe",
        "demo/line-a/press-1/temp",
    ]
    assert press["area"] == "Hall 1"
    assert plants[1]["lines"] == [{"line": "mill", "name": "", "area": "", "equipment": []}]
    assert len((await get(client, "hierarchy", plant="nord"))["plants"]) == 1
    (only,) = (await get(client, "hierarchy", area="Hall 1"))["plants"]
    assert [line["line"] for line in only["lines"]] == ["press"]
    assert (await get(client, "hierarchy", area="Hall 2"))["plants"] == []


async def test_tags_are_found_by_the_area_their_equipment_stands_in(
    client: httpx2.AsyncClient,
) -> None:
    found = [tag["path"] for tag in (await get(client, "tags", area="Hall 1"))["items"]]
    assert found == ["press-1/count", "press-1/recipe", "press-1/temp", "press-2/count"]
    assert (await get(client, "tags", area="Hall 2"))["items"] == []


async def test_latest_shows_the_stored_value_and_beside_it_a_newer_live_one(
    plant_dsn: str, serve: Serve
) -> None:
    live = Live()
    live.values[3] = LiveValue(at=T0 + timedelta(hours=1), value=101.5, quality=CLOCK)
    live.values[4] = LiveValue(at=T0 + timedelta(hours=1), value=2**60, quality=0)
    live.values[5] = LiveValue(at=T0, value="old", quality=0)
    live.values[6] = LiveValue(at=T0 + timedelta(hours=1), value=True, quality=BAD)
    async with serve(plant_dsn, live=live) as client:
        items = (await get(client, "latest", edge="line-a"))["items"]
    by_path = {item["tag"].removeprefix("demo/line-a/"): item for item in items}
    temp = by_path["press-1/temp"]
    assert temp["stored"]["value"] == 99.5
    assert temp["live"] == {
        "ts": "2026-03-01T09:00:00+08:00",
        "value": 101.5,
        "quality": {"severity": "good", "code": "Good", "flags": ["clock"]},
        "provisional": True,
    }
    assert temp["complete_to"] == "2026-03-01T09:30:00+08:00"
    assert by_path["press-1/serial"]["live"]["value"] == str(2**60)
    assert by_path["press-1/recipe"]["live"] is None
    assert by_path["press-1/recipe"]["stored"]["quality"]["flags"] == ["late"]
    door = by_path["press-1/door"]
    assert door["stored"]["value"] is None
    assert door["stored"]["quality"]["code"] == "BadCommunicationError"
    assert door["live"]["value"] is None
    assert by_path["press-1/count"]["stored"] is None


async def test_latest_of_named_tags_gives_only_these(client: httpx2.AsyncClient) -> None:
    names = ["demo/line-a/press-1/temp", "demo/line-b/press-2/count"]
    items = (await get(client, "latest", tag=names))["items"]
    assert [item["tag"] for item in items] == names


async def test_gaps_are_filtered_by_edge_cause_open_and_time(client: httpx2.AsyncClient) -> None:
    async def causes(**params: Any) -> list[str]:
        return [gap["cause"] for gap in (await get(client, "gaps", **params))["items"]]

    assert await causes(edge="line-a") == ["device_down", "overflow", "agent_down"]
    assert await causes(open=True) == ["device_down"]
    assert await causes(cause="disk") == ["disk"]
    assert await causes(to="2026-03-01T00:00:00Z") == ["agent_down"]
    # A plus sign that was not escaped arrives as a blank; what is meant is plain.
    assert await causes(**{"from": "2026-03-01T08:45:00 08:00"}) == ["device_down"]
    assert await causes(plant="nord") == []


async def test_a_gap_is_accepted_once_by_a_name_with_a_reason(
    client: httpx2.AsyncClient, sql: Any
) -> None:
    gap = sql.execute(
        "INSERT INTO gap (edge_id, from_ts, to_ts, cause)"
        " VALUES (3, '2025-01-01Z', '2025-01-02Z', 'age') RETURNING gap_id"
    ).fetchone()[0]
    path = f"/api/v1/gaps/{gap}/accept"
    first = await client.post(path, json={"by": "Li Wei", "reason": " PC died "})
    assert first.status_code == 200
    assert (first.json()["accepted_by"], first.json()["reason"]) == ("Li Wei", "PC died")
    again = await client.post(path, json={"by": "Li Wei", "reason": "another"})
    assert again.json() == first.json()
    other = await client.post(path, json={"by": "Zhang", "reason": "x"})
    assert (other.status_code, other.json()["code"]) == (409, "LS-6035")
    assert "Li Wei" in other.json()["detail"]
    told = (await get(client, "notices", plant="nord"))["items"]
    assert len(told) == 1
    assert told[0]["params"]["reason"] == "PC died"
    listed = await get(client, "gaps", edge="mill-1", accepted=True)
    assert [each["gap"] for each in listed["items"]] == [str(gap)]
    assert listed["items"][0]["from"] == "2025-01-01T01:00:00+01:00"
    sql.execute("DELETE FROM gap WHERE gap_id = %s", (gap,))
    sql.execute("DELETE FROM notice WHERE plant = 'nord'")


async def test_accepting_a_gap_that_is_not_there_is_told(client: httpx2.AsyncClient) -> None:
    body = {"by": "Li Wei", "reason": "x"}
    missing = await client.post("/api/v1/gaps/999999/accept", json=body)
    assert (missing.status_code, missing.json()["code"]) == (404, "LS-6018")
    for odd in ("0", "-1", "x", "1" * 30):
        assert (await client.post(f"/api/v1/gaps/{odd}/accept", json=body)).status_code == 422


async def test_notices_are_worded_in_the_language_asked_for(client: httpx2.AsyncClient) -> None:
    path = "/api/v1/notices"
    english = (await client.get(path, headers={"Accept-Language": "en"})).json()["items"]
    answer = await client.get(path, headers={"Accept-Language": "zh"})
    assert answer.headers["content-language"] == "zh"
    chinese = answer.json()["items"]
    assert english[0]["code"] == "LS-0000"  # unknown to this release: shown as it is
    assert english[1]["text"].startswith("Li Wei accepted gap 77 of demo/line-a")
    assert "接受" in chinese[1]["text"]
    assert chinese[1]["at"] == "2026-03-01T08:10:00+08:00"


async def test_dead_letters_tell_where_they_came_from_and_why(client: httpx2.AsyncClient) -> None:
    items = (await get(client, "dead-letters"))["items"]
    assert [item["seq"] for item in items] == [5, 4, 3, 2, 1]
    assert items[0]["edge"] == "line-a"
    assert items[-1]["edge"] is None
    assert items[0]["code"] == "LS-2022"
    assert len((await get(client, "dead-letters", edge="line-a"))["items"]) == 4


async def test_a_parameter_given_twice_is_refused_and_not_half_obeyed(
    client: httpx2.AsyncClient,
) -> None:
    response = await client.get("/api/v1/hierarchy", params=[("plant", "a"), ("plant", "b")])
    assert response.status_code == 422
    assert response.json()["code"] == "LS-6039"
    assert response.json()["errors"][0]["at"] == "query.plant"


async def test_latest_names_the_tag_that_is_not_known(client: httpx2.AsyncClient) -> None:
    short = await client.get("/api/v1/latest", params={"tag": "nope"})
    assert short.headers["content-type"] == "application/problem+json"
    assert (short.status_code, short.json()["errors"][0]["code"]) == (422, "LS-6034")
    absent = await client.get("/api/v1/latest", params={"tag": "demo/line-a/nope"})
    assert absent.headers["content-type"] == "application/problem+json"
    assert (absent.status_code, absent.json()["code"]) == (404, "LS-6012")
    assert "demo/line-a/nope" in absent.json()["detail"]


def _words(literal: object) -> list[str]:
    parts = get_args(literal)
    return [word for part in parts for word in _words(part)] if parts else [str(literal)]


@pytest.mark.parametrize("cause", _words(GapCause))
async def test_every_cause_of_a_gap_can_be_asked_for(
    client: httpx2.AsyncClient, cause: str
) -> None:
    found = (await get(client, "gaps", cause=cause))["items"]
    assert {gap["cause"] for gap in found} <= {cause}


@pytest.mark.parametrize(
    ("path", "name", "allowed"),
    [("/gaps", "cause", "device_down"), ("/alarms/active", "priority", "critical")],
)
async def test_a_word_out_of_a_fixed_list_is_told_the_list(
    client: httpx2.AsyncClient, path: str, name: str, allowed: str
) -> None:
    response = await client.get(f"/api/v1{path}", params={name: "gremlins"})
    assert response.headers["content-type"] == "application/problem+json"
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert (error["at"], error["code"]) == (f"query.{name}", "LS-6025")
    assert allowed in error["detail"]
