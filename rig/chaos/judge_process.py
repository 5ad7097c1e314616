"""Judges in a process of its own: the links of a run are not kept waiting by the comparison.

    python -m rig.chaos.judge_process FOLDER     # a run's folder, or one with evidence in it

Invariants: what it says stands whole in `judged.json` of the folder, or it ends with an error; it
changes nothing that it judges.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import orjson
import psutil

from ingest_server.embedded.postgres import EmbeddedPostgres
from rig.chaos import mounts, setting, wide
from rig.chaos.evidence import FILE, JUDGED, Evidence
from rig.chaos.judging import Judgement, judge
from rig.chaos.plan import EDGES
from rig.chaos.story import FILE as STORY
from rig.chaos.story import Story
from rig.programs import Program, python_module_command
from rig.server_view import ServerView
from runtime import messages
from runtime.cli import script
from runtime.errors import RetryLater
from runtime.platform import write_private
from simulators.truth import FOREVER

_LIMIT_S: Final = 1_800.0
_NICER: Final = 5


def main(argv: Sequence[str] | None = None) -> int:
    """0: judged, whatever came out; else the error of any script."""
    return script(argv, _judge, extra="embedded", level="error")


async def judge_apart(folder: Path, log: Path) -> Judgement:
    """Have the evidence in `folder` judged by another process.

    Raises RetryLater (LS-8216) where that fails, with its last words.
    """
    program = Program(
        name="judge",
        command=python_module_command("rig.chaos.judge_process", str(folder)),
        log=log,
    )
    (folder / JUDGED).unlink(missing_ok=True)
    try:
        program.start()
        ended = await program.end(_LIMIT_S)
    finally:
        await program.stop()
    if ended != 0 or not (folder / JUDGED).exists():
        raise RetryLater("LS-8216", log=str(log), last=program.last_line())
    return Judgement(**orjson.loads((folder / JUDGED).read_bytes()))


def _judge(words: list[str]) -> int:
    say = messages.text
    parser = argparse.ArgumentParser(
        prog="python -m rig.chaos.judge_process", description=say("LS-8234")
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help=say("LS-8235"))
    folder: Path = parser.parse_args(words).folder.absolute()
    # Whoever is in time for the links goes first.
    me = psutil.Process()
    me.nice(min(19, me.nice() + _NICER))
    if (folder / FILE).exists():
        told = _told(Evidence.load(folder))
        write_private(folder / JUDGED, told)
        return 0
    print(asyncio.run(_again(folder)).decode())
    return 0


def _told(evidence: Evidence) -> bytes:
    with ServerView(evidence.dsn, snapshot=evidence.snapshot, apart=(wide.EDGE,)) as view:
        return orjson.dumps(judge(evidence, view), option=orjson.OPT_INDENT_2)


async def _again(folder: Path) -> bytes:
    """Judge a run that is over, as it lies there. Raises Reconfigure where there is none."""
    story = Story.load(folder)
    at_us = (folder / STORY).stat().st_mtime_ns // 1_000
    environ = dict(os.environ)
    if story.database == "plain":
        environ.pop("LINESIDE_POSTGRES_HOME", None)
    async with AsyncExitStack() as stack:
        if (folder / "disks").exists():
            await mounts.attach(folder, stack)
        database = EmbeddedPostgres(folder / "database", environ=environ)
        await stack.enter_async_context(database)
        ports = orjson.loads((folder / "ports.json").read_bytes())
        buffers = [folder / "data" / edge / "buffer.db" for edge in EDGES]
        evidence = Evidence(
            run=folder,
            configs=setting.CONFIGS,
            ports=setting.ports_in_words(ports),
            story=story,
            buffers=tuple(buffer for buffer in buffers if buffer.exists()),
            dsn=database.dsn,
            snapshot=None,
            durable_until_us=FOREVER,
            at_us=at_us,
        )
        return await asyncio.to_thread(_told, evidence)


if __name__ == "__main__":
    sys.exit(main())
