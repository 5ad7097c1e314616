"""Commands from the database to edges and back: one end for each, whatever is lost on the way."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest

from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.receive.live import LiveTable
from ingest_server.receive.session import Session, Settings
from ingest_server.receive.state import State
from ingest_server.store import commands, edges
from ingest_server.store.connection import connect
from ingest_server.store.migrate import migrate
from runtime import logs
from runtime.clock import now_us
from runtime.metrics import Metrics
from runtime.mqtt import BrokerAddress, Connection
from runtime.supervise import Backoff, Supervisor
from tests.conftest import WaitFor
from tests.integration.ingest_server.receive.looks import rows
from wire.control import Command, CommandAck, ConfigPush, Status
from wire.ids import EdgeId
from wire.topics import down, up


@pytest.fixture
def migrated(dsn: str) -> str:
    """Plain PostgreSQL: these tables are the same in both kinds of database."""
    migrate(dsn)
    return dsn


EDGE = EdgeId(plant="demo", edge="line-a")
OTHER = EdgeId(plant="demo", edge="line-b")


def address_of(broker: EmbeddedBroker) -> BrokerAddress:
    return BrokerAddress(host=broker.host, port=broker.port)


@asynccontextmanager
async def serving(
    dsn: str, address: BrokerAddress, *, shards: tuple[int, ...] | None = None, again_s: float = 60
) -> AsyncIterator[None]:
    def session() -> Session:
        return Session(
            Settings(
                address=address,
                client_id=f"server-{os.urandom(4).hex()}",
                dsn=dsn,
                ask_again_s=again_s,
                shards=tuple(range(64)) if shards is None else shards,
            ),
            clock=now_us,
            log=logs.get("test"),
            live=LiveTable(),
            state=State(),
            metrics=Metrics(),
            backoff=Backoff(first_s=0.05, most_s=0.2),
        )

    async with Supervisor(log=logs.get("test")) as tasks:
        tasks.start("receive", lambda: session().run(), backoff=Backoff(first_s=0.05, most_s=0.2))
        yield


@dataclass
class Asked:
    """What a line's agent was asked; it answers all but what `deaf` says."""

    edge: EdgeId
    address: BrokerAddress
    deaf: float = 0.0
    lot: random.Random = field(default_factory=lambda: random.Random(7))
    commands: list[Command] = field(default_factory=list)
    configs: list[ConfigPush] = field(default_factory=list)
    carried_out: set[UUID] = field(default_factory=set)
    epoch: UUID = field(default_factory=uuid4)
    sessions: int = 0

    @asynccontextmanager
    async def online(self) -> AsyncIterator[Connection]:
        async with Connection(self.address, client_id=f"agent-{self.edge.edge}") as connection:
            self.sessions += 1
            await connection.subscribe(down(self.edge, "cmd"), down(self.edge, "config"))
            tasks = [
                asyncio.create_task(self._stay_online(connection)),
                asyncio.create_task(self._answer(connection)),
            ]
            try:
                yield connection
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await self._say(connection, "offline")

    async def _stay_online(self, connection: Connection) -> None:
        # As agents do: NATS may keep the one status from a server that is just subscribing.
        while True:
            await self._say(connection, "online")
            await asyncio.sleep(0.5)

    async def _say(self, connection: Connection, state: str) -> None:
        status = Status(state=state, epoch=self.epoch, session=self.sessions, at_us=now_us())  # type: ignore[arg-type]
        await connection.publish(up(self.edge, "status"), status.encode(), retain=True)

    async def _answer(self, connection: Connection) -> None:
        async for message in connection.messages():
            message.ack()
            if message.topic == down(self.edge, "config"):
                push = ConfigPush.decode(message.payload)
                self.configs.append(push)
                answer = CommandAck(
                    id=UUID(hex=push.sha256[:32]),
                    state="refused" if "bad" in push.text else "done",
                    at_us=now_us(),
                    code="LS-4499" if "bad" in push.text else None,
                    version=push.version if push.version % 2 else None,
                )
            else:
                command = Command.decode(message.payload)
                self.commands.append(command)
                self.carried_out.add(command.id)
                answer = CommandAck(id=command.id, state="done", at_us=now_us())
            if self.lot.random() >= self.deaf:
                for _ in range(self.lot.choice((1, 1, 2))):
                    connection.send(up(self.edge, "cmd-ack"), answer.encode())


def ask(dsn: str, *kinds: str, edge: EdgeId = EDGE, expires_us: int | None = None) -> None:
    with connect(dsn, name="test") as connection:
        edge_id = edges.load_edge(connection, edge).edge_id
        for kind in kinds:
            commands.ask(connection, edge_id, kind, {}, author="mei", expires_us=expires_us)


def push(dsn: str, version: int, text: str) -> None:
    rows(
        dsn,
        "INSERT INTO edge_config (edge_id, version, author, sha256, text) "
        "SELECT edge_id, %s, 'mei', %s, %s FROM edge WHERE edge = 'line-a' RETURNING 1",
        version,
        hashlib.sha256(text.encode()).hexdigest(),
        text,
    )


def states(dsn: str) -> dict[object, object]:
    return dict(rows(dsn, "SELECT state, count(*) FROM command GROUP BY state"))  # type: ignore[arg-type]


