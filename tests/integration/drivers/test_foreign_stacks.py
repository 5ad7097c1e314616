"""The drivers against servers of other makes: node-opcua, modbus-serial, jsmodbus."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from drivers.base import Columns, Device
from drivers.modbus.config import ModbusDevice, ModbusRtuTcpDevice
from drivers.modbus.driver import ModbusConnection
from drivers.opcua.config import OpcUaDevice
from drivers.opcua.driver import OpcUaConnection
from drivers.opcua.security import own_certificate
from runtime.clock import from_datetime, now_us
from runtime.errors import Reconfigure, RetryLater
from tests.node import NodeServer, packages
from wire import quality

pytestmark = pytest.mark.needs_foreign

READS = {
    "GetEndpointsRequest",
    "CreateSessionRequest",
    "ActivateSessionRequest",
    "CloseSessionRequest",
    "CloseSecureChannelRequest",
    "OpenSecureChannelRequest",
    "ReadRequest",
    "CreateSubscriptionRequest",
    "CreateMonitoredItemsRequest",
    "PublishRequest",
    "DeleteSubscriptionsRequest",
    "DeleteMonitoredItemsRequest",
}
"""All that may be asked of an OPC UA server."""


@pytest.fixture(scope="session")
def modules() -> Path:
    return packages("foreign")


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("foreign identity")
    path, _ = own_certificate(folder)
    names = (
        x509.load_der_x509_certificate(path.read_bytes())
        .extensions.get_extension_for_class(x509.SubjectAlternativeName)
        .value.get_values_for_type(x509.UniformResourceIdentifier)
    )
    return {"certificate": str(path), "key": str(folder / "private_key.pem"), "uri": names[0]}


@pytest.fixture
def opcua(
    modules: Path, identity: dict[str, str], free_port: int, tmp_path: Path
) -> Callable[..., NodeServer]:
    def make(**more: Any) -> NodeServer:
        told = {"policies": ["None"], "trust": True, "most": 0, "many": 0, **identity, **more}
        return NodeServer(
            "foreign/opcua.js", modules, port=free_port, pki=str(tmp_path / "pki"), **told
        )

    return make


@pytest.fixture
async def modbus(modules: Path, free_port: int) -> AsyncIterator[NodeServer]:
    async with NodeServer("foreign/modbus.js", modules, port=free_port) as running:
        yield running
        assert (await running.log())["writes"] == 0


def tag(path: str, dtype: str, address: str = "", **more: Any) -> dict[str, Any]:
    return {"path": path, "dtype": dtype, "address": address or f"ns=1;s={path}", **more}


def reads(port: int, *groups: list[dict[str, Any]] | dict[str, Any], **more: Any) -> Device:
    config = OpcUaDevice.model_validate(
        {
            "id": "cnc",
            "driver": "opcua",
            "url": f"opc.tcp://127.0.0.1:{port}/machine",
            "security": "none",
            "timeout_ms": 5_000,
            "groups": [
                {"every_ms": 50, "tags": group} if isinstance(group, list) else group
                for group in groups
            ],
            **more,
        }
    )
    return OpcUaConnection(config, now_us)


def units(port: int, *groups: list[dict[str, Any]], rtu: bool = False) -> ModbusConnection:
    model = ModbusRtuTcpDevice if rtu else ModbusDevice
    config = model.model_validate(
        {
            "id": "press",
            "driver": "modbus-rtu-tcp" if rtu else "modbus-tcp",
            "host": "127.0.0.1",
            "port": port,
            "timeout_ms": 300,
            "groups": [{"every_ms": 100, "tags": tags} for tags in groups],
        }
    )
    return ModbusConnection(config, now_us, lot=lambda: 0.0)


def values(columns: Columns) -> list[int | None]:
    good = quality.has_value(columns.q).tolist()
    return [value if ok else None for value, ok in zip(columns.i.tolist(), good, strict=True)]


def word(address: int, unit: int = 1) -> int:
    """What the Modbus server has in its holding registers."""
    return (address + 256 * unit) & 0xFFFF


def status(columns: Columns) -> list[int]:
    return [code & quality.STATUS_MASK for code in columns.q.tolist()]


async def test_every_type_of_another_opcua_server_arrives_exactly(
    opcua: Callable[..., NodeServer], free_port: int
) -> None:
    integers = {
        "bool": 1,
        "i8": -128,
        "u8": 255,
        "i16": -(2**15),
        "u16": 2**16 - 1,
        "i32": -(2**31),
        "u32": 2**32 - 1,
        "i64": -(2**63),
        "time": from_datetime(datetime(2026, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)),
    }
    tags = [tag(name, name) for name in integers]
    others = [
        tag("u64", "u64"),
        tag("f32", "f32"),
        tag("f64", "f64"),
        tag("nan", "f64"),
        tag("str", "str"),
        tag("element", "i32", "ns=1;s=row[2]"),
        tag("gone", "i32", "ns=1;s=not-there"),
        tag("wrong", "u16", "ns=1;s=str"),
    ]
    async with opcua() as server, reads(free_port, tags, others) as running:
        before_us = now_us() - 60_000_000
        got = await running.read(0)
        assert got.i.tolist() == list(integers.values())
        assert status(got) == [quality.GOOD] * len(integers)
        assert got.source_us is not None
        assert all(at == 0 or before_us < at <= now_us() + 1_000_000 for at in got.source_us)
        more = await running.read(1)
        assert more.s is not None
        assert more.s[0] == str(2**64 - 1)
        assert more.f[1:3].tolist() == [21.5, 0.1]
        assert more.s[4] == "订单 A-17"
        assert values(more)[5] == 9
        good = quality.has_value(more.q).tolist()
        assert good == [True, True, True, False, True, True, False, False]
        assert more.q[3] & quality.NOT_FINITE
        asked = await server.log()
    assert set(asked) <= READS


async def test_each_value_carries_its_own_address_whatever_the_other_servers_limit(
    opcua: Callable[..., NodeServer], free_port: int
) -> None:
    count = 450
    polled = [tag(f"n{n}", "i32") for n in range(count)]
    subscribed = [tag(f"s{n}", "i32", f"ns=1;s=n{n}") for n in range(count)]
    group = {"every_ms": 100, "mode": "subscribe", "tags": subscribed}
    async with opcua(most=100, many=count) as server, reads(free_port, polled, group) as running:
        assert len(running.requests(0)) == 5
        assert values(await running.read(0)) == list(range(count))
        heard: dict[int, int] = {}
        async with asyncio.timeout(15):
            async for columns in running.changes():
                heard.update(zip(columns.point.tolist(), columns.i.tolist(), strict=True))
                if len(heard) == count:
                    break
        assert heard == {count + n: n for n in range(count)}
        assert set(await server.log()) <= READS


async def test_changes_of_another_opcua_server_are_reported_until_it_vanishes(
    opcua: Callable[..., NodeServer], free_port: int
) -> None:
    group = {
        "every_ms": 50,
        "sampling_ms": 20,
        "queue_size": 100,
        "mode": "subscribe",
        "tags": [tag("i32", "i32"), tag("f32", "f32"), tag("str", "str")],
    }
    heard: list[tuple[int, Any]] = []

    async def listen(running: Device) -> None:
        async for columns in running.changes():
            for row, point in enumerate(columns.point.tolist()):
                column = [columns.i, columns.f, columns.s][point]
                assert column is not None
                heard.append((point, column[row]))

    async def until(*expected: tuple[int, Any]) -> None:
        end = time.monotonic() + 10
        while not set(expected) <= set(heard):
            assert time.monotonic() < end, heard
            await asyncio.sleep(0.01)

    async with opcua() as server:
        async with reads(free_port, group) as running:
            listening = asyncio.create_task(listen(running))
            await until((0, -(2**31)), (1, 21.5), (2, "订单 A-17"))
            await server.tell(set=["i32", 42])
            await server.tell(set=["str", "新"])
            await until((0, 42), (2, "新"))
            await server.kill()
            with pytest.raises(RetryLater):
                await asyncio.wait_for(listening, 10)
        # A fresh connection to the restarted one; the old one stays dead.
        await server.start()
        async with reads(free_port, [tag("i32", "i32")]) as fresh:
            assert values(await fresh.read(0)) == [-(2**31)]


POLICIES = ["Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss"]


async def test_secure_channels_to_another_opcua_server(
    opcua: Callable[..., NodeServer], identity: dict[str, str], free_port: int, tmp_path: Path
) -> None:
    pin = hashlib.sha256(Path(identity["certificate"]).read_bytes()).hexdigest()
    async with opcua(policies=POLICIES):
        for policy in POLICIES:
            for mode in ("Sign", "SignAndEncrypt"):
                security = {
                    "policy": policy.replace("_", ""),
                    "mode": mode,
                    "server_sha256": pin,
                    "certificate_dir": str(tmp_path / "ours"),
                }
                user = {"name": "line", "password": "s3cret"}
                more = {"security": security, "user": user}
                async with reads(free_port, [tag("u16", "u16")], **more) as running:
                    assert values(await running.read(0)) == [65_535]
        wrong = {"security": security, "user": {"name": "line", "password": "guess"}}
        with pytest.raises(Reconfigure) as refused:
            await reads(free_port, [tag("u16", "u16")], **wrong).__aenter__()
        assert refused.value.code == "LS-3214"
        other = {"security": {**security, "server_sha256": "0" * 64}}
        with pytest.raises(Reconfigure) as changed:
            await reads(free_port, [tag("u16", "u16")], **other).__aenter__()
        assert changed.value.code == "LS-3212"
        with pytest.raises(Reconfigure) as weaker:
            await reads(free_port, [tag("u16", "u16")]).__aenter__()
        assert weaker.value.code == "LS-3213"


async def test_another_opcua_server_that_does_not_trust_us_is_told_of_as_such(
    opcua: Callable[..., NodeServer], identity: dict[str, str], free_port: int, tmp_path: Path
) -> None:
    security = {
        "policy": "Basic256Sha256",
        "mode": "SignAndEncrypt",
        "server_sha256": hashlib.sha256(Path(identity["certificate"]).read_bytes()).hexdigest(),
        "certificate_dir": str(tmp_path / "ours"),
    }
    async with opcua(policies=["Basic256Sha256"], trust=False):
        # It does not say why, it hangs up.
        with pytest.raises(RetryLater) as caught:
            await reads(free_port, [tag("u16", "u16")], security=security).__aenter__()
    assert caught.value.code == "LS-3224"
    assert caught.value.params["certificate"] == tmp_path / "ours"


async def test_all_tables_and_limits_of_another_modbus_server(modbus: NodeServer) -> None:
    port = modbus.ready["tcp"]
    tags = [
        tag("h5", "u16", "holding:5", unit_id=1),
        tag("h5-of-2", "u16", "holding:5", unit_id=2),
        tag("i7", "u16", "input:7", unit_id=3),
        tag("c0", "bool", "coil:2", unit_id=1),
        tag("d0", "bool", "discrete:0", unit_id=1),
        tag("u32", "u32", "holding:10", unit_id=1),
        tag("u64", "u64", "holding:20", word_order="CDAB", unit_id=1),
    ]
    # Around addresses that do not exist, 1000 to 1999.
    edge = [tag(f"e{n}", "u16", f"holding:{n}", unit_id=1) for n in range(990, 1010)]
    long = [tag(f"l{n}", "u16", f"holding:{n}", unit_id=1) for n in range(3000, 3400)]
    async with units(port, tags, edge, long) as running:
        wide = sum(word(20 + n) << 16 * n for n in range(4))
        expected = [word(5), word(5, 2), 0x4000 + word(7, 3), 1, 1, word(10) << 16 | word(11), wide]
        assert values(await running.read(0)) == expected
        for _ in range(2):
            got = await running.read(1)
            assert values(got) == [word(n) if n < 1000 else None for n in range(990, 1010)]
            assert set(status(got)[10:]) == {quality.BAD_CONFIGURATION}
        assert values(await running.read(2)) == [word(n) for n in range(3000, 3400)]


async def test_a_silent_unit_behind_another_modbus_server_costs_one_time_out(
    modbus: NodeServer,
) -> None:
    tags = [tag(f"u{unit}", "u16", "holding:0", unit_id=unit) for unit in (1, 9, 2)]
    async with units(modbus.ready["tcp"], tags) as running:
        began_s = time.monotonic()
        for _ in range(10):
            assert values(await running.read(0)) == [256, None, 512]
        assert time.monotonic() - began_s < 0.3 + 0.3
        assert running.counts["timeouts"] == 1


async def test_another_modbus_server_vanishes_and_comes_back(modbus: NodeServer) -> None:
    tags = [tag("a", "u16", "holding:3")]
    port = modbus.ready["tcp"]
    async with units(port, tags) as running:
        assert values(await running.read(0)) == [259]
        await modbus.kill()
        with pytest.raises(RetryLater):
            end = time.monotonic() + 10
            while time.monotonic() < end:
                await running.read(0)
        await modbus.start()
        with pytest.raises(RetryLater):
            await running.read(0)
    async with units(port, tags) as fresh:
        assert values(await fresh.read(0)) == [259]


async def test_rtu_frames_of_another_make(modbus: NodeServer) -> None:
    tags = [
        *(tag(f"h{n}", "u16", f"holding:{n}") for n in (0, 7, 99, 300)),
        tag("f", "f32", "holding:100"),
        tag("i", "u16", "input:5"),
        *(tag(f"c{n}", "bool", f"coil:{n}") for n in range(16)),
        *(tag(f"d{n}", "bool", f"discrete:{n + 1000}") for n in range(16)),
    ]
    long = [tag(f"l{n}", "u16", f"holding:{n}") for n in range(400, 525)]
    bits = [(n // 8 * 37 & 0xFF) >> n % 8 & 1 for n in range(1024)]
    async with units(modbus.ready["rtu"], tags, long, rtu=True) as running:
        for _ in range(3):
            got = await running.read(0)
            assert values(got)[:4] == [0, 0x0707, 99 * 0x0101, 300 * 0x0101 & 0xFFFF]
            assert got.f[4] == 21.5
            assert values(got)[5] == 0x0505
            assert values(got)[6:22] == bits[:16]
            assert values(got)[22:] == bits[1000:1016]
            assert values(await running.read(1)) == [n * 0x0101 & 0xFFFF for n in range(400, 525)]
        assert running.counts["wrong_answers"] == running.counts["timeouts"] == 0
