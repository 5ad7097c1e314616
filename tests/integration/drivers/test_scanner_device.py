"""The scanner driver with real sockets and pseudo terminals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
import tty
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from drivers.base import Columns
from drivers.scanner import driver as module
from drivers.scanner.config import ScannerDevice
from drivers.scanner.driver import ScannerConnection
from runtime.clock import now_us
from runtime.errors import RetryLater
from wire import quality

LINE = [{"path": "code", "address": "line"}]


def device(**more: Any) -> ScannerConnection:
    config = ScannerDevice.model_validate(
        {"id": "scan", "driver": "scanner", "groups": [{"tags": LINE}], **more}
    )
    return ScannerConnection(config, now_us)


def listening(**more: Any) -> ScannerConnection:
    """Waits for no reader, so that it can be entered before one is there."""
    listen = {"host": "127.0.0.1", "port": 0, "readers": "come_and_go", **more.pop("listen", {})}
    return device(listen=listen, **more)


class Reports:
    """Collects what a device reports."""

    def __init__(self, running: ScannerConnection) -> None:
        self.got: list[Columns] = []
        self.error: RetryLater | None = None
        self._task = asyncio.create_task(self._collect(running))

    async def _collect(self, running: ScannerConnection) -> None:
        try:
            async for columns in running.changes():
                self.got.append(columns)
        except RetryLater as error:
            self.error = error

    @property
    def values(self) -> list[tuple[int, str]]:
        return [
            (int(point), str(text))
            for columns in self.got
            if columns.s is not None
            for point, text in zip(columns.point, columns.s, strict=True)
        ]

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.values]

    async def until(self, condition: Callable[[], object], limit_s: float = 5.0) -> None:
        end = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < end, f"waited in vain; got {self.texts[-5:]}, {self.error}"
            await asyncio.sleep(0.005)

    async def ended(self) -> RetryLater:
        await self.until(lambda: self.error)
        assert self.error is not None
        return self.error

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@contextlib.asynccontextmanager
async def reports(running: ScannerConnection) -> AsyncIterator[Reports]:
    collected = Reports(running)
    try:
        yield collected
    finally:
        await collected.stop()


class ReaderServer:
    """A reader that is a TCP server; `came` holds what was sent to it."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.came = b""

    async def __aenter__(self) -> ReaderServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self.writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(100):
                self.came += data

    @property
    def where(self) -> dict[str, Any]:
        return {"connect": {"host": "127.0.0.1", "port": self.port, "timeout_ms": 500}}


async def connected(server: ReaderServer) -> asyncio.StreamWriter:
    while not server.writers:
        await asyncio.sleep(0.005)
    return server.writers[-1]


async def test_lines_of_a_reader_become_events_with_their_time_of_arrival() -> None:
    async with (
        ReaderServer() as server,
        device(**server.where) as running,
        reports(running) as got,
    ):
        writer = await connected(server)
        before_us = now_us()
        writer.write(b"A1\r\nA1\r\n\r\nB")
        await got.until(lambda: len(got.texts) == 2)
        writer.write("订单\n".encode())
        await got.until(lambda: len(got.texts) == 3)
        # Two equal codes are two readings, an empty line is none.
        assert got.texts == ["A1", "A1", "B订单"]
        for columns in got.got:
            assert columns.q.tolist() == [quality.GOOD] * len(columns)
            assert columns.source_us is None
            assert before_us <= columns.read_us <= now_us()
        assert running.counts["lines"] == 3
    # Nothing is ever sent to a reader.
    assert server.came == b""


async def test_each_pattern_gives_its_own_tags() -> None:
    groups = [
        {
            "pattern": r"WO(?P<order>\d+)(?:-(?P<op>\d+))?",
            "tags": [{"path": "order", "address": "order"}, {"path": "op", "address": "op"}],
        },
        {"pattern": r"OP(?P<who>\d{3})", "tags": [{"path": "who", "address": "who"}]},
    ]
    async with (
        ReaderServer() as server,
        device(**server.where, groups=groups) as running,
        reports(running) as got,
    ):
        (await connected(server)).write(b"WO17-20\rOP123\rnonsense\rWO18\r")
        await got.until(lambda: len(got.values) == 4)
        assert got.values == [(0, "17"), (1, "20"), (2, "123"), (0, "18")]
        assert running.counts["unmatched"] == 1
        read = await running.read(0)
        assert read.point.tolist() == [0, 1]
        assert not quality.has_value(read.q).any()
        assert running.requests(1) == [
            rf"lines like OP(?P<who>\d{{3}}) from 127.0.0.1:{server.port}"
        ]


async def test_a_reader_that_closes_is_lost_after_its_last_code_was_handed_over() -> None:
    async with ReaderServer() as server, device(**server.where) as running:
        writer = await connected(server)
        writer.write(b"LAST\r\nhal")
        await writer.drain()
        writer.close()
        async with reports(running) as got:
            error = await got.ended()
            assert (error.code, error.params["device"]) == ("LS-3311", "scan")
            assert got.texts == ["LAST"]
            assert running.counts["incomplete"] == 1


async def test_silence_is_no_fault_without_a_heartbeat_and_one_with_it() -> None:
    beat = {"heartbeat": {"text": "HB", "within_s": 0.4}}
    async with (
        ReaderServer() as server,
        device(**server.where) as quiet,
        reports(quiet) as none,
        device(**server.where, **beat) as watched,
    ):
        async with reports(watched) as got:
            await asyncio.sleep(0.05)
            for _ in range(8):
                server.writers[1].write(b"HB\r")
                await asyncio.sleep(0.1)
            server.writers[1].write(b"A\r")
            await got.until(lambda: got.texts == ["A"])
            assert got.error is None
            assert (await got.ended()).code == "LS-3312"
            assert watched.counts["heartbeats"] == 8
        assert none.error is None
        assert none.got == []