async def test_a_command_waits_for_its_edge_and_ends_once(
    migrated: str, broker: EmbeddedBroker, wait_for: WaitFor
) -> None:
    agent = Asked(EDGE, address_of(broker))
    ask(migrated, "ping", "ping")
    async with serving(migrated, address_of(broker)):
        await asyncio.sleep(1.2)  # longer than a look: it is asked, and the edge is not there
        assert states(migrated) == {"waiting": 2}
        assert rows(migrated, "SELECT max(sent) FROM command") == [(0,)]
        async with agent.online():
            await wait_for(lambda: states(migrated) == {"done": 2})
            ask(migrated, "ping")
            await wait_for(lambda: states(migrated) == {"done": 3})
        await wait_for(lambda: rows(migrated, "SELECT online FROM edge") == [(False,)])
        ask(migrated, "ping")
        await asyncio.sleep(1.2)
        assert states(migrated) == {"done": 3, "waiting": 1}
        async with agent.online():
            await wait_for(lambda: states(migrated) == {"done": 4})
    assert [each.kind for each in agent.commands] == ["ping"] * 4
    assert len(agent.carried_out) == 4


async def test_every_command_ends_once_though_messages_and_servers_are_lost(
    migrated: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    agent = Asked(EDGE, address_of(nats), deaf=0.6)
    async with agent.online():
        for part in range(3):
            async with serving(migrated, address_of(nats), again_s=0.3):
                ask(migrated, *["ping"] * 10)
                # Gone before the last answers: between sending and answering.
                await wait_for(lambda: len(agent.carried_out) >= 10 * part + 5)  # noqa: B023
        async with serving(migrated, address_of(nats), again_s=0.3):
            await wait_for(lambda: states(migrated) == {"done": 30}, 30)
    assert len(agent.carried_out) == 30
    assert len(agent.commands) > 30
    assert rows(
        migrated, "SELECT count(*) FROM command WHERE ended_at IS NULL OR said_at IS NULL"
    ) == [(0,)]


async def test_only_the_owner_of_an_edges_shard_asks_it(
    migrated: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    mine, other = Asked(EDGE, address_of(nats)), Asked(OTHER, address_of(nats))
    assert EDGE.shard != OTHER.shard
    ask(migrated, "ping")
    ask(migrated, "ping", edge=OTHER)
    async with mine.online(), other.online():
        async with serving(migrated, address_of(nats), shards=(EDGE.shard,)):
            await wait_for(lambda: states(migrated) == {"done": 1, "waiting": 1})
            assert not other.commands
        async with serving(migrated, address_of(nats), shards=(OTHER.shard,)):
            await wait_for(lambda: states(migrated) == {"done": 2})


async def test_configurations_are_pushed_and_answered_by_version_or_by_text(
    migrated: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    agent = Asked(EDGE, address_of(nats))
    ask(migrated, "ping")

    def found() -> object:
        return rows(migrated, "SELECT version, state, code FROM edge_config ORDER BY version")

    async with serving(migrated, address_of(nats)), agent.online():
        push(migrated, 1, "plant: demo")
        await wait_for(lambda: found() == [(1, "done", None)])
        push(migrated, 2, "bad")  # this one is answered without its version
        await wait_for(lambda: found() == [(1, "done", None), (2, "refused", "LS-4499")])
        push(migrated, 3, "plant: demo")
        await wait_for(lambda: len(found()) == 3 and found()[2] == (3, "done", None))  # type: ignore[arg-type, index]
    assert [each.version for each in agent.configs] == [1, 2, 3]


def test_a_later_command_about_the_same_takes_the_place_of_the_one_that_waits(
    migrated: str,
) -> None:
    with connect(migrated, name="test") as connection:
        edge_id = edges.load_edge(connection, EDGE).edge_id
        for revision in (1, 2):
            commands.ask(
                connection, edge_id, "order", {"n": revision}, author="mei", subject="order A"
            )
        commands.ask(connection, edge_id, "order", {"n": 1}, author="mei", subject="order B")
    assert rows(migrated, "SELECT subject, body->'n', state FROM command ORDER BY number") == [
        ("order A", 1, "superseded"),
        ("order A", 2, "waiting"),
        ("order B", 1, "waiting"),
    ]


def test_what_nobody_will_answer_is_closed(migrated: str) -> None:
    past = now_us() - 1_000_000
    ask(migrated, "never-sent", "sent", expires_us=past)
    ask(migrated, "of-the-retired", edge=OTHER)
    rows(migrated, "UPDATE command SET sent = 1 WHERE kind = 'sent' RETURNING 1")
    rows(migrated, "UPDATE edge SET state = 'retired' WHERE edge = 'line-b' RETURNING 1")
    with connect(migrated, name="test") as connection:
        assert commands.tidy(connection) == 2
        # What was sent may have been carried out: only its edge knows, and is asked on.
        assert rows(migrated, "SELECT kind, state FROM command ORDER BY number") == [
            ("never-sent", "expired"),
            ("sent", "waiting"),
            ("of-the-retired", "expired"),
        ]
        rows(migrated, "UPDATE command SET expires_at = now() - '31 days'::interval RETURNING 1")
        assert commands.tidy(connection) == 1
        assert states(migrated) == {"expired": 3}


async def test_an_answer_that_cannot_be_read_is_kept_apart(
    migrated: str, nats: EmbeddedBroker, wait_for: WaitFor
) -> None:
    ask(migrated, "ping")
    address = address_of(nats)
    async with serving(migrated, address), Connection(address, client_id="nonsense") as connection:

        async def refused() -> bool:
            await connection.publish(up(EDGE, "cmd-ack"), b"nonsense")
            return rows(migrated, "SELECT topic, code FROM dead_letter") == [
                (up(EDGE, "cmd-ack"), "LS-2022")
            ]

        await wait_for(refused)
