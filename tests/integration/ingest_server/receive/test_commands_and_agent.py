"""A real server session asks a real agent: both ends of commands and pushed configurations."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.store import commands, edges
from ingest_server.store.connection import connect
from ingest_server.store.migrate import migrate
from tests.conftest import WaitFor
from tests.integration.edge_agent.conftest import EDGE, address
from tests.integration.edge_agent.counting import CountingPlc, device, running_from, text
from tests.integration.ingest_server.receive.looks import rows
from tests.integration.ingest_server.receive.test_commands import serving


def _wanted(dsn: str, edge_id: int, version: int, pushed: str) -> None:
    with connect(dsn, name="test") as connection:
        connection.execute(
            "INSERT INTO edge_config (edge_id, version, author, sha256, text)"
            " VALUES (%s, %s, 'mei', %s, %s)",
            (edge_id, version, hashlib.sha256(pushed.encode()).hexdigest(), pushed),
        )


async def test_an_agent_carries_out_what_it_is_asked_and_runs_only_what_proves_well(
    dsn: str, nats: EmbeddedBroker, tmp_path: Path, wait_for: WaitFor, free_port: int
) -> None:
    migrate(dsn)
    order = {
        "order": "WO-1", "equipment": "press", "product": "p", "quantity": 5.0, "due_us": None,
        "rank": 1, "note": "", "state": "dispatched", "revision": 1,
    }  # fmt: skip
    with connect(dsn, name="test") as connection:
        edge_id = edges.load_edge(connection, EDGE).edge_id
        # Asked while the edge is not there: it gets them from the table when it comes.
        commands.ask(connection, edge_id, "ping", {}, author="mei")
        commands.ask(connection, edge_id, "order", order, author="mei", subject="WO-1 press")
    async with CountingPlc() as a, CountingPlc() as b:
        file = tmp_path / "edge.yaml"
        file.write_text(text(device("a", a.port), broker=nats.port), "utf-8")
        good = text(device("a", a.port), device("b", b.port), broker=nats.port)
        silent = text(device("a", free_port), device("b", b.port), broker=nats.port)
        _wanted(dsn, edge_id, 1, "devices: nonsense")
        async with serving(dsn, address(nats.port)), running_from(file) as agent:

            def outcome(version: int) -> tuple[object, ...]:
                query = f"SELECT state, code FROM edge_config WHERE version = {version}"
                [found] = rows(dsn, query)
                return found

            await wait_for(lambda: rows(dsn, "SELECT state FROM command") == [("done",)] * 2, 30)
            await wait_for(lambda: outcome(1)[0] == "refused", 30)
            _wanted(dsn, edge_id, 2, good)
            await wait_for(lambda: outcome(2)[0] != "waiting", 30)
            assert outcome(2) == ("done", None)
            _wanted(dsn, edge_id, 3, silent)
            await wait_for(lambda: outcome(3)[0] in ("refused", "rolled_back"), 30)
            assert outcome(3)[1] == "LS-4943"

            def running() -> object:
                [(status,)] = rows(dsn, "SELECT status ->> 'config_version' FROM edge")
                return status

            await wait_for(lambda: running() == "2", 30)
            assert agent.facts is not None
            [kept] = await agent.facts.store.dispatched_orders()
            assert (kept.order, kept.quantity) == ("WO-1", 5.0)
