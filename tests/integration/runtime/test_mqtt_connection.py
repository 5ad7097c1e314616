"""The MQTT connection against real brokers."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import LinesideError, Reconfigure, RetryLater
from runtime.mqtt import BrokerAddress, Connection, ConnectionLost, Message, Tls
from runtime.secret import Secret

LIMIT_S = 30.0


def address(broker: Any, **more: Any) -> BrokerAddress:
    return BrokerAddress(host="127.0.0.1", port=broker.port, **more)


async def take(connection: Connection, count: int) -> list[Message]:
    """The next messages, acknowledged."""
    taken: list[Message] = []
    async with asyncio.timeout(LIMIT_S):
        async for message in connection.messages():
            message.ack()
            taken.append(message)
            if len(taken) == count:
                break
    return taken


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await asyncio.sleep(0.01)


def threads() -> set[threading.Thread]:
    return set(threading.enumerate())


def descriptors() -> int:
    gc.collect()
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@contextlib.asynccontextmanager
async def nothing_left_behind() -> AsyncIterator[None]:
    """Fails when a task, thread or descriptor that was made inside outlives it."""
    tasks, running, opened = asyncio.all_tasks(), threads(), descriptors()
    yield
    await until(lambda: threads() <= running)
    assert asyncio.all_tasks() == tasks
    assert descriptors() == opened


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the socket in /proc")
async def test_small_packets_leave_at_once(broker: Any) -> None:
    async with Connection(address(broker), client_id="prompt"):
        delays = []
        for entry in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(entry.name))) as one:
                if one.getpeername()[1:2] == (broker.port,):
                    delays.append(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    assert delays == [1]


async def test_publishes_are_acknowledged_and_received_in_call_order(broker: Any) -> None:
    async with (
        Connection(address(broker), client_id="reader") as reader,
        Connection(address(broker), client_id="writer") as writer,
    ):
        await reader.subscribe("lineside/v1/#")
        done: list[int] = []

        def order(number: int, _future: asyncio.Future[None]) -> None:
            done.append(number)

        sent = [writer.send("lineside/v1/p", b"%d" % i) for i in range(200)]
        for number, future in enumerate(sent):
            future.add_done_callback(partial(order, number))
        received = await take(reader, 200)
        await asyncio.gather(*sent)
        await until(lambda: len(done) == 200)
    assert [int(m.payload) for m in received] == list(range(200))
    assert done == list(range(200))
    assert {(m.topic, m.qos, m.retain) for m in received} == {("lineside/v1/p", 1, False)}


async def test_a_message_nobody_acknowledged_comes_again(start_broker: Any) -> None:
    broker = start_broker(again_s=1)

    def session() -> Connection:
        return Connection(address(broker), client_id="keeps", clean=False)

    async with Connection(address(broker), client_id="writer") as writer:
        async with session() as reader:
            await reader.subscribe("a")
            await writer.publish("a", b"first")
            async with asyncio.timeout(LIMIT_S):
                message = await anext(aiter(reader.messages()))
            assert message.payload == b"first"
        async with session() as reader:
            (again,) = await take(reader, 1)
            assert again.payload == b"first"
        await writer.publish("a", b"second")
        async with session() as reader:
            (following,) = await take(reader, 1)
    assert following.payload == b"second", "the acknowledged one must not come a third time"


async def test_retained_messages_and_qos_0_pass_unacknowledged(broker: Any) -> None:
    async with Connection(address(broker), client_id="writer") as writer:
        await writer.publish("status", b"birth", retain=True)
        async with Connection(address(broker), client_id="reader") as reader:
            await reader.subscribe("status", "live")
            (retained,) = await take(reader, 1)
            await writer.publish("live", b"1", qos=0)
            (live,) = await take(reader, 1)
    assert (retained.payload, retained.retain) == (b"birth", True)
    assert (live.payload, live.qos, live.retain) == (b"1", 0, False)


async def test_a_slow_reader_stops_the_broker_and_is_not_taken_for_a_dead_one(broker: Any) -> None:
    count, size, bound = 600, 32 * 1024, 16
    async with (
        Connection(address(broker), client_id="slow", max_inbound=bound, keepalive_s=1) as reader,
        Connection(address(broker), client_id="writer") as writer,
    ):
        await reader.subscribe("bulk")
        sent = [writer.send("bulk", i.to_bytes(4) + bytes(size)) for i in range(count)]
        await asyncio.gather(*sent)  # the broker has them all and could send
        await until(lambda: reader.waiting >= bound)
        began = time.monotonic()
        most = 0
        # Longer than the silence after which either side gives up a connection.
        while time.monotonic() - began < 2.5:
            most = max(most, reader.waiting)
            await asyncio.sleep(0.05)
        assert most == bound
        assert not reader.lost.is_set()
        received = await take(reader, count)
        assert not reader.lost.is_set()
    assert [int.from_bytes(m.payload[:4]) for m in received] == list(range(count))


async def test_an_idle_connection_outlives_its_keepalive(broker: Any) -> None:
    async with Connection(address(broker), client_id="idle", keepalive_s=1) as connection:
        await asyncio.sleep(2.5)  # what is tested is time that passes
        assert not connection.lost.is_set()
        await connection.publish("a", b"still here")


async def test_a_broker_that_hangs_is_given_up(broker: Any) -> None:
    async with Connection(address(broker), client_id="c", keepalive_s=1) as connection:
        broker.freeze()
        future = connection.send("a", b"x")
        async with asyncio.timeout(LIMIT_S):
            await connection.lost.wait()
        with pytest.raises(ConnectionLost) as caught:
            await future
    assert "no answer for 1.5 s" in str(caught.value)


async def test_all_that_wait_learn_of_a_lost_connection(broker: Any) -> None:
    async with nothing_left_behind():
        async with Connection(address(broker), client_id="c") as connection:
            await connection.subscribe("a")
            broker.freeze()  # so that nothing of this is answered
            sent = [connection.send("a", b"%d" % i) for i in range(100)]
            subscribing = asyncio.create_task(connection.subscribe("b"))
            reading = asyncio.create_task(take(connection, 1))
            await asyncio.sleep(0)
            broker.kill()
            async with asyncio.timeout(LIMIT_S):
                await connection.lost.wait()
                results = await asyncio.gather(*sent, subscribing, reading, return_exceptions=True)
            late = connection.send("a", b"late")
            with pytest.raises(ConnectionLost):
                await late
            with pytest.raises(ConnectionLost):
                await connection.subscribe("c")
        del sent, late
    assert len(results) == 102
    assert {type(one) for one in results} == {ConnectionLost}
    assert all(one.code == "LS-1103" for one in results if isinstance(one, LinesideError))


async def test_messages_that_arrived_before_the_loss_are_still_read(broker: Any) -> None:
    async with Connection(address(broker), client_id="c") as connection:
        await connection.subscribe("a")
        for i in range(5):
            await connection.publish("a", b"%d" % i)
        await until(lambda: connection.waiting == 5)
        broker.kill()
        await connection.lost.wait()
        received = []
        with pytest.raises(ConnectionLost):
            async for message in connection.messages():
                message.ack()  # tells nobody, and must not fail
                received.append(message.payload)
    assert received == [b"0", b"1", b"2", b"3", b"4"]


WILL_SCRIPT = """
import asyncio, sys
from runtime.mqtt import BrokerAddress, Connection, Will
async def main():
    will = Will(topic="status", payload=b"gone", retain=True)
    address = BrokerAddress(host="127.0.0.1", port=int(sys.argv[1]))
    async with Connection(address, client_id="dies", will=will) as connection:
        await connection.publish("status", b"here", retain=True)
        print("up", flush=True)
        if sys.argv[2] == "stay":
            await asyncio.sleep(3600)
