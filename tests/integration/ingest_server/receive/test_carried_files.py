"""Files carried by hand, on a real database: every record counts once, in whatever order."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from edge_agent.app import BUFFER
from edge_agent.config import EdgeConfig
from edge_agent.tools.export_records import export
from ingest_server.cli import app
from ingest_server.embedded.broker import EmbeddedBroker
from ingest_server.receive.arrival import look_at
from ingest_server.receive.carried import Importer
from ingest_server.receive.committer import Committer
from runtime.clock import now_us
from tests.conftest import WaitFor
from tests.integration.drivers.modbus_plc import Plc
from tests.integration.edge_agent.conftest import (  # noqa: F401 - fixtures
    Running,
    configure,
    running,
)
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import Epoch, fill, started
from tests.integration.ingest_server.receive.test_session import address_of, receiving
from wire.carried import pieces
from wire.frame import StreamClass
from wire.ids import EdgeId
from wire.topics import up

EDGE = EdgeId(plant="demo", edge="line-a")
Configure = Callable[..., EdgeConfig]


@pytest.fixture
def committer(migrated: str) -> Iterator[Committer]:
    made = Committer(migrated, clock=now_us)
    yield made
    made.close()


def carried(
    path: Path, *parts: tuple[Epoch, int], edge: EdgeId = EDGE, upto: int | None = None
) -> Path:
    """A file with the records of epochs behind a seq."""
    records = [one for epoch, after in parts for one in epoch.records[after:upto]]
    header = {"plant": edge.plant, "edge": edge.edge, "records": len(records)}
    path.write_bytes(b"".join(pieces(header, records)))
    return path


def test_files_count_once_in_any_order_and_however_often(
    committer: Committer, migrated: str, tmp_path: Path
) -> None:
    first = started(EDGE)
    fill(first, records=40, rows=10)
    second = first.successor(pause_us=1_000_000)
    second.open()
    second.define(*first.tags.values())
    fill(second, records=10, rows=10, seed=1)
    a = carried(tmp_path / "a.lsd", (first, 0), upto=20)
    b = carried(tmp_path / "b.lsd", (first, 15), (second, 0))
    importer = Importer(committer)
    alone = importer.one(b)
    assert (alone.taken, alone.waiting, alone.complete) == (0, 27 + 12, False)
    seen: list[tuple[str, int]] = []
    found = importer.all_of([b, a, b], lambda file, done: seen.append((file.name, done)))
    assert [(one.taken, one.stored_already, one.waiting) for one in found] == [
        (22 + 12, 5, 0),
        (20, 0, 0),
    ]
    assert all(one.complete and not one.set_aside for one in found)
    assert max(seen)[1] == b.stat().st_size
    assert stored(migrated) == wanted(first, second)
    again = importer.all_of([a, b])
    assert [(one.taken, one.readings, one.stored_already) for one in again] == [
        (0, 0, 20),
        (0, 0, 39),
    ]
    assert stored(migrated) == wanted(first, second)


def test_a_record_that_changed_on_the_stick_is_refused_with_its_place_and_stays_at_the_edge(
    committer: Committer, migrated: str, tmp_path: Path
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=8, rows=10)
    file = carried(tmp_path / "a.lsd", (epoch, 0))
    raw = bytearray(file.read_bytes())
    offset = raw.index(epoch.records[5])
    raw[offset + len(epoch.records[5]) - 3] ^= 0xFF
    file.write_bytes(raw)
    for _ in range(3):  # the committer would move past a damaged record that comes twice
        report = Importer(committer).one(file)
    assert report.damage is not None
    assert [(one.number, one.offset) for one in report.refused] == [(6, offset)]
    assert (report.stored_already, report.waiting, report.complete) == (5, 4, False)
    assert any(f"record 6 at byte {offset}" in line for line in report.lines())
    assert rows(migrated, "SELECT count(*) FROM dead_letter") == [(0,)]
    assert rows(migrated, "SELECT cursor FROM stream") == [(5,)]
    # Over MQTT it comes as it was.
    committer.handle([look_at(up(EDGE, "data"), one) for one in epoch.records])
    assert stored(migrated) == wanted(epoch)


@pytest.mark.parametrize("cut", [10, 60, 700, -1, -33, -40])
def test_of_a_file_that_ends_early_the_records_before_the_end_are_taken(
    committer: Committer, migrated: str, tmp_path: Path, cut: int
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=8, rows=10)
    file = carried(tmp_path / "a.lsd", (epoch, 0))
    raw = file.read_bytes()
    file.write_bytes(raw[:cut])
    report = Importer(committer).one(file)
    assert report.damage is not None
    assert report.damage.offset == len(raw[:cut])
    whole = sum(raw.index(one) + len(one) <= len(raw[:cut]) for one in epoch.records)
    assert (report.taken, report.refused, report.complete) == (whole, [], False)
    file.write_bytes(raw)
    assert Importer(committer).one(file).complete
    assert stored(migrated) == wanted(epoch)


def test_a_damaged_header_gives_no_edge_the_records_of_another(
    committer: Committer, migrated: str, tmp_path: Path
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=3, rows=4)
    file = carried(tmp_path / "a.lsd", (epoch, 0))
    file.write_bytes(file.read_bytes().replace(b'"line-a"', b'"line-b"'))
    report = Importer(committer).one(file)
    assert report.damage is not None
    assert (report.taken, len(report.refused)) == (0, 5)
    assert rows(migrated, "SELECT count(*) FROM stream") == [(0,)]
    file.write_bytes(b"something else altogether")
    assert Importer(committer).one(file).edge is None


def test_the_command_says_what_became_of_each_file_in_words_and_as_json(
    any_dsn: str, tmp_path: Path
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=3, rows=4)
    server = tmp_path / "server.yaml"
    server.write_text(
        f"data_dir: data\ndatabase: {{dsn: '{any_dsn}'}}\nbroker: {{host: 127.0.0.1}}\n", "utf-8"
    )
    late = carried(tmp_path / "late.lsd", (epoch, 2))
    early = carried(tmp_path / "early.lsd", (epoch, 0), upto=2)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["import", "--server", str(server), *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout

    code, said = run(str(late))
    assert (code, "3 records wait for earlier ones" in said) == (1, True)
    code, said = run(str(late), str(early))
    assert code == 0
    assert "3 records taken (12 readings), 0 were here already" in said
    code, said = run(str(late), str(early), "--json")
    found = json.loads(said)
    assert (code, [one["stored_already"] for one in found]) == (0, [3, 2])
    assert stored(any_dsn) == wanted(epoch)


async def test_an_import_beside_a_worker_that_gets_the_same_records_counts_each_once(
    migrated: str, nats: EmbeddedBroker, tmp_path: Path, wait_for: WaitFor
) -> None:
    from tests.integration.ingest_server.receive.mqtt_edge import MqttEdge

    epochs = [started(EDGE, cls) for cls in StreamClass]
    for seed, epoch in enumerate(epochs):
        fill(epoch, records=150, rows=10, seed=seed)
    files = [
        carried(tmp_path / f"{cls}-{at}.lsd", (epoch, at), upto=at + 60)
        for epoch, (cls, at) in zip(
            itertools.chain.from_iterable([one] * 3 for one in epochs),
            itertools.product(StreamClass, (0, 40, 90)),
            strict=True,
        )
    ]
    committer = Committer(migrated, clock=now_us)
    try:
        async with receiving(migrated, address_of(nats)):
            edges = asyncio.gather(*(MqttEdge(one, address_of(nats)).run() for one in epochs))
            for _ in range(2):
                await asyncio.to_thread(Importer(committer).all_of, files[::-1])
            await asyncio.wait_for(edges, 60)
            reports = await asyncio.to_thread(Importer(committer).all_of, files)
    finally:
        await asyncio.to_thread(committer.close)
    assert all(report.complete for report in reports)
    assert stored(migrated) == wanted(*epochs)
    assert rows(migrated, "SELECT count(*), count(distinct batch) FROM batch") == [(304, 304)]


async def test_a_line_without_a_network_is_carried_and_counts_once_when_it_is_connected_again(
    nats: EmbeddedBroker,
    migrated: str,
    configure: Configure,  # noqa: F811
    running: Running,  # noqa: F811
    wait_for: WaitFor,
    tmp_path: Path,
) -> None:
    devices = """
  - id: press
    driver: modbus-tcp
    host: 127.0.0.1
    port: {port}
    groups:
      - every_ms: 50
        class: key
        tags:
          - {{path: press/good, address: "holding:0", dtype: u16}}
      - every_ms: 50
        tags:
          - {{path: press/temp, address: "holding:1", dtype: u16}}
