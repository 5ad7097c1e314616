"""Parked streams catch up: in order, once, whatever happens meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest_server.cli import app
from ingest_server.receive.committer import Committer
from ingest_server.store.errors import CursorMoved
from ingest_server.usecases.refold import Refolded
from ingest_server.usecases.refold import refold as refold_dsn
from runtime.clock import now_us
from tests.integration.ingest_server.receive.model_edge import Epoch, started
from tests.integration.ingest_server.usecases.conftest import PLAN, Apply, Handle, Rows
from tests.integration.ingest_server.usecases.test_folding import (
    GOOD,
    ORDER,
    damage_counter,
    made,
    shift,
)
from wire.ids import EdgeId

EDGE = EdgeId(plant="demo", edge="line-a")

KILLED = """
import sys
from ingest_server.usecases.refold import refold
from runtime.clock import now_us
refold(sys.argv[1], clock=now_us, at_once=1)
"""

Park = Callable[[Epoch], Callable[[], None]]
Refold = Callable[..., list[Refolded]]


@pytest.fixture
def park(handle: Handle, committer: Committer, rows: Rows) -> Park:
    """The first reading of an epoch is folded, then its state is damaged; returns the repair."""

    def run(epoch: Epoch) -> Callable[[], None]:
        epoch.sample([(GOOD, 1000), (ORDER, "")])
        handle(*epoch.records)
        damage_counter(rows)
        committer.close()

        def repair() -> None:
            rows("DELETE FROM fold_state WHERE fold = 'counter'")

        return repair

    return run


@pytest.fixture
def refold(migrated: str) -> Refold:
    def run(*, at_once: int = 2, edge: EdgeId | None = None) -> list[Refolded]:
        return refold_dsn(
            migrated, clock=now_us, edge=edge, at_once=at_once, sleep=lambda pause_s: None
        )

    return run


def parked(rows: Rows) -> list[tuple[object, ...]]:
    return rows("SELECT applied, cursor FROM stream WHERE applied < cursor ORDER BY ord")


def test_a_parked_stream_catches_up_and_goes_on(
    put: Apply, handle: Handle, drain: Callable[[], int], rows: Rows, park: Park, refold: Refold
) -> None:
    put()
    epoch = started(EDGE)
    repair = park(epoch)
    shift(epoch)
    handle(*epoch.records)
    assert parked(rows) == [(3, 9)]
    drain()
    assert made(rows) == {}
    repair()
    [done] = refold()
    assert (done.edge, done.records, done.left, done.error) == (EDGE, 6, 0, None)
    assert parked(rows) == []
    epoch.sample([(GOOD, 1039)])
    handle(*epoch.records)  # by the worker that saw it parked
    drain()
    assert made(rows) == {"unassigned": 14, "order:A-100": 20, "order:工单七": 5}
    assert rows("SELECT code FROM notice ORDER BY notice_id") == [("LS-5415",), ("LS-5419",)]
    assert rows("SELECT count(*) FROM unfolded") == [(0,)]
    assert refold() == []


def test_readings_are_folded_in_the_order_in_which_they_were_taken(
    put: Apply, handle: Handle, rows: Rows, park: Park, refold: Refold
) -> None:
    """A clock that steps back within a record: by time it would look like a reset."""
    put()
    epoch = started(EDGE)
    repair = park(epoch)
    epoch.sample([(GOOD, 1001), (GOOD, 1002), (GOOD, 1003)], step_us=-3_600_000_000)
    epoch.now_us += 4 * 3_600_000_000
    epoch.sample([(GOOD, 1004)])
    handle(*epoch.records)
    repair()
    refold()
    assert rows("SELECT sum(quantity), bool_or(quantity > 1) FROM count_fact") == [(4, False)]


def test_the_next_epoch_waits_behind_a_parked_one(
    put: Apply, handle: Handle, rows: Rows, park: Park, refold: Refold
) -> None:
    put()
    epoch = started(EDGE)
    repair = park(epoch)
    epoch.sample([(GOOD, 1004)])
    handle(*epoch.records)
    repair()  # the next epoch's folds would work, but out of order
    after = epoch.successor()
    after.open()
    after.define(*epoch.tags.values())
    after.sample([(GOOD, 1010)])
    handle(*after.records)
    assert len(parked(rows)) == 2
    refold(at_once=1)
    assert parked(rows) == []
    assert rows("SELECT quantity FROM count_fact WHERE quantity > 0 ORDER BY batch") == [(4,), (6,)]


def test_the_next_epoch_in_the_same_transaction_waits_too(
    put: Apply, handle: Handle, rows: Rows, park: Park, refold: Refold
) -> None:
    put()
    epoch = started(EDGE)
    repair = park(epoch)
    epoch.sample([(GOOD, 1004)])
    after = epoch.successor()
    after.open()
    after.define(*epoch.tags.values())
    after.sample([(GOOD, 1010)])
    handle(*epoch.records, *after.records)
    assert parked(rows) == [(3, 4), (0, 3)]
    repair()
    refold()
    assert rows("SELECT sum(quantity) FROM count_fact") == [(10,)]
    assert rows("SELECT count(*) FROM notice WHERE code = 'LS-5415'") == [(1,)]


def test_what_fails_again_stays_with_all_after_it(
    put: Apply, handle: Handle, rows: Rows, park: Park, refold: Refold
) -> None:
    put()
    epoch = started(EDGE)
    repair = park(epoch)
    shift(epoch)
    handle(*epoch.records)
    [done] = refold(at_once=3)
    assert (done.records, done.left) == (0, 6)
    assert done.error is not None
    assert parked(rows) == [(3, 9)]
    repair()
    [done] = refold(edge=EDGE)
    assert (done.left, done.error) == (0, None)
    assert refold(edge=EdgeId(plant="demo", edge="other")) == []


def test_a_counter_bound_while_its_stream_is_parked_counts_from_then_on(
    put: Apply, handle: Handle, rows: Rows, park: Park, refold: Refold
) -> None:
    put()
    epoch = started(EDGE)
    repair = park(epoch)
    epoch.sample([(GOOD, 1001), (3, 100)])
    epoch.sample([(3, 110)])
    handle(*epoch.records)
    put(
        PLAN.replace(
            "max_rate: 1000}",
            "max_rate: 1000}\n      - {edge: line-a, tag: press/energy, role: scrap, max_rate: 99}",
        )
    )
    epoch.sample([(3, 120)])
    epoch.sample([(3, 125)])
    handle(*epoch.records)
    repair()
    [done] = refold()
    assert done.error is None
    counted = rows(
        "SELECT path, sum(quantity) FROM count_fact JOIN tag USING (tag_id) GROUP BY 1 ORDER BY 1"
    )
    assert counted == [("press/energy", 5), ("press/good", 1)]


def test_a_refold_that_is_killed_is_finished_by_the_next(
    put: Apply, handle: Handle, migrated: str, rows: Rows, park: Park, refold: Refold
) -> None:
    put()
    epoch = started(EDGE)
    repair = park(epoch)
    for count in range(300):
        epoch.sample([(GOOD, 1001 + count)])
    handle(*epoch.records)
    repair()
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            KILLED,
            migrated,
        ]
    )
    try:
        end = time.monotonic() + 30
        while (left := rows("SELECT count(*) FROM unfolded")[0][0]) == 300:
            assert time.monotonic() < end
    finally:
        process.kill()
        process.wait()
    assert 0 < int(str(left)) < 300
    [done] = refold(at_once=50)
    assert done.left == 0
    assert 0 < done.records < 300
    assert rows("SELECT sum(quantity), count(*) FROM count_fact WHERE quantity > 0") == [(300, 300)]
    assert parked(rows) == []


def test_records_that_come_in_meanwhile_are_folded_once(
    put: Apply, handle: Handle, migrated: str, rows: Rows, park: Park
) -> None:
    put()
    epoch = started(EDGE)
    repair = park(epoch)
    for count in range(100):
        epoch.sample([(GOOD, 1001 + count)])
    handle(*epoch.records)
    repair()
    catching_up = threading.Thread(target=lambda: refold_dsn(migrated, clock=now_us, at_once=7))
    catching_up.start()
    for count in range(100, 200):
        epoch.sample([(GOOD, 1001 + count)])
        while True:
            try:
                [outcome] = handle(epoch.records[-1])
                break
            except CursorMoved:  # as the session does: again
                continue
        assert outcome.applied == 1
    catching_up.join(30)
    assert not catching_up.is_alive()
    assert rows("SELECT sum(quantity), count(*) FROM count_fact WHERE quantity > 0") == [(200, 200)]
    assert parked(rows) == []


def test_the_command_says_what_it_did(
    put: Apply, handle: Handle, migrated: str, rows: Rows, park: Park, tmp_path: Path
) -> None:
    config = tmp_path / "server.yaml"
    config.write_text(f"data_dir: data\ndatabase: {{dsn: '{migrated}'}}\n")

    def command(*more: str) -> tuple[int, str]:
        done = CliRunner().invoke(
            app, ["refold", str(config), *more], env={"LINESIDE_LANG": "en", "LC_ALL": "C.UTF-8"}
        )
        return done.exit_code, done.output

    put()
    epoch = started(EDGE)
    repair = park(epoch)
    epoch.sample([(GOOD, 1004)])
    handle(*epoch.records)
    code, said = command()
    assert (code, "1 are left" in said) == (1, True)
    repair()
    assert "No stream is parked" in command("--edge", "demo/other")[1]
    assert command("--edge", "demo/line-a")[0] == 0
    assert parked(rows) == []
    assert "No stream is parked" in command()[1]
