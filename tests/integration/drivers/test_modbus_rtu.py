"""The Modbus driver on a serial port and through a serial server, in good times and in noise."""

from __future__ import annotations

import asyncio
import struct
import sys
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

from drivers.base import Columns
from drivers.modbus.driver import ModbusConnection
from runtime.clock import now_us
from runtime.errors import RetryLater
from wire import quality

if sys.platform == "win32":
    pytest.skip("needs pseudo terminals", allow_module_level=True)

from tests.integration.drivers.rtu_bus import Bus, Gateway, Pty


@pytest.fixture(params=[Pty, Gateway], ids=["serial", "tcp"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Pty | Gateway]:
    async with request.param() as running:
        yield running
        # Read-only by construction.
        assert running.writes == []


def tag(path: str, address: str, dtype: str = "u16", **more: Any) -> dict[str, Any]:
    return {"path": path, "address": address, "dtype": dtype, **more}


def device(bus: Pty | Gateway, *groups: list[dict[str, Any]], **more: Any) -> ModbusConnection:
    config = bus.config.model_validate(
        {
            "id": "bus",
            "driver": bus.driver,
            "timeout_ms": 200,
            "groups": [{"every_ms": 100, "tags": tags} for tags in groups],
            **bus.where,
            **more,
        }
    )
    return ModbusConnection(config, now_us, lot=lambda: 0.0)


def values(columns: Columns) -> list[int | None]:
    good = quality.has_value(columns.q).tolist()
    return [value if ok else None for value, ok in zip(columns.i.tolist(), good, strict=True)]


def status(columns: Columns) -> list[int]:
    return [code & quality.STATUS_MASK for code in columns.q.tolist()]


async def until_it_reads(running: ModbusConnection, expected: list[int | None]) -> None:
    end = time.monotonic() + 10
    while values(await running.read(0)) != expected:
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.02)


async def test_all_four_tables_arrive_from_several_units(bus: Pty | Gateway) -> None:
    bus.slave(1).put("holding", 0, [11, 0x41AC, 0, 44])
    bus.slave(1).put("input", 9, [99])
    bus.slave(2).put("coil", 0, [0, 0, 1])
    bus.slave(247).put("discrete", 30, [1])
    bus.slave(1).put("holding", 500, struct.unpack(">125H", bytes(range(250))))
    tags = [
        tag("a", "holding:0", unit_id=1),
        tag("f", "holding:1", "f32", unit_id=1),
        tag("i", "input:9", unit_id=1),
        tag("c", "coil:2", "bool", unit_id=2),
        tag("d", "discrete:30", "bool", unit_id=247),
    ]
    long = [tag(f"r{n}", f"holding:{500 + n}", unit_id=1) for n in range(125)]
    async with device(bus, tags, long) as running:
        got = await running.read(0)
        assert got.i.tolist() == [11, 0, 99, 1, 1]
        assert got.f[1] == 21.5
        assert status(got) == [quality.GOOD] * 5
        assert values(await running.read(1)) == [(2 * n << 8) + 2 * n + 1 for n in range(125)]
        assert running.counts["timeouts"] == running.counts["wrong_answers"] == 0


@pytest.mark.parametrize("echo", ["whole", "torn"])
@pytest.mark.parametrize("cut", [0, 1, 3])
async def test_echoes_and_answers_in_pieces_do_no_harm(
    bus: Pty | Gateway, echo: str, cut: int
) -> None:
    bus.echo, bus.cut = echo, cut
    bus.slave().put("holding", 0, [0x0103, 0x0103, 0x0203, 7])
    async with device(bus, [tag(f"t{n}", f"holding:{n}") for n in range(4)]) as running:
        for _ in range(5):
            assert values(await running.read(0)) == [0x0103, 0x0103, 0x0203, 7]
        assert running.counts["wrong_answers"] == 0


@pytest.mark.parametrize("mood", ["wrong crc", "dropped byte", "cut short"])
async def test_a_damaged_answer_is_asked_for_once_more(bus: Pty | Gateway, mood: str) -> None:
    bus.slave().put("holding", 0, [1, 2, 3])
    bus.slave().moods = [mood, "live", "live", mood, "live"]
    async with device(bus, [tag(f"t{n}", f"holding:{n}") for n in range(3)]) as running:
        for _ in range(3):
            assert values(await running.read(0)) == [1, 2, 3]
        assert running.counts["retries"] == 2
        assert running.counts["timeouts"] == 0
        assert running.counts["links"] == 1


