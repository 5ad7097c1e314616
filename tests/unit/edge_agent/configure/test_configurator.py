"""Which configuration runs, decided against parts that only take note of what they are told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge_agent.buffer.store import BufferBlocked
from edge_agent.config import EdgeConfig
from edge_agent.configure import kept as disk
from edge_agent.configure.changes import Changes, compare
from edge_agent.configure.configurator import Configurator
from edge_agent.configure.kept import Before, Kept, Pushed, Trial
from edge_agent.configure.text import own, sha256_of
from edge_agent.configure.trial import Health
from runtime.clock import now_us
from tests.conftest import WaitFor
from wire.control import CommandAck, ConfigPush
from wire.records import Event

TEXT = """
plant: p
edge: e
data_dir: .
broker: {host: h, port: 1883}
push: {trial_s: 1}
devices:
  - {id: a, driver: modbus-tcp, host: x, groups: [
      {every_ms: 100, tags: [{path: a, address: "holding:0", dtype: u16}]}]}
"""
OTHER = TEXT.replace("host: x", "host: y")


@dataclass
class Line:
    """Parts that run: well, unless told otherwise."""

    config: EdgeConfig
    applied: list[EdgeConfig] = field(default_factory=list)
    said: list[CommandAck] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    fail: Exception | None = None
    heard: int = 0
    connected: bool = True

    async def apply(self, new: EdgeConfig) -> Changes:
        error, self.fail = self.fail, None
        if error is not None:
            raise error
        changes = compare(self.config, new)
        self.config = new
        self.applied.append(new)
        return changes

    def health(self) -> Health:
        self.heard += 1
        return Health(
            broker="h:1883",
            connected=self.connected,
            broker_error="away",
            answers=self.heard,
            devices={"a": ("up", None)},
        )

    def answer(self, ack: CommandAck) -> None:
        self.said.append(ack)

    def tell(self, event: Event) -> None:
        self.events.append(event)

    def report(self) -> None:
        pass


def _push(version: int, text: str) -> ConfigPush:
    return ConfigPush(version=version, at_us=1, sha256=sha256_of(text), text=text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The edge's own file."""
    path = tmp_path / "edge.yaml"
    path.write_text(TEXT, "utf-8")
    return path


@asynccontextmanager
async def _at_work(file: Path) -> AsyncIterator[tuple[Configurator, Line]]:
    configurator = Configurator(own(file), file, clock=now_us)
    line = Line((await configurator.begin()).config)
    task = asyncio.create_task(configurator.run(line))
    try:
        yield configurator, line
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _on_trial(file: Path, *, own_sha256: str | None = None, crashes: int = 0) -> None:
    pushed = Pushed(
        version=4,
        sha256=sha256_of(OTHER),
        text=OTHER,
        own_sha256=own_sha256 or own(file).sha256,
    )
    before = Before(version=None, sha256=sha256_of(TEXT), text=TEXT)
    trial = Trial(pushed=pushed, before=before, up=frozenset("a"), live=True, crashes=crashes)
    disk.save(file.parent, Kept(trial=trial))


async def test_a_push_is_on_disk_before_it_is_applied(file: Path, wait_for: WaitFor) -> None:
    async with _at_work(file) as (configurator, line):
        assert configurator.pushed(_push(1, OTHER)) is None
        await wait_for(lambda: line.applied)
        kept = disk.load(file.parent)
        assert kept.trial is not None
        assert (kept.trial.pushed.version, kept.trial.live) == (1, True)
        assert kept.highest == 0, "nothing is final"
        assert configurator.pushed(_push(1, OTHER)) is None, "the answer is not known yet"
        await wait_for(lambda: line.said)
        assert (line.said[0].state, line.said[0].version) == ("done", 1)
        kept = disk.load(file.parent)
        assert (kept.trial, kept.highest) == (None, 1)
        assert kept.current is not None
        assert kept.current.text == OTHER
        assert configurator.pushed(_push(1, OTHER)) == line.said[0]


async def test_a_restart_in_order_during_a_trial_does_not_count_against_it(
    file: Path, wait_for: WaitFor
) -> None:
    _on_trial(file)
    for _ in range(4):
        async with _at_work(file) as (configurator, line):
            assert line.config.devices[0].host == "y"  # type: ignore[union-attr]
            await configurator.stop()
    async with _at_work(file) as (configurator, line):
        await wait_for(lambda: line.said)
        assert line.said[0].state == "done"


