"""A plant with two lines on this machine, compared with its own truth at the end.

Everything is real but the machines: OPC UA and Modbus servers, edge agents, a broker, a database
and the server, each a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from ingest_server.plant.model import load as load_plan
from rig.compare import Summary, compare
from rig.edge_page import unacked_records
from rig.ledger import last_seqs, read_ledger
from rig.programs import ROOT
from rig.progress import Progress
from rig.server_view import ServerView, in_words
from rig.system import EDGES, System
from runtime import messages, strict_yaml
from runtime.cli import script
from runtime.clock import from_datetime, now_us
from runtime.errors import RetryLater
from runtime.platform import on_stop_signals
from simulators.config import PlantConfig
from simulators.truth import Truth

Sabotage = Literal["early-ack", "delete-batch"]
DEFAULT_FOLDER = ROOT / "var" / "demo"
_LONGEST_S = 604_800
_PROGRESS_EVERY_S = 5.0
_UNDER_WAY = 8
"""So many records are always on their way while readings flow."""
_LAST_WORDS_S = 3.0
_ON_THE_WAY_S = 2.0
"""Readings taken just before the broker stops wait for its return: that is the outage's doing."""
_SETTLE_S = 10.0
"""After the broker's return, until the backlog of a short outage is certainly gone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What was asked for on the command line."""

    seconds: float | None
    outage: bool
    as_json: bool
    folder: Path
    broker: Literal["auto", "nats", "mosquitto"]
    sabotage: Sabotage | None


def main(argv: Sequence[str] | None = None) -> int:
    """0: everything agreed (or Ctrl-C was pressed); 1: it did not; 2: it could not be run."""
    return script(argv, _demo, extra="embedded")


def _demo(words: list[str]) -> int:
    options = _parse(words)
    summary = asyncio.run(run(options))
    if summary is None:
        return 0
    if options.as_json:
        print(json.dumps(summary.as_json(), ensure_ascii=False))
    else:
        _print_summary(summary)
    return 0 if summary.ok else 1


async def run(options: Options) -> Summary | None:
    """Run the plant and compare; None where it ran until somebody ended it."""
    stop = asyncio.Event()
    undo = on_stop_signals(asyncio.get_running_loop(), stop.set)
    environment = {"LINESIDE_SABOTAGE": "early_ack"} if options.sabotage == "early-ack" else {}
    system = System(
        options.folder,
        broker=options.broker,
        say=lambda code: _tell(messages.text(code)),
        server_environment=environment,
    )
    try:
        async with system:
            with in_words(system.database.data_dir):
                return await _work(system, options, stop)
    finally:
        undo()
        _tell(messages.text("LS-8123"))


async def _work(system: System, options: Options, stop: asyncio.Event) -> Summary | None:
    await until_collecting(system, stop)
    if stop.is_set():
        return None
    _print_where(system)
    await system.plant.run()
    windows = await _run_plant(system, options, stop)
    await system.plant.pause()
    if options.seconds is None:
        return None
    _tell(messages.text("LS-8122"))
    await settle(system)
    if options.sabotage == "delete-batch":
        _delete_a_batch(system.database.dsn)
    return compare_now(system, windows)


async def settle(system: System, *, limit_s: float = 120.0) -> None:
    """Let the backlog drain, stop the edges in order, and wait until the server has all figures.

    What an edge says last may stay in its buffer for its next start. Raises RetryLater (LS-8103)
    where it takes longer than `limit_s`.
    """
    # What the paused machines show last must be read once more by the slowest group.
    await asyncio.sleep(1.5)
    end = time.monotonic() + limit_s
    while True:
        unacked = await unacked_records(system)
        if unacked is not None and unacked <= _UNDER_WAY:
            break
        if time.monotonic() > end:
            raise RetryLater("LS-8103", missing=f"{unacked} records")
        await asyncio.sleep(0.25)
    for name in EDGES:
        await system.edges[name].stop()
    wanted = {key: seq for name in EDGES for key, seq in last_seqs(system.buffer(name)).items()}
    given_up = time.monotonic() + _LAST_WORDS_S
    while True:
        with ServerView(system.database.dsn) as view:
            cursors, unfinished = view.cursors(), view.unfinished_figures()
        missing = sum(cursors.get(key, 0) < seq for key, seq in wanted.items())
        if not unfinished and (not missing or time.monotonic() > given_up):
            return
        if time.monotonic() > end:
            raise RetryLater("LS-8103", missing=f"{unfinished} minutes")
        await asyncio.sleep(0.1)


async def until_collecting(
    system: System, stop: asyncio.Event | None = None, *, limit_s: float = 90.0
) -> None:
    """Wait until every counter was read and the pages are there: then parts may be made."""
    begun_us = now_us()
    end = time.monotonic() + limit_s
    while stop is None or not stop.is_set():
        with ServerView(system.database.dsn) as view:
            counters = view.counters()
        fresh = {
            counter.edge
            for counter in counters
            if counter.readings and counter.readings[-1].at_us >= begun_us
        }
        read = bool(counters) and all(counter.readings for counter in counters)
        if read and fresh == set(EDGES) and all(system.page_url(name) for name in EDGES):
            return
        system.check_alive()
        if time.monotonic() > end:
            raise RetryLater("LS-8104", folder=str(system.logs))
        await asyncio.sleep(0.25)


