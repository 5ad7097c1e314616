"""Decides which configuration runs: the edge's own file, or one the server pushed.

Invariants:
- one change at a time; a configuration that cannot be applied changes nothing;
- a pushed one is on disk before it is applied, and on trial until the agent has proved well with
  it; otherwise the one before comes back, also after the agent was killed meanwhile;
- a version is answered when its outcome is final and on disk, and then as often as it is pushed;
- the edge's own file counts again as soon as it was changed after the push.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from edge_agent.buffer.finish import to_the_end
from edge_agent.buffer.store import BufferBlocked
from edge_agent.configure import kept as disk
from edge_agent.configure import outcome, text
from edge_agent.configure.changes import Changes, compare, fixed
from edge_agent.configure.kept import Before, Kept, Pushed, Trial
from edge_agent.configure.outcome import Outcome
from edge_agent.configure.text import Configuration
from edge_agent.configure.trial import ailments
from edge_agent.configure.works import Works
from edge_agent.publish.commands import config_ack
from edge_agent.publish.report import Runs
from runtime import logs, messages
from runtime.clock import Clock, to_datetime
from runtime.problems import ConfigError
from runtime.strict_yaml import read
from wire.control import CommandAck, ConfigPush
from wire.records import Event

_log = logs.get("edge.configure")

MOST_CRASHES: Final = 2
"""A configuration with which the agent ended so often without being asked to is given up."""
_SHOWN: Final = 3


class _Refused(Exception):
    """A pushed configuration will not be run."""

    def __init__(self, code: str, /, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class Configurator:
    """What runs, and what is known of pushed configurations; `run` is its task.

    `own` is the edge's file as it was read at start; `begin` says what to run instead.
    """

    def __init__(self, own: Configuration, file: Path, *, clock: Clock) -> None:
        self.running = own
        self.file = file
        self.trial_until_us = 0
        """When the trial under way is judged, 0 for none."""
        self._own = own
        self._clock = clock
        self._folder = own.config.data_dir
        self._kept = Kept()
        self._begun = False
        self._works: Works | None = None
        self._changing = asyncio.Lock()
        self._wanted: ConfigPush | None = None
        self._news = asyncio.Event()

    # -- what others ask -------------------------------------------------------------------------

    def runs(self) -> Runs:
        """Which configuration runs, for the status."""
        return Runs(version=self.running.version, sha256=self.running.sha256)

    def facts(self) -> dict[str, Any]:
        """The same for people."""
        trial = self._kept.trial
        return {
            "file": str(self.file),
            "version": self.running.version,
            "sha256": self.running.sha256,
            "trial_until": _iso(self.trial_until_us) if trial is not None else None,
        }

    def pushed(self, push: ConfigPush) -> CommandAck | None:
        """The answer to a push where it is known; else None: it is being done, or will be."""
        known = self._kept.answers.get(push.version)
        if known is not None and known.id == config_ack(push.version, push.sha256, 0).id:
            return known
        if push.version <= self._kept.highest:
            return config_ack(
                push.version, push.sha256, self._clock(), "LS-4942",
                version=push.version, highest=self._kept.highest,
            )  # fmt: skip
        trial = self._kept.trial
        if trial is not None and push.version <= trial.pushed.version:
            return None
        # One waits at most: what a newer one overtakes will be older when it is pushed again.
        if self._wanted is None or push.version > self._wanted.version:
            self._wanted = push
            self._news.set()
        return None

    # -- at start --------------------------------------------------------------------------------

    async def begin(self) -> Configuration:
        """What is to run; called once the buffer is held, so that nobody else works here."""
        if self._begun:
            return self.running
        self._begun = True
        try:
            self._kept = await asyncio.to_thread(disk.load, self._folder)
        except disk.Unreadable as error:
            aside = await asyncio.to_thread(disk.set_aside, self._folder)
            _log.error("LS-4953", file=str(aside), reason=str(error))
        if self._kept.trial is not None:
            await self._begin_on_trial(self._kept.trial)
        elif self._kept.current is not None:
            await self._begin_pushed(self._kept.current)
        return self.running

    async def _begin_on_trial(self, trial: Trial) -> None:
        version = trial.pushed.version
        crashes = trial.crashes + int(trial.live)
        if trial.pushed.own_sha256 != self._own.sha256:
            # Whoever changed it stands here, and knows better.
            await self._give_up(trial, "LS-4949", version=version, file=str(self.file))
            await self._keep(self._kept.model_copy(update={"current": None}))
            return
        if crashes >= MOST_CRASHES:
            await self._go_back(trial, "LS-4948", version=version, count=crashes)
            return
        try:
            pushed = await self._other(trial.pushed.text, version)
        except ConfigError as error:
            problems = _some(error)
            await self._go_back(trial, "LS-4941", version=version, problems=problems)
            return
        # On disk before anything runs with it: a crash of it has to be seen.
        again = trial.model_copy(update={"live": True, "crashes": crashes})
        await self._keep(self._kept.model_copy(update={"trial": again}))
        self.running = pushed
        _log.info("a pushed configuration goes on on trial", version=version, crashes=crashes)

    async def _begin_pushed(self, current: Pushed) -> None:
        if current.own_sha256 != self._own.sha256:
            _log.warning("LS-4951", file=str(self.file), version=current.version)
            await self._keep(self._kept.model_copy(update={"current": None}))
            return
        try:
            self.running = await self._other(current.text, current.version)
        except ConfigError as error:
            _log.error("LS-4952", version=current.version, file=str(self.file),
                       problems=_some(error))  # fmt: skip

    async def _go_back(self, trial: Trial, code: str, /, **params: object) -> None:
        """At start: run what ran before the trial."""
        self.running = await self._before(trial)
        await self._give_up(trial, code, **params)

    async def _give_up(self, trial: Trial, code: str, /, **params: object) -> None:
        pushed = trial.pushed
        answer = config_ack(pushed.version, pushed.sha256, self._clock(), code, **params)
        await self._keep(self._kept.answered(answer))
        _log.error(code, **_shown(params))

    async def _before(self, trial: Trial) -> Configuration:
        before = trial.before
        if before.version is None and before.sha256 == self._own.sha256:
            return self._own
        try:
            return await self._other(before.text, before.version)
        except ConfigError as error:
            _log.error("LS-4952", version=before.version or 0, file=str(self.file),
                       problems=_some(error))  # fmt: skip
            return self._own

    # -- the task --------------------------------------------------------------------------------

    async def run(self, works: Works) -> None:
        """Take what is pushed, one after the other, for ever."""
        self._works = works
        if self._kept.trial is not None:
            await self._judge(works, self._kept.trial, answers=0, restarts={})
        elif self._kept.answers:
            # What was decided while nobody could be told.
            works.answer(self._kept.answers[max(self._kept.answers)])
        while True:
            await self._news.wait()
            self._news.clear()
            push, self._wanted = self._wanted, None
            if push is not None and push.version > self._kept.highest:
                await self._take(works, push)

    async def stop(self) -> None:
        """The agent ends in order: a trial goes on at the next start, as if nothing had been."""
        trial = self._kept.trial
        if trial is not None and trial.live:
            calm = trial.model_copy(update={"live": False})
            await self._keep(self._kept.model_copy(update={"trial": calm}))

    async def _take(self, works: Works, push: ConfigPush) -> None:
        """A pushed configuration from its arrival to its answer."""
        try:
            new = await self._checked(push)
        except _Refused as refusal:
            await self._answer(works, push, refusal.code, **refusal.params)
            return
        pushed = Pushed(
            version=push.version,
            sha256=push.sha256,
            text=push.text,
            own_sha256=await asyncio.to_thread(_own_sha256, self.file),
        )
        if not compare(self.running.config, new.config):
            await self._keep(self._kept.model_copy(update={"current": pushed}))
            self.running = new
            await self._answer(works, push)
            works.report()
            return
        health = works.health()
        trial = Trial(
            pushed=pushed,
            before=Before(
                version=self.running.version, sha256=self.running.sha256, text=self.running.text
            ),
            up=health.up,
            live=True,
            crashes=0,
        )
        await self._keep(self._kept.model_copy(update={"trial": trial}))
        try:
            await self._switch(works, new, push.version)
        except BufferBlocked as error:
            # It is pushed again; nothing is final.
            await self._keep(self._kept.model_copy(update={"trial": None}))
            _log.error("LS-4912", reason=error)
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the one before has to come back
            _log.error("LS-4950", version=push.version, reason=repr(error), exc_info=error)
            reason = messages.Phrase(
                "LS-4950", {"version": push.version, "reason": messages.describe(error)}
            )
            await self._roll_back(works, trial, [reason])
            return
        await self._judge(works, trial, answers=health.answers, restarts=health.restarts)

    async def _checked(self, push: ConfigPush) -> Configuration:
        if text.sha256_of(push.text) != push.sha256:
            raise _Refused("LS-4940", version=push.version)
        try:
            new = await self._other(push.text, push.version)
        except ConfigError as error:
            raise _Refused("LS-4941", version=push.version, problems=_some(error)) from error
        for one in fixed(self.running.config, new.config):
            raise _Refused("LS-4910", field=one.field, old=one.old, new=one.new)
        return new

    async def _judge(
        self, works: Works, trial: Trial, *, answers: int, restarts: Mapping[str, int]
    ) -> None:
        """Let the trial run its time; then keep the configuration, or go back."""
        trial_s = self._own.config.push.trial_s
        self.trial_until_us = self._clock() + int(trial_s * 1e6)
        works.report()
        await asyncio.sleep(trial_s)
        found = ailments(works.health(), up_before=trial.up, answers=answers, restarts=restarts)
        if found:
            await self._roll_back(works, trial, found)
            return
        pushed = trial.pushed
        answer = config_ack(pushed.version, pushed.sha256, self._clock())
        kept = self._kept.answered(answer).model_copy(update={"current": pushed})
        await self._keep(kept)
        works.answer(answer)
        _log.info("a pushed configuration has passed its trial", version=pushed.version)

    async def _roll_back(self, works: Works, trial: Trial, reasons: list[messages.Phrase]) -> None:
        version = trial.pushed.version
        why = " ".join(str(one) for one in reasons)
        await self._switch(works, await self._before(trial), version, rolled_back=True)
        await self._give_up(trial, "LS-4943", version=version, reasons=why)
        works.answer(self._kept.answers[version])
        works.report()

    async def _switch(
        self, works: Works, new: Configuration, version: int, *, rolled_back: bool = False
    ) -> None:
        async with self._changing:
            changes = await works.apply(new.config)
            self.running = new
        _tell(works, self._clock(), changes, version=version, rolled_back=rolled_back)

    async def _answer(
        self, works: Works, push: ConfigPush, code: str | None = None, /, **params: object
    ) -> None:
        answer = config_ack(push.version, push.sha256, self._clock(), code, **params)
        await self._keep(self._kept.answered(answer))
        works.answer(answer)
        if code is not None:
            _log.error(code, **_shown(params))

    # -- the edge's own file ---------------------------------------------------------------------

    async def reload(self, *, own: bool = False) -> Outcome:
        """Read the edge's file again and run it; a pushed one gives way if the file has changed.

        `own`: it gives way in any case.
        """
        works, trial, file = self._works, self._kept.trial, str(self.file)
        if works is None:
            return outcome.refused("LS-4928")
        if trial is not None:
            return outcome.refused(
                "LS-4913", version=trial.pushed.version, until=_iso(self.trial_until_us)
            )
        async with self._changing:
            try:
                found = await asyncio.to_thread(text.own, self.file)
            except ConfigError as error:
                _log.error("LS-4911", file=file, problems=_some(error))
                return outcome.wrong(file, error.problems)
            current = self._kept.current
            unchanged = current is not None and current.own_sha256 == found.sha256
            if current is not None and self.running.version and unchanged and not own:
                return outcome.refused("LS-4914", version=current.version, file=file)
            if unfit := fixed(self.running.config, found.config):
                _log.error("LS-4911", file=file, problems=", ".join(one.field for one in unfit))
                return outcome.unchangeable(file, unfit)
            try:
                changes = await works.apply(found.config)
            except BufferBlocked as error:
                _log.error("LS-4912", reason=error)
                return outcome.refused("LS-4912", reason=str(error))
            self._own = self.running = found
            if current is not None:
                await self._keep(self._kept.model_copy(update={"current": None}))
        _tell(works, self._clock(), changes, version=None)
        works.report()
        return outcome.done(file, changes)

    # -- small things ----------------------------------------------------------------------------

    async def _other(self, found: str, version: int | None) -> Configuration:
        return await asyncio.to_thread(text.other, found, version, beside=self._own, file=self.file)

    async def _keep(self, kept: Kept) -> None:
        """First on disk, then in memory."""
        await to_the_end(asyncio.to_thread(disk.save, self._folder, kept))
        self._kept = kept


def _tell(
    works: Works, at_us: int, changes: Changes, *, version: int | None, rolled_back: bool = False
) -> None:
    detail: dict[str, str | int | float | bool] = {
        name: ", ".join(getattr(changes, name))[:500] for name in ("added", "removed", "restarted")
    }
    if version is not None:
        detail |= {"version": version, "rolled_back": rolled_back}
    works.tell(Event(at_us=at_us, kind="config_changed", detail=detail))
    _log.info("another configuration runs", session=changes.session, **detail)


def _own_sha256(file: Path) -> str:
    """The hash of the edge's file as it is now; empty where it cannot be read."""
    try:
        return text.sha256_of(read(file))
    except ConfigError:
        return ""


def _some(error: ConfigError) -> str:
    """The first problems, on one line."""
    more = len(error.problems) - _SHOWN
    shown = "; ".join(one.text("en") for one in error.problems[:_SHOWN])
    return shown + (f" (+{more})" if more > 0 else "")


def _shown(params: Mapping[str, object]) -> dict[str, Any]:
    return {name: value if isinstance(value, int) else str(value) for name, value in params.items()}


def _iso(at_us: int) -> str | None:
    return to_datetime(at_us).isoformat(timespec="seconds") if at_us else None
