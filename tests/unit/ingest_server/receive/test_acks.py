"""When an edge is answered, and with which streams."""

from __future__ import annotations

from uuid import uuid4

from ingest_server.receive.acks import EVERY_US, HALF_WINDOW, KEEP_EPOCHS, Answer, open_streams
from ingest_server.store.rows import EdgeRow, StreamRow
from wire.control import Rewind
from wire.frame import StreamClass
from wire.ids import EdgeId

ROW = EdgeRow(edge=EdgeId(plant="p", edge="e"), edge_id=1, next_batch=1, streams={})
SENT = Answer().sent(1_000_000)


def test_nothing_to_say_is_never_due() -> None:
    assert SENT.due_us() is None


def test_a_single_record_waits_until_a_second_after_the_last_answer() -> None:
    assert SENT.with_news(ROW, now_us=1_200_000, applied=1).due_us() == 1_000_000 + EVERY_US


def test_half_a_window_is_answered_at_once() -> None:
    answer = SENT
    for _ in range(HALF_WINDOW - 1):
        answer = answer.with_news(ROW, now_us=1_200_000, applied=1)
    assert answer.due_us() != 0
    assert answer.with_news(ROW, now_us=1_200_000, applied=1).due_us() == 0


def test_what_is_urgent_is_answered_at_once() -> None:
    assert SENT.with_news(ROW, now_us=1_200_000, urgent=True).due_us() == 0


def test_a_later_rewind_of_a_stream_replaces_the_earlier() -> None:
    epoch = uuid4()
    one, two = (Rewind(epoch=epoch, cls=StreamClass.KEY, cursor=c, acked=9) for c in (1, 2))
    answer = SENT.with_news(ROW, now_us=0, rewinds=(one,)).with_news(ROW, now_us=0, rewinds=(two,))
    assert answer.rewinds == (two,)
    assert answer.sent(5).rewinds == ()


def test_streams_that_are_continued_are_left_out_but_for_the_newest_epochs() -> None:
    epochs = [uuid4() for _ in range(KEEP_EPOCHS + 5)]
    rows = [
        StreamRow(
            epoch=epoch,
            cls=StreamClass.BULK,
            cursor=place + 1,
            ord=place + 1,
            # The third has no successor: its buffer was lost.
            predecessor=epochs[place - 1] if place not in (0, 3) else None,
        )
        for place, epoch in enumerate(epochs)
    ]
    row = EdgeRow(edge=ROW.edge, edge_id=1, next_batch=1, streams={each.key: each for each in rows})
    shown = [cursor.epoch for cursor in open_streams(row)]
    assert shown == [*epochs[::-1][:KEEP_EPOCHS], epochs[2]]
