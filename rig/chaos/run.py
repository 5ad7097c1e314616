"""A run of chaos: cycle after cycle of faults and healing, then the comparison with the truth.

Invariants: what was done stands in the folder before the next cycle begins; a run ends with a
result whatever happens, and one that is not `ok` leaves its folder with all that is needed to see
why; the machines stand still while nothing else runs, so that nothing is made unseen.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import psycopg

from ingest_server.embedded.broker import BrokerKind
from rig import dumps
from rig.chaos import mounts
from rig.chaos.comparing import (
    LAST_LOOK_S,
    compare_as_it_is,
    compare_at_the_end,
    compare_in_between,
)
from rig.chaos.converge import converge
from rig.chaos.deeds import do, impossible
from rig.chaos.house import House
from rig.chaos.judging import Judgement
from rig.chaos.lag import Lag
from rig.chaos.plan import KINDS, Deed, plan
from rig.chaos.plot import draw
from rig.chaos.soak import PLOT, grown, not_flat, rate, soak
from rig.chaos.story import Story
from runtime import messages
from runtime.clock import now_us
from runtime.errors import RetryLater
from runtime.platform import write_private

Sabotage = Literal["early-ack", "deleted-batch"]
_START_LIMIT_S: Final = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What was asked for."""

    folder: Path
    cycles: int
    sabotage: Sabotage | None = None
    bound_s: float = 90.0
    compare_every: int = 0
    """Cycles between two comparisons; 0: only at the end."""
    soak_minutes: float = 0.0


@dataclass(kw_only=True, slots=True)
class Result:
    """What a run came to."""

    story: Story
    folder: Path
    judgement: Judgement | None = None
    """Of the last comparison."""
    healed: bool = False
    """Whether all was whole when it was compared last."""
    findings: list[str] = field(default_factory=list)
    soaked: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """Of a soak: medians of the first and the last third, by part and quantity."""
    unsteady: list[str] = field(default_factory=list)
    """Of a soak: what grew."""
    rate: float | None = None
    """Of a soak: readings a second that were stored."""
    lag_ms: dict[str, int] = field(default_factory=dict)
    """How late the links' own loop was."""
    sabotage: str | None = None

    @property
    def ok(self) -> bool:
        """Whether it healed every time, everything agreed at the end, and nothing grew."""
        judged = self.judgement
        agreed = judged is not None and judged.ok
        return agreed and not self.findings and not self.unsteady

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        judged = self.judgement
        told: dict[str, Any] = {
            "cycles": self.story.cycles,
            "healed": self.healed,
            "compared_after": self.story.compared,
            "seed": self.story.seed,
            "lost": None if judged is None else judged.lost,
            "duplicated": None if judged is None else judged.duplicated,
            "uncommitted": None if judged is None else judged.uncommitted,
            "orders_wrong": None if judged is None else judged.orders_wrong,
            "alarms_wrong": None if judged is None else judged.alarms_wrong,
            "faults": self.story.faults(),
            "skipped": self.story.skipped,
            "broker": self.story.broker,
            "database": self.story.database,
            "readings": None if judged is None else judged.readings,
            "in_gap": None if judged is None else judged.in_gap,
            "waiting": None if judged is None else judged.waiting,
            "uncommitted_oldest_s": None if judged is None else judged.uncommitted_oldest_us / 1e6,
            "on_the_way": None if judged is None else judged.on_the_way,
            "median_cycle_s": _median(self.story.took_s),
            "median_healing_s": _median(self.story.converged_s),
            "links_late_ms": self.lag_ms,
        }
        if self.sabotage is not None:
            told["sabotage"] = self.sabotage
        if self.soaked:
            told["soak"] = self.soaked
            told["rate"] = self.rate
        known = [] if judged is None else judged.findings
        told["findings"] = [*self.findings, *self.unsteady, *known]
        told["ok"] = self.ok
        return told


async def run(
    options: Options,
    story: Story,
    *,
    say: Callable[..., None],
    tell: Callable[[int, Sequence[Deed], float, float], None],
    stop: asyncio.Event,
) -> Result | None:
    """Go on with a story until it has `cycles` cycles, and judge; None where `stop` was set."""
    result = Result(story=story, folder=options.folder, sabotage=options.sabotage)
    environ = environment(story.database)
    sabotaged = {"LINESIDE_SABOTAGE": "early_ack"} if options.sabotage == "early-ack" else {}
    without = impossible(story.only or KINDS)
    for fault, reason in without.items():
        say("LS-8206", fault=fault, reason=reason)
    broker: BrokerKind = "nats" if story.broker == "nats" else "mosquitto"
    house = House(
        options.folder,
        broker=broker,
        environ=environ,
        seed=story.seed,
        say=say,
        server_environment=sabotaged,
        rate=story.rate,
        hasty=not options.soak_minutes,
        # A soak needs no disks of its own, but room for what it collects.
        disks=not options.soak_minutes
        and any(KINDS[kind].needs == "disks" for kind in story.only or KINDS)
        and not mounts.lacking(),
    )
    house.deaths = story.deaths
    async with house, Lag() as lag:
        try:
            # The machines are held until all is read.
            story.pauses.append([now_us(), 0])
            await converge(house, since_us=now_us(), limit_s=_START_LIMIT_S)
            await house.plant.run()
            story.pauses[-1][1] = now_us()
            if options.soak_minutes:
                await _soak(house, options, result, stop)
            else:
                await _cycles(house, options, result, say, tell, stop, without)
            if stop.is_set():
                await house.plant.pause()
                # What is read while an agent stops may be lost: nothing shall change then.
                await asyncio.sleep(LAST_LOOK_S)
                return None
            if not result.findings:
                if options.sabotage == "deleted-batch":
                    _delete_a_batch(house.database.dsn)
                judged = await compare_at_the_end(house, story, limit_s=options.bound_s)
                _take(result, judged)
        except RetryLater as error:
            result.findings.append(messages.describe(error))
            await _take_as_it_is(house, result)
        except ExceptionGroup as group:
            # A deed that could not be done or undone: the run proves nothing from here on.
            result.findings += _leaves(group)
            (options.folder / "failure").mkdir(exist_ok=True)
            text = "".join(traceback.format_exception(group))
            (options.folder / "failure" / "traceback").write_text(text, "utf-8")
            await _take_as_it_is(house, result)
        finally:
            result.lag_ms = lag.as_json()
            story.save(options.folder)
            with suppress(RetryLater, OSError):
                await house.plant.pause()
        if not result.ok:
            await asyncio.to_thread(_keep_evidence, house, result, environ)
    return result


