"""Each fault of a link on real sockets, seen from both sides."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from functools import partial
from random import Random

import pytest

from rig.faults import pump
from rig.faults.fault import (
    BlackHole,
    Drip,
    Fault,
    Refuse,
    Reset,
    Slow,
    Timed,
    Truncate,
    Vanish,
)
from rig.faults.proxy import FaultProxy, play
from tests.conftest import WaitFor
from tests.integration.rig.peers import Peer, Upstream, connect, nothing_left_behind

LOOPBACK = "127.0.0.1"
A_WHILE_S = 0.3
"""How long nothing has to happen for "nothing happens"."""


@pytest.fixture
async def proxy(upstream: Upstream) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(LOOPBACK, upstream.port, seed=1) as running:
        yield running


class Pair:
    """A connection through the proxy: the client's end and the server's."""

    def __init__(self, client: Peer, server: Peer) -> None:
        self.client = client
        self.server = server


@pytest.fixture
async def pair(proxy: FaultProxy, upstream: Upstream, wait_for: WaitFor) -> AsyncIterator[Pair]:
    client = await connect(proxy.port)
    await wait_for(lambda: upstream.peers, what="a connection upstream")
    yield Pair(client, upstream.peers[0])
    await client.close()


async def both_ways(pair: Pair, wait_for: WaitFor, word: bytes = b"again") -> None:
    """Fails unless bytes pass in both directions."""
    before_up, before_down = len(pair.server.got), len(pair.client.got)
    await pair.client.send(word)
    await pair.server.send(word)
    await wait_for(lambda: pair.server.got[before_up:] == word, what="bytes at the server")
    await wait_for(lambda: pair.client.got[before_down:] == word, what="bytes at the client")


def ended(peer: Peer, how: str = "") -> bool:
    """Whether this end has seen the connection end, and as what."""
    return bool(peer.ended) and how in peer.ended


# -- no fault ------------------------------------------------------------------------------------


async def test_bytes_pass_unchanged_in_both_directions_at_once(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    up, down = Random(1).randbytes(3_000_000), Random(2).randbytes(2_000_000)
    await asyncio.gather(pair.client.send(up), pair.server.send(down))
    await wait_for(lambda: len(pair.server.got) >= len(up), 20)
    await wait_for(lambda: len(pair.client.got) >= len(down), 20)
    assert (pair.server.got, pair.client.got) == (up, down)
    assert proxy.passed == {"up": len(up), "down": len(down)}


async def test_a_side_that_ends_still_gets_what_the_other_sends(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    await pair.client.send(b"question")
    pair.client.end.shutdown(socket.SHUT_WR)
    await wait_for(lambda: pair.server.ended == "fin")
    await pair.server.send(b"answer")
    pair.server.end.shutdown(socket.SHUT_WR)
    await wait_for(lambda: pair.client.ended == "fin")
    assert (pair.server.got, pair.client.got) == (b"question", b"answer")
    await wait_for(lambda: proxy.connections == 0)


@pytest.mark.parametrize("who", ["client", "server"])
async def test_a_reset_of_one_end_resets_the_other(
    who: str, pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    one, other = pair.client, pair.server
    if who == "server":
        one, other = other, one
    await one.abort()
    await wait_for(lambda: other.ended == "ConnectionResetError")
    await wait_for(lambda: proxy.connections == 0)


async def test_a_reset_learnt_only_by_sending_is_passed_on_as_one(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    await pair.client.stop_reading()
    sending = asyncio.create_task(pair.server.send(bytes(8 * 1024 * 1024)))
    await wait_for(lambda: proxy.waiting >= pump.BOUND, what="no more is read of the server")
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await pair.server.abort()
    await pair.client.send(b"anybody?")
    await asyncio.sleep(A_WHILE_S)
    pair.client.read_on()
    await wait_for(lambda: pair.client.ended)
    assert pair.client.ended == "ConnectionResetError"
    await wait_for(lambda: proxy.connections == 0)


async def test_an_upstream_that_refuses_resets_the_client(
    proxy: FaultProxy, upstream: Upstream, wait_for: WaitFor
) -> None:
    await upstream.stop()
    client = await connect(proxy.port)
    await wait_for(lambda: client.ended == "ConnectionResetError")
    await client.close()
    assert proxy.accepted == 1


async def test_a_reader_that_stops_holds_the_sender_back_in_bounded_memory(
    proxy: FaultProxy, upstream: Upstream, wait_for: WaitFor
) -> None:
    total = 64 * 1024 * 1024
    sender = await connect(proxy.port)
    await wait_for(lambda: upstream.peers)
    await upstream.peers[0].stop_reading()
    sending = asyncio.create_task(sender.send(bytes(total)))
    await wait_for(lambda: proxy.waiting >= pump.BOUND)
    passed = proxy.passed["up"]
    await asyncio.sleep(A_WHILE_S)
    assert proxy.waiting == pump.BOUND
    assert proxy.passed["up"] - passed < total // 8, "the kernel took the little it had room for"
    assert not sending.done()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await sender.close()


# -- slow ----------------------------------------------------------------------------------------


async def round_trip_s(pair: Pair, wait_for: WaitFor) -> float:
    began_s = time.monotonic()
    before = len(pair.client.got), len(pair.server.got)
    await pair.client.send(b"?")
    await wait_for(lambda: len(pair.server.got) > before[1])
    await pair.server.send(b"!")
    await wait_for(lambda: len(pair.client.got) > before[0])
    return time.monotonic() - began_s


async def test_latency_is_paid_each_way_and_ends_when_it_is_switched_off(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    assert await round_trip_s(pair, wait_for) < 0.2
    await proxy.switch(Slow(latency_s=0.2))
    assert await round_trip_s(pair, wait_for) >= 0.4
    await proxy.switch(Slow(ways=("down",), latency_s=0.3))
    assert 0.3 <= await round_trip_s(pair, wait_for) < 0.6
    await proxy.switch(Slow(latency_s=60))
    await pair.client.send(b"late")
    await asyncio.sleep(A_WHILE_S)
    assert not pair.server.got.endswith(b"late")
    await proxy.heal()
    await wait_for(lambda: pair.server.got.endswith(b"late"))


async def test_a_thin_line_passes_its_bits_a_second_and_holds_the_sender_back(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    await proxy.switch(Slow(ways=("up",), bits_per_s=800_000))
    began_s = time.monotonic()
    data = Random(3).randbytes(100_000)
    await pair.client.send(data)
    await wait_for(lambda: len(pair.server.got) == len(data))
    assert time.monotonic() - began_s >= 1.0
    assert pair.server.got == data
    began_s = time.monotonic()
    await pair.server.send(data)
    await wait_for(lambda: len(pair.client.got) == len(data))
    assert time.monotonic() - began_s < 0.5, "the other direction is as fast as ever"


async def test_loss_shows_as_stalls_and_never_as_missing_bytes(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    await proxy.switch(Slow(loss=0.05, retransmit_s=0.2))
    data = Random(4).randbytes(200_000)  # 139 segments
    began_s = time.monotonic()
    await pair.client.send(data)
    await wait_for(lambda: len(pair.server.got) == len(data))
    assert time.monotonic() - began_s >= 0.2
    assert pair.server.got == data


async def test_a_drip_passes_few_bytes_at_a_time(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    await proxy.switch(Drip(ways=("up",), size=2, every_s=0.05))
    began_s = time.monotonic()
    await pair.client.send(b"0123456789")
    sizes = set()
    while len(pair.server.got) < 10:
        sizes.add(len(pair.server.got))
        await asyncio.sleep(0.005)
    assert time.monotonic() - began_s >= 0.2
    assert {2, 4, 6, 8} <= sizes
    assert all(size % 2 == 0 for size in sizes)
    await pair.client.send(bytes(100_000))
    await proxy.heal()
    await wait_for(lambda: len(pair.server.got) == 100_010, what="the rest at once")


# -- ends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_force", [True, False])
async def test_a_reset_is_seen_as_one_from_both_sides(
    in_force: bool, pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    if in_force:
        await proxy.switch(Reset())
    else:
        proxy.reset()
    await wait_for(lambda: pair.client.ended == "ConnectionResetError")
    await wait_for(lambda: pair.server.ended == "ConnectionResetError")
    fresh = await connect(proxy.port)
    if in_force:
        await wait_for(lambda: fresh.ended == "ConnectionResetError")
        await fresh.close()
        await proxy.heal()
        fresh = await connect(proxy.port)
    await fresh.send(b"x")
    await wait_for(lambda: proxy.passed["up"] == 1)
    await fresh.close()


@pytest.mark.parametrize("reset", [False, True])
async def test_a_message_is_cut_in_its_middle(
    reset: bool, pair: Pair, proxy: FaultProxy, upstream: Upstream, wait_for: WaitFor
) -> None:
    end = "ConnectionResetError" if reset else "fin"
    await both_ways(pair, wait_for, b"before")
    await proxy.switch(Truncate(ways=("up",), after_bytes=7, reset=reset))
    await pair.client.send(b"half")
    await wait_for(lambda: pair.server.got == b"beforehalf")
    await pair.server.send(b" and the other way is whole")
    await pair.client.send(b"and half")
    await wait_for(lambda: pair.server.ended == end)
    await wait_for(lambda: pair.client.ended == end)
    if not reset:  # a reset may throw away what was not yet read
        assert pair.server.got == b"beforehalfand"
        assert pair.client.got == b"before and the other way is whole"
    # A new connection gets the same number of bytes, and all of them once it is over.
    client = await connect(proxy.port)
    await client.send(b"1234567890")
    await wait_for(lambda: client.ended == end)
    await client.close()
    if not reset:
        assert upstream.peers[1].got == b"1234567"
    await proxy.heal()
    client = await connect(proxy.port)
    await client.send(b"1234567890")
    await wait_for(lambda: len(upstream.peers) == 3 and len(upstream.peers[2].got) == 10)
    await client.close()


async def test_a_cut_after_no_byte_ends_connections_that_are_idle(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    await proxy.switch(Truncate(ways=("down",), after_bytes=0))
    await wait_for(lambda: pair.client.ended == pair.server.ended == "fin")


async def test_a_cut_that_stays_in_force_counts_on_when_others_come(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    cut = Truncate(ways=("up",), after_bytes=6)
    await proxy.switch(cut)
    await pair.client.send(b"1234")
    await wait_for(lambda: pair.server.got == b"1234")
    await proxy.switch(cut, Slow(latency_s=0.01))
    await pair.client.send(b"5678")
    await wait_for(lambda: pair.server.ended == "fin")
    assert pair.server.got == b"123456"


# -- silence -------------------------------------------------------------------------------------


async def test_a_vanished_peer_swallows_all_and_says_nothing_to_either_side(
    pair: Pair, proxy: FaultProxy, upstream: Upstream, wait_for: WaitFor
) -> None:
    await both_ways(pair, wait_for, b"before")
    await proxy.switch(Vanish())
    await pair.client.send(b"lost")
    await pair.server.send(b"gone!")
    await wait_for(lambda: proxy.swallowed == {"up": 4, "down": 5})
    fresh = await connect(proxy.port)
    await fresh.send(b"anybody?")
    await asyncio.sleep(A_WHILE_S)
    assert (pair.server.got, pair.client.got) == (b"before", b"before")
    assert (pair.server.ended, pair.client.ended, fresh.ended) == ("", "", "")
    assert len(upstream.peers) == 1, "who is gone hears of nobody new"
    await proxy.heal()
    for peer in (pair.client, pair.server, fresh):
        await wait_for(partial(ended, peer, "ConnectionResetError"))
    await fresh.close()
    assert (pair.server.got, pair.client.got) == (b"before", b"before"), "no stream with a hole"


async def test_a_server_does_not_learn_that_a_vanished_client_closed(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    await proxy.switch(Vanish())
    await pair.client.close()
    await asyncio.sleep(A_WHILE_S)
    assert pair.server.ended == ""
    await proxy.heal()
    await wait_for(lambda: pair.server.ended == "ConnectionResetError")


async def test_a_vanished_direction_leaves_the_other(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    await proxy.switch(Vanish(ways=("up",)))
    await pair.client.send(b"lost")
    await pair.server.send(b"arrives")
    await wait_for(lambda: pair.client.got == b"arrives")
    await wait_for(lambda: proxy.swallowed["up"] == 4)
    assert (pair.server.got, pair.server.ended) == (b"", "")


async def test_silent_connections_do_not_pile_up_when_clients_give_up(
    proxy: FaultProxy, wait_for: WaitFor
) -> None:
    await proxy.switch(Vanish())
    for _ in range(20):
        client = await connect(proxy.port)
        await client.send(b"anybody?")
        await client.close()
    await wait_for(lambda: proxy.accepted == 20)
    await wait_for(lambda: proxy.connections == 0)


async def test_a_black_hole_answers_no_syn_and_freezes_what_is_open(
    pair: Pair, proxy: FaultProxy, upstream: Upstream, wait_for: WaitFor
) -> None:
    await proxy.switch(BlackHole())
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await connect(proxy.port, limit_s=A_WHILE_S)
    await pair.client.send(b"waits")
    await pair.server.send(b"waits, too")
    await asyncio.sleep(A_WHILE_S)
    assert (pair.server.got, pair.client.got) == (b"", b"")
    patient = asyncio.create_task(connect(proxy.port))
    await asyncio.sleep(0.05)
    await proxy.heal()
    await wait_for(lambda: pair.server.got == b"waits" and pair.client.got == b"waits, too")
    client = await patient  # its SYN is repeated after a second
    await client.send(b"in")
    await wait_for(lambda: upstream.peers[-1].got == b"in")
    await client.close()
    assert proxy.accepted == 2, "nobody but clients is let in"


async def test_a_black_hole_hides_that_a_side_has_ended(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    await proxy.switch(BlackHole())
    await pair.client.close()
    await asyncio.sleep(A_WHILE_S)
    assert pair.server.ended == ""
    await proxy.heal()
    await wait_for(lambda: pair.server.ended == "fin")


async def test_a_closed_port_refuses_and_is_the_same_afterwards(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    port = proxy.port
    for _ in range(3):
        await proxy.switch(Refuse())
        with pytest.raises(ConnectionRefusedError):
            await connect(proxy.port)
        with pytest.raises(OSError, match=r"in use"), socket.socket() as thief:
            thief.bind((LOOPBACK, port))
        await both_ways(pair, wait_for)
        await proxy.heal()
        assert proxy.port == port
        client = await connect(port)
        await client.send(b"x")
        await client.close()


async def test_each_fault_may_follow_each_other_one(
    proxy: FaultProxy, upstream: Upstream, wait_for: WaitFor
) -> None:
    kinds: list[Fault] = [Slow(latency_s=0.01), Drip(size=9), Truncate(after_bytes=5)]
    kinds += [Vanish(), BlackHole(), Refuse(), Reset()]
    for one in kinds:
        for other in kinds:
            await proxy.switch(one)
            await proxy.switch(other)
    await proxy.heal()
    before = len(upstream.peers)
    client = await connect(proxy.port)
    await client.send(b"whole")
    await wait_for(lambda: len(upstream.peers) > before and upstream.peers[-1].got == b"whole")
    await client.close()


async def test_faults_that_exclude_each_other_change_nothing(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    with pytest.raises(ValueError, match="not together"):
        await proxy.switch(Refuse(), BlackHole())
    assert proxy.state.faults == ()
    await both_ways(pair, wait_for)


class Noting(FaultProxy):
    """Writes down which faults were in force one after another."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.seen: list[tuple[float, tuple[Fault, ...]]] = []

    async def switch(self, *faults: Fault) -> None:
        self.seen.append((asyncio.get_running_loop().time(), faults))
        await super().switch(*faults)


