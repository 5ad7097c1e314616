"""The command line of the simulators."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from runtime import logs, messages, strict_yaml
from runtime.errors import LinesideError
from runtime.platform import on_stop_signals
from simulators import addresses
from simulators.app import Simulation
from simulators.config import PlantConfig


def main(argv: Sequence[str]) -> int:
    """0 after a clean stop, 2 if a person has to put something right."""
    if argv and argv[0] == "addresses":
        return _guarded(_addresses, _address_parser().parse_args(argv[1:]))
    return _guarded(_run, _run_parser().parse_args(argv))


def _run_parser() -> argparse.ArgumentParser:
    say = messages.text
    parser = argparse.ArgumentParser(prog="python -m simulators", description=say("LS-7050"))
    parser.add_argument("config", type=Path, help=say("LS-7051"))
    parser.add_argument("--truth", type=Path, metavar="FOLDER", help=say("LS-7052"))
    parser.add_argument("--state", type=Path, metavar="FILE", help=say("LS-7053"))
    parser.add_argument("--ready", type=Path, metavar="FILE", help=say("LS-7054"))
    parser.add_argument(
        "--control", type=int, nargs="?", const=0, metavar="PORT", help=say("LS-7055")
    )
    parser.add_argument("--hold", action="store_true", help=say("LS-7056"))
    parser.add_argument("--free-ports", action="store_true", help=say("LS-7057"))
    parser.add_argument("--log-level", choices=logs.LEVELS, default="info", help=say("LS-7058"))
    parser.add_argument("--log-json", action="store_true", help=say("LS-7059"))
    return parser


def _address_parser() -> argparse.ArgumentParser:
    say = messages.text
    parser = argparse.ArgumentParser(
        prog="python -m simulators addresses", description=say("LS-7060")
    )
    parser.add_argument("config", type=Path, help=say("LS-7051"))
    return parser


def _addresses(asked: argparse.Namespace) -> None:
    config = strict_yaml.load(asked.config, PlantConfig)
    told = orjson.dumps(addresses.as_json(config), option=orjson.OPT_INDENT_2)
    sys.stdout.buffer.write(told + b"\n")


def _run(asked: argparse.Namespace) -> None:
    logs.configure(json=asked.log_json, level=asked.log_level, stream=sys.stderr)
    config = strict_yaml.load(asked.config, PlantConfig)
    if asked.free_ports:
        lines = [line.model_copy(update={"port": 0}) for line in config.lines]
        config = config.model_copy(update={"lines": lines})
    asyncio.run(_simulate(config, asked))


async def _simulate(config: PlantConfig, asked: argparse.Namespace) -> None:
    simulation = Simulation(
        config,
        truth=asked.truth,
        state=asked.state,
        ready=asked.ready,
        control=asked.control,
        hold=asked.hold,
    )
    undo = on_stop_signals(asyncio.get_running_loop(), simulation.stop)
    try:
        async with simulation:
            if asked.ready is None:
                sys.stdout.write(orjson.dumps(simulation.ready()).decode() + "\n")
                sys.stdout.flush()
            await simulation.wait()
    finally:
        undo()


def _guarded(command: Callable[[argparse.Namespace], None], asked: argparse.Namespace) -> int:
    try:
        command(asked)
    except LinesideError as error:
        sys.stderr.write(messages.describe(error) + "\n")
        return 2
    return 0
