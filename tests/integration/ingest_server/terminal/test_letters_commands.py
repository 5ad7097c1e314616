"""`lineside-server dead-letter`: worded, one a topic, replayed where that is right, bounded."""

from __future__ import annotations

import json

from ingest_server.receive.arrival import look_at
from ingest_server.receive.committer import Committer
from runtime.clock import now_us
from tests.integration.ingest_server.receive.looks import rows, stored, wanted
from tests.integration.ingest_server.receive.model_edge import Epoch, fill, started
from tests.integration.ingest_server.terminal.conftest import EDGE, Run
from wire.ids import EdgeId
from wire.topics import up

TOPIC = up(EDGE, "data")
OTHER = up(EdgeId(plant="demo", edge="line-b"), "data")


def handle(dsn: str, *records: bytes, topic: str = TOPIC) -> list[str]:
    committer = Committer(dsn, clock=now_us)
    try:
        return [each.reason for each in committer.handle([look_at(topic, one) for one in records])]
    finally:
        committer.close()


def letters(run: Run) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run("dead-letter", "list", "--json").out)
    return found


def put_aside(dsn: str, topic: str, content: bytes) -> None:
    """As a release did that could not read it."""
    rows(
        dsn,
        "INSERT INTO dead_letter (sha256, topic, code, reason, size, bytes) "
        "VALUES (sha256(%s), %s, 'LS-2012', 'LS-2012(version=9)', %s, %s) RETURNING 1",
        content,
        topic,
        len(content),
        content,
    )


def begun() -> Epoch:
    epoch = started(EDGE)
    fill(epoch, records=3, rows=2)
    return epoch


def test_the_same_bytes_on_two_topics_are_two_letters_with_a_worded_reason(
    run: Run, migrated: str
) -> None:
    for topic in (TOPIC, OTHER, TOPIC):
        handle(migrated, b"short", topic=topic)
    found = letters(run)
    assert sorted((one["topic"], one["seen"]) for one in found) == [(TOPIC, 2), (OTHER, 1)]
    assert all("5" in str(one["text"]) and "LS-" not in str(one["text"]) for one in found)
    said = run("dead-letter", "list")
    assert max(len(line) for line in said.out.splitlines()) <= 80
    shown = run("dead-letter", "show", str(found[0]["letter_id"]))
    assert "73 68 6f 72 74" in shown.out
    assert run("dead-letter", "show", str(found[0]["sha256"])[:8]).code == 2  # two of these


def test_a_letter_its_stream_still_waits_for_is_replayed(run: Run, migrated: str) -> None:
    epoch = begun()
    handle(migrated, *epoch.records[:-1])
    put_aside(migrated, TOPIC, epoch.records[-1])
    [letter] = letters(run)
    said = run("dead-letter", "replay", str(letter["letter_id"]), "--author", "mei")
    assert (said.code, said.out) == (
        0,
        f"Dead letter {letter['letter_id']} is stored now, with 2 readings.\n",
    )
    assert stored(migrated) == wanted(epoch)
    assert letters(run)[0]["replayed_by"] == "mei"
    again = run("dead-letter", "replay", str(letter["letter_id"]))
    assert (again.code, again.error[:7]) == (2, "LS-5666")
    assert stored(migrated) == wanted(epoch)


def test_a_letter_that_must_not_be_replayed_says_why_and_changes_nothing(
    run: Run, migrated: str
) -> None:
    epoch = begun()
    *before, bad, after = epoch.records
    damaged = bad[:-1] + bytes([bad[-1] ^ 1])
    assert handle(migrated, *before, damaged) == ["opened", "next", "next", "damaged"]
    [letter] = letters(run)
    number = str(letter["letter_id"])
    cursor = "SELECT cursor FROM stream"
    said = run("dead-letter", "replay", number)
    assert (said.code, said.error[:7]) == (
        2,
        "LS-5665",
    )  # damaged still, and not given up
    assert rows(migrated, cursor) == [(3,)]
    put_aside(migrated, TOPIC, after)
    ahead = next(one for one in letters(run) if one["code"] == "LS-2012")
    assert run("dead-letter", "replay", str(ahead["letter_id"])).error[:7] == "LS-5668"
    assert handle(migrated, damaged) == ["damaged_again"]  # now it is: the edge has nothing else
    put_aside(migrated, TOPIC, bad)
    given_up = letters(run)[0]
    said = run("dead-letter", "replay", str(given_up["letter_id"]))
    [(gap,)] = rows(migrated, "SELECT gap_id FROM gap WHERE cause = 'corrupt'")
    assert said.error[:7] == "LS-5667"
    assert f"gap {gap}" in said.error
    assert rows(migrated, cursor) == [(4,)]


def test_a_letter_is_dropped_and_the_deed_kept(run: Run, migrated: str) -> None:
    handle(migrated, b"short")
    [letter] = letters(run)
    said = run(
        "dead-letter", "drop", str(letter["letter_id"]), "--reason", "a test", "--author", "li"
    )
    assert said.code == 0, said.error
    assert letters(run) == []
    assert rows(migrated, "SELECT code, params->>'by' FROM notice") == [("LS-5662", "li")]
    assert run("dead-letter", "drop", "99", "--reason", "x").code == 2


def test_letters_are_bounded_and_what_is_dropped_is_counted(run: Run, migrated: str) -> None:
    rows(
        migrated,
        "INSERT INTO dead_letter (sha256, topic, code, reason, size, bytes) "
        "SELECT sha256(n::text::bytea), 't', 'LS-5401', '', 1, 'x' "
        "FROM generate_series(1, 10005) n RETURNING 1",
    )
    for content in (b"one", b"two"):
        handle(migrated, content)
    assert rows(migrated, "SELECT count(*) FROM dead_letter") == [(10_000,)]
    assert rows(migrated, "SELECT count, bytes FROM dead_letter_dropped") == [(7, 7)]
    assert rows(migrated, "SELECT code, params FROM notice") == [
        ("LS-5661", {"count": 6, "bytes": 6})
    ]
    assert {one["topic"] for one in letters(run)[:2]} == {TOPIC}
    assert "(7, with 7 bytes)" in run("dead-letter", "list").out
