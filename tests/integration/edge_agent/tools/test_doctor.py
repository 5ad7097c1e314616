"""Doctor against the simulated plant, in both protocols, and a real broker."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from drivers.registry import connect
from edge_agent.config import EdgeConfig
from edge_agent.tools.diagnose import examine, examine_broker
from edge_agent.tools.doctor import broker_line, examined, expectations, lines
from ingest_server.embedded.broker import EmbeddedBroker
from runtime import messages
from runtime.clock import now_us
from runtime.errors import Reconfigure
from simulators.app import Simulation
from simulators.config import PlantConfig
from tests.integration.drivers.modbus_plc import Plc

Configure = Callable[..., EdgeConfig]
PLANT = {
    "lines": [
        {"name": "line-a", "protocol": "opcua", "machines": [{"name": "press-1"}]},
        {"name": "line-b", "protocol": "modbus", "machines": [{"name": "mill-1"}]},
    ]
}


def _devices(plant: Simulation) -> str:
    found = plant.ready()["lines"]
    assert isinstance(found, dict)
    return f"""
  - id: cell
    driver: opcua
    url: {found["line-a"]["endpoint"]}
    security: none
    groups:
      - every_ms: 100
        tags:
          - {{path: good, address: "nsu=urn:lineside:sim;s=line-a/press-1/good", dtype: u32}}
          - {{path: lost, address: "nsu=urn:lineside:sim;s=nobody", dtype: u32}}
  - id: gateway
    driver: modbus-tcp
    host: 127.0.0.1
    port: {found["line-b"]["port"]}
    groups:
      - every_ms: 100
        tags:
          - {{path: state, address: "holding:2", dtype: u16}}
"""


def _told(report: object) -> str:
    return "\n".join(
        messages.text(code, lang="en", **params)
        for code, params in lines(report)  # type: ignore[arg-type]
    )


async def test_both_protocols_are_examined_and_told(
    nats: EmbeddedBroker, configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Simulation(PlantConfig.model_validate(PLANT)) as plant:
        config = configure(_devices(plant), broker=nats.port)
        cell, gateway = [
            await examine(one, connect=connect, clock=now_us, reads=3, expected={})
            for one in config.devices
        ]
        assert await examined(config, device="gateway", reads=1, expected={}) == []
    assert [len(one.took_ms) for one in (*cell.groups, *gateway.groups)] == [3, 3]
    assert cell.groups[0].bad == {"0x80340000": 1}
    assert [(one.policy, one.mode) for one in cell.offers] == [("None", "None_")]
    assert cell.clock_off_s is not None
    assert abs(cell.clock_off_s) < 30
    assert "holding 2..2" in gateway.groups[0].requests[0]
    assert dict(gateway.points[0].decodings).keys() >= {"u16 AB", "u16 BA", "i16 AB"}
    shown = capsys.readouterr().out
    assert "gateway" in shown
    assert f"127.0.0.1:{nats.port}" in shown


async def test_a_plc_that_sends_beijing_time_as_utc_is_named(configure: Configure) -> None:
    async with Simulation(PlantConfig.model_validate(PLANT)) as plant:
        config = configure(_devices(plant), broker=1)
        behind_us = 8 * 3_600_000_000
        report = await examine(
            config.devices[0], connect=connect, clock=lambda: now_us() - behind_us, reads=1,
            expected={},
        )  # fmt: skip
    assert report.whole_hours == 8
    assert "offset_s: 28800" in _told(report)


async def test_the_byte_order_that_gives_the_expected_value_is_found(configure: Configure) -> None:
    async with Plc() as plc:
        high, low = struct.unpack(">HH", struct.pack(">f", 23.5))
        plc.unit().put("holding", 0, [low, high])
        config = configure(
            f"""
  - id: press
    driver: modbus-tcp
    host: 127.0.0.1
    port: {plc.port}
    groups: [{{every_ms: 100, tags: [{{path: temp, address: "holding:0", dtype: f32}}]}}]
""",
            broker=1,
        )
        expected = expectations(["temp=23.5"], config)
        report = await examine(
            config.devices[0], connect=connect, clock=now_us, reads=1, expected=expected
        )
        assert plc.writes == []
    assert report.points[0].fits == ["f32 CDAB"]
    assert "fits: f32 CDAB" in _told(report)


async def test_what_is_away_is_told_with_its_reason(configure: Configure, free_port: int) -> None:
    config = configure(
        f"""
  - id: press
    driver: modbus-tcp
    host: 127.0.0.1
    port: {free_port}
    groups: [{{every_ms: 100, tags: [{{path: temp, address: "holding:0", dtype: f32}}]}}]
""",
        broker=free_port,
    )
    report = await examine(config.devices[0], connect=connect, clock=now_us, reads=1, expected={})
    assert report.error is not None
    assert report.error.code in _told(report)
    [report] = await examine_broker(config)
    code, params = broker_line(report)
    assert code == "LS-4774"
    assert "LS-1101" in messages.text(code, lang="en", **params)
    nodes = config.broker.model_copy(update={"others": ["127.0.0.1:1", "127.0.0.1:2"]})
    told = await examine_broker(config.model_copy(update={"broker": nodes}))
    assert [each.address for each in told][1:] == ["127.0.0.1:1", "127.0.0.1:2"]
    with pytest.raises(Reconfigure):
        expectations(["tmp=1"], config)
