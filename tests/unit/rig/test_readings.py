"""The comparison finds every loss and every double, and accepts what stands in a gap."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from rig.readings import Gap, Stored, judge
from rig.rows import Place, Row

EPOCH = UUID(int=1)


def place(seq: int, cls: str = "key") -> Place:
    return Place(plant="demo", edge="line-a", epoch=EPOCH, cls=cls, seq=seq)


def rows(seq: int, count: int) -> tuple[Row, ...]:
    return tuple(("line-a/press-1/good", seq * 1000 + at, at, 0) for at in range(count))


HELD = {place(seq): rows(seq, 3) for seq in range(2, 6)}
STORED = {where: [Stored(batch=where.seq, rows=what)] for where, what in HELD.items()}


def gap(from_us: int, to_us: int | None, **kwargs: str | None) -> Gap:
    known: dict[str, str | None] = {"plant": "demo", "edge": "line-a", "cls": None, "device": None}
    known |= {"cause": "overflow"} | kwargs
    return Gap(from_us=from_us, to_us=to_us, **known)  # type: ignore[arg-type]


def test_what_was_stored_once_is_neither_lost_nor_doubled() -> None:
    verdict = judge(HELD, STORED, [])
    assert (verdict.collected, verdict.stored, verdict.lost, verdict.duplicated) == (12, 12, 0, 0)
    assert verdict.ok


def test_a_missing_batch_is_a_loss() -> None:
    without = {where: what for where, what in STORED.items() if where.seq != 4}
    verdict = judge(HELD, without, [])
    assert (verdict.lost, verdict.ok) == (3, False)


def test_a_missing_row_is_a_loss() -> None:
    torn = STORED | {place(3): [Stored(batch=3, rows=rows(3, 2))]}
    assert judge(HELD, torn, []).lost == 1


def test_a_batch_applied_twice_is_a_double() -> None:
    twice = STORED | {place(3): [*STORED[place(3)], Stored(batch=9, rows=rows(3, 3))]}
    verdict = judge(HELD, twice, [])
    assert (verdict.lost, verdict.duplicated) == (0, 3)


def test_a_changed_value_is_a_loss_and_a_double() -> None:
    wrong = (*rows(3, 2), ("line-a/press-1/good", 3002, 77, 0))
    verdict = judge(HELD, STORED | {place(3): [Stored(batch=3, rows=wrong)]}, [])
    assert (verdict.lost, verdict.duplicated) == (1, 1)


def test_rows_of_no_batch_are_doubles() -> None:
    assert not judge(HELD, STORED, [], strays=1).ok


def test_a_double_is_found_without_the_record_too() -> None:
    verdict = judge({}, {place(3): [*STORED[place(3)], *STORED[place(3)]]}, [])
    assert (verdict.unknown, verdict.duplicated) == (6, 3)


def test_a_loss_that_stands_in_a_gap_is_told() -> None:
    without = {where: what for where, what in STORED.items() if where.seq != 4}
    verdict = judge(HELD, without, [gap(4000, 4002)])
    assert (verdict.lost, verdict.in_gap, verdict.ok) == (0, 3, True)
    assert judge(HELD, without, [gap(4000, None)]).lost == 0


def test_a_gap_of_another_time_edge_class_or_kind_explains_nothing() -> None:
    without = {where: what for where, what in STORED.items() if where.seq != 4}
    others = (
        gap(4000, 4001),
        gap(4000, 4002, edge="line-b"),
        gap(4000, 4002, cls="bulk"),
        gap(4000, 4002, cause="device_down"),
    )
    for other in others:
        assert judge(HELD, without, [other]).lost > 0


def test_what_an_edge_can_still_send_is_waiting_not_lost() -> None:
    without = {where: what for where, what in STORED.items() if where.seq != 5}
    verdict = judge(HELD, without, [], waiting={place(5)})
    assert (verdict.waiting, verdict.lost, verdict.ok) == (3, 0, True)
    assert judge(HELD, without, [], waiting={place(4)}).lost == 3


@given(st.sets(st.integers(2, 5)), st.sets(st.integers(2, 5)))
def test_losses_and_doubles_do_not_cancel_out(missing: set[int], twice: set[int]) -> None:
    changed = {
        where: [*batches, *(batches if where.seq in twice else [])]
        for where, batches in STORED.items()
        if where.seq not in missing
    }
    verdict = judge(HELD, changed, [])
    assert verdict.lost == 3 * len(missing)
    assert verdict.duplicated == 3 * len(twice - missing)


def test_what_the_server_never_heard_of_lies_in_a_time_without_an_agent() -> None:
    without = {where: what for where, what in STORED.items() if where.seq != 4}
    down = [gap(4_000, 4_002, cause="agent_down")]
    assert judge(HELD, without, down).lost == 3
    verdict = judge(HELD, without, down, untold={EPOCH})
    assert (verdict.lost, verdict.in_gap) == (0, 3)
    assert judge(HELD, without, [], untold={EPOCH}).lost == 3
