"""A connection is given up for what it does not hear of itself, and for nothing else."""

from __future__ import annotations

from ingest_server.receive.hearing import MISSED, Hearing, Way


def beat(
    hearing: Hearing,
    *ways: Way,
    taken: bool = True,
    held: bool = False,
    awaited: bool = False,
) -> Way | None:
    """One beat, heard through these filters, and the judgement after it."""
    number = hearing.next_beat() if hearing.speaks else 0
    for way in ways:
        hearing.heard(way, beat=number)
    return hearing.judge(taken=taken, held=held, awaited=awaited)


def until_given_up(hearing: Hearing, *ways: Way, most: int = 1_000) -> tuple[Way | None, int]:
    """The filter that is given up, and after how many beats."""
    for count in range(1, most + 1):
        if (deaf := beat(hearing, *ways)) is not None:
            return deaf, count
    return None, most


def proved() -> Hearing:
    """Both filters have brought a beat."""
    hearing = Hearing()
    hearing.connected()
    assert beat(hearing, *Way) is None
    return hearing


def test_each_filter_is_given_up_after_six_beats_that_were_taken_and_not_heard() -> None:
    assert until_given_up(proved()) == (Way.EDGES, MISSED)
    assert until_given_up(proved(), Way.PLAIN) == (Way.EDGES, MISSED)
    assert until_given_up(proved(), Way.EDGES) == (Way.PLAIN, MISSED)
    assert until_given_up(proved(), *Way) == (None, 1_000)


def test_it_is_given_up_ever_more_rarely_until_something_is_heard() -> None:
    hearing = proved()
    for wanted in (6, 12, 24, 48, 60, 60):
        assert until_given_up(hearing) == (Way.EDGES, wanted)
        hearing.connected()
    assert hearing.connections == 6
    beat(hearing, *Way)
    assert until_given_up(hearing) == (Way.EDGES, 6)


def test_a_filter_that_stays_deaf_is_given_up_more_rarely_although_the_other_hears() -> None:
    hearing = proved()
    for wanted in (6, 12, 24):
        assert until_given_up(hearing, Way.EDGES) == (Way.PLAIN, wanted)
        hearing.connected()


def test_what_edges_and_other_servers_say_proves_the_filter_as_well() -> None:
    hearing = proved()
    for _ in range(100):
        hearing.heard(Way.EDGES)
        assert beat(hearing) is None, "plain beats wait behind what the edges sent, perhaps"


def test_a_plain_beat_that_is_late_with_the_other_one_is_not_missed() -> None:
    hearing = proved()
    late = 0
    for _ in range(100):
        number = hearing.next_beat()
        hearing.heard(Way.EDGES, beat=late)
        late = number
        assert hearing.judge(taken=True, held=False, awaited=True) is None


def test_beats_that_the_broker_did_not_take_do_not_count() -> None:
    hearing = proved()
    assert not any(beat(hearing, taken=False) for _ in range(1_000))


def test_beats_wait_behind_messages_that_wait_for_the_database() -> None:
    hearing = proved()
    assert not any(beat(hearing, held=True) for _ in range(1_000))
    assert until_given_up(hearing) == (Way.EDGES, MISSED)


def test_a_new_connection_begins_anew() -> None:
    hearing = proved()
    for _ in range(100):
        assert until_given_up(hearing, most=MISSED - 1) == (None, MISSED - 1)
        hearing.ended(lost=False, taken=True)
        hearing.connected()


def test_where_the_server_may_not_speak_to_itself_the_edges_prove_their_filter() -> None:
    hearing = Hearing()
    hearing.connected()
    assert until_given_up(hearing) == (None, 1_000)
    assert hearing.unproved() is Way.EDGES
    hearing.heard(Way.EDGES)
    silent = [beat(hearing, awaited=True) for _ in range(61)]
    assert silent == [None] * 60 + [Way.EDGES]


def test_a_person_is_told_of_a_filter_that_never_brought_a_beat() -> None:
    hearing = proved()
    until_given_up(hearing, *Way, most=100)
    assert hearing.unproved() is None
    half = Hearing()
    half.connected()
    assert until_given_up(half, Way.EDGES, most=59) == (None, 59)
    assert half.unproved() is None, "beats may wait behind all the data of an outage"
    assert until_given_up(half, Way.EDGES, most=100) == (None, 100)
    assert half.unproved() is Way.PLAIN


def test_a_broker_that_ends_the_connection_for_a_beat_gets_no_more_of_them() -> None:
    hearing = Hearing()
    for left in (True, True, False):
        hearing.connected()
        hearing.next_beat()
        hearing.ended(lost=True, taken=False)
        assert hearing.speaks is left
    hearing.connected()
    assert hearing.unproved() is Way.EDGES
    assert not any(beat(hearing) for _ in range(1_000))
    hearing.ended(lost=True, taken=True)
    assert not hearing.speaks


def test_a_connection_that_is_lost_later_or_left_says_nothing_of_beats() -> None:
    hearing = Hearing()
    for _ in range(10):
        hearing.connected()
        hearing.next_beat()
        hearing.ended(lost=True, taken=True)
        hearing.connected()
        hearing.next_beat()
        hearing.ended(lost=False, taken=False)
        hearing.connected()
        beat(hearing, *Way)
        hearing.next_beat()
        hearing.ended(lost=True, taken=False)
    assert hearing.speaks
