"""Another configuration while the agent runs: what changed starts again, nothing else notices."""

from __future__ import annotations

import asyncio
from pathlib import Path

from edge_agent.configure import asked
from edge_agent.configure.outcome import Outcome
from edge_agent.configure.text import own
from ingest_server.embedded.broker import EmbeddedBroker
from runtime.clock import now_us
from tests.conftest import WaitFor
from tests.integration.edge_agent.acker import Acker
from tests.integration.edge_agent.conftest import EDGE, address
from tests.integration.edge_agent.counting import (
    CountingPlc,
    counted,
    device,
    running_from,
    text,
)
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality
from wire.frame import StreamClass

RETIRED = quality.BAD_OUT_OF_SERVICE | quality.NO_VALUE


async def _reload(file: Path, *, own: bool = False) -> Outcome:
    return await asyncio.to_thread(asked.ask, file.parent / "edge data", own=own, wait_s=20)


def _codes(outcome: Outcome) -> list[str]:
    return [one.code for one in outcome.said]


async def test_only_what_changed_starts_again_and_no_reading_is_lost_or_doubled(
    nats: EmbeddedBroker, tmp_path: Path, wait_for: WaitFor
) -> None:
    receiver, file = Receiver(), tmp_path / "edge.yaml"
    extra = '          - {path: b/more, address: "holding:1", dtype: u16}\n'
    async with CountingPlc() as a, CountingPlc() as b, CountingPlc() as c:
        before = [device("a", a.port), device("b", b.port, more=extra)]
        file.write_text(text(*before, broker=nats.port), "utf-8")
        async with (
            Acker(address(nats.port), EDGE, receiver) as acker,
            running_from(file) as agent,
        ):
            await wait_for(lambda: len(counted(receiver, "b/count")) > 10)
            assert agent.facts is not None
            epoch = agent.facts.store.epoch
            after = [device("c", c.port), device("a", a.port), device("b", b.port, every_ms=30)]
            file.write_text(text(*after, broker=nats.port, name="Line T"), "utf-8")
            outcome = await _reload(file)
            assert outcome.ok, outcome
            assert outcome.changes == {
                "added": ["c"], "removed": [], "restarted": ["b"], "untouched": ["a"],
                "session": False, "buffer": False, "clock": False, "page": False,
            }  # fmt: skip
            await wait_for(lambda: len(counted(receiver, "c/count")) > 10)
            await wait_for(lambda: any(one.kind == "device_up" for one in receiver.events))
            await wait_for(lambda: receiver.values("b/more")[-1][2] == RETIRED)
            assert (a.connections, b.connections, c.connections) == (1, 2, 1)
            sessions = agent.facts.session.sessions
            # The other way round: the broker's connection alone.
            file.write_text(text(*after, broker=nats.port, window=24), "utf-8")
            outcome = await _reload(file)
            assert outcome.changes["session"] is True
            assert outcome.changes["untouched"] == ["c", "a", "b"]
            assert agent.facts.session.sessions == sessions + 1 or not agent.facts.session.connected
            await wait_for(lambda: agent.facts and agent.facts.session.connected)
            assert agent.facts.session.sessions == sessions + 1
            seen = len(counted(receiver, "a/count"))
            await wait_for(lambda: len(counted(receiver, "a/count")) > seen + 10)
            # And nothing at all.
            outcome = await _reload(file)
            assert _codes(outcome) == ["LS-4916"]
            assert agent.facts.store.epoch == epoch
            assert [one.config.id for one in agent.facts.collectors] == ["c", "a", "b"]
            assert (a.connections, b.connections, c.connections) == (1, 2, 1)
            await wait_for(lambda: acker.statuses[-1].config_sha256 == own(file).sha256)
            assert acker.statuses[-1].config_version is None
    got = counted(receiver, "a/count")
    assert got == list(range(1, len(got) + 1)), "not one was lost or doubled"
    assert a.answered - len(got) <= 1, "but the one under way when the agent stopped"
    for path in ("b/count", "c/count"):
        got = counted(receiver, path)
        assert sorted(set(got)) == got, "nothing twice"
    missing = set(range(1, b.answered + 1)) - set(counted(receiver, "b/count"))
    assert len(missing) <= 2, "those under way when the device and the agent were stopped"
    kinds = [one.kind for one in receiver.events]
    assert kinds.count("config_changed") == 3
    assert kinds.index("device_down") < kinds.index("device_up")
    assert len({epoch for epoch, _ in receiver.openings}) == 1


async def test_what_is_removed_ends_in_a_bad_sample_and_nobody_waits_for_it(
    nats: EmbeddedBroker, tmp_path: Path, wait_for: WaitFor
) -> None:
    receiver, file = Receiver(), tmp_path / "edge.yaml"
    async with CountingPlc() as a, CountingPlc() as b, CountingPlc() as c:
        all_three = [device(name, plc.port) for name, plc in (("a", a), ("b", b), ("c", c))]
        file.write_text(text(*all_three, broker=nats.port), "utf-8")
        async with Acker(address(nats.port), EDGE, receiver), running_from(file):
            await wait_for(lambda: all(counted(receiver, f"{name}/count") for name in "abc"))
            await b.kill()
            await wait_for(
                lambda: [one.device for one in receiver.events if one.kind == "device_down"]
            )
            file.write_text(text(device("a", a.port), broker=nats.port), "utf-8")
            outcome = await _reload(file)
            assert outcome.changes["removed"] == ["b", "c"]
            removed_us = now_us()
            await wait_for(
                lambda: receiver.complete_to[StreamClass.BULK][-1] > removed_us + 1_000_000, 20.0
            )
            await wait_for(lambda: receiver.values("c/count")[-1][2] == RETIRED)
            await wait_for(lambda: any(one.kind == "device_up" for one in receiver.events))
        assert c.connections == 1
    (up,) = (one for one in receiver.events if one.kind == "device_up")
    assert (up.device, up.detail["code"]) == ("b", "LS-4902"), "the outage is closed"
    assert receiver.values("b/count")[-1][2] == quality.BAD_NOT_CONNECTED | quality.NO_VALUE


async def test_a_bad_file_or_another_identity_is_refused_and_the_old_goes_on(
    nats: EmbeddedBroker, tmp_path: Path, wait_for: WaitFor
) -> None:
    receiver, file = Receiver(), tmp_path / "edge.yaml"
    async with CountingPlc() as a:
        good = text(device("a", a.port), broker=nats.port)
        file.write_text(good, "utf-8")
        async with running_from(file) as agent, Acker(address(nats.port), EDGE, receiver):
            await wait_for(lambda: counted(receiver, "a/count"))
            file.write_text(good.replace("every_ms: 20", "evry_ms: 20"), "utf-8")
            outcome = await _reload(file)
            assert not outcome.ok
            assert outcome.problems[0].line > 1
            assert "every_ms" in outcome.problems[0].problem.text("en")
            for changed in ("plant: other", "edge: other", "data_dir: elsewhere"):
                name = changed.partition(":")[0]
                lines = [changed if one.startswith(f"{name}:") else one for one in good.split("\n")]
                file.write_text("\n".join(lines), "utf-8")
                outcome = await _reload(file)
                assert _codes(outcome) == ["LS-4910", "LS-4911"], name
                assert outcome.said[0].params["field"] == name
            agent.reload.set()  # as the signal does
            seen = len(counted(receiver, "a/count"))
            await wait_for(lambda: len(counted(receiver, "a/count")) > seen + 5)
        assert a.connections == 1
    assert not any(one.kind == "config_changed" for one in receiver.events)
    assert not list((tmp_path / "edge data").glob("reload-*"))
