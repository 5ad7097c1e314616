"""A system is broken again and again and must agree with the truth; a broken promise shows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingest_server.embedded.broker import BrokerKind
from rig.programs import ROOT

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]


def chaos(folder: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, what is printed as JSON, and what is said beside it."""
    command = [sys.executable, "-m", "rig.chaos.app", "--json", "--database", "plain"]
    done = subprocess.run(
        [*command, "--keep", str(folder), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return done.returncode, told, done.stderr


def test_nothing_is_lost_doubled_or_wrong_through_cycles_of_faults(
    folder: Path, broker_kind: BrokerKind
) -> None:
    cycles, seed = (8, 101) if broker_kind == "nats" else (7, 202)
    code, told, said = chaos(
        folder,
        *("--cycles", str(cycles), "--seed", str(seed), "--broker", broker_kind),
        *("--compare-every", "4"),
    )
    assert (code, told["ok"]) == (0, True), json.dumps(told, indent=1) + said
    assert (told["cycles"], told["compared_after"]) == (cycles, [4, cycles])
    wrong = [told[name] for name in ("lost", "duplicated", "orders_wrong", "alarms_wrong")]
    assert wrong == [0, 0, 0, 0]
    assert told["readings"] > 3_000
    assert sum(told["faults"].values()) >= cycles


@pytest.mark.parametrize("sabotage", ["early-ack", "deleted-batch"])
def test_a_broken_promise_is_found(folder: Path, sabotage: str) -> None:
    code, told, _ = chaos(
        folder, *("--cycles", "1", "--seed", "5", "--broker", "nats", "--sabotage", sabotage)
    )
    assert (code, told["ok"]) == (1, False)
    assert told["lost"] > 0
    assert (folder / "failure" / "database.dump").stat().st_size > 0
    assert "--seed 5" in (folder / "failure" / "replay").read_text("utf-8")


def test_a_system_that_does_not_heal_in_time_is_compared_all_the_same(folder: Path) -> None:
    code, told, _ = chaos(
        folder,
        *("--cycles", "1", "--seed", "5", "--broker", "nats"),
        *("--only", "kill_edge", "--bound", "0.01"),
    )
    assert (code, told["ok"], told["healed"]) == (1, False, False)
    assert "page does not answer" in told["findings"][0]
    assert (told["lost"], told["duplicated"]) == (0, 0)
    assert told["readings"] > 100
