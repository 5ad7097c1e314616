"""The demo agrees with its own truth, through an outage; and its comparison can fail."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest_server.embedded.broker import BrokerKind
from rig.demo import Options, Sabotage, run
from rig.programs import ROOT

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(400)]


def options(folder: Path, seconds: float, **asked: object) -> Options:
    settings: dict[str, object] = {
        "seconds": seconds,
        "outage": False,
        "as_json": True,
        "folder": folder,
        "broker": "nats",
        "sabotage": None,
    }
    return Options(**{**settings, **asked})  # type: ignore[arg-type]


async def test_everything_agrees_with_the_truth_through_an_outage_of_the_broker(
    folder: Path, broker_kind: BrokerKind
) -> None:
    summary = await run(options(folder, 54, outage=True, broker=broker_kind))
    assert summary is not None
    told = summary.as_json()
    assert summary.ok, json.dumps(told, indent=1)
    assert (told["readings"]["lost"], told["readings"]["duplicated"]) == (0, 0)
    assert told["readings"]["collected"] > 5_000
    # Else there was nothing to agree about.
    assert sum(counter["truth"] for counter in told["counters"]) > 200
    assert any(order["good"] >= order["required"] for order in told["orders"])
    assert any(0 < order["good"] < order["required"] for order in told["orders"])
    assert {alarm["rule"] for alarm in told["alarms"]} >= {"press-1-hot", "press-2-fault.3"}


@pytest.mark.parametrize("sabotage", ["early-ack", "delete-batch"])
async def test_the_comparison_finds_a_broken_promise(folder: Path, sabotage: Sabotage) -> None:
    summary = await run(options(folder, 12, sabotage=sabotage))
    assert summary is not None
    assert summary.readings.lost > 0
    assert not summary.ok


def demo(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rig.demo", "--data", str(folder), "--broker", "nats", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "LINESIDE_LANG": "en"},
        start_new_session=True,
    )


def test_ctrl_c_stops_it_in_order_and_a_second_start_goes_on(folder: Path) -> None:
    first = demo(folder)
    assert first.stderr is not None
    # The first progress line comes when readings flow; the timeout of the test is the limit.
    for line in first.stderr:
        if "readings/s" in line:
            break
    first.send_signal(signal.SIGINT)
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 0, errors
    assert "Traceback" not in errors
    began = time.monotonic()
    second = demo(folder, "--seconds", "8", "--json")
    output, errors = second.communicate(timeout=120)
    assert second.returncode == 0, output + errors
    told = json.loads(output.splitlines()[-1])
    assert told["ok"]
    assert (told["readings"]["lost"], told["readings"]["duplicated"]) == (0, 0)
    assert time.monotonic() - began > 8
