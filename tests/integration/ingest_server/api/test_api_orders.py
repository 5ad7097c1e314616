"""Order progress, what no order is given, and the trace to the readings, on a real database."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.integration.ingest_server.api.serving import Serve


async def get(client: httpx2.AsyncClient, path: str, **params: Any) -> Any:
    response = await client.get(f"/api/v1/{path}", params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def test_an_order_says_how_far_it_is_and_up_to_when(client: httpx2.AsyncClient) -> None:
    orders = {each["order"]: each for each in (await get(client, "orders"))["items"]}
    first = orders["WO-1"]
    assert (first["required"], first["good"], first["scrap"]) == (100, 105, 0)
    # Nothing is capped.
    assert (first["percent"], first["remaining"], first["over"]) == (105.0, 0, 5)
    assert first["state"] == "completed"
    assert first["complete_to"] == "2026-03-01T09:59:00+08:00"
    assert first["running_on"] == []
    second = orders["WO-2"]
    assert (second["good"], second["remaining"], second["percent"]) == (7, 13, 35.0)
    assert (second["state"], second["running_on"]) == ("in_progress", ["press-1"])
    third = orders["WO/3"]
    assert (third["percent"], third["state"]) == (None, "released")
    assert third["complete_to"] == "2026-03-01T08:30:00+08:00"
    assert first["due"] == "2026-03-02T08:00:00+08:00"


async def test_orders_are_found_by_number_product_and_equipment(
    client: httpx2.AsyncClient,
) -> None:
    async def numbers(**params: Any) -> list[str]:
        return [each["order"] for each in (await get(client, "orders", **params))["items"]]

    assert await numbers(q="base") == ["WO-2"]
    assert await numbers(q="_") == ["WO/3"]
    assert await numbers(equipment="press-2") == ["WO/3"]
    assert await numbers(line="press") == ["WO-1", "WO-2", "WO/3"]
    assert await numbers(plant="nord") == []


async def test_one_order_shows_what_its_figures_are_made_of(client: httpx2.AsyncClient) -> None:
    found = await get(client, "orders/WO-2")
    listed = (await get(client, "orders", q="WO-2"))["items"][0]
    assert {name: found[name] for name in listed} == listed
    assert found["made"] == [
        {
            "plant": "demo",
            "equipment": "press-1",
            "role": "good",
            "quantity": 7,
            "first": "2026-03-01T08:02:00+08:00",
            "last": "2026-03-01T08:02:00+08:00",
        }
    ]
    assert [feed["tag"] for feed in found["feeds"]] == ["demo/line-a/press-1/count"]
    first = await get(client, "orders/WO-1")
    assert first["not_attributed"] == []
    unknown = await client.get("/api/v1/orders/WO-9")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "LS-6036")


async def test_an_edge_that_is_out_of_service_does_not_hold_figures_back(
    client: httpx2.AsyncClient, sql: Any
) -> None:
    sql.execute("UPDATE edge SET state = 'planned_off' WHERE edge = 'line-b'")
    try:
        found = await get(client, "orders/WO%2F3")
        assert {feed["in_service"] for feed in found["feeds"]} == {False}
        assert found["complete_to"] == "2026-03-01T10:00:00+08:00"  # now: nothing more is to come
    finally:
        sql.execute("UPDATE edge SET state = 'in_service' WHERE edge = 'line-b'")


async def test_a_counter_that_never_reported_makes_completeness_unknown(
    client: httpx2.AsyncClient, sql: Any
) -> None:
    sql.execute(
        "INSERT INTO counter_binding (equipment, role, plant, edge, path, kind)"
        " VALUES ('press-2', 'scrap', 'demo', 'line-z', 'scrap', 'pulse')"
    )
    try:
        found = await get(client, "orders/WO%2F3")
        assert found["complete_to"] is None
        assert [feed["complete_to"] for feed in found["feeds"]] == [
            None,
            "2026-03-01T08:30:00+08:00",
        ]
    finally:
        sql.execute("DELETE FROM counter_binding WHERE edge = 'line-z'")


async def test_production_without_an_order_is_visible_by_equipment(
    client: httpx2.AsyncClient,
) -> None:
    items = (await get(client, "production/unattributed"))["items"]
    assert [
        (each["equipment"], each["role"], each["unassigned"], each["unallocated"]) for each in items
    ] == [("press-1", "good", 10, 5), ("press-2", "total", 3, 0)]
    assert items[0]["name"] == "Press 1"
    early = await get(client, "production/unattributed", to="2026-03-01T00:01:00Z")
    assert [(each["unassigned"], each["unallocated"]) for each in early["items"]] == [(10, 0)]
    backwards = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}
    refused = await client.get("/api/v1/production/unattributed", params=backwards)
    assert refused.json()["code"] == "LS-6014"


async def test_a_figure_traces_back_to_readings_rule_and_who_assigned_it(
    client: httpx2.AsyncClient,
) -> None:
    trace = await get(client, "orders/WO-1/trace")
    assert [fact["quantity"] for fact in trace["items"]] == [70, 35]
    assert trace["items"][1] == {
        "quantity": 35.0,
        "role": "good",
        "plant": "demo",
        "equipment": "press-1",
        "tag": "demo/line-a/press-1/count",
        "from": {"ts": "2026-03-01T08:02:00+08:00", "value": 1080.0},
        "to": {"ts": "2026-03-01T08:02:10+08:00", "value": 35.0},
        "rule": {
            "cause": "reset",
            "kind": "cumulative",
            "modulus": "4294967296",
            "factor": 1.0,
            "discontinuous": False,
        },
        "assigned_by": {
            "source": "plc",
            "author": "demo/line-a/press-1/recipe",
            "at": "2026-03-01T08:00:30+08:00",
        },
        "record": {"epoch": "00000000-0000-0000-0000-000000000001", "class": "key", "seq": 4},
    }


async def test_the_trace_of_each_order_adds_up_to_its_figure(client: httpx2.AsyncClient) -> None:
    for order in (await get(client, "orders"))["items"]:
        if "/" in order["order"]:
            continue
        trace = await get(client, f"orders/{order['order']}/trace")
        assert sum(fact["quantity"] for fact in trace["items"]) == order["good"]


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_a_trace_gives_the_same_facts_whatever_the_page(
    client: httpx2.AsyncClient, limit: int
) -> None:
    whole = (await get(client, "orders/WO-1/trace"))["items"]
    items: list[Any] = []
    more: dict[str, str] = {}
    while True:
        page = await get(client, "orders/WO-1/trace", limit=limit, **more)
        items += page["items"]
        if page["next"] is None:
            break
        more = {"cursor": page["next"]}
    assert items == whole


async def test_the_trace_of_an_unknown_order_is_not_empty_but_refused(
    plant_dsn: str, serve: Serve
) -> None:
    async with serve(plant_dsn, lang="zh") as client:
        response = await client.get("/api/v1/orders/WO-9/trace")
    assert response.status_code == 404
    assert "工单 WO-9" in response.json()["detail"]


async def test_an_order_that_only_a_person_completes_stays_open_beyond_its_quantity(
    client: httpx2.AsyncClient, sql: Any
) -> None:
    sql.execute("UPDATE work_order SET completes = 'explicit' WHERE order_no = 'WO-1'")
    try:
        assert (await get(client, "orders/WO-1"))["state"] == "in_progress"
    finally:
        sql.execute("UPDATE work_order SET completes = 'quantity' WHERE order_no = 'WO-1'")
