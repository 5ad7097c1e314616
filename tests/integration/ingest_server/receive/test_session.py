"""From a real broker to a real database: exactly once, whatever dies on the way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.embedded.postgres import EmbeddedPostgres
from ingest_server.receive.batcher import Limits
from ingest_server.receive.live import LiveTable
from ingest_server.receive.session import Session, Settings
from ingest_server.receive.state import State
from ingest_server.store.migrate import migrate
from rig.server_file import write_server_file
from runtime import logs
from runtime.clock import now_us
from runtime.metrics import Metrics
from runtime.mqtt import BrokerAddress, Connection
from runtime.supervise import Backoff, Supervisor
from tests.conftest import WaitFor
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import START_US, fill, started
from tests.integration.ingest_server.receive.mqtt_edge import MqttEdge
from wire.control import Ack, Live
from wire.frame import StreamClass
from wire.ids import SHARDS, EdgeId
from wire.topics import down, up

EDGE = EdgeId(plant="demo", edge="line-a")
LIMITS = Limits(linger_s=0.05)


@asynccontextmanager
async def receiving(
    dsn: str,
    address: BrokerAddress,
    *,
    state: State | None = None,
    live: LiveTable | None = None,
    shards: Iterable[int] = range(SHARDS),
    limits: Limits = LIMITS,
    beat_every_s: float = 10.0,
) -> AsyncIterator[State]:
    """A server's receiving side, started again whenever its connection is lost."""
    known = state or State()

    def session() -> Session:
        return Session(
            Settings(
                address=address,
                client_id=f"server-{os.urandom(4).hex()}",
                dsn=dsn,
                shards=tuple(shards),
                limits=limits,
                beat_every_s=beat_every_s,
            ),
            clock=now_us,
            log=logs.get("test"),
            live=live or LiveTable(),
            state=known,
            metrics=Metrics(),
            backoff=Backoff(first_s=0.05, most_s=0.2),
        )

    async with Supervisor(log=logs.get("test")) as tasks:
        tasks.start("receive", lambda: session().run(), backoff=Backoff(first_s=0.05, most_s=0.2))
        yield known


def address_of(broker: EmbeddedBroker) -> BrokerAddress:
    return BrokerAddress(host=broker.host, port=broker.port)


async def test_everything_arrives_once_and_is_acknowledged(
    migrated: str, broker: EmbeddedBroker, wait_for: WaitFor
) -> None:
    streams = [started(EDGE, cls) for cls in StreamClass]
    for place, epoch in enumerate(streams):
        fill(epoch, records=40, rows=20, seed=place)
    async with receiving(migrated, address_of(broker)):
        await asyncio.wait_for(
            asyncio.gather(*(MqttEdge(each, address_of(broker)).run() for each in streams)), 60
        )
        # No order between topics: the status may come after the data.
        await wait_for(lambda: rows(migrated, "SELECT online FROM edge") == [(True,)])
    assert stored(migrated) == wanted(*streams)


async def test_a_worker_takes_its_own_shards_alone_however_much_the_others_have(
    dsn: str, broker: EmbeddedBroker, wait_for: WaitFor
) -> None:
    """More than a broker keeps in flight, for a worker that is not there."""
    migrate(dsn)
    mine, other = started(EDGE), started(EdgeId(plant="demo", edge="line-b"))
    assert mine.edge.shard != other.edge.shard
    fill(mine, records=10, rows=5)
    fill(other, records=1500, rows=1)
    async with receiving(dsn, address_of(broker), shards=[mine.edge.shard]) as state:
        await wait_for(lambda: state.connected_us is not None, 20)
        async with Connection(address_of(broker), client_id="sender") as sender:
            for epoch in (other, mine):
                await asyncio.gather(
                    *(sender.send(up(epoch.edge, "data"), record) for record in epoch.records)
                )
        began_s = asyncio.get_running_loop().time()
        await wait_for(lambda: state.outcomes["next"] == mine.seq - 1, 60)
        assert asyncio.get_running_loop().time() - began_s < 25  # what NATS holds back: 30 s
    assert state.outcomes == {"opened": 1, "next": mine.seq - 1}
    assert stored(dsn) == wanted(mine)


async def test_a_worker_greets_the_edges_it_knows_and_those_that_speak(
    migrated: str, nats: EmbeddedBroker
) -> None:
    known, silent = started(EDGE), EdgeId(plant="demo", edge="line-b")
    async with Connection(address_of(nats), client_id="listener") as listener:
        await listener.subscribe(down(EDGE, "ack"), down(silent, "ack"))
        answers = listener.messages()
        async with receiving(migrated, address_of(nats)):
            await MqttEdge(known, address_of(nats)).run()
        # A worker may greet twice: by itself, and because it was spoken to.
        await listener.publish(down(silent, "ack"), b"so far")
        earlier = set()
        while (message := await anext(answers)).payload != b"so far":
            if (ack := Ack.decode(message.payload)).kind == "hello":
                earlier.add(ack.worker)
        assert earlier
        async with receiving(migrated, address_of(nats)), asyncio.timeout(20):
            async for message in answers:
                ack = Ack.decode(message.payload)
                if ack.kind == "hello" and ack.worker not in earlier:
                    break
    assert message.topic == down(EDGE, "ack")
    assert [cursor.cursor for cursor in ack.streams] == [2]


