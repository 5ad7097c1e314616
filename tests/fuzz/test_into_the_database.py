"""Hostile records at the committer on a real database: none stops it, none is left half applied.

What the sender signed passes the checksums, so the database meets what the decoder lets through.
"""

from __future__ import annotations

from random import Random
from uuid import UUID

import paho.mqtt.client as paho
import psycopg
import pytest

from ingest_server.receive.acks import open_streams
from ingest_server.receive.arrival import look_at
from ingest_server.receive.committer import Committer
from ingest_server.receive.draft import Outcome
from ingest_server.receive.plain import PlainStore
from rig.fuzz.targets import TARGETS
from rig.fuzz.wire_targets import BODIES, EDGE, NOW_US
from runtime.mqtt import Message
from wire.control import Ack
from wire.errors import LimitExceeded
from wire.frame import Kind, StreamClass, frame, pack_body
from wire.records import Opening, TagDef, TagTable
from wire.topics import plain, up

EXAMPLES = 60
SEED = 4


class Stream:
    """Sends records as the next of one stream, whatever became of those before."""

    def __init__(self, committer: Committer, epoch: UUID) -> None:
        self._committer = committer
        self._epoch = epoch
        self.cursor = 0

    def send(self, kind: Kind, plain: bytes, *, cls: StreamClass = StreamClass.BULK) -> Outcome:
        raw = frame(epoch=self._epoch, cls=cls, seq=self.cursor + 1, body=pack_body(kind, plain))
        [outcome] = self._committer.handle([look_at(up(EDGE, "data"), raw)])
        assert outcome.defect is None, f"{kind.name} {plain[:500]!r}"
        assert outcome.row is not None
        answer = Ack(
            kind="ack",
            worker=self._epoch,
            at_us=NOW_US,
            streams=open_streams(outcome.row),
            rewind=list(outcome.rewinds),
            refused=list(outcome.refused),
        )
        assert Ack.decode(answer.encode()) == answer
        self.cursor = outcome.row.cursor(self._epoch, cls)
        return outcome


def opened(committer: Committer, number: int) -> Stream:
    stream = Stream(committer, UUID(int=number))
    opening = Opening(
        plant=EDGE.plant, edge=EDGE.edge, opened_us=NOW_US, predecessor=None, agent="0.1.0"
    )
    stream.send(Kind.OPENING, opening.model_dump_json().encode())
    dtypes = ("i64", "u64", "f32", "f64", "str")
    tags = [TagDef(n=n, path=f"t/{n}", dtype=dtypes[n % 5]) for n in range(1, 8)]  # type: ignore[arg-type]
    stream.send(Kind.TAGS, TagTable(tags=tags).model_dump_json().encode())
    assert stream.cursor == 2
    return stream


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: kind.name.lower())
def test_no_signed_nonsense_stops_the_committer(migrated: str, kind: Kind) -> None:
    committer = Committer(migrated, clock=lambda: NOW_US)
    target = TARGETS[f"body-{kind.name.lower()}"]
    stream, reasons = opened(committer, 1), set[str]()
    try:
        for seed in range(EXAMPLES):
            plain_body = target.near(Random(SEED + seed))
            before = stream.cursor
            if kind is Kind.OPENING:
                stream = Stream(committer, UUID(int=100 + seed))
            elif before > 2**40:  # a tombstone may cover what is left of a stream
                stream = opened(committer, 100 + seed)
            try:
                outcome = stream.send(kind, plain_body)
            except LimitExceeded:
                continue
            reasons.add(str(outcome.reason))
        assert opened(committer, 99_999).send(Kind.SAMPLES, BODIES[Kind.SAMPLES]).reason == "next"
    finally:
        committer.close()
    with psycopg.connect(migrated) as connection:
        connection.execute("SET search_path = lineside")
        (rows,) = connection.execute("SELECT coalesce(sum(rows), 0) FROM stream").fetchone() or ()
        (readings,) = connection.execute("SELECT count(*) FROM reading").fetchone() or ()
        (set_aside,) = (
            connection.execute(
                "SELECT coalesce(sum(samples), 0) FROM gap WHERE cause = 'implausible_time'"
            ).fetchone()
            or ()
        )
    assert rows == readings + set_aside
    assert len(reasons) > 1


def test_no_status_stops_the_committer(migrated: str) -> None:
    committer = Committer(migrated, clock=lambda: NOW_US)
    target = TARGETS["status"]
    try:
        for seed in range(3 * EXAMPLES):
            raw = target.near(Random(SEED + seed))
            [outcome] = committer.handle([look_at(up(EDGE, "status"), raw)])
            assert outcome.defect is None, raw
            Ack(
                kind="ack", worker=UUID(int=1), at_us=1, streams=[], rewind=list(outcome.rewinds)
            ).encode()
    finally:
        committer.close()


def test_no_json_of_a_plain_publisher_stops_its_desk(migrated: str) -> None:
    store = PlainStore(migrated, clock=lambda: NOW_US)
    target = TARGETS["plain"]
    outcomes: list[str] = []
    try:
        for seed in range(EXAMPLES):
            raw = target.near(Random(SEED + seed))
            sent = paho.MQTTMessage()
            sent.payload = raw
            outcomes += store.take([Message(sent, plain(EDGE), lambda _: None)])
    finally:
        store.close()
    assert set(outcomes) == {"stored", "refused"}
