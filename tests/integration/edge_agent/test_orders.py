"""Orders that the server dispatches: kept, answered once they are, repeated without effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from ingest_server.embedded.broker import EmbeddedBroker
from runtime.clock import now_us
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, address
from tests.integration.edge_agent.counting import running_from, text
from tests.unit.edge_agent.reference_receiver import Receiver
from wire.control import Command

BODY: dict[str, Any] = {
    "order": "4711", "equipment": "press", "product": "cap", "quantity": 100.0, "due_us": 5,
    "rank": 1, "note": "", "state": "dispatched", "revision": 1, "of a later release": True,
}  # fmt: skip


def _order(id_: UUID | None = None, expires_us: int | None = None, **more: object) -> Command:
    body = {name: value for name, value in {**BODY, **more}.items() if value is not ...}
    return Command(
        id=id_ or uuid4(), kind="order", at_us=now_us(), body=body, expires_us=expires_us
    )


async def test_orders_are_kept_and_answered_once_durable(
    nats: EmbeddedBroker, tmp_path: Path, wait_for: WaitFor
) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text(text(" []", broker=nats.port).replace("devices:\n []", "devices: []"), "utf-8")
    first = _order()
    commands = [
        first,
        _order(revision=3, quantity=120.0),
        _order(revision=2, quantity=1.0),
        _order(order="4712", quantity=None, due_us=None),
        first,
        _order(order="4713", expires_us=1),
        _order(order="4714", revision=...),
        _order(order="4715", quantity="many"),
        _order(order="4716", state="done"),
    ]
    async with Acker(address(nats.port), EDGE, Receiver()) as acker:
        async with running_from(file) as agent:
            await wait_for(lambda: acker.statuses)
            for command in commands:
                acker.command("cmd", command.encode())
            await wait_for(lambda: len(acker.answers) == len(commands))
            assert [one.state for one in acker.answers] == [
                "done", "done", "done", "done", "done", "expired", "refused", "refused", "refused",
            ]  # fmt: skip
            assert acker.answers[4] == acker.answers[0]
            reasons = [(one.code, one.reason or "") for one in acker.answers[6:]]
            for (code, reason), field in zip(
                reasons, ("revision", "quantity", "state"), strict=True
            ):
                assert code == "LS-4403"
                assert f": {field}:" in reason
            assert agent.facts is not None
            found = await agent.facts.store.dispatched_orders()
        async with running_from(file) as agent:
            assert agent.facts is not None
            assert await agent.facts.store.dispatched_orders() == found
            withdrawn = _order(revision=4, state="withdrawn")
            acker.answers.clear()
            await wait_for(lambda: agent.facts and agent.facts.session.connected)
            acker.command("cmd", withdrawn.encode())
            acker.command("cmd", first.encode())
            await wait_for(lambda: len(acker.answers) == 2)
            left = await agent.facts.store.dispatched_orders()
    assert [(one.order, one.revision, one.quantity) for one in found] == [
        ("4712", 1, None), ("4711", 3, 120.0),
    ]  # fmt: skip
    assert [one.order for one in left] == ["4712"]