async def _soak(house: House, options: Options, result: Result, stop: asyncio.Event) -> None:
    samples = await soak(house, minutes=options.soak_minutes, stop=stop)
    result.soaked, result.rate = grown(samples), rate(samples)
    result.unsteady = not_flat(result.soaked)
    story = result.story
    told = f"{options.soak_minutes:g} minutes, {story.broker}, {result.rate} readings/s"
    (options.folder / PLOT).write_text(draw(samples, title=told), "utf-8")


async def _cycles(
    house: House,
    options: Options,
    result: Result,
    say: Callable[..., None],
    tell: Callable[[int, Sequence[Deed], float, float], None],
    stop: asyncio.Event,
    without: Mapping[str, str],
) -> None:
    """Cycle after cycle, until they are done or a comparison in between found something."""
    story = result.story
    kinds = story.only or list(KINDS)
    while story.cycles < options.cycles and not stop.is_set():
        deeds = plan(story.seed, story.cycles + 1, kinds)
        began_s = time.monotonic()
        await do(house, deeds, story, without=without)
        healing_s = time.monotonic()
        await converge(house, since_us=now_us(), limit_s=options.bound_s)
        await asyncio.to_thread(_count, house.database.dsn)
        story.cycles += 1
        took_s = time.monotonic() - began_s
        story.took_s.append(round(took_s, 2))
        story.converged_s.append(round(time.monotonic() - healing_s, 2))
        story.save(options.folder)
        tell(story.cycles, deeds, story.converged_s[-1], took_s)
        due = options.compare_every and story.cycles % options.compare_every == 0
        if due and story.cycles < options.cycles:
            began_s = time.monotonic()
            judged = await compare_in_between(house, story, limit_s=options.bound_s)
            _take(result, judged)
            story.save(options.folder)
            say(
                "LS-8214",
                cycle=story.cycles,
                readings=judged.readings,
                took=round(time.monotonic() - began_s, 1),
            )
            if result.findings:
                return


def _take(result: Result, judged: Judgement) -> None:
    """Keep what came out of a whole system; where it does not agree, between which cycles."""
    story = result.story
    result.judgement, result.healed = judged, True
    if judged.ok:
        story.compared.append(story.cycles)
        return
    agreed = f"after cycle {story.compared[-1]} all agreed" if story.compared else "the first time"
    result.findings.append(f"compared after cycle {story.cycles} it does not agree; {agreed}")


async def _take_as_it_is(house: House, result: Result) -> None:
    """Keep what can be compared of a system that is not whole."""
    result.judgement, result.healed = None, False
    judged = await compare_as_it_is(house, result.story)
    if isinstance(judged, str):
        result.findings.append(f"it could not be compared: {judged}")
    else:
        result.judgement = judged


def environment(database: str) -> dict[str, str]:
    """The variables by which the database is found: with TimescaleDB or without."""
    environ = dict(os.environ)
    if database == "plain":
        environ.pop("LINESIDE_POSTGRES_HOME", None)
    return environ


def _count(dsn: str) -> None:
    """After each cycle: as many rows as the batches say, none besides."""
    with psycopg.connect(dsn) as connection:
        # One snapshot for both sums: readings come in all the time.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        row = connection.execute(
            "SELECT (SELECT coalesce(sum(rows), 0) FROM lineside.batch),"
            " (SELECT count(*) FROM lineside.reading)"
        ).fetchone()
    if row is not None and row[0] != row[1]:
        raise RetryLater("LS-8203", batches=row[0], rows=row[1])


def _delete_a_batch(dsn: str) -> None:
    """Do by hand what must never happen: the comparison has to find it."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "DELETE FROM lineside.reading r USING lineside.tag t, (SELECT edge_id, batch"
            " FROM lineside.batch WHERE rows > 0 ORDER BY committed_at DESC LIMIT 1) AS b"
            " WHERE t.tag_id = r.tag_id AND t.edge_id = b.edge_id AND r.batch = b.batch"
        )


def _keep_evidence(house: House, result: Result, environ: dict[str, str]) -> None:
    import orjson

    folder = house.folder / "failure"
    folder.mkdir(exist_ok=True)
    told = orjson.dumps(result.as_json(), option=orjson.OPT_INDENT_2)
    write_private(folder / "result.json", told)
    with suppress(RetryLater, OSError, psycopg.Error):
        dumps.dump(house.database, folder / "database.dump", environ=environ)


def _leaves(error: Exception) -> list[str]:
    if not isinstance(error, ExceptionGroup):
        return [f"a fault could not be done: {error!r}"]
    return [text for one in error.exceptions for text in _leaves(one)]


def _median(values: Sequence[float]) -> float | None:
    return round(statistics.median(values), 1) if values else None
