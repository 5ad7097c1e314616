"""What was handed out must be in a buffer or accounted for; time without readings must be told."""

from __future__ import annotations

from rig.collected import Missed, Window, missed, silent_holes
from rig.readings import Gap
from rig.rows import Row
from simulators.truth import Answer
from wire.quality import NO_VALUE

S = 1_000_000
TAG = "line-b/mill-1/good"


def polled(at_us: int, value: int, *, status: int = 0) -> Answer:
    return Answer(tag=TAG, at_us=at_us, value=value, source_us=None, status=status, how="read")


def row(ts_us: int, value: int, quality: int = 0) -> Row:
    return (TAG, ts_us, value, quality)


def look(
    answers: list[Answer],
    rows: list[Row],
    *,
    deaths: list[int] | None = None,
    trouble: list[Window] | None = None,
    broken: list[Window] | None = None,
) -> Missed:
    return missed(
        answers,
        rows,
        tags=[TAG],
        deaths={"line-b": deaths or []},
        trouble={"line-b": trouble or []},
        broken={"line-b": broken or []},
    )


ANSWERS = [polled(10 * S, 1), polled(11 * S, 1), polled(12 * S, 2), polled(13 * S, 3)]


def test_each_change_must_be_stored_once_its_repetition_need_not() -> None:
    found = look(ANSWERS, [row(10 * S + 5, 1), row(12 * S + 5, 2), row(13 * S + 5, 3)])
    assert (found.lost, found.uncommitted, found.on_the_way) == ([], 0, 0)


def test_a_change_that_nothing_accounts_for_is_lost() -> None:
    assert look(ANSWERS, [row(10 * S, 1), row(13 * S, 3)]).lost == [ANSWERS[2]]
    # Its value much later, or without a value, is not it.
    assert look(ANSWERS, [row(10 * S, 1), row(15 * S, 2), row(13 * S, 3)]).lost == [ANSWERS[2]]
    late = [row(10 * S, 1), row(12 * S, 2, NO_VALUE), row(13 * S, 3)]
    assert look(ANSWERS, late).lost == [ANSWERS[2]]


def test_a_change_just_before_the_edge_died_is_uncommitted_an_older_one_is_lost() -> None:
    rows = [row(10 * S, 1), row(13 * S, 3)]
    found = look(ANSWERS, rows, deaths=[12 * S + 300_000])
    assert (found.lost, found.uncommitted, found.oldest_us) == ([], 1, 300_000)
    assert look(ANSWERS, rows, deaths=[15 * S]).lost == [ANSWERS[2]]
    assert look(ANSWERS, rows, deaths=[11 * S]).lost == [ANSWERS[2]]


def test_a_change_in_trouble_on_the_way_is_no_loss_of_the_collector() -> None:
    rows = [row(10 * S, 1), row(13 * S, 3)]
    found = look(ANSWERS, rows, trouble=[Window(from_us=11 * S, to_us=12 * S)])
    assert (found.lost, found.on_the_way) == ([], 1)
    assert look(ANSWERS, rows, trouble=[Window(from_us=1 * S, to_us=2 * S)]).lost


def test_what_the_device_called_bad_claims_nothing() -> None:
    assert look([polled(10 * S, 1, status=0x8000_0000)], []).lost == []


def gap(from_us: int, to_us: int | None) -> Gap:
    return Gap(
        plant="demo",
        edge="line-b",
        cls=None,
        device=None,
        from_us=from_us,
        to_us=to_us,
        cause="agent_down",
    )


def test_time_without_readings_must_be_told() -> None:
    times = {("line-b", "bulk"): [0, S, 11 * S, 12 * S]}
    assert [(hole.from_us, hole.to_us) for hole in silent_holes(times, [])] == [(S, 11 * S)]
    assert silent_holes(times, [gap(2 * S, 11 * S)]) == []
    assert silent_holes(times, [gap(2 * S, None)]) == []
    assert silent_holes(times, [gap(2 * S, 6 * S), gap(5 * S, 10 * S)]) == []
    # Told in part only, or of another time.
    assert silent_holes(times, [gap(2 * S, 7 * S)])
    assert silent_holes(times, [gap(20 * S, 30 * S)])


def test_a_class_that_falls_silent_while_the_other_goes_on_is_found() -> None:
    times = {("line-b", "bulk"): list(range(0, 30 * S, S)), ("line-b", "key"): [0, 20 * S]}
    assert [hole.cls for hole in silent_holes(times, [])] == ["key"]


def test_paused_machines_have_nothing_to_report_but_are_read_all_the_same() -> None:
    paused = [Window(from_us=12 * S, to_us=20 * S)]
    key = {("line-a", "key"): [10 * S, 21 * S]}
    assert len(silent_holes(key, [])) == 1
    assert silent_holes(key, [], still=paused) == []
    bulk = {("line-a", "bulk"): [10 * S, 21 * S]}
    assert len(silent_holes(bulk, [], still=paused)) == 1


def test_a_change_on_a_connection_that_broke_is_told_by_its_gap() -> None:
    rows = [row(10 * S, 1), row(13 * S, 3)]
    found = look(ANSWERS, rows, broken=[Window(from_us=11 * S, to_us=12 * S)])
    assert (found.lost, found.on_the_way) == ([], 1)
    assert look(ANSWERS, rows, broken=[Window(from_us=9 * S, to_us=11 * S)]).lost == [ANSWERS[2]]
