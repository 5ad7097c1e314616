"""The window against the reference receiver, over a channel that loses, repeats and reorders."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.buffer.rows import Place, StreamState
from edge_agent.publish.window import Back, Wanted, Window
from tests.unit.edge_agent.reference_receiver import Receiver
from wire.control import Ack, Cursor, Rewind
from wire.frame import StreamClass, frame
from wire.records import Events, Opening, Predecessor, encode_record

KEY, BULK = StreamClass.KEY, StreamClass.BULK


def _streams(*lengths: tuple[int, int]) -> dict[Place, StreamState]:
    """One epoch for each (records of key, records of bulk)."""
    streams = {}
    for ord_, pair in enumerate(lengths, start=1):
        epoch = uuid4()
        for cls, last_seq in zip((KEY, BULK), pair, strict=True):
            state = StreamState(ord=ord_, epoch=epoch, cls=cls, last_seq=last_seq)
            streams[state.place] = state
    return streams


def _send_all(window: Window, now_s: float = 0.0) -> list[Wanted]:
    sent = []
    while (wanted := window.wanted()) is not None:
        window.sent(wanted, through=wanted.seq, now_s=now_s)
        sent.append(wanted)
    return sent


def _cursor(state: StreamState, cursor: int) -> Cursor:
    return Cursor(epoch=state.epoch, cls=state.cls, cursor=cursor)


def _answer(window: Window, *cursors: Cursor, now_s: float = 0.0) -> None:
    outcome = window.answered(cursors, (), hello_of=None, now_s=now_s)
    for place, acked in outcome.progress.items():
        window._streams[place].acked = acked


def test_key_goes_first_and_keeps_four_places_free_of_bulk() -> None:
    streams = _streams((3, 100))
    window = Window(streams)
    sent = _send_all(window)
    assert [one.place.cls for one in sent] == [KEY] * 3 + [BULK] * 12
    streams[Place(ord=1, cls=KEY)].last_seq = 9
    assert [one.seq for one in _send_all(window)] == [4]


def test_older_epochs_go_first_and_the_next_follows_without_waiting() -> None:
    window = Window(_streams((2, 0), (0, 0), (3, 0)))
    assert [(one.place.ord, one.seq) for one in _send_all(window)] == [
        (1, 1), (1, 2), (3, 1), (3, 2), (3, 3),
    ]  # fmt: skip


def test_what_is_under_way_is_not_sent_again_when_more_comes() -> None:
    streams = _streams((2, 0))
    window = Window(streams)
    assert len(_send_all(window)) == 2
    assert window.wanted() is None
    streams[Place(ord=1, cls=KEY)].last_seq = 3
    assert [one.seq for one in _send_all(window)] == [3]


def test_progress_frees_places_and_an_old_cursor_takes_nothing_back() -> None:
    streams = _streams((40, 0))
    state = streams[Place(ord=1, cls=KEY)]
    window = Window(streams)
    assert len(_send_all(window)) == 16
    _answer(window, _cursor(state, 8))
    assert window.under_way == 8
    _answer(window, _cursor(state, 3))
    assert state.acked == 8
    assert [one.seq for one in _send_all(window)] == list(range(17, 25))


def test_a_cursor_beyond_the_end_is_told_and_confirms_nothing() -> None:
    streams = _streams((5, 0))
    state = streams[Place(ord=1, cls=KEY)]
    window = Window(streams)
    _send_all(window)
    outcome = window.answered([_cursor(state, 6)], (), hello_of=None, now_s=0)
    assert not outcome.progress
    assert [(one.cursor, one.last_seq) for one in outcome.excess] == [(6, 5)]
    assert window.under_way == 5


def test_a_cursor_of_a_foreign_epoch_is_nobodys() -> None:
    window = Window(_streams((5, 0)))
    outcome = window.answered(
        [Cursor(epoch=uuid4(), cls=KEY, cursor=3)], (), hello_of=None, now_s=0
    )
    assert not outcome.progress
    assert not outcome.excess


def test_silence_doubles_the_time_out_up_to_the_last_and_progress_resets_it() -> None:
    streams = _streams((3, 0))
    state = streams[Place(ord=1, cls=KEY)]
    window = Window(streams, first_timeout_s=5, last_timeout_s=15)
    now_s, waits = 0.0, []
    for _ in range(4):
        _send_all(window, now_s)
        deadline_s = window.next_deadline_s()
        assert deadline_s is not None
        assert window.timed_out(deadline_s - 0.001) == ()
        assert window.timed_out(deadline_s) == (KEY,)
        waits.append(deadline_s - now_s)
        now_s = deadline_s
    assert waits == [5, 10, 15, 15]
    assert [one.seq for one in _send_all(window, now_s)] == [1, 2, 3]
    _answer(window, _cursor(state, 1), now_s=now_s)
    assert window.next_deadline_s() == now_s + 5
    _answer(window, _cursor(state, 3), now_s=now_s)
    assert window.next_deadline_s() is None
    assert window.idle


def test_a_hello_sends_again_once_for_each_worker_and_connection() -> None:
    window = Window(_streams((3, 0)))
    worker = uuid4()
    _send_all(window)
    assert window.answered((), (), hello_of=worker, now_s=0).back is Back.HELLO
    assert len(_send_all(window)) == 3
    assert window.answered((), (), hello_of=worker, now_s=0).back is None
    assert window.wanted() is None
    window.connected()
    assert len(_send_all(window)) == 3
    assert window.answered((), (), hello_of=worker, now_s=0).back is Back.HELLO


def test_a_rewind_is_obeyed_only_if_it_names_what_this_side_believes() -> None:
    streams = _streams((9, 0))
    state = streams[Place(ord=1, cls=KEY)]
    state.acked = 7
    window = Window(streams)

    def rewinds(cursor: int, acked: int) -> tuple[tuple[Place, int], ...]:
        rewind = Rewind(epoch=state.epoch, cls=KEY, cursor=cursor, acked=acked)
        return window.answered((), [rewind], hello_of=None, now_s=0).rewinds

    assert rewinds(2, 6) == ()
    assert rewinds(2, 7) == ((state.place, 2),)
    assert rewinds(2, 9) == ((state.place, 2),)
    assert rewinds(7, 7) == ()
    assert rewinds(8, 9) == ()


def test_a_tombstone_is_passed_as_a_whole() -> None:
    window = Window(_streams((10, 0)))
    wanted = window.wanted()
    assert wanted is not None
    window.sent(wanted, through=8, now_s=0)
    assert [one.seq for one in _send_all(window)] == [9, 10]
    assert window.sent_up_to() == {Place(ord=1, cls=KEY): 10}


# -- over a bad channel ----------------------------------------------------------------------------


@dataclass
class _Edge:
    """A buffer in memory with the window in front of it."""

    streams: dict[Place, StreamState] = field(default_factory=dict)
    records: dict[tuple[Place, int], bytes] = field(default_factory=dict)
    window: Window = field(init=False)

    def add_epoch(self, key: int, bulk: int, alive_us: int = 1) -> None:
        ord_ = len(self.streams) // 2 + 1
        epoch = uuid4()
        for cls, count in ((KEY, key), (BULK, bulk)):
            before = self.streams.get(Place(ord=ord_ - 1, cls=cls))
            state = StreamState(ord=ord_, epoch=epoch, cls=cls)
            self.streams[state.place] = state
            opening = Opening(
                plant="p",
                edge="e",
                opened_us=1,
                agent="",
                predecessor=None
                if before is None
                else Predecessor(
                    epoch=before.epoch, last_seq=before.last_seq, clean=True, alive_us=alive_us
                ),
            )
            self._append(state.place, encode_record(opening))
            for _ in range(count):
                self.grow(state.place)

    def grow(self, place: Place) -> None:
        # Events carry no numbers of their own here: their place in the stream is what is checked.
        self._append(place, encode_record(Events(events=[], to=1)))

    def _append(self, place: Place, body: object) -> None:
        state = self.streams[place]
        state.last_seq += 1
        self.records[(place, state.last_seq)] = frame(
            epoch=state.epoch,
            cls=place.cls,
            seq=state.last_seq,
            body=body,  # type: ignore[arg-type]
        )

    def answered(self, ack: Ack, now_s: float) -> None:
        hello: UUID | None = ack.worker if ack.kind == "hello" else None
        outcome = self.window.answered(ack.streams, ack.rewind, hello_of=hello, now_s=now_s)
        assert not outcome.excess
        for place, acked in outcome.progress.items():
            assert acked > self.streams[place].acked
            self.streams[place].acked = acked
        for place, cursor in outcome.rewinds:
            self.streams[place].acked = cursor
            self.window.rewound(place)


class _Lenient(Receiver):
    """Takes events in either class: here only the order of records matters."""

    def _apply(self, prefix, plain):  # type: ignore[no-untyped-def]
        if prefix.seq > 1:
            self.cursors[(prefix.epoch, prefix.cls)] = prefix.seq
            self.applied.append((prefix, None))
            return []
        return super()._apply(prefix, plain)


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["send", "deliver", "deliver", "ack", "ack", "lose", "repeat", "reconnect",
             "hello", "restore", "grow", "wait"]
        ),
        st.integers(0, 10_000),
    ),
    max_size=200,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    epochs=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 25)), min_size=1, max_size=3),
    steps=_STEPS,
)
def test_whatever_the_channel_does_everything_arrives_once_in_order(
    epochs: list[tuple[int, int]], steps: list[tuple[str, int]]
) -> None:
    edge, server = _Edge(), _Lenient()
    for key, bulk in epochs:
        edge.add_epoch(key, bulk)
    edge.window = Window(edge.streams, first_timeout_s=5, last_timeout_s=40)
    way_out: list[bytes] = []
    way_back: list[Ack] = []
    backup = dict(server.cursors)
    now_s = 0.0

    def send(most: int) -> None:
        for _ in range(most):
            wanted = edge.window.wanted()
            if wanted is None:
                return
            assert edge.window.under_way < 16
            edge.window.sent(wanted, through=wanted.seq, now_s=now_s)
            way_out.append(edge.records[(wanted.place, wanted.seq)])

    def status() -> None:
        """What the server does on an edge's status: ask for what it no longer has."""
        rewinds = [
            Rewind(epoch=s.epoch, cls=s.cls, cursor=cursor, acked=s.acked)
            for s in edge.streams.values()
            if s.acked > (cursor := server.cursors.get((s.epoch, s.cls), 0))
        ]
        way_back.append(server.ack(rewind=rewinds))

    for step, lot in steps:
        if step == "send":
            send(1 + lot % 16)
        elif step in ("deliver", "repeat") and way_out:
            place = lot % len(way_out) if lot % 3 == 0 else 0
            record = way_out[place] if step == "repeat" else way_out.pop(place)
            way_back.append(server.ack(rewind=server.take(record)))
        elif step == "ack" and way_back:
            edge.answered(way_back.pop(lot % len(way_back)), now_s)
        elif step == "lose":
            del way_out[lot % (len(way_out) + 1) :]
            del way_back[: lot % (len(way_back) + 1)]
        elif step == "reconnect":
            edge.window.connected()
            status()
        elif step == "hello":
            server.worker = uuid4()
            way_back.append(server.ack(hello=True))
        elif step == "restore":
            if lot % 4 == 0:
                server.cursors, backup = dict(backup), dict(server.cursors)
                server.applied = []
                way_back.clear()  # what it said before is older than what it says from now on
                way_out.clear()
                edge.window.connected()
                status()
        elif step == "grow":
            newest = max(place.ord for place in edge.streams)
            edge.grow(Place(ord=newest, cls=KEY if lot % 2 else BULK))
        elif step == "wait":
            now_s += lot % 50
            edge.window.timed_out(now_s)

    # In the end the channel is good.
    way_out.clear()
    edge.window.connected()
    status()
    for _ in range(10_000):
        while way_back:
            edge.answered(way_back.pop(0), now_s)
        send(16)
        if not way_out and edge.window.idle:
            break
        while way_out:
            way_back.append(server.ack(rewind=server.take(way_out.pop(0))))
        if not way_back:
            now_s += 1_000
            edge.window.timed_out(now_s)
    for state in edge.streams.values():
        assert state.acked == state.last_seq
        assert server.cursors[(state.epoch, state.cls)] == state.last_seq
    taken = [(prefix.epoch, prefix.cls, prefix.seq) for prefix, _ in server.applied]
    assert len(taken) == len(set(taken))