"""
    made = 0
    async with Plc() as plc:

        async def produce(parts: int) -> None:
            nonlocal made
            for _ in range(parts):
                made += 1
                plc.unit().put("holding", 0, [made, made * 2])
                await asyncio.sleep(0.08)

        plc.unit().put("holding", 0, [0, 0])
        config = configure(devices.format(port=plc.port), broker=nats.port)
        nats.kill()
        for _ in range(2):  # two starts without a network: two epochs
            async with running(config) as agent:
                await wait_for(lambda: agent.facts and agent.facts.collectors[0].state == "up")
                await produce(12)
        out = tmp_path / "line.lsd"
        header = await asyncio.to_thread(export, config, out, at_us=now_us())
        committer = Committer(migrated, clock=now_us)
        [report] = await asyncio.to_thread(Importer(committer).all_of, [out])
        await asyncio.to_thread(committer.close)
        assert (report.taken, report.complete) == (header["records"], True)
        before = len(stored(migrated))
        assert before == report.readings > 0
        await nats.start()
        async with receiving(migrated, address_of(nats)):
            async with running(config) as agent:
                await wait_for(lambda: agent.facts and agent.facts.collectors[0].state == "up")
                await produce(10)
            async with running(config) as agent:
                facts = agent.facts
                assert facts is not None
                await wait_for(
                    lambda: all(
                        one.acked == one.last_seq
                        for place, one in facts.store.streams.items()
                        if place.ord <= 3
                    ),
                    30.0,
                    what="everything of the first three epochs confirmed",
                )
    with sqlite3.connect(config.data_dir / BUFFER) as db:
        [[samples]] = db.execute("select sum(samples) from record where ord <= 3")
        epochs = [UUID(bytes=one) for (one,) in db.execute("select epoch from epoch where ord < 4")]
    db.close()
    at_server = rows(
        migrated,
        "SELECT coalesce(sum(rows), 0), count(*) FROM stream WHERE epoch = ANY(%s)",
        epochs,
    )
    assert at_server == [(samples, 6)]
    at = [(path, ts) for path, ts, _ in stored(migrated)]
    assert len(at) == len(set(at))
    assert rows(migrated, "SELECT count(*) FROM dead_letter") == [(0,)]
