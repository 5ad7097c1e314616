"""Each case in drivers/*/cases is a device as somebody had it, and what must come out of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from asyncua import ua

import drivers
from drivers import registry
from drivers.base import Columns, DeviceConfig
from drivers.scanner.config import ScannerDevice
from runtime.clock import now_us
from runtime.errors import RetryLater
from tests.integration.drivers.modbus_plc import Plc
from tests.integration.drivers.opcua_server import Machine
from wire import quality

FOLDER = Path(drivers.__file__).parent


def cases(driver: str) -> list[Any]:
    found = sorted((FOLDER / driver / "cases").glob("*/case.yaml"))
    assert found
    return [
        pytest.param(yaml.safe_load(path.read_text("utf-8")), id=path.parent.name) for path in found
    ]


def by_path(config: DeviceConfig, got: Columns) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for row, point in enumerate(got.point.tolist()):
        tag = config.points[point]
        column = {"i": got.i, "s": got.s}.get(tag.dtype.family, got.f)
        good = quality.has_value(got.q)[row] and column is not None
        values[tag.path] = column[row].item() if good and column is not None else None
    return values


async def read_twice(driver: str, case: dict[str, Any], **where: Any) -> None:
    model = registry.DRIVERS[driver].config
    config: Any = model.model_validate({"id": "case", "driver": driver, **where, **case["device"]})
    async with registry.connect(config, now_us) as device:
        for _ in range(2):
            got = [by_path(config, await device.read(group)) for group in range(len(config.groups))]
            assert {path: value for one in got for path, value in one.items()} == case["expect"]


@pytest.mark.parametrize("case", cases("modbus"))
async def test_modbus_case(case: dict[str, Any], plc: Plc) -> None:
    for number, given in case["units"].items():
        unit = plc.unit(number)
        unit.mood, unit.most = given.get("mood", "live"), given.get("most", 125)
        for table in unit.tables:
            unit.tables[table].update(given.get(table, {}))
    await read_twice("modbus-tcp", case, host="127.0.0.1", port=plc.port)
    assert plc.writes == []


async def test_opcua_cases() -> None:
    async with Machine() as machine:
        for parameter in cases("opcua"):
            (case,) = parameter.values
            for node in case["nodes"]:
                await machine.add(node["name"], node["value"], ua.VariantType[node["type"]])
            await read_twice("opcua", case, url=machine.url, security="none")
            assert machine.writes == []
            await machine.reset()


@pytest.mark.parametrize("case", cases("scanner"))
async def test_scanner_case(case: dict[str, Any]) -> None:
    async def send(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for chunk in case["chunks"]:
            writer.write(chunk.encode(case.get("encoding", "utf-8")))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(send, "127.0.0.1", 0)
    async with server:
        where = {"host": "127.0.0.1", "port": server.sockets[0].getsockname()[1]}
        config = ScannerDevice.model_validate(
            {"id": "case", "driver": "scanner", "connect": where, **case["device"]}
        )
        got: list[list[Any]] = []
        async with registry.connect(config, now_us) as device:
            with pytest.raises(RetryLater):
                async for columns in device.changes():
                    assert columns.s is not None
                    got += [
                        [config.points[point].path, text]
                        for point, text in zip(columns.point, columns.s, strict=True)
                    ]
    assert got == case["expect"]
