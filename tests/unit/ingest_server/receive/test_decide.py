"""The stream protocol at the server: each rule as a row, and all of them over a bad channel."""

from __future__ import annotations

import random
from dataclasses import replace
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_server.receive.decide import (
    Action,
    Content,
    Reason,
    SampleBatch,
    Verdict,
    decide,
    needs_content,
)
from ingest_server.store.rows import EdgeRow, GapRow, StreamRow
from wire.errors import BadBody, DamagedBody
from wire.frame import Kind, Prefix, StreamClass
from wire.ids import EdgeId
from wire.records import Opening, Predecessor, TagTable, Tombstone
from wire.samples import Samples

EDGE = EdgeId(plant="demo", edge="line-a")
SPACE = UUID(int=7)
BULK, KEY = StreamClass.BULK, StreamClass.KEY
NOW = 10_000_000


def epoch(name: str) -> UUID:
    return uuid5(SPACE, name)


def prefix(name: str, seq: int, kind: Kind, cls: StreamClass = BULK) -> Prefix:
    return Prefix(
        epoch=epoch(name), cls=cls, seq=seq, kind=kind, packing=0, unpacked_size=0, body_crc=0
    )


def row(name: str, cursor: int, order: int = 1, cls: StreamClass = BULK) -> StreamRow:
    return StreamRow(epoch=epoch(name), cls=cls, cursor=cursor, ord=order, last_to_us=1_000)


def edge(*rows: StreamRow) -> EdgeRow:
    return EdgeRow(edge=EDGE, edge_id=1, next_batch=1, streams={each.key: each for each in rows})


def opening(after: tuple[str, int] | None = None, *, opened_us: int = 5_000) -> Opening:
    before = None
    if after is not None:
        before = Predecessor(epoch=epoch(after[0]), last_seq=after[1], clean=True, alive_us=2_000)
    return Opening(plant="demo", edge="line-a", opened_us=opened_us, predecessor=before, agent="1")


def tombstone(through: int) -> Tombstone:
    return Tombstone(through=through, from_us=10, to_us=20, samples=3, exact=True, cause="overflow")


SAMPLES = SampleBatch(samples=Samples.empty(), complete_to_us=4_000)
A4 = row("a", 4)
DAMAGED, BAD = DamagedBody("LS-2015"), BadBody("LS-2016")

