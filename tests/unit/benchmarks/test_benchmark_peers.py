"""What is counted of every gateway: readings handed out by the PLC against those that arrived."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers.app import Figures, results, table
from benchmarks.peers.gateways import Modpoll, ThingsBoard
from benchmarks.peers.plant import Arrivals, Gate, Plc


def request(address: int, count: int) -> bytes:
    return struct.pack(">HHHBBHH", 7, 0, 6, 1, 3, address, count)


def test_a_poll_begins_at_register_0_and_says_its_number_in_every_value() -> None:
    plc = Plc(4)
    assert plc.answer(request(0, 2)) == struct.pack(">HHHBBB2H", 7, 0, 7, 1, 3, 4, 1, 1)
    plc.answer(request(2, 2))
    assert plc.answer(request(0, 1))[-2:] == b"\0\x02"
    assert plc.handed[1].all()
    assert plc.handed[2].tolist() == [True, False, False, False]


def test_what_is_missing_and_what_comes_twice_is_seen() -> None:
    arrivals = Arrivals(3)
    arrivals.add(np.array([0, 1, 1]), np.array([5, 5, 5]))
    arrivals.add(np.array([2]), np.array([65_000]))
    assert arrivals.seen[5].tolist() == [1, 2, 0]
    assert arrivals.total == 3


def test_messages_of_the_peers_are_read(tmp_path: Path) -> None:
    board = ThingsBoard(tmp_path / "t", 3)
    payload = b'{"plc": [{"ts": 1, "values": {"t0": 7, "t2": 8}}, {"ts": 2, "values": {"x": 1}}]}'
    tags, polls = board.read(board.topics[0], payload)
    assert (tags.tolist(), polls.tolist()) == ([0, 2], [7, 8])
    tags, polls = Modpoll(tmp_path / "m", 3).read("", b'{"t1": 9, "timestamp": 1}')
    assert (tags.tolist(), polls.tolist()) == ([1], [9])


async def test_an_outage_cuts_connections_and_refuses_new_ones() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    gate = Gate(int(server.sockets[0].getsockname()[1]))
    await gate.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.port)
    writer.write(b"a")
    assert await reader.read(1) == b"a"
    gate.shut()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
    again, other = await asyncio.open_connection("127.0.0.1", gate.port)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await again.readexactly(1)
    other.close()
    gate.open()
    third, last = await asyncio.open_connection("127.0.0.1", gate.port)
    last.write(b"b")
    assert await third.read(1) == b"b"
    last.close()
    await gate.stop()
    server.close()
    for one in (writer, other, last):
        with contextlib.suppress(ConnectionError):
            await one.wait_closed()
    await asyncio.sleep(0)


def test_the_table_has_a_row_of_each_gateway() -> None:
    one = Figures(
        gateway="G", version="1", settings="", run="outage", first_s=1.5, rate=200.0, cpu_us=50.0,
        memory_mib=70.0, handed=1_000, lost=3, lost_before=0, doubled=2,
    )  # fmt: skip
    assert table([one]).splitlines()[-1] == "| G 1 | 200 | 50 | 70 | 1.5 | 3 of 1,000 | - | 2 |"


def test_figures_of_a_gateway_become_results_and_what_is_lost_of_ours_is_a_goal_missed() -> None:
    one = Figures(
        gateway="Lineside", version="1", settings="", run="outage", first_s=1.5, rate=200.0,
        cpu_us=50.0, memory_mib=70.0, handed=1_000, lost=3, lost_before=0, doubled=2,
    )  # fmt: skip
    found = {each.name: each for each in results([one, replace(one, run="kill", lost=0)])}
    assert found["peers/Lineside/rate"].value == 200.0
    assert not found["peers/Lineside/lost-in-outage"].met
    assert found["peers/Lineside/lost-in-outage-with-kill"].met
    assert all(each.met for each in results([replace(one, gateway="Other")]))