@pytest.mark.parametrize("mood", ["noise before", "noise after"])
async def test_noise_around_an_answer_is_passed_over(bus: Pty | Gateway, mood: str) -> None:
    bus.slave().put("holding", 0, [1, 2, 3])
    bus.slave().mood = mood
    async with device(bus, [tag(f"t{n}", f"holding:{n}") for n in range(3)]) as running:
        for _ in range(5):
            assert values(await running.read(0)) == [1, 2, 3]
        assert running.counts["retries"] == 0


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        ("wrong crc", quality.BAD_COMMUNICATION),
        ("babble", quality.BAD_COMMUNICATION),
        ("wrong unit", quality.BAD_TIMEOUT),
        ("short", quality.BAD_TIMEOUT),
    ],
)
async def test_a_unit_that_keeps_answering_wrong_has_no_value_and_rests(
    bus: Pty | Gateway, mood: str, reason: int
) -> None:
    bus.slave(1).put("holding", 0, [1, 1, 1])
    bus.slave(1).mood = mood
    bus.slave(8).put("holding", 0, [2, 2, 2])
    tags = [tag("a", "holding:0", "u32", unit_id=1), tag("b", "holding:0", "u32", unit_id=8)]
    async with device(bus, tags) as running:
        got = await running.read(0)
        assert status(got)[0] == reason
        await until_it_reads(running, [None, 0x20002])
        asked = len([request for request in bus.requests if request[0] == 1])
        for _ in range(5):
            assert values(await running.read(0))[0] is None
        assert len([request for request in bus.requests if request[0] == 1]) <= asked + 2
        bus.slave(1).mood = "live"
        await until_it_reads(running, [0x10001, 0x20002])
        assert running.counts["links"] == 1


async def test_a_dead_unit_costs_the_bus_no_more_than_its_time_out(bus: Pty | Gateway) -> None:
    for unit in (1, 3, 4):
        bus.slave(unit).put("holding", 0, [unit])
    bus.slave(2).mood = "dead"
    tags = [tag(f"u{unit}", "holding:0", unit_id=unit) for unit in (1, 2, 3, 4)]
    async with device(bus, tags) as running:
        spent_s = 0.0
        for _ in range(40):
            began_s = time.monotonic()
            assert values(await running.read(0)) == [1, None, 3, 4]
            spent_s = max(spent_s, time.monotonic() - began_s)
        asked = [request for request in bus.requests if request[0] == 2]
        assert running.counts["timeouts"] == len(asked)
        assert running.counts["retries"] == 0
        # At most one time-out (0.2 s) a reading, and that only when its rest is over.
        assert spent_s < 0.35
        assert len(asked) <= 3
        bus.slave(2).put("holding", 0, [2])
        bus.slave(2).mood = "live"
        await until_it_reads(running, [1, 2, 3, 4])


async def test_a_late_answer_of_one_unit_is_not_taken_for_anothers(bus: Pty | Gateway) -> None:
    bus.slave(1).put("holding", 0, [1])
    bus.slave(2).put("holding", 0, [2])
    bus.slave(1).delays = [0.25]
    # Its own answer comes after the late one has arrived.
    bus.slave(2).delays = [0.1]
    tags = [tag("a", "holding:0", unit_id=1)], [tag("b", "holding:0", unit_id=2)]
    async with device(bus, *tags) as running:
        assert values(await running.read(0)) == [None]
        assert values(await running.read(1)) == [2]
        assert running.counts["strays"] == 1


async def test_a_late_answer_is_not_taken_for_that_of_another_address(bus: Pty | Gateway) -> None:
    # Nothing in an RTU answer tells its address: without care 111 would become the value of "b".
    bus.slave().put("holding", 0, [111])
    bus.slave().put("holding", 500, [222])
    bus.slave().delays = [0.95, 0.35]
    async with device(bus, [tag("a", "holding:0")], [tag("b", "holding:500")]) as running:
        assert values(await running.read(0)) == [None]
        await asyncio.sleep(0.6)  # its rest is over, the late answer is still under way
        got = await running.read(1)
        assert values(got) in ([222], [None])
        end = time.monotonic() + 10
        while values(await running.read(1)) != [222]:
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
        await until_it_reads(running, [111])
        assert running.counts["settled"] >= 1


async def test_values_are_never_anothers_whatever_the_slave_does(bus: Pty | Gateway) -> None:
    # Delays around the time-out, losses and damage by a fixed plan.
    tags = [tag(f"t{n}", f"holding:{n * 200}") for n in range(6)]
    for n in range(6):
        bus.slave().put("holding", n * 200, [1000 + n])
    faults = ["wrong crc", "mute", "dropped byte", "noise before", "cut short"]
    bus.slave().moods = [mood for fault in faults * 3 for mood in [*["live"] * 7, fault]]
    bus.slave().delays = [0.0, 0.0, 0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.12, 0.0, 0.0, 0.0] * 9
    good = 0
    end = time.monotonic() + 20
    while time.monotonic() < end and good < 60:
        try:
            async with device(bus, tags, timeout_ms=100) as running:
                while time.monotonic() < end and good < 60:
                    got = values(await running.read(0))
                    assert all(value in (None, 1000 + n) for n, value in enumerate(got)), got
                    good += sum(value is not None for value in got)
                    await asyncio.sleep(0.01)
        except RetryLater:
            await asyncio.sleep(0.5)
    assert good >= 60