CASES: list[tuple[str, EdgeRow, Prefix, Content | None, Action, Reason, int | None]] = [
    ("again", edge(A4), prefix("a", 4, Kind.SAMPLES), None, Action.SKIP,
     Reason.STORED_ALREADY, None),
    ("next", edge(A4), prefix("a", 5, Kind.SAMPLES), SAMPLES, Action.APPLY, Reason.NEXT, 5),
    ("ahead", edge(A4), prefix("a", 6, Kind.SAMPLES), SAMPLES, Action.DROP, Reason.AHEAD, None),
    ("tombstone ahead", edge(A4), prefix("a", 6, Kind.TOMBSTONE), tombstone(9), Action.DROP,
     Reason.AHEAD, None),
    ("tombstone", edge(A4), prefix("a", 5, Kind.TOMBSTONE), tombstone(9), Action.APPLY,
     Reason.BRIDGED, 9),
    ("tombstone over", edge(A4), prefix("a", 2, Kind.TOMBSTONE), tombstone(9), Action.APPLY,
     Reason.BRIDGED, 9),
    ("tombstone of the past", edge(A4), prefix("a", 2, Kind.TOMBSTONE), tombstone(4),
     Action.SKIP, Reason.STORED_ALREADY, None),
    ("tombstone backwards", edge(A4), prefix("a", 5, Kind.TOMBSTONE), tombstone(3),
     Action.MOVE_PAST, Reason.BAD, 5),
    ("first of all", edge(), prefix("a", 1, Kind.OPENING), opening(), Action.APPLY,
     Reason.OPENED, 1),
    ("opening lost", edge(), prefix("a", 1, Kind.TOMBSTONE), tombstone(2), Action.APPLY,
     Reason.BRIDGED, 2),
    ("linked", edge(A4), prefix("b", 1, Kind.OPENING), opening(("a", 4)), Action.APPLY,
     Reason.LINKED, 1),
    ("linked to nothing sent", edge(), prefix("b", 1, Kind.OPENING), opening(("a", 0)),
     Action.APPLY, Reason.LINKED, 1),
    ("held", edge(A4), prefix("b", 1, Kind.OPENING), opening(("a", 5)), Action.HOLD,
     Reason.PREDECESSOR_MISSING, None),
    ("held, unknown", edge(), prefix("b", 1, Kind.OPENING), opening(("a", 5)), Action.HOLD,
     Reason.PREDECESSOR_MISSING, None),
    ("old copy", edge(A4), prefix("b", 1, Kind.OPENING), opening(("a", 3)), Action.APPLY,
     Reason.FORKED, 1),
    ("two machines", edge(A4, replace(row("b", 1, 2), predecessor=epoch("a"))),
     prefix("c", 1, Kind.OPENING), opening(("a", 4)), Action.APPLY, Reason.FORKED, 1),
    ("new buffer", edge(A4), prefix("b", 1, Kind.OPENING), opening(), Action.APPLY,
     Reason.BUFFER_LOST, 1),
    ("other class is no past", edge(A4), prefix("b", 1, Kind.OPENING, KEY), opening(),
     Action.APPLY, Reason.OPENED, 1),
    ("samples first", edge(), prefix("a", 1, Kind.SAMPLES), SAMPLES, Action.MOVE_PAST,
     Reason.BAD, 1),
    ("opening later", edge(A4), prefix("a", 5, Kind.OPENING), opening(), Action.MOVE_PAST,
     Reason.BAD, 5),
    ("damaged", edge(A4), prefix("a", 5, Kind.SAMPLES), DAMAGED, Action.SET_ASIDE,
     Reason.DAMAGED, None),
    ("damaged, stored", edge(A4), prefix("a", 4, Kind.TOMBSTONE), DAMAGED, Action.SKIP,
     Reason.STORED_ALREADY, None),
    ("nonsense", edge(A4), prefix("a", 5, Kind.SAMPLES), BAD, Action.MOVE_PAST, Reason.BAD, 5),
]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "place", "content", "action", "reason", "cursor"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_each_rule(
    state: EdgeRow,
    place: Prefix,
    content: Content | None,
    action: Action,
    reason: Reason,
    cursor: int | None,
) -> None:
    verdict = decide(state, place, content, now_us=NOW)
    assert (verdict.action, verdict.reason) == (action, reason)
    assert (verdict.stream.cursor if verdict.stream else None) == cursor
    for gap in verdict.gaps:
        assert gap.to_us is None or gap.from_us <= gap.to_us


def test_every_reason_is_reached_by_a_rule() -> None:
    told = {case[5] for case in CASES} | {Reason.DAMAGED_AGAIN, Reason.REFUSED_BY_DATABASE}
    assert told == set(Reason)


def test_the_same_damaged_bytes_again_are_moved_past() -> None:
    verdict = decide(edge(A4), prefix("a", 5, Kind.SAMPLES), DAMAGED, now_us=NOW, seen_before=True)
    assert (verdict.action, verdict.reason) == (Action.MOVE_PAST, Reason.DAMAGED_AGAIN)
    [gap] = verdict.gaps
    assert (gap.cause, gap.from_us, gap.to_us, gap.samples) == ("corrupt", 1_000, NOW, None)


def test_an_opening_of_another_edge_is_bad() -> None:
    foreign = opening().model_copy(update={"edge": "line-b"})
    verdict = decide(edge(), prefix("a", 1, Kind.OPENING), foreign, now_us=NOW)
    assert verdict.reason is Reason.BAD


def test_a_flaw_of_tag_numbers_is_bad() -> None:
    table = TagTable(tags=[])
    flaw = BadBody("LS-5409", number=1)
    verdict = decide(edge(A4), prefix("a", 5, Kind.TAGS), table, now_us=NOW, flaw=flaw)
    assert (verdict.reason, verdict.error) == (Reason.BAD, flaw)


