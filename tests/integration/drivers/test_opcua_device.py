"""The OPC UA driver against a real server."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from asyncua import Client, ua
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from drivers.base import Columns
from drivers.opcua.config import OpcUaDevice, Security
from drivers.opcua.driver import OpcUaConnection
from drivers.opcua.security import WrongServer, check_server, own_certificate
from runtime.clock import from_datetime, now_us
from runtime.errors import Reconfigure, RetryLater
from tests.integration.drivers.authority import Authority
from tests.integration.drivers.opcua_server import NAMESPACE, Machine, Valve
from wire import quality

V = ua.VariantType
pytestmark = pytest.mark.asyncio(loop_scope="module")


def tag(path: str, dtype: str, address: str = "", **more: Any) -> dict[str, Any]:
    return {"path": path, "dtype": dtype, "address": address or f"ns=2;s={path}", **more}


def device(
    machine: Machine | str, *groups: list[dict[str, Any]] | dict[str, Any], **more: Any
) -> OpcUaConnection:
    config = OpcUaDevice.model_validate(
        {
            "id": "cnc",
            "driver": "opcua",
            "url": machine if isinstance(machine, str) else machine.url,
            "security": "none",
            "timeout_ms": 2_000,
            "groups": [
                {"every_ms": 50, "tags": group} if isinstance(group, list) else group
                for group in groups
            ],
            **more,
        }
    )
    return OpcUaConnection(config, now_us)


def subscribed(*tags: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"every_ms": 50, "mode": "subscribe", "tags": list(tags), **more}


def status(columns: Columns) -> list[int]:
    return [code & quality.STATUS_MASK for code in columns.q.tolist()]


def values(columns: Columns) -> list[int | None]:
    good = quality.has_value(columns.q).tolist()
    return [value if ok else None for value, ok in zip(columns.i.tolist(), good, strict=True)]


class Reports:
    """Collects what a device reports, until it is lost."""

    def __init__(self, running: OpcUaConnection) -> None:
        self.got: list[Columns] = []
        self.error: BaseException | None = None
        self._task = asyncio.create_task(self._collect(running))

    async def _collect(self, running: OpcUaConnection) -> None:
        try:
            async for columns in running.changes():
                self.got.append(columns)
        except RetryLater as error:
            self.error = error

    def of(self, point: int) -> list[tuple[int, int]]:
        return [
            (int(i), int(q))
            for columns in self.got
            for p, i, q in zip(columns.point, columns.i, columns.q, strict=True)
            if p == point
        ]

    async def until(self, condition: Any, limit_s: float = 10.0) -> None:
        end = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            assert self.error is None or condition(), self.error
            await asyncio.sleep(0.01)

    async def ended(self) -> BaseException:
        await asyncio.wait_for(self._task, 10)
        assert self.error is not None
        return self.error

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared() -> AsyncIterator[Machine]:
    async with Machine() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def machine(shared: Machine) -> AsyncIterator[Machine]:
    yield shared
    # Read-only by construction: whatever a test does, the server saw no write of ours.
    writes = list(shared.writes)
    await shared.reset()
    assert writes == []


async def test_the_server_would_notice_a_write(shared: Machine) -> None:
    node = await shared.add("a", 1, V.Int32)
    async with Client(shared.url) as client:
        with pytest.raises(ua.UaStatusCodeError):
            await client.get_node(node.nodeid).write_value(2, V.Int32)
    assert len(shared.writes) == 1
    await shared.reset()


async def test_every_type_arrives_exactly(machine: Machine) -> None:
    at = datetime(2026, 2, 3, 4, 5, 6, 789_012, tzinfo=UTC)
    given: list[tuple[str, Any, ua.VariantType]] = [
        ("bool", True, V.Boolean),
        ("i8", -128, V.SByte),
        ("u8", 255, V.Byte),
        ("i16", -(2**15), V.Int16),
        ("u16", 2**16 - 1, V.UInt16),
        ("i32", -(2**31), V.Int32),
        ("u32", 2**32 - 1, V.UInt32),
        ("i64", -(2**63), V.Int64),
        ("u64", 2**64 - 1, V.UInt64),
        ("f32", 21.5, V.Float),
        ("f64", 0.1, V.Double),
        ("str", "订单 A-17", V.String),
        ("time", at, V.DateTime),
    ]
    for name, value, kind in given:
        await machine.add(name, value, kind)
    await machine.add("small", 2**63 - 1, V.UInt64)
    async with device(machine, [*(tag(n, n) for n, _, _ in given), tag("small", "u64")]) as running:
        got = await running.read(0)
    assert status(got) == [quality.GOOD] * 14
    assert got.i.tolist() == [
        1, -128, 255, -(2**15), 2**16 - 1, -(2**31), 2**32 - 1, -(2**63), 0, 0, 0, 0,
        from_datetime(at), 2**63 - 1,
    ]  # fmt: skip
    assert got.f[9:11].tolist() == [21.5, 0.1]
    assert got.s is not None
    assert got.s[8] == str(2**64 - 1)
    assert got.s[11] == "订单 A-17"
    assert got.source_us is not None


async def test_what_does_not_fit_is_bad_for_its_own_point_only(machine: Machine) -> None:
    await machine.add("float", 1.5, V.Double)
    await machine.add("big", 70_000, V.Int32)
    await machine.add("long", "x" * 4097, V.String)
    await machine.add("nan", float("nan"), V.Double)
    await machine.add("row", [10, 20, 30], V.Int32)
    await machine.add("enum", 3, V.Int32)
    tags = [
        tag("a", "i32", "ns=2;s=float"),
        tag("b", "i16", "ns=2;s=big"),
        tag("c", "str", "ns=2;s=long"),
        tag("d", "f64", "ns=2;s=nan"),
        tag("e", "i32", "ns=2;s=row[2]"),
        tag("f", "i32", "ns=2;s=row[3]"),
        tag("g", "i32", "ns=2;s=row"),
        tag("h", "i32", "ns=2;s=enum[0]"),
        tag("i", "i8", "ns=2;s=enum"),
    ]
    async with device(machine, tags) as running:
        got = await running.read(0)
        await running.read(0)
        assert running.counts["mismatched"] == 6
    assert status(got) == [
        quality.BAD_TYPE_MISMATCH,
        quality.BAD_OUT_OF_RANGE,
        quality.BAD_OUT_OF_RANGE,
        quality.BAD_OUT_OF_RANGE,
        quality.GOOD,
        quality.BAD_OUT_OF_RANGE,
        quality.BAD_TYPE_MISMATCH,
        quality.BAD_TYPE_MISMATCH,
        quality.GOOD,
    ]
    assert values(got) == [None, None, None, None, 30, None, None, None, 3]
    assert got.q[3] & quality.NOT_FINITE


@pytest.mark.parametrize("told", [True, False], ids=["limit told", "limit kept secret"])
@pytest.mark.parametrize("most", [1, 7, 40])
async def test_every_value_carries_its_own_address_whatever_the_servers_limit(
    machine: Machine, most: int, told: bool
) -> None:
    count = 83
    for number in range(count):
        await machine.add(f"n{number}", number * 7, V.Int32)
    tags = [tag(f"t{n}", "i32", f"ns=2;s=n{n}") for n in reversed(range(count))]
    await machine.tell_limit(most if told else 0)
    async with device(machine, tags) as running:
        machine.most_nodes = most
        got = await running.read(0)
        assert values(got) == [number * 7 for number in reversed(range(count))]
        assert got.point.tolist() == list(range(count))
        machine.reads.clear()
        await running.read(0)
        assert max(machine.reads) <= most
        assert sum(machine.reads) == count


async def test_answers_that_change_their_layout_between_readings_stay_exact(
    machine: Machine,
) -> None:
    nodes = [await machine.add(f"n{n}", n, V.Int32) for n in range(12)]
    words = await machine.add("words", "first", V.String)
    tags = [tag(f"n{n}", "i32") for n in range(6)]
    tags += [tag("words", "str"), *(tag(f"n{n}", "i32") for n in range(6, 12))]
    async with device(machine, tags, max_nodes_per_read=7) as running:
        expected: list[int | None] = [*range(6), 0, *range(6, 12)]
        assert values(await running.read(0)) == expected
        bad = ua.DataValue(StatusCode=ua.StatusCode(ua.UInt32(0x808B_0000)))
        for number, written in ((3, bad), (3, None), (9, bad), (9, None)):
            value = written or ua.DataValue(ua.Variant(number * 1000, V.Int32))
            await machine.server.write_attribute_value(nodes[number].nodeid, value)
            await words.write_value(f"text {number}")
            expected[number if number < 6 else number + 1] = None if written else number * 1000
            for _ in range(2):
                got = await running.read(0)
                assert values(got) == expected
                assert got.s is not None
                assert got.s[6] == f"text {number}"


async def test_fewer_answers_than_questions_are_an_error_and_never_shifted(
    machine: Machine,
) -> None:
    for number in range(10):
        await machine.add(f"n{number}", number, V.Int32)
    tags = [tag(f"n{n}", "i32") for n in range(10)]
    async with device(machine, tags) as running:
        await running.read(0)
        machine.short = 1
        with pytest.raises(RetryLater) as caught:
            await running.read(0)
        assert (caught.value.code, caught.value.params["found"]) == ("LS-3218", 9)


async def test_a_vanished_node_is_bad_alone_and_asked_for_rarely(machine: Machine) -> None:
    await machine.add("a", 1, V.Int32)
    gone = await machine.add("b", 2, V.Int32)
    await machine.add("c", 3, V.Int32)
    tags = [tag(name, "i32") for name in "abc"]
    async with device(machine, tags) as running:
        assert values(await running.read(0)) == [1, 2, 3]
        await machine.server.delete_nodes([gone])
        for _ in range(3):
            got = await running.read(0)
            assert values(got) == [1, None, 3]
            assert status(got)[1] == quality.BAD_NODE_UNKNOWN
        assert machine.reads[-1] == 2
        assert running.counts["refused"] == 1


async def test_namespaces_are_found_by_their_uri(machine: Machine) -> None:
    await machine.add("a", 1, V.Int32)
    tags = [
        tag("a", "i32", f"nsu={NAMESPACE};s=a"),
        tag("b", "i32", "nsu=urn:nobody;s=a"),
    ]
    async with device(machine, tags) as running:
        got = await running.read(0)
    assert values(got) == [1, None]
    assert status(got)[1] == quality.BAD_NODE_UNKNOWN


async def test_source_times_come_along(machine: Machine) -> None:
    node = await machine.add("a", 1, V.Int32)
    at = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    value = ua.DataValue(ua.Variant(5, V.Int32), SourceTimestamp=at)
    await machine.server.write_attribute_value(node.nodeid, value)
    async with device(machine, [tag("a", "i32")]) as running:
        got = await running.read(0)
    assert got.source_us is not None
    assert got.source_us.tolist() == [from_datetime(at)]


async def test_a_bad_status_has_no_value_and_an_uncertain_one_has(machine: Machine) -> None:
    for name, code in (("a", 0x8005_0000), ("b", 0x4090_0000)):
        node = await machine.add(name, 1, V.Int32)
        value = ua.DataValue(ua.Variant(5, V.Int32), ua.StatusCode(ua.UInt32(code)))
        await machine.server.write_attribute_value(node.nodeid, value)
    async with device(machine, [tag("a", "i32"), tag("b", "i32")]) as running:
        got = await running.read(0)
    assert values(got) == [None, 5]
    assert status(got) == [quality.BAD_COMMUNICATION, quality.UNCERTAIN_LAST_USABLE]


async def test_a_server_killed_and_started_again_is_read_by_a_fresh_device() -> None:
    async with Machine() as first:
        await first.add("a", 1, V.Int32)
        running = device(first, [tag("a", "i32")], subscribed(tag("b", "i32", "ns=2;s=a")))
        async with running:
            assert values(await running.read(0)) == [1]
            reports = Reports(running)
            await reports.until(lambda: reports.of(1))
            await first.stop()
            with pytest.raises(RetryLater) as caught:
                await running.read(0)
            assert caught.value.params["device"] == "cnc"
            assert isinstance(await reports.ended(), RetryLater)
        with pytest.raises(RetryLater) as refused:
            await device(first, [tag("a", "i32")]).__aenter__()
        assert refused.value.code == "LS-3210"
        async with Machine(port=first.port) as second:
            await second.add("a", 2, V.Int32)
            async with device(second, [tag("a", "i32")]) as fresh:
                assert values(await fresh.read(0)) == [2]


async def test_changes_are_reported_with_their_points(machine: Machine) -> None:
    nodes = [await machine.add(f"n{number}", 0, V.Int32) for number in range(5)]
    polled = [tag("polled", "i32", "ns=2;s=n0")]
    watched = subscribed(*(tag(f"n{n}", "i32") for n in range(5)))
    async with device(machine, polled, watched) as running:
        reports = Reports(running)
        await reports.until(lambda: all(reports.of(point) for point in range(1, 6)))
        for number, node in enumerate(nodes):
            await node.write_value(number + 100, V.Int32)
        await reports.until(lambda: all(reports.of(n + 1)[-1] == (n + 100, 0) for n in range(5)))
        assert reports.of(0) == []
        assert values(await running.read(0)) == [100]
        await reports.stop()


async def test_many_values_of_one_node_arrive_in_order_and_none_twice(machine: Machine) -> None:
    node = await machine.add("n", -1, V.Int32)
    watched = subscribed(tag("n", "i32"), queue_size=1000, sampling_ms=0)
    async with device(machine, watched) as running:
        reports = Reports(running)
        await reports.until(lambda: reports.of(0))
        for number in range(300):
            await node.write_value(number, V.Int32)
        await reports.until(lambda: reports.of(0)[-1][0] == 299)
        assert [value for value, _ in reports.of(0)] == list(range(-1, 300))
        await reports.stop()


async def test_a_node_that_cannot_be_watched_is_bad_at_once_and_the_others_go_on(
    machine: Machine,
) -> None:
    await machine.add("a", 1, V.Int32)
    watched = subscribed(tag("a", "i32"), tag("nobody", "i32"), tag("x", "i32", "nsu=urn:no;s=x"))
    async with device(machine, watched) as running:
        reports = Reports(running)
        await reports.until(lambda: all(reports.of(point) for point in range(3)))
        assert reports.of(0)[0] == (1, 0)
        for point in (1, 2):
            (seen,) = reports.of(point)
            assert seen == (0, quality.BAD_NODE_UNKNOWN | quality.NO_VALUE)
        await reports.stop()


async def test_the_server_holds_back_changes_within_its_deadband(machine: Machine) -> None:
    node = await machine.add("a", 10, V.Int32)
    watched = subscribed(tag("a", "i32", server_deadband={"absolute": 5}))
    async with device(machine, watched) as running:
        reports = Reports(running)
        await reports.until(lambda: reports.of(0))
        for value in (11, 12, 13, 20):
            await node.write_value(value, V.Int32)
        await reports.until(lambda: reports.of(0)[-1][0] == 20)
        assert [value for value, _ in reports.of(0)] == [10, 20]
        await reports.stop()


async def test_values_the_server_had_to_drop_are_flagged_and_counted(machine: Machine) -> None:
    node = await machine.add("a", 0, V.Int32)
    watched = subscribed(tag("a", "i32"), queue_size=2, sampling_ms=0, every_ms=200)
    async with device(machine, watched) as running:
        reports = Reports(running)
        await reports.until(lambda: reports.of(0))
        # A server says so with the Overflow bit of the first value behind the hole.
        overflow = ua.StatusCode(ua.UInt32(0x0480))
        value = ua.DataValue(ua.Variant(7, V.Int32), overflow)
        await machine.server.write_attribute_value(node.nodeid, value)
        await reports.until(lambda: reports.of(0)[-1][0] == 7)
        assert reports.of(0)[-1] == (7, quality.GOOD | quality.OVERFLOW)
        assert running.counts["overflowed"] == 1
        await reports.stop()


async def test_a_subscription_gone_silent_is_noticed(machine: Machine) -> None:
    await machine.add("a", 1, V.Int32)
    async with Valve(machine.port) as valve:
        url = f"opc.tcp://127.0.0.1:{valve.port}/machine"
        watched = subscribed(tag("a", "i32"), keep_alive_count=4)
        async with device(url, watched) as running:
            reports = Reports(running)
            await reports.until(lambda: reports.of(0))
            # Keep-alives come through for longer than the limit of 0.6 s.
            await asyncio.sleep(1.0)
            assert reports.error is None
            valve.open.clear()
            error = await reports.ended()
            assert isinstance(error, RetryLater)
            assert error.code == "LS-3219"
            began = time.monotonic()
        assert time.monotonic() - began < 3.5  # closing does not hang on it
        valve.open.set()


async def test_a_server_that_hangs_ends_a_reading_at_its_time_out(machine: Machine) -> None:
    await machine.add("a", 1, V.Int32)
    async with Valve(machine.port) as valve:
        url = f"opc.tcp://127.0.0.1:{valve.port}/machine"
        async with device(url, [tag("a", "i32")], timeout_ms=300) as running:
            assert values(await running.read(0)) == [1]
            valve.open.clear()
            with pytest.raises(RetryLater) as caught:
                await running.read(0)
            assert caught.value.code == "LS-3211"
        valve.open.set()


async def test_closing_leaves_no_task_behind(machine: Machine) -> None:
    await machine.add("a", 1, V.Int32)

    def ours() -> set[str]:
        names = {str(task.get_coro()) for task in asyncio.all_tasks()}
        return {name for name in names if "client" in name or "keep" in name or "Watch" in name}

    assert not ours()
    async with device(
        machine, [tag("a", "i32")], subscribed(tag("b", "i32", "ns=2;s=a"))
    ) as running:
        reports = Reports(running)
        await reports.until(lambda: reports.of(1))
        assert ours()
    assert not ours()
    assert isinstance(await reports.ended(), RetryLater)


async def test_a_user_logs_in_and_a_wrong_password_has_to_be_corrected(machine: Machine) -> None:
    await machine.add("a", 1, V.Int32)

    def with_user(password: str, **more: Any) -> OpcUaConnection:
        user = {"name": "line", "password": password, **more}
        return device(machine, [tag("a", "i32")], user=user)

    async with with_user("s3cret", plain=True) as running:
        assert values(await running.read(0)) == [1]
    with pytest.raises(Reconfigure) as wrong:
        await with_user("guess", plain=True).__aenter__()
    assert wrong.value.code == "LS-3214"
    assert "guess" not in str(wrong.value)
    with pytest.raises(Reconfigure) as plain:
        await with_user("s3cret").__aenter__()
    assert plain.value.code == "LS-3215"


@pytest.fixture(scope="module")
def server_certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    folder = tmp_path_factory.mktemp("server")
    certificate, _ = own_certificate(folder)
    pin = hashlib.sha256(certificate.read_bytes()).hexdigest()
    return certificate, folder / "private_key.pem", pin


SECURE = {
    ("Basic256Sha256", "SignAndEncrypt"): ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ("Basic256Sha256", "Sign"): ua.SecurityPolicyType.Basic256Sha256_Sign,
    ("Aes128Sha256RsaOaep", "SignAndEncrypt"): (
        ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt
    ),
    ("Aes256Sha256RsaPss", "SignAndEncrypt"): (
        ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt
    ),
}


@pytest.mark.parametrize(("policy", "mode"), list(SECURE))
async def test_a_secure_channel_to_the_pinned_server(
    policy: str, mode: str, server_certificate: tuple[Path, Path, str], tmp_path: Path
) -> None:
    certificate, key, pin = server_certificate
    colons = ":".join(pin[at : at + 2] for at in range(0, 64, 2)).upper()
    security = {
        "policy": policy,
        "mode": mode,
        "server_sha256": colons,
        "certificate_dir": str(tmp_path / "pki"),
    }
    async with Machine(
        policies=[SECURE[(policy, mode)]], certificate=(certificate, key)
    ) as machine:
        await machine.add("a", 1, V.Int32)
        for _ in range(2):  # the second time with the certificate made the first time
            user = {"name": "line", "password": "s3cret"}
            async with device(machine, [tag("a", "i32")], security=security, user=user) as running:
                assert values(await running.read(0)) == [1]
    made = x509.load_der_x509_certificate((tmp_path / "pki/certificate.der").read_bytes())
    assert made.public_bytes(Encoding.DER)


async def test_another_server_than_the_pinned_one_is_refused(
    server_certificate: tuple[Path, Path, str], tmp_path: Path
) -> None:
    certificate, key, pin = server_certificate
    security = {"server_sha256": "0" * 64, "certificate_dir": str(tmp_path)}
    policies = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    async with Machine(policies=policies, certificate=(certificate, key)) as machine:
        with pytest.raises(Reconfigure) as caught:
            await device(machine, [tag("a", "i32")], security=security).__aenter__()
    assert caught.value.code == "LS-3212"
    assert caught.value.params["found"] == pin


async def test_a_server_is_trusted_by_its_own_certificate_or_its_authoritys_in_a_folder(
    tmp_path: Path,
) -> None:
    authority, stranger = Authority("plant"), Authority("stranger")
    certificate, key = authority.issue(tmp_path / "server")
    policies = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    trusted = tmp_path / "trusted"
    security = {"trusted_dir": str(trusted), "certificate_dir": str(tmp_path / "pki")}

    async with Machine(policies=policies, certificate=(certificate, key)) as machine:
        await machine.add("a", 1, V.Int32)

        async def refused() -> Reconfigure:
            with pytest.raises(Reconfigure) as caught:
                await device(machine, [tag("a", "i32")], security=security).__aenter__()
            return caught.value

        assert (await refused()).code == "LS-3230"  # there is no such folder
        trusted.mkdir()
        (trusted / "notes.txt").write_text("nothing")
        assert (await refused()).code == "LS-3230"  # and nothing in it
        (trusted / "stranger.pem").write_bytes(stranger.pem)
        wrong = await refused()
        assert wrong.code == "LS-3228"
        assert wrong.params["found"] == hashlib.sha256(certificate.read_bytes()).hexdigest()
        for file, content in (
            ("plant.crt", authority.pem),
            ("server.der", certificate.read_bytes()),
        ):
            (trusted / file).write_bytes(content)
            async with device(machine, [tag("a", "i32")], security=security) as running:
                assert values(await running.read(0)) == [1]
            (trusted / file).unlink()
        assert (await refused()).code == "LS-3228"


async def test_an_authority_vouches_only_within_its_dates_and_a_server_never_for_others(
    tmp_path: Path,
) -> None:
    authority = Authority("plant")
    server, _ = authority.issue(tmp_path / "server")
    lookalike, _ = Authority("plant").issue(tmp_path / "lookalike")
    folder = tmp_path / "trusted"
    folder.mkdir()
    security = Security.model_validate({"trusted_dir": folder})
    (folder / "plant.pem").write_bytes(authority.pem)
    shown = server.read_bytes()
    now = datetime.now(UTC)
    check_server(shown, security, now)
    for other_time in (now - timedelta(days=400), now + timedelta(days=400)):
        with pytest.raises(WrongServer):
            check_server(shown, security, other_time)
    with pytest.raises(WrongServer):
        check_server(lookalike.read_bytes(), security, now)
    with pytest.raises(WrongServer):
        check_server(b"no certificate", security, now)
    (folder / "plant.pem").unlink()
    (folder / "server.der").write_bytes(shown)
    check_server(shown, security, now + timedelta(days=4_000))  # as a pin: whatever its dates
    with pytest.raises(WrongServer):
        check_server(authority.der, security, now)


async def test_a_user_logs_in_with_a_certificate(
    server_certificate: tuple[Path, Path, str], tmp_path: Path
) -> None:
    certificate, key, pin = server_certificate
    security = {"server_sha256": pin, "certificate_dir": str(tmp_path / "pki")}
    policies = [ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt]
    known, known_key = Authority("people").issue(tmp_path / "known")
    other, other_key = Authority("people").issue(tmp_path / "other")
    async with Machine(policies=policies, certificate=(certificate, key)) as machine:
        await machine.add("a", 1, V.Int32)
        machine.accounts.known.add(known.read_bytes())

        def as_user(who: Path, by: Path) -> OpcUaConnection:
            user = {"certificate": str(who), "private_key": str(by)}
            return device(machine, [tag("a", "i32")], security=security, user=user)

        async with as_user(known, known_key) as running:
            assert values(await running.read(0)) == [1]
        with pytest.raises(Reconfigure) as unknown:
            await as_user(other, other_key).__aenter__()
        assert unknown.value.code == "LS-3214"
        with pytest.raises(Reconfigure) as mixed_up:
            await as_user(known, other_key).__aenter__()
        assert mixed_up.value.code == "LS-3229"


async def test_security_never_falls_back(
    server_certificate: tuple[Path, Path, str], tmp_path: Path
) -> None:
    certificate, key, pin = server_certificate
    async with Machine() as open_server:
        security = {"server_sha256": pin, "certificate_dir": str(tmp_path)}
        with pytest.raises(Reconfigure) as caught:
            await device(open_server, [tag("a", "i32")], security=security).__aenter__()
        assert caught.value.code == "LS-3213"
    policies = [ua.SecurityPolicyType.Basic256Sha256_Sign]
    async with Machine(policies=policies, certificate=(certificate, key)) as secure_server:
        with pytest.raises(Reconfigure) as other:
            await device(secure_server, [tag("a", "i32")]).__aenter__()
        assert other.value.code == "LS-3213"
        security = {"server_sha256": pin, "certificate_dir": str(tmp_path)}
        with pytest.raises(Reconfigure) as weaker:
            await device(secure_server, [tag("a", "i32")], security=security).__aenter__()
        assert weaker.value.code == "LS-3213"
        assert "Basic256Sha256/Sign" in str(weaker.value.params["offered"])


async def test_a_broken_key_pair_of_ours_has_to_be_repaired(
    machine: Machine, tmp_path: Path
) -> None:
    (tmp_path / "certificate.der").write_bytes(b"not a certificate")
    security = {"server_sha256": "0" * 64, "certificate_dir": str(tmp_path)}
    with pytest.raises(Reconfigure) as caught:
        await device(machine, [tag("a", "i32")], security=security).__aenter__()
    assert caught.value.code == "LS-3217"