async def test_a_plan_is_played_at_its_times_and_leaves_the_link_whole(upstream: Upstream) -> None:
    refuse, slow = Refuse(), Slow(latency_s=0.01)
    plan = (Timed(fault=refuse, at_s=0.05, for_s=0.2), Timed(fault=slow, at_s=0.15, for_s=0.3))
    async with Noting(LOOPBACK, upstream.port) as proxy:
        began_s = asyncio.get_running_loop().time()
        await play(plan, proxy)
        times, faults = zip(*proxy.seen, strict=True)
        assert faults == ((refuse,), (refuse, slow), (slow,), (), ())
        for at_s, due_s in zip(times, (0.05, 0.15, 0.25, 0.45, 0.45), strict=True):
            assert 0 <= at_s - began_s - due_s < 1
        assert proxy.state.faults == ()


async def test_a_plan_that_is_stopped_half_way_leaves_the_link_whole(
    pair: Pair, proxy: FaultProxy, wait_for: WaitFor
) -> None:
    playing = asyncio.create_task(play((Timed(fault=Refuse(), at_s=0, for_s=60),), proxy))
    await wait_for(lambda: proxy.state.faults)
    playing.cancel()
    await asyncio.gather(playing, return_exceptions=True)
    assert proxy.state.faults == ()
    await both_ways(pair, wait_for)


@pytest.mark.parametrize(
    "fault",
    [None, Slow(latency_s=9), Drip(every_s=9), Vanish(), BlackHole(), Refuse(), Truncate()],
    ids=lambda fault: type(fault).__name__,
)
async def test_nothing_is_left_behind(fault: Fault | None, wait_for: WaitFor) -> None:
    async with nothing_left_behind():
        upstream = Upstream()
        upstream.listen()
        async with FaultProxy(LOOPBACK, upstream.port) as proxy:
            clients = [await connect(proxy.port) for _ in range(3)]
            await wait_for(lambda: len(upstream.peers) == 3)
            if fault is not None:
                await proxy.switch(fault)
            if not isinstance(fault, (BlackHole, Refuse)):
                clients.append(await connect(proxy.port))  # and closed at once
            for client in clients:
                await client.send(b"under way")
            port = proxy.port
        for client in clients:
            await wait_for(partial(ended, client))
        for peer in upstream.peers[:3]:
            await wait_for(partial(ended, peer))
        with pytest.raises(ConnectionRefusedError):
            await connect(port)
        for client in clients:
            await client.close()
        await upstream.close()