def test_a_held_opening_asks_for_its_predecessor() -> None:
    verdict = decide(edge(A4), prefix("b", 1, Kind.OPENING), opening(("a", 9)), now_us=NOW)
    [rewind] = verdict.rewinds
    assert (rewind.epoch, rewind.cls, rewind.cursor, rewind.acked) == (epoch("a"), BULK, 4, 9)


@pytest.mark.parametrize(
    ("opened_us", "expected"), [(5_000, [(2_000, 5_000)]), (2_000, []), (1_500, [])]
)
def test_agent_down_is_told_by_the_key_class_if_time_passed(
    opened_us: int, expected: list[tuple[int, int]]
) -> None:
    state = edge(A4, row("a", 4, cls=KEY))
    content = opening(("a", 4), opened_us=opened_us)
    by_key = decide(state, prefix("b", 1, Kind.OPENING, KEY), content, now_us=NOW)
    by_bulk = decide(state, prefix("b", 1, Kind.OPENING, BULK), content, now_us=NOW)
    assert [(gap.from_us, gap.to_us) for gap in by_key.gaps] == expected
    assert by_bulk.gaps == ()


OTHER = replace(row("b", 1, 2), predecessor=epoch("a"), last_to_us=3_000)
OTHER_KEY = replace(row("b", 1, 2, cls=KEY), predecessor=epoch("a"), last_to_us=3_000)


@pytest.mark.parametrize(
    ("state", "after", "since"),
    [
        pytest.param(edge(A4), ("a", 3), 1_000, id="the same epoch went on elsewhere"),
        pytest.param(edge(A4, OTHER), ("a", 4), 3_000, id="another epoch came first"),
        pytest.param(edge(A4, OTHER_KEY), ("a", 4), 1_000, id="it was heard of in the other class"),
    ],
)
def test_what_the_other_line_of_a_fork_may_have_had_stands_in_a_gap(
    state: EdgeRow, after: tuple[str, int], since: int
) -> None:
    verdict = decide(state, prefix("c", 1, Kind.OPENING), opening(after), now_us=NOW)
    assert verdict.reason is Reason.FORKED
    [gap] = verdict.gaps
    assert (gap.cause, gap.cls, gap.from_us, gap.to_us) == ("buffer_lost", BULK, since, 5_000)


def test_the_next_record_cannot_be_decided_without_its_content() -> None:
    with pytest.raises(ValueError, match="content"):
        decide(edge(A4), prefix("a", 5, Kind.SAMPLES), None, now_us=NOW)


# Over a bad channel -----------------------------------------------------------------------------

Message = tuple[Prefix, Content]


class ModelServer:
    """Applies what `decide` says, and remembers what was applied."""

    def __init__(self) -> None:
        self.row = edge()
        self.applied: list[tuple[UUID, StreamClass, int]] = []
        self.gaps: list[GapRow] = []

    def take(self, message: Message) -> Verdict:
        place, content = message
        known = needs_content(self.row.cursor(place.epoch, place.cls), place)
        verdict = decide(self.row, place, content if known else None, now_us=NOW)
        if verdict.stream is not None:
            self.row = self.row.with_stream(verdict.stream)
            self.applied.append((place.epoch, place.cls, place.seq))
            self.gaps += verdict.gaps
        return verdict