asyncio.run(main())
"""


def will_process(broker: Any, how: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", WILL_SCRIPT, str(broker.port), how], stdout=subprocess.PIPE
    )


async def test_the_will_is_published_when_the_program_is_killed(broker: Any) -> None:
    async with Connection(address(broker), client_id="reader") as reader:
        await reader.subscribe("status")
        with will_process(broker, "stay") as dying:
            here = await take(reader, 1)
            dying.kill()
            gone = await take(reader, 1)
    assert [m.payload for m in (*here, *gone)] == [b"here", b"gone"]


async def test_a_clean_end_publishes_no_will(broker: Any) -> None:
    async with Connection(address(broker), client_id="reader") as reader:
        await reader.subscribe("status", "marker")
        with will_process(broker, "leave") as leaving:
            assert await asyncio.to_thread(leaving.wait) == 0
        await reader.publish("marker", b"")
        received = await take(reader, 2)
    assert [(m.topic, m.payload) for m in received] == [("status", b"here"), ("marker", b"")]


async def test_nobody_listens_at_the_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound but not listening: refused, and taken by nobody else
        nowhere = BrokerAddress(host="127.0.0.1", port=free.getsockname()[1])
        async with nothing_left_behind():
            with pytest.raises(RetryLater) as caught:
                async with Connection(nowhere, client_id="c"):
                    pass
    assert caught.value.code == "LS-1101"
    assert "refused" in str(caught.value)


async def test_something_listens_but_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent = BrokerAddress(host="127.0.0.1", port=mute.getsockname()[1])
        async with nothing_left_behind():
            with pytest.raises(RetryLater) as caught:
                async with Connection(silent, client_id="c", connect_s=0.2):
                    pass
    assert caught.value.code == "LS-1102"


async def test_something_else_than_mqtt_listens() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        web = BrokerAddress(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
        with pytest.raises(RetryLater):
            async with Connection(web, client_id="c"):
                pass


async def test_a_cancelled_connect_leaves_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent = BrokerAddress(host="127.0.0.1", port=mute.getsockname()[1])
        async with nothing_left_behind():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05), Connection(silent, client_id="c"):
                    pass


async def test_a_cancelled_tls_handshake_leaves_nothing(certificates: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent = BrokerAddress(
            host="127.0.0.1", port=mute.getsockname()[1], tls=Tls(ca_file=certificates.ca)
        )
        async with nothing_left_behind():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05), Connection(silent, client_id="c", connect_s=0.3):
                    pass


async def test_open_and_close_leave_nothing(broker: Any) -> None:
    async with nothing_left_behind():
        for _ in range(3):
            async with Connection(address(broker), client_id="c") as connection:
                await connection.subscribe("a")
                connection.send("a", b"x")


async def test_an_exception_in_the_block_closes_too(broker: Any) -> None:
    async with nothing_left_behind():
        with pytest.raises(ZeroDivisionError):
            async with Connection(address(broker), client_id="c"):
                raise ZeroDivisionError
        async with Connection(address(broker), client_id="c") as connection:
            await connection.publish("a", b"x")


async def test_the_right_password_is_taken_and_a_wrong_one_needs_a_person(
    start_broker: Any,
) -> None:
    broker = start_broker(users=True)
    right = address(broker, username="edge-1", password=Secret("right-horse"))
    async with Connection(right, client_id="c") as connection:
        await connection.publish("a", b"x")
    wrong = address(broker, username="edge-1", password=Secret("wrong"))
    async with nothing_left_behind():
        for bad in (wrong, address(broker)):
            with pytest.raises(Reconfigure) as caught:
                async with Connection(bad, client_id="c"):
                    pass
            assert caught.value.code in ("LS-1104", "LS-1105")
            assert "wrong" not in str(caught.value)
        del caught


async def test_a_refused_subscription_needs_a_person(start_nats: Any) -> None:
    broker = start_nats(users=True)
    right = address(broker, username="edge-1", password=Secret("right-horse"))
    async with Connection(right, client_id="c") as connection:
        await connection.subscribe("open/+")
        with pytest.raises(Reconfigure) as caught:
            await connection.subscribe("open/a", "secret/a")
    assert caught.value.code == "LS-1106"
    assert caught.value.params["filter"] == "secret/a"


async def test_tls_carries_large_payloads_both_ways(start_broker: Any, certificates: Any) -> None:
    broker = start_broker(tls=certificates)
    secure = address(broker, tls=Tls(ca_file=certificates.ca))
    payloads = [bytes([i]) * (256 * 1024) for i in range(20)]
    async with nothing_left_behind():
        async with (
            Connection(secure, client_id="reader", max_inbound=4) as reader,
            Connection(secure, client_id="writer") as writer,
        ):
            await reader.subscribe("large")
            sent = [writer.send("large", payload) for payload in payloads]
            received = await take(reader, len(payloads))
            await asyncio.gather(*sent)
        assert [m.payload for m in received] == payloads
        del received, sent, reader, writer


async def test_many_small_tls_records_are_all_read(start_broker: Any, certificates: Any) -> None:
    """What TLS has decrypted ahead does not make the socket readable again."""
    broker = start_broker(tls=certificates)
    secure = address(broker, tls=Tls(ca_file=certificates.ca))
    async with (
        Connection(secure, client_id="reader", max_inbound=8, keepalive_s=600) as reader,
        Connection(secure, client_id="writer") as writer,
    ):
        await reader.subscribe("a")
        sent = [writer.send("a", b"%d" % i) for i in range(500)]
        received = await take(reader, 500)
        await asyncio.gather(*sent)
    assert [int(m.payload) for m in received] == list(range(500))


async def refused_with(tls: Tls, broker: Any, host: str = "127.0.0.1") -> LinesideError:
    async with nothing_left_behind():
        with pytest.raises(LinesideError) as caught:
            async with Connection(
                BrokerAddress(host=host, port=broker.port, tls=tls), client_id="c"
            ):
                pass
        error = caught.value
        del caught
        error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


async def test_a_broker_of_a_strange_authority_is_refused(
    start_broker: Any, certificates: Any
) -> None:
    broker = start_broker(tls=certificates)
    error = await refused_with(Tls(ca_file=certificates.stranger_ca), broker)
    assert (type(error), error.code) == (Reconfigure, "LS-1111")
    assert "certificate" in str(error.params["reason"])
    error = await refused_with(Tls(ca_file=certificates.ca), broker, host="localhost")
    assert (type(error), error.code) == (Reconfigure, "LS-1111"), "a certificate for another name"
    error = await refused_with(Tls(), broker)
    assert error.code == "LS-1111", "the system's authorities do not know it"


async def test_a_client_certificate_opens_the_door_and_none_does_not(
    start_broker: Any, certificates: Any
) -> None:
    broker = start_broker(tls=certificates, client_tls=True)
    both = Tls(
        ca_file=certificates.ca,
        cert_file=certificates.client_cert,
        key_file=certificates.client_key,
    )
    async with Connection(address(broker, tls=both), client_id="c") as connection:
        await connection.publish("a", b"x")
    error = await refused_with(Tls(ca_file=certificates.ca), broker)
    assert (type(error), error.code) == (Reconfigure, "LS-1113"), error


async def test_tls_on_a_plain_port_and_plain_on_a_tls_port_end_in_words(
    start_broker: Any, certificates: Any
) -> None:
    plain = start_broker()
    error = await refused_with(Tls(ca_file=certificates.ca), plain)
    assert error.code in ("LS-1101", "LS-1112")
    secure = start_broker(tls=certificates)
    with pytest.raises(RetryLater):
        async with Connection(address(secure), client_id="c", connect_s=2):
            pass


async def test_unusable_tls_files_need_a_person(tmp_path: Path, certificates: Any) -> None:
    nowhere = BrokerAddress(host="127.0.0.1", port=1, tls=Tls(ca_file=tmp_path / "absent.pem"))
    with pytest.raises(Reconfigure) as caught:
        async with Connection(nowhere, client_id="c"):
            pass
    assert caught.value.code == "LS-1114"
    mixed = Tls(
        ca_file=certificates.ca,
        cert_file=certificates.client_cert,
        key_file=certificates.broker_key,
    )
    with pytest.raises(Reconfigure) as caught:
        async with Connection(BrokerAddress(host="127.0.0.1", port=1, tls=mixed), client_id="c"):
            pass
    assert caught.value.code == "LS-1114"


async def test_twenty_thousand_messages_pass_in_order_through_a_window(broker: Any) -> None:
    count, window = 20_000, 256
    async with (
        Connection(address(broker), client_id="reader") as reader,
        Connection(address(broker), client_id="writer") as writer,
    ):
        await reader.subscribe("n")

        async def write() -> None:
            places = asyncio.Semaphore(window)
            for i in range(count):
                await places.acquire()
                writer.send("n", i.to_bytes(4)).add_done_callback(lambda _: places.release())

        async def read() -> list[int]:
            return [int.from_bytes(m.payload) for m in await take(reader, count)]

        _, received = await asyncio.gather(write(), read())
    assert received == list(range(count))


async def test_more_unanswered_publishes_than_the_bound_are_refused(start_nats: Any) -> None:
    broker = start_nats()
    async with Connection(address(broker), client_id="c", connect_s=5) as connection:
        broker.freeze()
        with pytest.raises(RetryLater) as caught:
            for _ in range(20_000):
                connection.send("a", b"x")
        broker.kill()
    assert caught.value.code == "LS-1107"


class ProactorLike(asyncio.SelectorEventLoop):
    """A loop that cannot watch sockets for others, as the one on Windows."""

    add_reader = asyncio.AbstractEventLoop.add_reader
    add_writer = asyncio.AbstractEventLoop.add_writer
    remove_reader = asyncio.AbstractEventLoop.remove_reader
    remove_writer = asyncio.AbstractEventLoop.remove_writer


@pytest.fixture
def proactor_like() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=ProactorLike) as runner:
        yield runner


def test_a_loop_that_cannot_watch_sockets_gets_a_thread_for_it(
    start_broker: Any, certificates: Any, proactor_like: asyncio.Runner
) -> None:
    broker = start_broker(tls=certificates)
    secure = address(broker, tls=Tls(ca_file=certificates.ca))

    async def go() -> list[int]:
        async with nothing_left_behind():
            async with (
                Connection(secure, client_id="reader", max_inbound=16) as reader,
                Connection(secure, client_id="writer") as writer,
            ):
                await reader.subscribe("a")
                sent = [writer.send("a", b"%d" % i) for i in range(1000)]
                received = [int(m.payload) for m in await take(reader, 1000)]
                await asyncio.gather(*sent)
                broker.kill()
                async with asyncio.timeout(LIMIT_S):
                    await reader.lost.wait()
                    await writer.lost.wait()
            del sent, reader, writer
        return received

    assert proactor_like.run(go()) == list(range(1000))


@pytest.mark.parametrize("kind", [asyncio.SelectorEventLoop, ProactorLike])
def test_an_idle_connection_uses_no_processor_time(
    start_nats: Any, kind: type[asyncio.AbstractEventLoop]
) -> None:
    broker = start_nats()

    async def go() -> float:
        async with Connection(address(broker), client_id="c") as connection:
            await connection.publish("a", b"x")
            before = time.process_time()
            await asyncio.sleep(0.5)  # what is tested is time that passes
            return time.process_time() - before

    with asyncio.Runner(loop_factory=kind) as runner:
        assert runner.run(go()) < 0.1


async def test_of_several_nodes_one_that_lives_is_taken(start_nats: Any, free_port: int) -> None:
    node = start_nats()
    cluster = BrokerAddress(
        host="127.0.0.1", port=free_port, others=(("127.0.0.1", node.port), ("127.0.0.1", 1))
    )
    for number in range(12):  # the order is drawn by lot
        async with Connection(cluster, client_id=f"c{number}") as connection:
            assert str(connection.address) == f"127.0.0.1:{node.port}"
            await connection.publish("a/b", b"1")


async def test_clients_are_spread_over_the_nodes(start_nats: Any) -> None:
    nodes = [start_nats(), start_nats()]
    cluster = BrokerAddress(
        host="127.0.0.1", port=nodes[0].port, others=(("127.0.0.1", nodes[1].port),)
    )
    taken = set()
    for number in range(40):  # all at one node: once in 500 billion runs
        async with Connection(cluster, client_id=f"c{number}") as connection:
            taken.add(connection.address.port)
    assert taken == {node.port for node in nodes}


async def test_nodes_that_are_all_away_are_named_together(free_port: int) -> None:
    cluster = BrokerAddress(host="127.0.0.1", port=free_port, others=(("127.0.0.1", 1),))
    with pytest.raises(RetryLater) as caught:
        async with Connection(cluster, client_id="c"):
            pass
    assert caught.value.code == "LS-1101"
    assert caught.value.params["broker"] == f"127.0.0.1:{free_port}, 127.0.0.1:1"


async def test_a_node_that_may_come_back_counts_more_than_one_that_refuses_its_certificate(
    start_nats: Any, certificates: Any, free_port: int
) -> None:
    strange = start_nats(tls=certificates)
    cluster = BrokerAddress(
        host="127.0.0.1",
        port=strange.port,
        others=(("127.0.0.1", free_port),),
        tls=Tls(ca_file=certificates.stranger_ca),
    )
    for number in range(4):
        with pytest.raises(RetryLater) as caught:
            async with Connection(cluster, client_id=f"c{number}"):
                pass
        assert caught.value.params["broker"] == f"127.0.0.1:{free_port}"
