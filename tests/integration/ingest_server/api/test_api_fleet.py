"""The fleet over the API: what edges should run, what they were asked, who declared their state."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx2
import psycopg
import pytest

from tests.integration.ingest_server.api.serving import NOW

TEXT = "plant: ${LINESIDE_PLANT}\nedge: ${LINESIDE_EDGE}\nbroker: {password: {env: PW}}\n"
EDGES = [{"plant": "demo", "edge": "line-a"}, {"plant": "demo", "edge": "line-b"}]


@pytest.fixture(autouse=True)
def as_found(sql: psycopg.Connection[Any]) -> Iterator[None]:
    """Leave the database as it was: other modules' tests look at the same one."""
    [last] = sql.execute("SELECT coalesce(max(notice_id), 0) FROM notice").fetchone() or (0,)
    edges = sql.execute(
        "SELECT state, status::text, plant, edge FROM edge ORDER BY edge_id"
    ).fetchall()
    yield
    sql.execute("DELETE FROM notice WHERE notice_id > %s", (last,))
    sql.execute("DELETE FROM command")
    sql.execute("DELETE FROM edge_config")
    for edge in edges:
        sql.execute(
            "UPDATE edge SET state = %s, status = %s::jsonb WHERE plant = %s AND edge = %s", edge
        )


async def post(client: httpx2.AsyncClient, path: str, status: int = 200, **body: Any) -> Any:
    answer = await client.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def get(client: httpx2.AsyncClient, path: str, status: int = 200) -> Any:
    answer = await client.get(f"/api/v1/{path}")
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_configuration_is_pushed_to_many_with_a_result_for_each(
    client: httpx2.AsyncClient, sql: psycopg.Connection[Any]
) -> None:
    edges = [*EDGES, {"plant": "demo", "edge": "unheard-of"}]
    for wanted in (1, 2):
        found = await post(client, "edges/config", edges=edges, text=TEXT, by="Mei", note="new")
        told = [(one["edge"], one["version"], one["code"]) for one in found["items"]]
        assert told == [
            ("line-a", wanted, None),
            ("line-b", wanted, None),
            ("unheard-of", None, "LS-5677"),
        ]
    listed = (await get(client, "edges/demo/line-a/config"))["items"]
    assert [(one["version"], one["state"], one["by"]) for one in listed] == [
        (2, "waiting", "Mei"),
        (1, "superseded", "Mei"),
    ]
    assert (await get(client, "edges/demo/line-a/config/1"))["text"] == TEXT
    assert (await get(client, "edges/demo/line-a/config/9", 404))["code"] == "LS-5680"
    said = (await get(client, "edges/demo/line-a"))["configuration"]
    assert (said["state"], said["wanted_version"], said["pushed_by"]) == ("waiting", 2, "Mei")

    # An edge whose version is above all given here: this database was put back.
    status = {"config_version": 7, "config_sha256": hashlib.sha256(TEXT.encode()).hexdigest()}
    sql.execute(
        "UPDATE edge SET status = coalesce(status, '{}') || %s::jsonb WHERE edge = 'line-a' "
        "AND plant = 'demo'",
        (psycopg.types.json.Jsonb(status),),
    )
    said = (await get(client, "edges/demo/line-a"))["configuration"]
    assert (said["state"], said["running_version"]) == ("running", 7)
    [again] = (await post(client, "edges/config", edges=EDGES[:1], text="plant: demo", by="Mei"))[
        "items"
    ]
    assert again["version"] == 8


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("plant: demo\nbroker: {password: hunter2}\n", "LS-5673", "body.text:2"),
        ("plant: demo\nplant: demo\n", "LS-1009", "body.text:2"),
        ("- a list", "LS-1008", "body.text:0"),
        ("plant: demo\nname: '" + "x" * 270_000 + "'\n", "LS-5672", "body.text:1"),
    ],
)
async def test_a_text_that_no_edge_could_run_is_refused_as_a_whole(
    client: httpx2.AsyncClient, text: str, code: str, at: str
) -> None:
    found = await post(client, "edges/config", 422, edges=EDGES, text=text, by="Mei")
    assert found["code"] == "LS-6052"
    assert code in [one["code"] for one in found["errors"]]
    assert at in [one["at"] for one in found["errors"]]
    assert "hunter2" not in str(found)


async def test_the_configuration_of_another_edge_is_not_pushed(client: httpx2.AsyncClient) -> None:
    text = "plant: demo\nedge: line-a\n"
    found = await post(client, "edges/config", edges=EDGES[1:], text=text, by="Mei")
    [one] = found["items"]
    assert (one["version"], one["code"]) == (None, "LS-5679")
    assert "demo/line-a" in one["detail"]


async def test_a_state_is_declared_with_name_and_reason_and_nothing_waits_for_it(
    client: httpx2.AsyncClient, sql: psycopg.Connection[Any]
) -> None:
    before = (await get(client, "edges/demo/line-b"))["state"]
    path = "edges/demo/line-b/state"
    try:
        found = await post(client, path, state="retired", by="Mei", reason="line is sold")
        assert (found["state"], found["by"], found["reason"]) == ("retired", "Mei", "line is sold")
        assert (await post(client, path, state="retired", by="Li", reason="x"))["by"] == "Mei"
        notices = (await get(client, "notices?edge=line-b"))["items"]
        assert [one["code"] for one in notices[:1]] == ["LS-5674"]
        [push] = (await post(client, "edges/config", edges=EDGES[1:], text=TEXT, by="Mei"))["items"]
        assert push["code"] == "LS-5678"
        # With every edge of its counters gone an order is as complete as it will ever be.
        sql.execute("UPDATE edge SET state = 'retired' WHERE plant = 'demo'")
        order = await get(client, "orders/WO-1")
        assert order["feeds"]
        assert not any(feed["in_service"] for feed in order["feeds"])
        assert order["complete_to"].startswith(NOW.replace(hour=10).strftime("%Y-%m-%dT%H:%M"))
    finally:
        sql.execute("UPDATE edge SET state = 'in_service' WHERE plant = 'demo'")
        sql.execute(
            "UPDATE edge SET state = %s WHERE plant = 'demo' AND edge = 'line-b'", (before,)
        )
    body = {"state": "retired", "by": "Mei", "reason": "gone"}
    assert (await post(client, "edges/demo/nobody/state", 404, **body))["code"] == "LS-6011"


async def test_an_edge_is_asked_and_its_answers_are_listed(client: httpx2.AsyncClient) -> None:
    asked = await post(client, "edges/demo/line-b/ping", by="Mei")
    assert (asked["kind"], asked["state"], asked["sent"]) == ("ping", "waiting", 0)
    listed = (await get(client, "edges/demo/line-b/commands"))["items"]
    assert asked in listed


async def test_another_computer_takes_an_edges_place(
    client: httpx2.AsyncClient, sql: psycopg.Connection[Any]
) -> None:
    await post(client, "edges/config", edges=EDGES[:1], text=TEXT, by="Mei")
    found = await post(client, "edges/demo/line-a/replace", by="Mei", reason="the disk died")
    assert (found["version"], found["orders"]) == (2, 0)
    assert found["online"] is True  # so the old one has to be stopped first
    assert "demo/line-a" in found["to_do"]
    noted = sql.execute("SELECT params ->> 'reason' FROM notice WHERE code = 'LS-5676'").fetchall()
    assert noted == [("the disk died",)]
    missing = await post(client, "edges/demo/nobody/replace", 404, by="Mei", reason="x")
    assert missing["code"] == "LS-6011"