class ModelEdge:
    """The lines of both classes over a chain of epochs; some runs were given up."""

    def __init__(self, lengths: list[tuple[int, int]], given_up: random.Random) -> None:
        self.lines: dict[StreamClass, list[Message]] = {KEY: [], BULK: []}
        self.acked: dict[tuple[UUID, StreamClass], int] = {}
        for place, pair in enumerate(lengths):
            for cls, length in zip((KEY, BULK), pair, strict=True):
                before = (str(place - 1), lengths[place - 1][0 if cls is KEY else 1])
                content = opening(before if place else None, opened_us=5_000 * (place + 1))
                line = self.lines[cls]
                line.append((prefix(str(place), 1, Kind.OPENING, cls), content))
                seq = 2
                while seq <= length:
                    if given_up.random() < 0.2:
                        through = min(length, seq + given_up.randrange(3))
                        line.append(
                            (prefix(str(place), seq, Kind.TOMBSTONE, cls), tombstone(through))
                        )
                        seq = through + 1
                    else:
                        batch = SampleBatch(samples=Samples.empty(), complete_to_us=100 * seq)
                        line.append((prefix(str(place), seq, Kind.SAMPLES, cls), batch))
                        seq += 1

    def unacked(self, cls: StreamClass) -> list[Message]:
        return [
            (place, content)
            for place, content in self.lines[cls]
            if _through(place, content) > self.acked.get((place.epoch, cls), 0)
        ]

    def hear(self, row: EdgeRow, verdict: Verdict | None) -> None:
        for key, stream in row.streams.items():
            self.acked[key] = max(self.acked.get(key, 0), stream.cursor)
        for rewind in verdict.rewinds if verdict else ():
            key = (rewind.epoch, rewind.cls)
            if self.acked.get(key, 0) == rewind.acked:
                self.acked[key] = rewind.cursor


def _through(place: Prefix, content: Content) -> int:
    return content.through if isinstance(content, Tombstone) else place.seq


LENGTHS = st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8)), min_size=1, max_size=4)


def perfect(edge_: ModelEdge) -> ModelServer:
    server = ModelServer()
    for cls in (KEY, BULK):
        for message in edge_.lines[cls]:
            assert server.take(message).action is Action.APPLY
    return server


@settings(deadline=None, max_examples=150)
@given(LENGTHS, st.integers(0, 2**32), st.integers(0, 3))
def test_over_a_lossy_duplicating_reordering_channel_each_record_is_applied_once_in_order(
    lengths: list[tuple[int, int]], seed: int, restores: int
) -> None:
    lot = random.Random(seed)
    sender = ModelEdge(lengths, random.Random(seed))
    server = ModelServer()
    backups = [(server.row, [], [])]
    flying: list[Message] = []
    for turn in range(4_000):
        waiting = [sender.unacked(cls)[:4] for cls in (KEY, BULK)]
        if not any(waiting):
            break
        flying += [message for line in waiting for message in line if lot.random() > 0.2]
        lot.shuffle(flying)
        arriving, flying = flying[: len(flying) // 2 + 1], flying[len(flying) // 2 + 1 :]
        for message in arriving:
            verdict = server.take(message)
            if lot.random() < 0.2:
                flying.append(message)
            if lot.random() < 0.7:
                sender.hear(server.row, verdict)
        if turn % 7 == 0:
            backups.append((server.row, list(server.applied), list(server.gaps)))
        if restores and lot.random() < 0.1:
            # The database is put back; the edge's status tells that it counts more as confirmed.
            restores -= 1
            server.row, server.applied, server.gaps = lot.choice(backups)
            server.applied, server.gaps = list(server.applied), list(server.gaps)
            for key in list(sender.acked):
                sender.acked[key] = min(sender.acked[key], server.row.cursor(*key))
        sender.hear(server.row, None)
    wanted = perfect(ModelEdge(lengths, random.Random(seed)))
    assert server.row == wanted.row
    for cls in (KEY, BULK):
        applied = [each for each in server.applied if each[1] is cls]
        assert applied == [each for each in wanted.applied if each[1] is cls]
    assert sorted(map(repr, server.gaps)) == sorted(map(repr, wanted.gaps))


@settings(deadline=None, max_examples=50)
@given(LENGTHS, st.integers(0, 2**32))
def test_the_final_state_does_not_depend_on_how_the_classes_interleave(
    lengths: list[tuple[int, int]], seed: int
) -> None:
    sender = ModelEdge(lengths, random.Random(seed))
    wanted = perfect(sender)
    lot = random.Random(seed + 1)
    lines = {cls: list(messages) for cls, messages in sender.lines.items()}
    server = ModelServer()
    while any(lines.values()):
        cls = lot.choice([cls for cls, line in lines.items() if line])
        server.take(lines[cls].pop(0))
    assert server.row == wanted.row
    assert sorted(map(repr, server.gaps)) == sorted(map(repr, wanted.gaps))