async def test_the_second_crash_on_trial_brings_back_what_ran_before(
    file: Path, wait_for: WaitFor
) -> None:
    _on_trial(file)
    async with _at_work(file) as (_, line):  # never stopped in order
        assert line.config.devices[0].host == "y"  # type: ignore[union-attr]
    async with _at_work(file) as (configurator, line):
        assert line.config.devices[0].host == "x"  # type: ignore[union-attr]
        await wait_for(lambda: line.said)
        assert (line.said[0].version, line.said[0].code) == (4, "LS-4948")
        assert configurator.runs().version is None


async def test_the_own_file_changed_during_a_trial_ends_it(file: Path, wait_for: WaitFor) -> None:
    _on_trial(file, own_sha256="00" * 32)
    async with _at_work(file) as (configurator, line):
        assert line.config.devices[0].host == "x"  # type: ignore[union-attr]
        await wait_for(lambda: line.said)
        assert line.said[0].code == "LS-4949"
        assert configurator.runs().version is None


async def test_what_cannot_be_applied_for_a_reason_of_ours_rolls_back(
    file: Path, wait_for: WaitFor
) -> None:
    async with _at_work(file) as (configurator, line):
        line.fail = RuntimeError("a defect")
        configurator.pushed(_push(1, OTHER))
        await wait_for(lambda: line.said)
        assert line.said[0].code == "LS-4943"
        assert "a defect" in (line.said[0].reason or "")
        assert line.config.devices[0].host == "x"  # type: ignore[union-attr]


async def test_a_disk_that_takes_nothing_makes_nothing_final(file: Path, wait_for: WaitFor) -> None:
    async with _at_work(file) as (configurator, line):
        line.fail = BufferBlocked("LS-4104", file="buffer.db", reason="full")
        configurator.pushed(_push(1, OTHER))
        await wait_for(lambda: line.fail is None)
        await wait_for(lambda: disk.load(file.parent).trial is None)
        assert not line.said
        # The server repeats what nobody answers.
        await wait_for(lambda: configurator.pushed(_push(1, OTHER)))
        assert line.said[0].state == "done"


async def test_of_several_that_wait_only_the_newest_is_tried(file: Path, wait_for: WaitFor) -> None:
    async with _at_work(file) as (configurator, line):
        configurator.pushed(_push(1, OTHER))
        await wait_for(lambda: line.applied)
        for version in (3, 5, 4):
            configurator.pushed(_push(version, OTHER.replace("host: y", f"host: z{version}")))
        await wait_for(lambda: len(line.said) == 2)
        assert [one.version for one in line.said] == [1, 5]
        late = configurator.pushed(_push(4, OTHER))
        assert late is not None
        assert late.code == "LS-4942"
        assert "higher" in (late.reason or "")


async def test_a_server_that_does_not_answer_any_more_ends_a_trial(
    file: Path, wait_for: WaitFor
) -> None:
    async with _at_work(file) as (configurator, line):
        configurator.pushed(_push(1, OTHER))
        await wait_for(lambda: line.applied)
        line.connected = False
        await wait_for(lambda: line.said)
        assert line.said[0].code == "LS-4943"
        assert "h:1883" in (line.said[0].reason or "")
        assert [one.detail["rolled_back"] for one in line.events] == [False, True]


async def test_a_push_whose_variable_is_gone_gives_way_to_the_own_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TEXT.replace("host: x", 'host: "${LINESIDE_TEST_HOST}"')
    pushed = Pushed(version=2, sha256=sha256_of(text), text=text, own_sha256=own(file).sha256)
    disk.save(file.parent, Kept(current=pushed, highest=2))
    async with _at_work(file) as (configurator, line):
        assert configurator.runs().version is None
    monkeypatch.setenv("LINESIDE_TEST_HOST", "found")
    async with _at_work(file) as (configurator, line):
        assert configurator.runs().version == 2, "it is back when the variable is"
        assert line.config.devices[0].host == "found"  # type: ignore[union-attr]


async def test_what_is_remembered_but_cannot_be_read_is_set_aside(file: Path) -> None:
    (file.parent / disk.FILE).write_text("{broken", "utf-8")
    async with _at_work(file) as (configurator, _):
        assert configurator.runs().version is None
    assert (file.parent / f"{disk.FILE}.unreadable").read_text("utf-8") == "{broken"


async def test_no_more_answers_are_kept_than_the_newest_fifty(
    file: Path, wait_for: WaitFor
) -> None:
    async with _at_work(file) as (configurator, line):
        for version in range(1, 61):
            configurator.pushed(_push(version, "{"))
            await wait_for(lambda version=version: len(line.said) == version)
    kept = disk.load(file.parent)
    assert sorted(kept.answers) == list(range(11, 61))
    assert kept.highest == 60