async def _run_plant(
    system: System, options: Options, stop: asyncio.Event
) -> list[tuple[datetime, datetime]]:
    """Run for the time asked; gives the times in which edges and server were connected."""
    began = time.monotonic()
    opened = datetime.now(UTC)
    windows: list[tuple[datetime, datetime]] = []
    length = options.seconds
    outage = (length / 3, 2 * length / 3) if options.outage and length is not None else None
    away = False
    async with Progress(system) as progress:
        shown = 0.0
        while not stop.is_set():
            passed = time.monotonic() - began
            if length is not None and passed >= length:
                break
            if outage is not None and not away and outage[0] <= passed < outage[1]:
                windows.append((opened, datetime.now(UTC) - timedelta(seconds=_ON_THE_WAY_S)))
                await system.broker.stop()
                away = True
                _tell(messages.text("LS-8120"))
            if away and outage is not None and passed >= outage[1]:
                await system.broker.start()
                away, outage = False, None
                opened = datetime.now(UTC) + timedelta(seconds=_SETTLE_S)
                _tell(messages.text("LS-8121"))
            system.check_alive()
            if passed - shown >= _PROGRESS_EVERY_S:
                shown = passed
                _tell(await progress.line(passed))
            await _pause(stop, 0.2)
        if away:
            await system.broker.start()
        else:
            windows.append((opened, datetime.now(UTC)))
    return [window for window in windows if window[0] < window[1]]


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def compare_now(
    system: System,
    windows: Sequence[tuple[datetime, datetime]],
    *,
    gone: Sequence[Path] = (),
) -> Summary:
    """Compare a settled system; `gone`: copies of buffers that were lost on the way."""
    simulated = system.configs / "plant.yaml"
    with ServerView(system.database.dsn) as view:
        return compare(
            view=view,
            ledger=read_ledger([system.buffer(name) for name in EDGES], gone),
            truth=Truth.load(system.plant.truth),
            simulated=strict_yaml.load(simulated, PlantConfig, env=system.ports_in_words()),
            plan=load_plan(system.configs / "lines.yaml"),
            connected=windows,
            until_us=from_datetime(windows[-1][1]) if windows else now_us(),
        )


def _delete_a_batch(dsn: str) -> None:
    """Do by hand what must never happen: the comparison has to find it."""
    import psycopg

    with psycopg.connect(dsn) as connection:
        connection.execute(
            "DELETE FROM lineside.reading WHERE (tag_id, batch) IN (SELECT tag_id, batch"
            " FROM lineside.reading ORDER BY batch DESC, tag_id LIMIT 1)"
        )


def _parse(argv: Sequence[str]) -> Options:
    say = messages.text
    parser = argparse.ArgumentParser(prog="scripts/demo", description=say("LS-8130"))
    parser.add_argument("--seconds", type=float, metavar="N", help=say("LS-8131"))
    parser.add_argument("--outage", action="store_true", help=say("LS-8132"))
    parser.add_argument("--json", action="store_true", dest="as_json", help=say("LS-8133"))
    parser.add_argument(
        "--data", type=Path, default=DEFAULT_FOLDER, metavar="FOLDER", help=say("LS-8134")
    )
    parser.add_argument(
        "--broker", choices=("auto", "nats", "mosquitto"), default="auto", help=say("LS-8135")
    )
    parser.add_argument(
        "--sabotage", choices=("early-ack", "delete-batch"), default=None, help=say("LS-8136")
    )
    parser.add_argument("--lang", choices=("en", "zh"), help=say("LS-8137"))
    asked = parser.parse_args(argv)
    if asked.outage and asked.seconds is None:
        parser.error(say("LS-8138"))
    if asked.seconds is not None and not 1 <= asked.seconds <= _LONGEST_S:
        parser.error(say("LS-8139", most=_LONGEST_S))
    return Options(
        seconds=asked.seconds,
        outage=asked.outage,
        as_json=asked.as_json,
        folder=asked.data,
        broker=asked.broker,
        sabotage=asked.sabotage,
    )


def _print_where(system: System) -> None:
    pages = [system.page_url(name) for name in EDGES]
    _tell(
        messages.text(
            "LS-8115",
            api=system.api_url,
            token=str(system.data / "server" / "api.token"),
            pages=", ".join(page for page in pages if page) or "-",
            logs=str(system.logs),
        )
    )


def _print_summary(summary: Summary) -> None:
    told = summary.as_json()
    readings = told["readings"]
    print(messages.text("LS-8140", **readings))
    for counter in summary.counters:
        print(messages.text("LS-8141", tag=counter.tag, truth=counter.truth, server=counter.server))
    for order in told["orders"]:
        print(messages.text("LS-8142", **order))
    for alarm in told["alarms"]:
        print(messages.text("LS-8143", **alarm))
    print(messages.text("LS-8144", **told["latency_ms"]))
    for finding in told["findings"]:
        print(messages.text("LS-8145", finding=finding))
    print(messages.text("LS-8146" if summary.ok else "LS-8147"))


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
