"""OPC UA: an asyncua client sees one tick an answer, gets what is logged, can write nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua

from runtime.clock import from_datetime
from simulators.addresses import NAMESPACE, plant_tags
from simulators.app import Simulation
from simulators.opcua_values import VARIANTS
from simulators.truth import Truth
from tests.integration.simulators.conftest import (
    FastClock,
    busy,
    control_of,
    opcua_client,
    plant_of,
    read_nodes,
    replay,
)

Simulate = Callable[..., Simulation]


def plain(value: ua.DataValue) -> Any:
    assert value.Value is not None
    held = value.Value.Value
    return from_datetime(held) if value.Value.VariantType == ua.VariantType.DateTime else held


async def test_a_read_is_the_plant_at_one_tick(simulate: Simulate, tmp_path: Path) -> None:
    """Types, values and stamps of all tags; what is logged; refused writes; unknown nodes."""
    config = plant_of(opcua=[busy("m1"), busy("m2", extra={"counters": 20, "bits": 3})])
    tags = plant_tags(config)
    paths = [tag.path for tag in tags]
    async with simulate(config, clock=FastClock(5)) as running:
        ready: Any = running.ready()
        async with opcua_client(ready) as client:
            assert await client.get_namespace_index(NAMESPACE) == 2
            got: list[list[ua.DataValue]] = []
            while len({values[0].SourceTimestamp for values in got}) < 5 and len(got) < 2000:
                got.append(await read_nodes(client, paths))
            unknown = await read_nodes(client, ["line-a/m1/nothing", paths[0]])
            with pytest.raises(ua.UaStatusCodeError):
                await client.get_node(f"ns=2;s={paths[0]}").write_value(
                    ua.DataValue(ua.Variant(7, ua.VariantType.UInt32))
                )
            browsed = await client.get_node("ns=2;s=line-a/m2").get_children()
        start_us = ready["start_us"]
    assert unknown[0].StatusCode == ua.StatusCode(ua.StatusCodes.BadNodeIdUnknown)
    assert [node.nodeid.Identifier for node in browsed] == [
        path for path in paths if path.startswith("line-a/m2/")
    ]
    types = [value.Value.VariantType for value in got[0] if value.Value is not None]
    assert types == [VARIANTS[tag.dtype] for tag in tags]
    ticks = set()
    for values in got:
        (stamp,) = {value.SourceTimestamp for value in values}
        at_us = from_datetime(stamp)
        tick, rest = divmod(at_us - start_us, 50_000)
        assert rest == 0
        ticks.add(tick)
        plant = replay(config, tick)
        served = [v for machine in plant.machines.values() for v in machine.values(at_us)]
        assert [plain(value) for value in values] == served
    assert len(ticks) == 5, "the plant went on meanwhile"

    truth = Truth.load(tmp_path / "truth")
    answers = list(truth.answers())
    assert [a.value for a in answers[: len(got) * len(paths)]] == [plain(v) for g in got for v in g]
    assert answers[len(paths)].source_us == from_datetime(got[1][0].SourceTimestamp)
    assert answers[-1].tag == paths[0], "the unknown node is not logged, the known one is"
    (attempt,) = truth.write_attempts()
    assert attempt["target"] == f"ns=2;s={paths[0]}"
    assert attempt["answer"] == "BadUserAccessDenied"


class Notified:
    """Collects data changes as asyncua hands them out."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any, int, int]] = []

    def datachange_notification(self, node: Any, _value: object, data: Any) -> None:
        value = data.monitored_item.Value
        held = plain(value) if value.StatusCode.is_good() else None
        stamp = from_datetime(value.SourceTimestamp)
        self.got.append((node.nodeid.Identifier, held, stamp, value.StatusCode.value))


async def subscribe(client: Client, paths: list[str], to: Notified) -> Any:
    subscription = await client.create_subscription(50, to)
    await subscription.subscribe_data_change(
        [client.get_node(f"ns=2;s={path}") for path in paths], queuesize=100
    )
    return subscription


