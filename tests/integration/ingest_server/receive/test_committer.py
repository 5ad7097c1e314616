"""The committer on a real database: what arrives is stored once, in order, or stands in `gap`."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from zlib import crc32

import psycopg
import pytest

from edge_agent.buffer.events import EventLine
from ingest_server.receive.arrival import look_at
from ingest_server.receive.committer import Committer
from ingest_server.receive.draft import Outcome
from ingest_server.store.errors import StoreAway
from runtime.clock import from_datetime, now_us
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import (
    START_US,
    Epoch,
    encode_record_at,
    fill,
    started,
)
from wire.control import Status, StreamStatus
from wire.frame import PREFIX_SIZE, Kind, StreamClass, frame, pack_body
from wire.ids import EdgeId
from wire.records import Event, Opening, TagTable
from wire.topics import up

EDGE = EdgeId(plant="demo", edge="line-a")
TOPIC = up(EDGE, "data")

NOT_THE_NEWEST = """SELECT count(*) FROM tag_latest AS l JOIN reading AS r USING (tag_id)
                    WHERE r.ts > l.ts"""

Handle = Callable[..., list[Outcome]]


@pytest.fixture
def committer(migrated: str) -> Iterator[Committer]:
    made = Committer(migrated, clock=now_us)
    yield made
    made.close()


@pytest.fixture
def handle(committer: Committer) -> Handle:
    def run(*records: bytes, topic: str = TOPIC) -> list[Outcome]:
        return committer.handle([look_at(topic, record) for record in records])

    return run


def test_every_kind_of_value_is_stored_exactly(handle: Handle, migrated: str) -> None:
    epoch = started(EDGE)
    fill(epoch, records=5, rows=40)
    outcomes = handle(*epoch.records)
    assert [str(outcome.reason) for outcome in outcomes] == ["opened", *["next"] * 6]
    assert stored(migrated) == wanted(epoch)
    assert rows(migrated, "SELECT cursor, applied, rows FROM stream") == [(7, 7, 200)]


def test_duplicates_and_disorder_change_nothing(handle: Handle, migrated: str) -> None:
    epoch = started(EDGE)
    fill(epoch, records=20, rows=5)
    lot = random.Random(1)
    while not (found := rows(migrated, "SELECT cursor FROM stream")) or found[0][0] != epoch.seq:
        cursor = int(str(found[0][0])) if found else 0
        window = epoch.records[max(0, cursor - 3) : cursor + 8]
        sent = [record for record in window if lot.random() > 0.3] + window[:2]
        lot.shuffle(sent)
        handle(*sent)
    assert stored(migrated) == wanted(epoch)
    assert rows(migrated, "SELECT count(*), count(distinct batch) FROM batch") == [(22, 22)]


def test_a_successor_waits_until_its_predecessor_is_complete(handle: Handle, migrated: str) -> None:
    first = started(EDGE)
    fill(first, records=3, rows=2)
    second = first.successor(clean=False, pause_us=60_000_000)
    second.open()
    handle(*first.records[:-1])
    [held] = handle(second.records[0])
    assert held.reason == "predecessor_missing"
    assert held.urgent
    [rewind] = held.rewinds
    assert (rewind.epoch, rewind.cursor, rewind.acked) == (first.epoch, 4, 5)
    handle(first.records[-1])
    [linked] = handle(second.records[0])
    assert linked.reason == "linked"
    assert rows(migrated, "SELECT count(*) FROM gap") == [(0,)]  # told by the class `key`


def test_time_without_an_agent_stands_in_gap_once(handle: Handle, migrated: str) -> None:
    for cls in StreamClass:
        first = started(EDGE, cls)
        second = first.successor(clean=True, pause_us=5_000_000)
        second.open()
        handle(*first.records, *second.records)
    found = rows(migrated, "SELECT cause, class, from_ts, to_ts, detail->'clean' FROM gap")
    assert [(c, k, from_datetime(f), from_datetime(t), d) for c, k, f, t, d in found] == [
        ("agent_down", None, START_US, START_US + 5_000_000, True)
    ]


def test_a_fork_is_stored_and_flagged(handle: Handle, migrated: str) -> None:
    first = started(EDGE)
    fill(first, records=2, rows=2)
    copy = first.successor()  # made before the last record: an old copy of the buffer
    copy.open()
    fill(first, records=1, rows=2, seed=1)
    after = first.successor()
    after.open()
    outcomes = handle(*first.records, *copy.records, *after.records)
    assert [str(each.reason) for each in outcomes[-2:]] == ["forked", "forked"]
    assert rows(migrated, "SELECT code FROM notice") == [("LS-5411",)] * 2
    assert rows(migrated, "SELECT forked FROM stream ORDER BY ord") == [(False,), (True,), (True,)]
    # Nobody knows what the one that was there before still had.
    assert rows(migrated, "SELECT cause, class FROM gap") == [("buffer_lost", "bulk")] * 2


def test_a_second_successor_is_a_fork_too(handle: Handle, migrated: str) -> None:
    first = started(EDGE)
    one, two = first.successor(), first.successor()
    outcomes = handle(*first.records, one.open(), two.open())
    assert [str(each.reason) for each in outcomes[-2:]] == ["linked", "forked"]


def test_a_new_empty_buffer_is_a_gap_from_the_last_time_stored(
    handle: Handle, migrated: str
) -> None:
    lost = started(EDGE)
    fill(lost, records=2, rows=3)
    fresh = Epoch(edge=EDGE, cls=StreamClass.BULK, opened_us=lost.now_us + 3_600_000_000)
    fresh.open()
    outcomes = handle(*lost.records, *fresh.records)
    assert outcomes[-1].reason == "buffer_lost"
    [(cause, since, until)] = rows(migrated, "SELECT cause, from_ts, to_ts FROM gap")
    assert cause == "buffer_lost"
    assert (from_datetime(since), from_datetime(until)) == (lost.now_us, fresh.opened_us)
    assert rows(migrated, "SELECT code FROM notice") == [("LS-5412",)]


def test_a_tombstone_moves_the_cursor_and_tells_what_is_gone(handle: Handle, migrated: str) -> None:
    epoch = started(EDGE)
    fill(epoch, records=6, rows=2)
    gone = epoch.tombstone(seq=4, through=6, samples=6)
    handle(*epoch.records[:3], gone, *epoch.records[6:])
    assert rows(migrated, "SELECT cursor FROM stream") == [(8,)]
    assert rows(migrated, "SELECT cause, samples, exact FROM gap") == [("overflow", 6, True)]
    epoch.truth = epoch.truth[:2] + epoch.truth[8:]
    assert stored(migrated) == wanted(epoch)


def test_a_tombstone_over_what_is_partly_stored_is_inexact(handle: Handle, migrated: str) -> None:
    epoch = started(EDGE)
    fill(epoch, records=4, rows=2)
    outcomes = handle(*epoch.records[:4], epoch.tombstone(seq=3, through=5), epoch.records[5])
    assert [str(each.reason) for each in outcomes[-2:]] == ["bridged", "next"]
    assert rows(migrated, "SELECT exact FROM gap") == [(False,)]
    assert handle(epoch.tombstone(seq=3, through=5))[0].reason == "stored_already"


def test_a_tombstone_instead_of_the_opening_starts_the_stream(
    handle: Handle, migrated: str
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=1, rows=1)
    outcomes = handle(epoch.tombstone(seq=1, through=2, cause="lost_database"), epoch.records[2])
    # The tag table went with it, so the samples cannot be understood: they are kept and told of.
    assert [str(each.reason) for each in outcomes] == ["bridged", "bad"]
    assert rows(migrated, "SELECT cause FROM gap ORDER BY cause") == [
        ("corrupt",),
        ("lost_database",),
    ]
    assert rows(migrated, "SELECT code FROM dead_letter") == [("LS-5405",)]


def damaged(record: bytes) -> bytes:
    return record[:-1] + bytes([record[-1] ^ 1])


def test_bytes_damaged_on_the_way_are_kept_and_asked_for_again(
    handle: Handle, migrated: str
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=2, rows=2)
    bad = damaged(epoch.records[2])
    outcomes = handle(*epoch.records[:2], bad, epoch.records[3])
    assert [str(each.reason) for each in outcomes[-2:]] == ["damaged", "ahead"]
    assert outcomes[-2].row is not None  # it is answered, with the cursor as it was
    handle(*epoch.records[2:])
    assert stored(migrated) == wanted(epoch)
    assert rows(migrated, "SELECT count(*) FROM gap") == [(0,)]
    assert rows(migrated, "SELECT code, seq, seen FROM dead_letter") == [("LS-2015", 3, 1)]


def test_the_same_damaged_bytes_again_mean_that_the_edge_has_no_better(
    handle: Handle, migrated: str
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=2, rows=2)
    bad = damaged(epoch.records[2])
    handle(*epoch.records[:2], bad)
    outcomes = handle(bad, epoch.records[3])
    assert [str(each.reason) for each in outcomes] == ["damaged_again", "next"]
    assert rows(migrated, "SELECT cause, detail->'seq' FROM gap") == [("corrupt", 3)]
    assert rows(migrated, "SELECT seen FROM dead_letter") == [(2,)]
    epoch.truth = epoch.truth[2:]
    assert stored(migrated) == wanted(epoch)


def test_a_body_that_unpacks_to_more_than_it_says_is_set_aside(
    handle: Handle, migrated: str
) -> None:
    epoch = started(EDGE)
    bomb = pack_body(Kind.SAMPLES, b"[" + b" " * 4_000_000 + b"]")
    record = bytearray(frame(epoch=epoch.epoch, cls=epoch.cls, seq=3, body=bomb))
    record[32:36] = (1_000).to_bytes(4, "little")  # promises less than it holds
    record[40:44] = crc32(bytes(record[:40])).to_bytes(4, "little")
    outcomes = handle(*epoch.records, bytes(record))
    assert outcomes[-1].reason == "bad"
    assert rows(migrated, "SELECT code FROM dead_letter") == [("LS-2016",)]
    assert rows(migrated, "SELECT cursor FROM stream") == [(3,)]


@pytest.mark.parametrize("payload", [b"", b"hello", b"LSDR\1" + bytes(60)])
def test_what_is_no_record_is_kept_once_and_counted(
    handle: Handle, migrated: str, payload: bytes
) -> None:
    for _ in range(3):
        assert handle(payload)[0].row is None
    assert rows(migrated, "SELECT seen, size FROM dead_letter") == [(3, len(payload))]
    assert rows(migrated, "SELECT count(*) FROM edge") == [(0,)]


def test_a_foreign_topic_is_a_dead_letter(handle: Handle, migrated: str) -> None:
    epoch = started(EDGE)
    wrong_shard = f"lineside/v1/demo/line-a/up/data/{(EDGE.shard + 1) % 64}"
    handle(epoch.records[0], topic=wrong_shard)
    assert rows(migrated, "SELECT code FROM dead_letter") == [("LS-2003",)]


def test_an_unknown_version_is_refused_and_stays_at_the_edge(handle: Handle, migrated: str) -> None:
    epoch = started(EDGE)
    later = bytearray(epoch.records[0])
    later[4] = 9
    [first], [second] = handle(bytes(later)), handle(bytes(later))
    assert [refusal.code for refusal in first.refused] == ["LS-2012"]
    assert second.refused
    assert rows(migrated, "SELECT seen FROM dead_letter") == [(2,)]
    assert rows(migrated, "SELECT count(*) FROM stream") == [(0,)]


def test_an_opening_of_another_edge_is_not_taken(handle: Handle, migrated: str) -> None:
    other = Epoch(edge=EdgeId(plant="demo", edge="line-b"), cls=StreamClass.BULK)
    assert handle(other.open())[0].reason == "bad"
    assert rows(migrated, "SELECT code FROM dead_letter") == [("LS-5407",)]


def test_a_number_with_two_meanings_is_set_aside(handle: Handle, migrated: str) -> None:
    epoch = started(EDGE)
    again = TagTable(tags=[epoch.tags[1]])
    assert handle(*epoch.records, encode_record_at(epoch.epoch, epoch.cls, 3, again))[-1].error
    assert rows(migrated, "SELECT code FROM dead_letter") == [("LS-5409",)]


def test_values_the_database_refuses_cost_their_own_record_only(
    handle: Handle, migrated: str
) -> None:
    good, bad = started(EDGE), started(EdgeId(plant="demo", edge="line-b"))
    fill(good, records=2, rows=2)
    poisoned = Event(at_us=START_US, kind="other", detail={"text": "a\0b"})
    bad.events(poisoned)
    fill(bad, records=1, rows=2)
    from_bad = [replace(look_at(up(bad.edge, "data"), record)) for record in bad.records]
    committer = Committer(migrated, clock=now_us)
    try:
        outcomes = committer.handle([*from_bad, *(look_at(TOPIC, r) for r in good.records)])
    finally:
        committer.close()
    assert [str(each.reason) for each in outcomes[:4]] == [
        "opened",
        "next",
        "refused_by_database",
        "next",
    ]
    assert stored(migrated) == wanted(good, bad)
    assert rows(migrated, "SELECT code FROM dead_letter") == [("LS-5502",)]


def test_another_writer_is_noticed_and_nothing_is_written_twice(
    handle: Handle, migrated: str
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=6, rows=3)
    handle(*epoch.records[:4])
    other = Committer(migrated, clock=now_us)
    try:
        other.handle([look_at(TOPIC, record) for record in epoch.records[4:6]])
    finally:
        other.close()
    assert [str(each.reason) for each in handle(*epoch.records[4:])] == [
        "stored_already",
        "stored_already",
        "next",
        "next",
    ]
    assert stored(migrated) == wanted(epoch)


def test_latest_values_do_not_hold_up_what_is_stored(
    committer: Committer, handle: Handle, migrated: str
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=4, rows=3)
    handle(*epoch.records[:4])
    with ThreadPoolExecutor(1) as thread, psycopg.connect(migrated) as other:
        other.execute("LOCK TABLE lineside.tag_latest")
        upkeep = thread.submit(committer.upkeep)
        while not rows(migrated, "SELECT 1 FROM pg_locks WHERE NOT granted"):
            assert not upkeep.done()
        handle(*epoch.records[4:])
        assert not upkeep.done()
        other.rollback()
        upkeep.result(timeout=20)
    assert stored(migrated) == wanted(epoch)
    committer.upkeep()
    assert rows(migrated, NOT_THE_NEWEST) == [(0,)]


def test_latest_values_that_could_not_be_written_are_made_up_for(
    committer: Committer, handle: Handle, migrated: str
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=4, rows=3)
    handle(*epoch.records[:4])
    committer.upkeep()
    handle(*epoch.records[4:])
    with psycopg.connect(migrated, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'lineside latest' AND datname = current_database()"
        )
    with pytest.raises(StoreAway):
        committer.upkeep()
    committer.upkeep()
    assert rows(migrated, NOT_THE_NEWEST) == [(0,)]
    known = len({path for path, _, _ in epoch.truth})
    assert rows(migrated, "SELECT count(*) FROM tag_latest") == [(known,)]
    assert handle(*epoch.records)[-1].reason == "stored_already"


def test_device_outages_open_and_close_gaps(handle: Handle, migrated: str) -> None:
    key = started(EDGE, StreamClass.KEY)
    down = Event(at_us=START_US + 9, kind="device_down", device="plc", from_us=START_US + 5)
    key.events(down)
    key.events(down)  # told again
    handle(*key.records)
    assert rows(migrated, "SELECT device, to_ts FROM gap") == [("plc", None)]
    key.events(Event(at_us=START_US + 20, kind="device_up", device="plc"))
    key.events(
        Event(at_us=START_US + 40, kind="device_down", device="plc"),
        Event(
            at_us=START_US + 50,
            kind="not_collected",
            from_us=START_US + 45,
            to_us=START_US + 50,
            cause="not_collected",
        ),
    )
    after = key.successor(pause_us=100)
    handle(*key.records, after.open())
    found = rows(migrated, "SELECT cause, from_ts, to_ts FROM gap ORDER BY from_ts, to_ts")
    spans = [(c, from_datetime(f) - START_US, from_datetime(t) - START_US) for c, f, t in found]
    assert spans == [
        ("agent_down", 0, 100),
        ("device_down", 5, 20),
        ("device_down", 40, 100),
        ("not_collected", 45, 50),
    ]


def test_events_an_edge_had_to_give_up_stand_in_a_gap(handle: Handle, migrated: str) -> None:
    line = EventLine(most=2)
    line.add(Event(at_us=START_US + 5, kind="device_down", device="plc"))
    for after_us in (10, 20, 30, 40):
        line.add(Event(at_us=START_US + after_us, kind="other"))
    key = started(EDGE, StreamClass.KEY)
    key.events(*line.told())
    handle(*key.records)
    found = rows(migrated, "SELECT cause, device, from_ts, to_ts, detail FROM gap ORDER BY cause")
    (down, plc, _, still, _), (cause, device, since, until, detail) = found
    assert (down, plc, still) == ("device_down", "plc", None)
    assert (cause, device, detail) == ("not_collected", None, {"reason": "disk", "events": 2})
    assert from_datetime(since) - START_US == 10
    assert from_datetime(until) - START_US == 20


def test_a_database_put_back_while_we_run_gets_everything_again(
    handle: Handle, committer: Committer, migrated: str
) -> None:
    epoch = started(EDGE)
    fill(epoch, records=4, rows=2)
    handle(*epoch.records[:3])
    with psycopg.connect(migrated, options="-c search_path=lineside,public") as c:
        for table in ("edge", "stream", "reading", "batch"):
            c.execute(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}")
    handle(*epoch.records[3:])
    with psycopg.connect(migrated, options="-c search_path=lineside,public") as c:
        c.execute("DELETE FROM reading")
        c.execute("INSERT INTO reading SELECT * FROM kept_reading")
        c.execute("DELETE FROM batch")
        c.execute("INSERT INTO batch SELECT * FROM kept_batch")
        c.execute("UPDATE edge SET next_batch = k.next_batch FROM kept_edge AS k")
        c.execute("UPDATE stream SET cursor = k.cursor, applied = k.applied FROM kept_stream AS k")
    told = Status(
        state="online",
        epoch=epoch.epoch,
        session=1,
        at_us=START_US,
        streams=[StreamStatus(epoch=epoch.epoch, cls=epoch.cls, last_seq=6, acked=6, held_from=1)],
    )
    [outcome] = committer.handle([look_at(up(EDGE, "status"), told.encode())])
    assert [(r.cursor, r.acked) for r in outcome.rewinds] == [(3, 6)]
    assert rows(migrated, "SELECT code FROM notice") == [("LS-5410",)]
    committer.handle([look_at(up(EDGE, "status"), told.encode())])
    assert rows(migrated, "SELECT count(*) FROM notice") == [(1,)]
    handle(*epoch.records[3:])
    assert stored(migrated) == wanted(epoch)


def test_a_late_will_of_an_older_agent_does_not_switch_the_edge_off(
    committer: Committer, migrated: str
) -> None:
    epoch = started(EDGE)

    def told(state: str, session: int, of: Epoch) -> str:
        status = Status.model_validate(
            {"state": state, "epoch": of.epoch, "session": session, "at_us": START_US}
        )
        return str(committer.handle([look_at(up(EDGE, "status"), status.encode())])[0].reason)

    newer = epoch.successor()
    assert told("online", 1, epoch) == "status"
    assert told("online", 1, newer) == "status"
    assert told("offline", 1, epoch) == "old_status"
    assert rows(migrated, "SELECT online FROM edge") == [(True,)]
    assert told("offline", 1, newer) == "offline"
    assert told("online", 2, newer) == "status"
    assert told("offline", 1, newer) == "old_status"
    assert rows(migrated, "SELECT online FROM edge") == [(True,)]


def test_readings_of_any_day_find_a_partition(handle: Handle, migrated: str) -> None:
    epoch = started(EDGE)
    epoch.now_us = now_us() - 86_400_000_000 * 3_600
    epoch.sample([(2, 1.5)] * 5, step_us=86_400_000_000 * 700)
    handle(*epoch.records)
    assert stored(migrated) == wanted(epoch)


def test_readings_of_impossible_days_are_counted_in_a_gap(handle: Handle, migrated: str) -> None:
    epoch = started(EDGE)
    epoch.now_us = 0
    epoch.sample([(2, 1.5)] * 3, step_us=86_400_000_000 * 700)
    epoch.now_us = 253_402_300_799_999_998
    epoch.sample([(2, 2.5)], step_us=1)
    handle(*epoch.records)
    assert stored(migrated) == []
    assert rows(migrated, "SELECT cause, samples, exact FROM gap") == [
        ("implausible_time", 4, True)
    ]


def test_a_prefix_alone_is_a_bad_body(handle: Handle, migrated: str) -> None:
    epoch = started(EDGE)
    record = frame(epoch=epoch.epoch, cls=epoch.cls, seq=3, body=pack_body(Kind.SAMPLES, b""))
    assert len(record) == PREFIX_SIZE
    assert handle(*epoch.records, record)[-1].reason == "bad"
    assert isinstance(epoch.open(), bytes)


def test_an_opening_in_the_middle_is_a_bad_record(handle: Handle, migrated: str) -> None:
    epoch = started(EDGE)
    opening = Opening(plant="demo", edge="line-a", opened_us=1, predecessor=None, agent="")
    outcomes = handle(*epoch.records, encode_record_at(epoch.epoch, epoch.cls, 3, opening))
    assert outcomes[-1].reason == "bad"
