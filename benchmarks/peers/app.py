"""`python -m benchmarks.peers`: one gateway after the other, in two runs each.

Run "outage": steady for a while, then 60 s without the broker, then what was missed arrives.
Run "kill": the same, and in the middle of the outage the gateway is killed and started again.
Lost are readings that the PLC handed out and that never arrived; those of a poll that was under way
at a start, a kill or the end are left out (`_EDGE_POLLS`). Processor and memory are those of the
gateway's whole process tree while it is steady.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp

import psutil

from benchmarks.peers.gateways import GATEWAYS, Gateway, Lineside
from benchmarks.peers.plant import Arrivals, Gate, Plc
from benchmarks.results import Result, value_at_most
from ingest_server.embedded.broker import EmbeddedBroker
from runtime.mqtt import BrokerAddress, Connection

TAGS = 200
STEADY_S = 30.0
OUTAGE_S = 60.0
_START_S = 90.0
_DRAIN_S = 60.0
_QUIET_S = 12.0
_EDGE_POLLS = 2
_RUNS = {"outage": "outage", "kill": "outage-with-kill"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """One run of one gateway."""

    gateway: str
    version: str
    settings: str
    run: str
    first_s: float
    """From the start of the process to the first reading at the broker's other side."""
    rate: float
    """Readings a second that arrived while it was steady."""
    cpu_us: float
    """Processor time a reading, microseconds."""
    memory_mib: float
    handed: int
    lost: int
    lost_before: int
    """Of these, handed out before the outage."""
    doubled: int


async def run(made: Gateway, kind: str, folder: Path) -> Figures:
    """One run. Raises TimeoutError where nothing ever arrives."""
    plc, arrivals = Plc(TAGS), Arrivals(TAGS)
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(EmbeddedBroker(folder / f"broker-{kind}"))
        gate = Gate(broker.port)
        await plc.start()
        await gate.start()
        stack.callback(plc.stop)
        stack.push_async_callback(gate.stop)
        ready = asyncio.Event()
        counting = asyncio.create_task(_count(made, broker.port, arrivals, ready))
        stack.callback(counting.cancel)
        await ready.wait()
        command = made.command(plc.port, gate.port)
        log = stack.enter_context((made.folder / f"{kind}.log").open("ab"))

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command, cwd=made.folder, env=made.environment, stdout=log, stderr=log
            )

        child = start()
        try:
            began_s = time.monotonic()
            await _until(lambda: arrivals.total > 0 or counting.done(), _START_S)
            if counting.done():
                await counting
            first_s = time.monotonic() - began_s
            await asyncio.sleep(5.0)
            first_poll = plc.poll
            before, cpu_s, since_s = arrivals.total, _cpu_s(child), time.monotonic()
            await asyncio.sleep(STEADY_S)
            lasted_s = time.monotonic() - since_s
            rate = (arrivals.total - before) / lasted_s
            cpu_us = (_cpu_s(child) - cpu_s) / max(1, arrivals.total - before) * 1e6
            memory = _memory(child)
            gate.shut()
            edges = [plc.poll]
            await asyncio.sleep(OUTAGE_S / 2)
            if kind == "kill":
                _kill(child)
                edges.append(plc.poll)
                child = start()
            await asyncio.sleep(OUTAGE_S / 2)
            gate.open()
            await asyncio.sleep(5.0)
            last_poll = plc.poll
            await _quiet(plc, arrivals, last_poll)
        finally:
            _kill(child)
    handed = plc.handed[first_poll + _EDGE_POLLS : last_poll - _EDGE_POLLS].copy()
    seen = arrivals.seen[first_poll + _EDGE_POLLS : last_poll - _EDGE_POLLS]
    if kind == "kill":
        at = edges[1] - first_poll - _EDGE_POLLS
        handed[max(0, at - 1) : at + 1] = False
    missing = handed & (seen == 0)
    return Figures(
        gateway=made.name,
        version=made.version(),
        settings=made.settings,
        run=kind,
        first_s=round(first_s, 1),
        rate=round(rate, 1),
        cpu_us=round(cpu_us, 1),
        memory_mib=round(memory, 1),
        handed=int(handed.sum()),
        lost=int(missing.sum()),
        lost_before=int(missing[: max(0, edges[0] - first_poll - 2 * _EDGE_POLLS)].sum()),
        doubled=int((handed & (seen > 1)).sum()),
    )


async def _count(made: Gateway, port: int, arrivals: Arrivals, ready: asyncio.Event) -> None:
    address = BrokerAddress(host="127.0.0.1", port=port)
    async with Connection(address, client_id="peers-count") as connection:
        await connection.subscribe(*made.topics)
        ready.set()
        made.answer(connection)
        answering = asyncio.create_task(_answer(made, connection))
        try:
            async for message in connection.messages():
                arrivals.add(*made.read(message.topic, message.payload))
                message.ack()
        finally:
            answering.cancel()


async def _answer(made: Gateway, connection: Connection) -> None:
    while True:
        made.answer(connection)
        await asyncio.sleep(0.1)


async def _until(holds: Callable[[], object], limit_s: float) -> None:
    end_s = time.monotonic() + limit_s
    while not holds():
        if time.monotonic() > end_s:
            raise TimeoutError(f"nothing arrived within {limit_s:g} s")
        await asyncio.sleep(0.05)


