"""Dead letters over the API: shown with their bytes, taken in where that is right, dropped."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx2
import psycopg
import pytest

from ingest_server.receive.arrival import look_at
from ingest_server.receive.committer import Committer
from ingest_server.store.migrate import migrate
from runtime.clock import now_us
from tests.integration.ingest_server.api.serving import Serve
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import Epoch, fill, started
from wire.ids import EdgeId
from wire.topics import up

EDGE = EdgeId(plant="demo", edge="line-a")
TOPIC = up(EDGE, "data")


@pytest.fixture
def plant_dsn(any_dsn: str) -> Iterator[str]:
    """A database of its own for each test, on both kinds."""
    migrate(any_dsn)
    yield any_dsn


@pytest.fixture
def epoch(plant_dsn: str) -> Epoch:
    """A stream that waits for its last record, which an older release put aside."""
    epoch = started(EDGE)
    fill(epoch, records=3, rows=2)
    handle(plant_dsn, *epoch.records[:-1])
    put_aside(plant_dsn, epoch.records[-1])
    return epoch


def handle(dsn: str, *records: bytes) -> None:
    committer = Committer(dsn, clock=now_us)
    try:
        committer.handle([look_at(TOPIC, record) for record in records])
    finally:
        committer.close()


def put_aside(dsn: str, content: bytes) -> None:
    with psycopg.connect(dsn, options="-c search_path=lineside,public") as connection:
        connection.execute(
            "INSERT INTO dead_letter (sha256, topic, code, reason, size, bytes) "
            "VALUES (sha256(%s), %s, 'LS-2012', 'LS-2012(version=9)', %s, %s)",
            (content, TOPIC, len(content), content),
        )


async def ask(client: httpx2.AsyncClient, path: str, status: int = 200, **body: Any) -> Any:
    address = f"/api/v1/dead-letters{path}"
    answer = await (client.post(address, json=body) if body else client.get(address))
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_letter_is_shown_with_its_bytes_and_taken_in_once(
    client: httpx2.AsyncClient, plant_dsn: str, epoch: Epoch
) -> None:
    [listed] = (await ask(client, ""))["items"]
    assert (listed["replayed_by"], listed["replayed_at"]) == (None, None)
    number = listed["id"]
    shown = await ask(client, f"/{number}")
    assert base64.b64decode(shown.pop("content")) == epoch.records[-1]
    assert shown == listed
    assert await ask(client, f"/{number}/replay", by="Mei") == {"id": number, "readings": 2}
    assert stored(plant_dsn) == wanted(epoch)
    again = await ask(client, f"/{number}/replay", 409, by="Mei")
    assert again["code"] == "LS-5666"
    assert stored(plant_dsn) == wanted(epoch)
    marked = await ask(client, f"/{number}")
    assert marked["replayed_by"] == "Mei"
    assert marked["replayed_at"] is not None


async def test_a_letter_that_cannot_be_taken_in_says_why_and_changes_nothing(
    client: httpx2.AsyncClient, plant_dsn: str, epoch: Epoch
) -> None:
    put_aside(plant_dsn, b"short")
    before = stored(plant_dsn)
    numbers = {one["size"]: one["id"] for one in (await ask(client, ""))["items"]}
    refused = await ask(client, f"/{numbers[5]}/replay", 409, by="Mei")
    assert refused["code"] == "LS-5665"
    assert stored(plant_dsn) == before
    assert len(epoch.records) == 5


async def test_a_letter_is_dropped_with_name_and_reason(
    client: httpx2.AsyncClient, plant_dsn: str, epoch: Epoch
) -> None:
    [listed] = (await ask(client, ""))["items"]
    path = f"/{listed['id']}"
    assert (await ask(client, f"{path}/drop", 422, by="Mei"))["errors"][0]["at"] == "body.reason"
    assert await ask(client, f"{path}/drop", by="Mei", reason="a test") == {"id": listed["id"]}
    assert (await ask(client, path, 404))["code"] == "LS-6053"
    for deed in ("drop", "replay"):
        said = {"by": "Mei"} | ({"reason": "again"} if deed == "drop" else {})
        assert (await ask(client, f"{path}/{deed}", 404, **said))["code"] == "LS-6053"
    told = "SELECT params ->> 'by', params ->> 'reason' FROM notice WHERE code = 'LS-5662'"
    assert rows(plant_dsn, told) == [("Mei", "a test")]
    assert len(epoch.truth) > len(stored(plant_dsn))


async def test_a_database_that_is_away_is_said_to_be(serve: Serve) -> None:
    async with serve("postgresql://x@127.0.0.1:1/none") as client:
        for deed in ("drop", "replay"):
            said = {"by": "Mei"} | ({"reason": "a test"} if deed == "drop" else {})
            assert (await ask(client, f"/1/{deed}", 503, **said))["code"] == "LS-6006"