async def test_notifications_are_every_change_and_all_are_logged(
    simulate: Simulate, wait_for: Any, tmp_path: Path
) -> None:
    config = plant_of(opcua=[busy("m1"), busy("m2")])
    paths = [f"line-a/m1/{name}" for name in ("good", "scrap", "order", "temperature", "running")]
    notified = Notified()
    async with simulate(config, hold=True) as running:
        ready: Any = running.ready()
        async with control_of(ready) as control, opcua_client(ready) as client:
            subscription = await subscribe(client, paths, notified)
            await wait_for(lambda: len(notified.got) >= len(paths))
            await control("run")
            await wait_for(lambda: running.plant.machines["line-a/m1"].good_total >= 6)
            await control("halt")
            total = running.plant.machines["line-a/m1"].good_total
            await wait_for(
                lambda: [v for p, v, _, _ in notified.got if p == paths[0]][-1] == 65530 + total
            )
            await control("silence", machine="line-a/m1", seconds=60)
            await wait_for(lambda: {p for p, _, _, s in notified.got if s} == set(paths))
            await control("silence", machine="line-a/m1", seconds=0)
            await wait_for(lambda: notified.got[-1][3] == 0)
            await subscription.delete()
    goods = [value for path, value, _, status in notified.got if path == paths[0] and not status]
    assert goods[:-1] == list(range(65530, goods[-1] + 1)), "each part is its own notification"
    assert goods[-1] == goods[-2], "after the silence the value is told again"
    truth = Truth.load(tmp_path / "truth")
    assert goods[-1] - 65530 == truth.good("line-a/m1")
    logged = [
        (a.tag, a.value, a.source_us, a.status) for a in truth.answers() if a.how == "notified"
    ]
    assert logged == notified.got
    assert {status for _, _, _, status in logged} == {0, ua.StatusCodes.BadCommunicationError}


async def test_a_clock_off_the_true_time_shows_in_stamps_only(simulate: Simulate) -> None:
    config = plant_of(opcua=[busy("m1")])
    async with simulate(config) as running:
        ready: Any = running.ready()
        async with control_of(ready) as control, opcua_client(ready) as client:
            (before,) = await read_nodes(client, ["line-a/m1/plc_time"])
            assert (await control("clock", line="line-a", offset_s=-3600))["ok"]
            tick = running.plant.tick
            while running.plant.tick < tick + 2:
                await asyncio.sleep(0.01)
            (after,) = await read_nodes(client, ["line-a/m1/plc_time"])
            status = await control("status")
    stepped_s = (after.SourceTimestamp - before.SourceTimestamp).total_seconds()
    assert -3600 < stepped_s < -3590
    assert (plain(after) - plain(before)) // 1_000_000 in range(-3600, -3589)
    assert status["tick"] >= tick + 2


async def test_stamps_of_the_last_change_stay_until_the_next(simulate: Simulate) -> None:
    config = plant_of(opcua=[busy("m1")])
    line = config.lines[0].model_copy(update={"stamps": "change"})
    config = config.model_copy(update={"lines": [line]})
    async with simulate(config) as running, opcua_client(running.ready()) as client:
        paths = ["line-a/m1/order", "line-a/m1/temperature"]
        first = await read_nodes(client, paths)
        tick = running.plant.tick
        while running.plant.tick < tick + 12:
            await asyncio.sleep(0.01)
        second = await read_nodes(client, paths)
    assert second[0].SourceTimestamp == first[0].SourceTimestamp
    assert second[1].SourceTimestamp > first[1].SourceTimestamp
    assert second[1].Value != first[1].Value


async def test_a_silent_line_drops_its_clients_and_comes_back_on_its_port(
    simulate: Simulate, wait_for: Any
) -> None:
    config = plant_of(opcua=[busy("m1")])
    async with simulate(config) as running:
        ready: Any = running.ready()
        place = ready["lines"]["line-a"]
        reader, writer = await asyncio.open_connection(place["host"], place["port"])
        async with control_of(ready) as control:
            assert (await control("silence", line="line-a", seconds=60))["ok"]
            assert await reader.read() == b""
            writer.close()
            with pytest.raises(OSError, match="onnect"):
                await asyncio.open_connection(place["host"], place["port"])

            async def speaks() -> bool:
                return not (await control("status"))["silent"]

            assert not await speaks()
            await control("silence", line="line-a", seconds=0)
            await wait_for(speaks)
        async with opcua_client(ready) as client:
            (value,) = await read_nodes(client, ["line-a/m1/order"])
            assert plain(value) == "WO-m1-1"
        async with control_of(ready) as control:
            assert (await control("silence", line="line-a", seconds=60))["ok"]
    # It also stops while it is silent.
