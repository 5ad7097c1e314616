"""Two plants on one server that use the same ids for edges, equipment, lines and rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ingest_server.plant.diff import PlanRefused
from ingest_server.receive.arrival import look_at
from ingest_server.receive.committer import Committer
from tests.integration.ingest_server.api.serving import TOKEN, app_of
from tests.integration.ingest_server.receive.model_edge import started
from tests.integration.ingest_server.usecases.conftest import PLAN, Apply, Rows
from wire.ids import EdgeId
from wire.topics import up

httpx2 = pytest.importorskip("httpx2")

SOUTH = (
    PLAN.replace("plant: demo", "plant: south")
    .replace("name: Demo", "name: South")
    .replace("Asia/Shanghai", "Europe/Berlin")
    .replace("name: Press\n", "name: Presse\n")
    .replace("name: Hot", "name: Heiss")
    .replace("A-100", "S-100")
    .replace("工单七", "S-7")
)
PLANTS = {"demo": ("A-100", 20), "south": ("S-100", 7)}


@pytest.fixture
def both(put: Apply, committer: Committer, drain: Callable[[], int]) -> None:
    """Both plants make pieces for an order of their own, and both raise the same rule at once."""
    put(PLAN)
    put(SOUTH)
    for plant, (order, pieces) in PLANTS.items():
        edge = EdgeId(plant=plant, edge="line-a")
        epoch = started(edge)
        epoch.sample([(4, order), (1, 100), (1, 100 + pieces), (1, 100 + pieces)])
        epoch.sample([(2, 90.0)] * 4)
        committer.handle([look_at(up(edge, "data"), record) for record in epoch.records])
    drain()


def test_a_second_plant_leaves_the_first_as_it_is(put: Apply, rows: Rows) -> None:
    put(PLAN)
    done = put(SOUTH)
    assert ("added", "equipment", "press") in {(c.action, c.kind, c.id) for c in done.changes}
    for table, names in (
        ("equipment", "equipment, name"),
        ("rule", "rule, name"),
        ("line", "line, name"),
        ("counter_binding", "equipment, path"),
        ("order_tag", "equipment, path"),
    ):
        found = rows(f"SELECT plant, {names} FROM {table} ORDER BY plant")
        assert [row[0] for row in found] == ["demo", "south"], table
    assert rows("SELECT plant, name FROM equipment ORDER BY plant") == [
        ("demo", "Press"),
        ("south", "Presse"),
    ]
    assert rows("SELECT plant, count(*) FROM work_order GROUP BY plant ORDER BY plant") == [
        ("demo", 2),
        ("south", 2),
    ]
    assert put(PLAN).version is None
    assert put(SOUTH).version is None


def test_what_one_plant_removes_the_other_keeps(put: Apply, rows: Rows) -> None:
    put(PLAN)
    put(SOUTH)
    start, end = SOUTH.index("equipment:"), len(SOUTH)
    put(SOUTH[:start] + SOUTH[end:])
    for table in ("equipment", "rule", "counter_binding", "work_order"):
        assert rows(f"SELECT DISTINCT plant FROM {table}") == [("demo",)]


def test_an_order_number_of_another_plant_is_refused(put: Apply, rows: Rows) -> None:
    put(PLAN)
    with pytest.raises(PlanRefused) as refused:
        put(SOUTH.replace("S-7", "A-100"))
    assert (refused.value.code, refused.value.params) == ("LS-5321", {"orders": "A-100"})
    assert rows("SELECT DISTINCT plant FROM plant") == [("demo",)]


@pytest.mark.usefixtures("both")
def test_each_plant_counts_its_own_pieces_for_its_own_orders(rows: Rows) -> None:
    found = rows("SELECT plant, equipment, run, sum(quantity) FROM production_1m "
                 "GROUP BY plant, equipment, run ORDER BY plant")  # fmt: skip
    assert found == [
        ("demo", "press", "order:A-100", 20.0),
        ("south", "press", "order:S-100", 7.0),
    ]


@pytest.mark.usefixtures("both")
def test_the_same_rule_raised_at_the_same_instant_is_two_alarms(put: Apply, rows: Rows) -> None:
    assert rows("SELECT plant, rule, state FROM alarm ORDER BY plant") == [
        ("demo", "hot", "B"),
        ("south", "hot", "B"),
    ]
    assert rows("SELECT plant, event FROM alarm_event ORDER BY plant") == [
        ("demo", "raised"),
        ("south", "raised"),
    ]
    put(SOUTH[: SOUTH.index("rules:")] + SOUTH[SOUTH.index("orders:") :])
    assert rows("SELECT plant, state FROM alarm ORDER BY plant") == [("demo", "B"), ("south", "D")]


@pytest.mark.usefixtures("both")
def test_a_counter_changed_in_one_plant_marks_only_its_minutes(put: Apply, rows: Rows) -> None:
    put(SOUTH.replace("role: good", "role: scrap"))
    assert rows("SELECT DISTINCT plant FROM production_dirty") == [("south",)]


@pytest.mark.usefixtures("both")
async def test_the_api_tells_the_plants_apart(migrated: str) -> None:
    app = app_of(migrated)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app),
            base_url="http://lineside.test",
            headers={"Authorization": f"Bearer {TOKEN}"},
        ) as client,
    ):

        async def get(path: str, **params: str) -> Any:
            response = await client.get(f"/api/v1/{path}", params=params)
            assert response.status_code == 200, response.text
            return response.json()

        for plant, (number, pieces) in PLANTS.items():
            order = await get(f"orders/{number}")
            assert (order["plant"], order["good"], order["running_on"]) == (
                plant,
                pieces,
                ["press"],
            )
            assert [(each["plant"], each["quantity"]) for each in order["made"]] == [
                (plant, pieces)
            ]
            assert [each["tag"] for each in order["feeds"]] == [f"{plant}/line-a/press/good"]
            trace = await get(f"orders/{number}/trace")
            assert [fact["tag"] for fact in trace["items"]] == [f"{plant}/line-a/press/good"]
            alarms = (await get("alarms/active", plant=plant))["items"]
            assert [(each["plant"], each["tag"]) for each in alarms] == [
                (plant, f"{plant}/line-a/press/temperature")
            ]
            journal = (await get("alarms/journal", plant=plant))["items"]
            assert [each["plant"] for each in journal] == [plant]
            tags = (await get("tags", plant=plant, equipment="press"))["items"]
            assert {each["tag"].split("/")[0] for each in tags} == {plant}
            assert all(len(each["equipment"]) == 1 for each in tags)
        names = {each["name"] for each in (await get("alarms/active"))["items"]}
        assert names == {"Hot", "Heiss"}
        assert len((await get("alarms/active"))["items"]) == 2