async def test_the_broker_may_die_at_any_time(
    migrated: str, broker: EmbeddedBroker, wait_for: WaitFor
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=300, rows=5)
    edge = MqttEdge(epoch, address_of(broker), window=8)
    async with receiving(migrated, address_of(broker)):
        sending = asyncio.create_task(edge.run())
        for part in (20, 60):
            await wait_for(lambda: edge.acked >= part, 60)  # noqa: B023
            broker.kill()
            await broker.start()
        await asyncio.wait_for(sending, 60)
    assert stored(migrated) == wanted(epoch)


async def test_the_database_may_die_at_any_time(
    tmp_path: Path, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=300, rows=5)
    edge = MqttEdge(epoch, address_of(nats), window=8)
    async with EmbeddedPostgres(tmp_path / "pg", environ={}) as postgres:
        migrate(postgres.dsn)
        async with receiving(postgres.dsn, address_of(nats)) as state:
            sending = asyncio.create_task(edge.run())
            for part in (10, 50):
                await wait_for(lambda: edge.acked >= part, 60)  # noqa: B023
                greeted = len(edge.hellos)
                postgres.kill()
                await wait_for(lambda: state.database_away_us is not None, 60)
                await postgres.start()
                await wait_for(lambda: state.database_away_us is None, 60)
                await wait_for(lambda: len(edge.hellos) > greeted, 60)  # noqa: B023
            await asyncio.wait_for(sending, 60)
        assert stored(postgres.dsn) == wanted(epoch)


# Five starts of the real program, each with a limit of its own.
@pytest.mark.timeout(300)
async def test_a_killed_server_loses_and_doubles_nothing(
    migrated: str, broker: EmbeddedBroker, tmp_path: Path, wait_for: WaitFor
) -> None:
    config = write_server_file(
        tmp_path,
        dsn=migrated,
        host=broker.host,
        port=broker.port,
        ingest={"commit_every_ms": 5, "rows_per_commit": 20},
    )
    epoch = started(EDGE)
    fill(epoch, records=300, rows=10)
    edge = MqttEdge(epoch, address_of(broker), window=8)
    sending = asyncio.create_task(edge.run())
    try:
        for part in (30, 90, 150, 210):
            async with server(config):
                # Mid-way: acknowledgements are sent after commits, so some of these are not.
                await wait_for(lambda: edge.acked >= part, 60)  # noqa: B023
        async with server(config):
            await asyncio.wait_for(sending, 60)
    finally:
        sending.cancel()
    assert stored(migrated) == wanted(epoch)


@asynccontextmanager
async def server(config: Path) -> AsyncIterator[None]:
    """The real program with the role `ingest`, killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from ingest_server.cli import main; main()",
        *("run", str(config), "--role", "ingest"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def test_live_values_are_shown_and_vanish_with_their_edge(
    migrated: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    epoch, live = started(EDGE), LiveTable()
    edge = MqttEdge(epoch, address_of(nats))
    async with receiving(migrated, address_of(nats), live=live):
        await edge.run()
        [(tag_id,)] = rows(migrated, "SELECT tag_id FROM tag WHERE path = 'press/temperature'")
        said = Live(
            epoch=epoch.epoch,
            at_us=START_US,
            tags=[2, 77],
            ts=[START_US, START_US],
            values=[21.5, 1],
            quality=[0, 0],
        )
        async with Connection(address_of(nats), client_id="live") as connection:

            async def shown() -> bool:
                await connection.publish(up(EDGE, "live"), said.encode(), qos=0)
                return bool(live.latest([int(str(tag_id))]))

            await wait_for(shown, 20)
            [value] = live.latest([int(str(tag_id)), 9999]).values()
            assert (value.value, value.at_us) == (21.5, START_US)
            gone = (
                b'{"v":1,"state":"offline","epoch":"%s","session":9,"at_us":1}'
                % str(epoch.epoch).encode()
            )
            await connection.publish(up(EDGE, "status"), gone, retain=True)
            await wait_for(lambda: not live.latest([int(str(tag_id))]), 20)


async def test_nothing_unreadable_stops_the_rest(
    migrated: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=5, rows=3)
    async with receiving(migrated, address_of(nats)) as state:
        await wait_for(lambda: state.connected_us is not None, 30)
        async with Connection(address_of(nats), client_id="vandal") as connection:
            for place in range(50):
                await connection.publish(up(EDGE, "data"), b"rubbish %d" % place)
                await connection.publish(up(EDGE, "status"), b"{rubbish %d" % place)
        await asyncio.wait_for(MqttEdge(epoch, address_of(nats)).run(), 30)
    assert stored(migrated) == wanted(epoch)
    assert rows(migrated, "SELECT count(*) FROM dead_letter") == [(100,)]


@pytest.mark.parametrize("rows_per_record", [1, 500])
async def test_latest_values_follow(
    migrated: str, nats: EmbeddedBroker, wait_for: WaitFor, rows_per_record: int
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=3, rows=rows_per_record)
    query = """SELECT count(*) FROM tag_latest AS l WHERE l.ts =
               (SELECT max(ts) FROM reading AS r WHERE r.tag_id = l.tag_id)"""
    async with receiving(migrated, address_of(nats)):
        await MqttEdge(epoch, address_of(nats)).run()
        told = len({path for path, _, _ in epoch.truth})
        await wait_for(lambda: rows(migrated, query) == [(told,)], 20)
