"""The command line of chaos: what to run, where it is kept, what is printed."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ingest_server.embedded.broker import find_mosquitto
from ingest_server.embedded.postgres import find_installation
from rig.chaos.plan import KINDS, Deed
from rig.chaos.run import Options, Result, Sabotage, environment, run
from rig.chaos.setting import MACHINES_MOST
from rig.chaos.story import FILE, Story
from rig.programs import ROOT
from runtime import messages
from runtime.cli import script
from runtime.errors import Reconfigure
from runtime.platform import on_stop_signals

RUNS = ROOT / "var" / "chaos"
_LONG = 50
_COMPARE_EVERY = 25
"""Runs of more than 50 cycles are compared every 25, where nothing else is asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The command line."""

    cycles: int
    seed: int | None
    as_json: bool
    resume: Path | None
    keep: Path | None
    sabotage: Sabotage | None
    broker: Literal["auto", "nats", "mosquitto"]
    database: Literal["auto", "plain", "timescaledb"]
    only: tuple[str, ...]
    bound_s: float
    compare_every: int
    soak_minutes: float
    rate: float


def main(argv: Sequence[str] | None = None) -> int:
    """0: everything held; 1: it did not; 2: it could not be run; 130: interrupted."""
    return script(argv, _chaos, extra="embedded", level="error")


def _chaos(words: list[str]) -> int:
    asked = parse(words)
    result = asyncio.run(_run(asked))
    if result is None:
        return 130
    if asked.as_json:
        print(json.dumps(result.as_json(), ensure_ascii=False))
    else:
        _print(result)
    if result.ok and asked.keep is None and asked.resume is None:
        shutil.rmtree(result.folder, ignore_errors=True)
    return 0 if result.ok else 1


def begin(asked: Asked) -> tuple[Story, Path]:
    """The story to go on with, or a new one, and its folder. Raises Reconfigure."""
    if asked.resume is not None:
        return Story.load(asked.resume), asked.resume.absolute()
    environ = environment(asked.database)
    has_timescaledb = find_installation(environ).has_timescaledb
    if asked.database == "timescaledb" and not has_timescaledb:
        raise Reconfigure("LS-8204")
    broker = asked.broker
    if broker == "auto":
        broker = "nats" if find_mosquitto() is None else "mosquitto"
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    if asked.keep is None:
        RUNS.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{seed}-{broker}-", dir=RUNS))
    else:
        folder = asked.keep.absolute()
        if (folder / FILE).exists():
            raise Reconfigure("LS-8205", folder=str(folder))
        folder.mkdir(parents=True, exist_ok=True)
    story = Story(
        seed=seed,
        broker=broker,
        database="timescaledb" if has_timescaledb else "plain",
        only=sorted(asked.only),
        rate=asked.rate,
    )
    story.save(folder)
    return story, folder


async def _run(asked: Asked) -> Result | None:
    story, folder = begin(asked)
    options = Options(
        folder=folder,
        cycles=asked.cycles,
        sabotage=asked.sabotage,
        bound_s=asked.bound_s,
        compare_every=asked.compare_every,
        soak_minutes=asked.soak_minutes,
    )
    _tell(messages.text("LS-8210", folder=str(folder), seed=story.seed))
    stop = asyncio.Event()
    undo = on_stop_signals(asyncio.get_running_loop(), stop.set)

    def tell(cycle: int, deeds: Sequence[Deed], healed_s: float, took_s: float) -> None:
        words = ", ".join(f"{deed.kind} {deed.target} {deed.for_s:g} s" for deed in deeds)
        _tell(
            messages.text(
                "LS-8211",
                cycle=cycle,
                cycles=asked.cycles,
                deeds=words,
                healed=f"{healed_s:.1f}",
                took=f"{took_s:.1f}",
            )
        )

    try:
        result = await run(
            options,
            story,
            say=lambda code, **params: _tell(messages.text(code, **params)),
            tell=tell,
            stop=stop,
        )
    finally:
        undo()
    if result is None:
        _tell(messages.text("LS-8212", command=f"scripts/chaos --resume {folder}"))
    elif not result.ok:
        command = f"scripts/chaos --cycles {asked.cycles} --seed {story.seed}"
        command += f" --broker {story.broker} --database {story.database}"
        command += f" --only {','.join(story.only)}" if story.only else ""
        command += f" --sabotage {asked.sabotage}" if asked.sabotage else ""
        command += f" --soak {asked.soak_minutes:g}" if asked.soak_minutes else ""
        command += f" --rate {story.rate:g}" if story.rate else ""
        (folder / "failure" / "replay").write_text(command + "\n", "utf-8")
        _tell(messages.text("LS-8213", folder=str(folder), command=command))
    return result


def parse(argv: Sequence[str]) -> Asked:
    """The command line; ends the program where it makes no sense."""
    say = messages.text
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=say("LS-8220"))
    parser.add_argument("--cycles", type=int, default=15, metavar="N", help=say("LS-8221"))
    parser.add_argument("--seed", type=int, metavar="S", help=say("LS-8222"))
    parser.add_argument("--json", action="store_true", dest="as_json", help=say("LS-8133"))
    parser.add_argument("--resume", type=Path, metavar="DIR", help=say("LS-8223"))
    parser.add_argument("--keep", type=Path, metavar="DIR", help=say("LS-8224"))
    parser.add_argument(
        "--sabotage", choices=("early-ack", "deleted-batch"), default=None, help=say("LS-8136")
    )
    parser.add_argument(
        "--broker", choices=("auto", "nats", "mosquitto"), default="auto", help=say("LS-8135")
    )
    parser.add_argument(
        "--database", choices=("auto", "plain", "timescaledb"), default="auto", help=say("LS-8225")
    )
    parser.add_argument("--only", default="", metavar="FAULT,...", help=say("LS-8226"))
    parser.add_argument("--bound", type=float, default=90.0, metavar="S", help=say("LS-8227"))
    parser.add_argument("--compare-every", type=int, metavar="N", help=say("LS-8232"))
    parser.add_argument("--soak", type=float, default=0.0, metavar="MIN", help=say("LS-8231"))
    parser.add_argument("--rate", type=float, default=0.0, metavar="N", help=say("LS-8233"))
    parser.add_argument("--lang", choices=("en", "zh"), help=say("LS-8137"))
    asked = parser.parse_args(argv)
    only = tuple(word for word in asked.only.split(",") if word)
    unknown = [word for word in only if word not in KINDS]
    if unknown:
        parser.error(say("LS-8228", unknown=", ".join(unknown), known=", ".join(KINDS)))
    every = asked.compare_every
    if every is None:
        every = _COMPARE_EVERY if asked.cycles > _LONG else 0
    if asked.cycles < 1 or asked.bound <= 0 or min(asked.soak, asked.rate, every) < 0:
        parser.error(say("LS-8229"))
    if asked.rate > MACHINES_MOST and not asked.soak:
        parser.error(say("LS-8236", most=round(MACHINES_MOST)))
    if asked.resume is not None and (
        asked.seed is not None or asked.keep is not None or only or asked.rate
    ):
        parser.error(say("LS-8230"))
    return Asked(
        cycles=asked.cycles,
        seed=asked.seed,
        as_json=asked.as_json,
        resume=asked.resume,
        keep=asked.keep,
        sabotage=asked.sabotage,
        broker=asked.broker,
        database=asked.database,
        only=only,
        bound_s=asked.bound,
        compare_every=every,
        soak_minutes=asked.soak,
        rate=asked.rate,
    )


def _print(result: Result) -> None:
    for name, value in result.as_json().items():
        print(f"{name}: {value}")


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