async def _quiet(plc: Plc, arrivals: Arrivals, last_poll: int) -> None:
    """Until nothing older arrives any more, or all did."""
    end_s, changed_s, known = time.monotonic() + _DRAIN_S, time.monotonic(), -1
    while time.monotonic() < end_s and time.monotonic() - changed_s < _QUIET_S:
        old = arrivals.seen[:last_poll] > 0
        if (count := int(old.sum())) != known:
            known, changed_s = count, time.monotonic()
        if not (plc.handed[:last_poll] & ~old)[: last_poll - _EDGE_POLLS].any():
            return
        await asyncio.sleep(0.5)


def _tree(child: subprocess.Popen[bytes]) -> list[psutil.Process]:
    root = psutil.Process(child.pid)
    return [root, *root.children(recursive=True)]


def _cpu_s(child: subprocess.Popen[bytes]) -> float:
    times = [one.cpu_times() for one in _tree(child)]
    return float(sum(one.user + one.system for one in times))


def _memory(child: subprocess.Popen[bytes]) -> float:
    return float(sum(one.memory_info().rss for one in _tree(child))) / 2**20


def _kill(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        for one in reversed(_tree(child)):
            one.kill()
    child.wait()


def table(found: Sequence[Figures]) -> str:
    """The figures as a table for people."""
    names = (
        "gateway", "readings/s", "processor, us/reading", "memory, MiB", "first reading, s",
        "lost in the outage", "lost with SIGKILL in it", "doubled",
    )  # fmt: skip
    rows = [f"| {' | '.join(names)} |", "| --- " * len(names) + "|"]
    for name in dict.fromkeys(one.gateway for one in found):
        runs = {one.run: one for one in found if one.gateway == name}
        one = next(iter(runs.values()))
        lost = [
            "-" if kind not in runs else f"{runs[kind].lost:,} of {runs[kind].handed:,}"
            for kind in ("outage", "kill")
        ]
        doubled = " / ".join(f"{each.doubled:,}" for each in runs.values())
        rows.append(
            f"| {name} {one.version} | {one.rate:,.0f} | {one.cpu_us:,.0f} |"
            f" {one.memory_mib:,.0f} | {one.first_s:g} | {lost[0]} | {lost[1]} | {doubled} |"
        )
    return "\n".join(rows)


async def measure(_rounds: int) -> list[Result]:
    """Every gateway in both runs, once; raises TimeoutError where one never told anything."""
    found = await _all(Path(mkdtemp(prefix="lineside-peers-")).resolve(), ())
    if len(found) < 2 * len(GATEWAYS):
        raise TimeoutError(f"only {len(found)} of {2 * len(GATEWAYS)} runs ended with figures")
    return results(found)


def results(found: Sequence[Figures]) -> list[Result]:
    """The figures a gateway, those of being steady from its first run."""
    made: list[Result] = []
    for name in dict.fromkeys(one.gateway for one in found):
        runs = [one for one in found if one.gateway == name]
        one = runs[0]
        steady = (
            ("rate", one.rate, "readings/s"),
            ("processor", one.cpu_us, "us/reading"),
            ("memory", one.memory_mib, "MiB"),
            ("first-reading", one.first_s, "s"),
        )
        made += [
            Result(name=f"peers/{name}/{what}", value=value, unit=unit, note=one.version)
            for what, value, unit in steady
        ]
        for each in runs:
            lost = f"peers/{name}/lost-in-{_RUNS[each.run]}"
            doubled = f"peers/{name}/doubled-in-{_RUNS[each.run]}"
            made += [
                Result(
                    name=lost,
                    value=each.lost,
                    unit="readings",
                    ceiling=each.handed,
                    goal=value_at_most(0) if name == Lineside.name else None,
                    note=one.version,
                ),
                Result(name=doubled, value=each.doubled, unit="readings", note=one.version),
            ]
    return made


async def _all(folder: Path, only: Collection[str]) -> list[Figures]:
    found = []
    for kind in _RUNS:
        for of in GATEWAYS:
            if only and of.name not in only:
                continue
            made = of(folder / f"{of.name.replace(' ', '-').replace(',', '')}-{kind}", TAGS)
            print(f"--- {of.name}, {kind}", file=sys.stderr, flush=True)
            try:
                found.append(await run(made, kind, folder / made.folder.name))
            except TimeoutError as error:
                print(f"{of.name}: {error}; see {made.folder}", file=sys.stderr, flush=True)
                continue
            print(found[-1], file=sys.stderr, flush=True)
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """0: every run ended with figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Compares Lineside with other gateways, which are fetched from PyPI with uv "
        "into environments of their own. About a quarter of an hour.",
    )
    names = [of.name for of in GATEWAYS]
    parser.add_argument("--only", action="append", choices=names, help="may be given several times")
    parser.add_argument("--keep", metavar="DIR", help="for environments, configurations and logs")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON array")
    asked = parser.parse_args(argv)
    folder = Path(asked.keep or mkdtemp(prefix="lineside-peers-")).resolve()
    found = asyncio.run(_all(folder, asked.only or ()))
    print(json.dumps([asdict(one) for one in found]) if asked.as_json else table(found))
    return int(len(found) < 2 * len(asked.only or names))