async def test_several_readers_call_us_and_their_lines_are_not_mixed() -> None:
    async with listening() as running, reports(running) as got:
        calls = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(3)]
        for part in ("A", "B", "C"):
            for n, (_, writer) in enumerate(calls):
                writer.write(f"{part}{n}".encode())
                await writer.drain()
            await asyncio.sleep(0.01)
        for _, writer in calls:
            writer.write(b"\n")
            writer.close()
        await got.until(lambda: len(got.texts) == 3)
        assert sorted(got.texts) == ["A0B0C0", "A1B1C1", "A2B2C2"]
        # They come and go: the next one is heard too.
        _, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"again\n")
        await got.until(lambda: got.texts[-1] == "again")
        writer.close()
        assert got.error is None


async def test_a_reader_that_should_stay_is_waited_for_and_missed(free_port: int) -> None:
    listen = {"host": "127.0.0.1", "port": free_port, "readers": "stay", "wait_s": 0.2}
    with pytest.raises(RetryLater) as caught:
        await device(listen=listen).__aenter__()
    assert caught.value.code == "LS-3310"
    assert "no reader" in str(caught.value.params["reason"])
    running = device(listen={**listen, "wait_s": 10})
    entering = asyncio.create_task(running.__aenter__())
    end = time.monotonic() + 5
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", free_port)
            break
        except ConnectionError:
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
    await asyncio.wait_for(entering, 5)
    async with reports(running) as got:
        writer.write(b"X\r")
        await got.until(lambda: got.texts == ["X"])
        writer.close()
        assert (await got.ended()).code == "LS-3311"
    await running.__aexit__(None, None, None)


async def test_who_is_not_allowed_to_call_is_turned_away() -> None:
    async with listening(listen={"allowed": ["10.9.9.9"]}) as running, reports(running) as got:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"FORGED\r")
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        assert running.counts["turned_away"] == 1
        assert got.got == []


async def test_no_more_readers_than_the_bound_are_taken() -> None:
    async with listening() as running:
        calls = [await asyncio.open_connection("127.0.0.1", running.port) for _ in range(40)]
        end = time.monotonic() + 5
        while running.counts["turned_away"] < 8:
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
        for _, writer in calls:
            writer.close()
        assert running.counts["turned_away"] == 8


async def test_garbage_is_bounded_counted_and_does_not_hide_the_next_code() -> None:
    async with (
        ReaderServer() as server,
        device(**server.where, longest=20) as running,
        reports(running) as got,
    ):
        writer = await connected(server)
        for _ in range(50):
            writer.write(b"\xff" * 10_000)
            await writer.drain()
        writer.write(b"\r\xff\xfe\rGOOD\r")
        await got.until(lambda: got.texts == ["GOOD"])
        assert running.counts["too_long"] == 1
        assert running.counts["undecodable"] == 1


async def test_a_begin_is_not_joined_with_a_code_that_comes_much_later() -> None:
    async with (
        ReaderServer() as server,
        device(**server.where, pause_ms=50) as running,
        reports(running) as got,
    ):
        writer = await connected(server)
        writer.write(b"WO12")
        await asyncio.sleep(0.2)
        writer.write(b"WO77\r")
        await got.until(lambda: got.texts == ["WO77"])
        assert running.counts["incomplete"] == 1


async def test_repetitions_within_the_window_are_one_reading() -> None:
    async with (
        ReaderServer() as server,
        device(**server.where, repeat_ms=60_000) as running,
        reports(running) as got,
    ):
        (await connected(server)).write(b"A\rA\rB\rA\rC\r")
        await got.until(lambda: got.texts == ["A", "B", "C"])
        assert running.counts["repeats"] == 2


async def test_readers_wait_while_nobody_takes_their_codes_and_nothing_is_lost() -> None:
    count = 60_000
    async with ReaderServer() as server, device(**server.where) as running:
        writer = await connected(server)
        sent = b"".join(b"%07d\r" % n for n in range(count))
        # Nobody listens yet: what is taken from the socket stays bounded.
        writer.write(sent)
        end = time.monotonic() + 5
        while running.counts["lines"] < module.MOST_WAITING:
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert running.counts["lines"] < 4 * module.MOST_WAITING
        async with reports(running) as got:
            await got.until(lambda: len(got.texts) == count, 20)
            assert [int(text) for text in got.texts] == list(range(count))
            assert running.counts["given_up"] == 0


async def test_nobody_there_says_retry_later_and_leaves_no_task(free_port: int) -> None:
    before = asyncio.all_tasks()
    with pytest.raises(RetryLater) as caught:
        await device(connect={"host": "127.0.0.1", "port": free_port}).__aenter__()
    assert caught.value.code == "LS-3310"
    assert asyncio.all_tasks() == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo terminals")
async def test_a_serial_reader_is_read_until_it_is_pulled_out() -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    serial = {"port": os.ttyname(theirs), "baud": 115_200}
    async with (
        device(serial=serial, terminator="etx", prefix="\x02") as running,
        reports(running) as got,
    ):
        for byte in b"\x02AB":
            os.write(ours, bytes([byte]))
        os.write(ours, b"C\x03noise\x03\x02DEF\x03")
        await got.until(lambda: got.texts == ["ABC", "DEF"])
        assert running.counts["malformed"] == 1
        os.close(ours)
        os.close(theirs)
        assert (await got.ended()).code == "LS-3311"
