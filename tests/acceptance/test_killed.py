"""While data flow all is killed, the database put back, a buffer deleted: it still agrees."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ingest_server.embedded.broker import BrokerKind
from rig import dumps
from rig.demo import compare_now, settle, until_collecting
from rig.ledger import copy_buffer
from rig.server_view import ServerView
from rig.system import Part, System

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(500)]
WaitFor = Callable[..., Awaitable[object]]


def stored_rows(system: System) -> int:
    with ServerView(system.database.dsn) as view:
        return view.rows()


async def parts_made(system: System) -> int:
    status = await system.plant.command("status")
    return sum(machine["good"] + machine["scrap"] for machine in status["machines"].values())


async def more_rows(system: System, wait_for: WaitFor, count: int = 150) -> None:
    before = stored_rows(system)
    await wait_for(lambda: stored_rows(system) >= before + count, limit_s=90, what="more readings")


async def more_parts(system: System, wait_for: WaitFor, count: int = 12) -> None:
    before = await parts_made(system)

    async def made() -> bool:
        return await parts_made(system) >= before + count

    await wait_for(made, limit_s=60, what="more parts")


async def test_killing_everything_loses_and_doubles_nothing(
    folder: Path, broker_kind: BrokerKind, wait_for: WaitFor, tmp_path: Path
) -> None:
    async with System(folder, broker=broker_kind) as system:
        await until_collecting(system)
        await system.plant.run()
        await more_rows(system, wait_for)
        killed: tuple[Part, ...] = ("server", "line-a", "broker", "line-b", "database")
        dump = tmp_path / "database.dump"
        for part in killed:
            if part == "broker":
                dumps.dump(system.database, dump)
            system.kill(part)
            await more_parts(system, wait_for)
            await system.start_again(part)
            await more_rows(system, wait_for)

        dumps.restore(system.database, dump)
        await more_rows(system, wait_for)

        system.kill("line-b")
        gone = tmp_path / "gone.db"
        buffer = system.buffer("line-b")
        copy_buffer(buffer, gone)
        for file in buffer.parent.glob("buffer.db*"):
            file.unlink()
        await more_parts(system, wait_for)
        await system.start_again("line-b")
        await more_rows(system, wait_for)

        await system.plant.pause()
        await settle(system)
        summary = compare_now(system, [], gone=[gone])
        with ServerView(system.database.dsn) as view:
            causes = {gap.cause for gap in view.gaps()}
            notices = view.notices()
    told = summary.as_json()
    assert summary.ok, json.dumps(told, indent=1)
    assert (told["readings"]["lost"], told["readings"]["duplicated"]) == (0, 0)
    assert {"agent_down", "buffer_lost"} <= causes
    # The server told people that it was put back, and that a buffer is gone.
    assert {"LS-5410", "LS-5412"} <= notices