async def test_a_unit_that_is_always_later_than_its_time_out_never_gives_anothers_values(
    bus: Pty | Gateway,
) -> None:
    tags = [tag(f"t{n}", f"holding:{n * 200}") for n in range(4)]
    for n in range(4):
        bus.slave().put("holding", n * 200, [1000 + n])
    bus.slave().delays = [0.13] * 1000
    end = time.monotonic() + 3
    while time.monotonic() < end:
        try:
            async with device(bus, tags[:2], tags[2:], timeout_ms=100) as running:
                while True:
                    for group in (0, 1):
                        got = values(await running.read(group))
                        own = [1000 + 2 * group, 1001 + 2 * group]
                        assert all(v in (None, o) for v, o in zip(got, own, strict=True)), got
                    await asyncio.sleep(0.01)
        except RetryLater:
            await asyncio.sleep(0.2)


async def test_a_refused_address_stands_alone(bus: Pty | Gateway) -> None:
    bus.slave().put("holding", 0, range(17))
    bus.slave().put("holding", 18, range(18, 30))
    async with device(bus, [tag(f"t{n}", f"holding:{n}") for n in range(30)]) as running:
        for _ in range(2):
            got = await running.read(0)
            assert values(got) == [None if n == 17 else n for n in range(30)]
            assert status(got)[17] == quality.BAD_CONFIGURATION


async def test_a_cancelled_reading_does_not_hand_its_answer_to_the_next(
    bus: Pty | Gateway,
) -> None:
    bus.slave().put("holding", 0, [1])
    bus.slave().put("holding", 500, [2])
    bus.slave().delays = [0.1, 0.15, 0]
    async with device(bus, [tag("a", "holding:0")], [tag("b", "holding:500")]) as running:
        reading = asyncio.create_task(running.read(0))
        while not bus.requests:
            await asyncio.sleep(0.005)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert values(await running.read(1)) == [2]
        assert values(await running.read(0)) == [1]


async def test_a_silent_bus_is_given_up(bus: Pty | Gateway) -> None:
    bus.slave().mood = "dead"
    async with device(bus, [tag("a", "holding:0")], timeout_ms=60) as running:
        with pytest.raises(RetryLater) as caught:
            end = time.monotonic() + 10
            while time.monotonic() < end:
                assert values(await running.read(0)) == [None]
                await asyncio.sleep(0.02)
        assert caught.value.code == "LS-3111"
        assert running.counts["timeouts"] == 3


async def test_an_adapter_pulled_out_is_told_at_once_and_leaves_nothing_behind(
    bus: Pty | Gateway,
) -> None:
    bus.slave().put("holding", 0, [1])
    async with device(bus, [tag("a", "holding:0")], timeout_ms=5_000) as running:
        assert values(await running.read(0)) == [1]
        bus.slave().mood = "dead"
        reading = asyncio.create_task(running.read(0))
        while len(bus.requests) < 2:
            await asyncio.sleep(0.005)
        bus.pull_out()
        if isinstance(bus, Gateway):
            # Another connection was made at once; the unit that was asked is the only one.
            with pytest.raises(RetryLater):
                await asyncio.wait_for(reading, 2)
        else:
            with pytest.raises(RetryLater) as caught:
                await asyncio.wait_for(reading, 2)
            assert caught.value.params["address"] == bus.port


async def test_the_port_is_free_again_for_a_fresh_device() -> None:
    async with Pty() as bus:
        bus.slave().put("holding", 0, [5])
        for _ in range(3):
            async with device(bus, [tag("a", "holding:0")]) as running:
                assert values(await running.read(0)) == [5]
                # Two programs on one port would take each other's answers.
                with pytest.raises(RetryLater) as caught:
                    await device(bus, [tag("a", "holding:0")]).__aenter__()
                assert caught.value.code == "LS-3110"


async def test_a_port_that_does_not_exist_says_retry_later_with_its_name() -> None:
    bus: Any = Pty()
    bus.port = "/dev/ttyNotThere"
    with pytest.raises(RetryLater) as caught:
        await device(bus, [tag("a", "holding:0")]).__aenter__()
    assert caught.value.params["address"] == "/dev/ttyNotThere"


async def test_requests_keep_the_silence_between_frames() -> None:
    async with Pty() as bus:
        times: list[float] = []
        bus.slave().put("holding", 0, [5])
        take = Bus.take

        class Timed(Pty):
            def take(self, data: bytes, send: Any) -> None:
                times.append(time.monotonic())
                take(self, data, send)

        async with Timed() as timed:
            timed.slave().put("holding", 0, [5])
            where = {"serial": {"port": timed.port, "baud": 1200, "parity": "none"}}
            async with device(timed, [tag("a", "holding:0")], **where) as running:
                for _ in range(5):
                    assert values(await running.read(0)) == [5]
    # t3.5 at 1200 baud with 10 bits a character: 29 ms.
    gaps = [after - before for before, after in pairwise(times)]
    assert len(gaps) == 4
    assert min(gaps) > 0.028
