"""Events that wait for the disk: what does not fit is told, and no outage is left open."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.buffer.events import EventLine
from wire.records import Event


def _other(at_us: int) -> Event:
    return Event(at_us=at_us, kind="other")


def _device(at_us: int, device: str, *, up: bool) -> Event:
    return Event(at_us=at_us, kind="device_up" if up else "device_down", device=device)


def test_events_that_fit_are_told_as_they_came() -> None:
    line = EventLine(most=3)
    assert not line
    came = [_other(1), _device(2, "plc", up=False), _other(3)]
    assert [line.add(event) for event in came] == [0, 0, 0]
    assert line
    assert line.told() == came


def test_what_did_not_fit_is_one_event_with_count_and_span() -> None:
    line = EventLine(most=2)
    spanning = Event(at_us=50, kind="not_collected", from_us=10, to_us=60)
    counts = [line.add(one) for one in (spanning, _other(70), _other(80), _other(90))]
    assert counts == [0, 0, 1, 1]
    loss, *kept = line.told()
    assert (loss.kind, loss.cause, loss.device) == ("not_collected", "not_collected", None)
    assert (loss.from_us, loss.to_us, loss.at_us) == (10, 70, 70)
    assert loss.detail == {"reason": "disk", "events": 2}
    assert kept == [_other(80), _other(90)]


def test_the_last_state_of_a_device_is_never_given_up() -> None:
    line = EventLine(most=1)
    down = _device(1, "plc", up=False)
    assert line.add(down) + line.add(_other(2)) == 0
    assert line.told() == [down, _other(2)], "nothing is lost: there is no loss to tell of"
    up = _device(3, "plc", up=True)
    assert line.add(up) + line.add(_other(4)) == 2
    loss, *kept = line.told()
    assert (loss.from_us, loss.to_us, loss.detail["events"]) == (1, 3, 2)
    assert kept == [up, _other(4)]


def test_a_refused_commit_does_not_let_the_line_grow() -> None:
    batch = EventLine(most=4)
    for cycle in range(5):
        later = EventLine(most=4)
        for at_us in range(6):
            later.add(_other(cycle * 10 + at_us))
        batch.join(later)
        assert len(batch.kept) == 4
    loss, *kept = batch.told()
    assert loss.detail["events"] == 26
    assert (loss.from_us, loss.to_us) == (0, 41)
    assert kept == [_other(at_us) for at_us in (42, 43, 44, 45)]


@given(
    st.lists(st.tuples(st.sampled_from("ab-"), st.booleans()), max_size=60),
    st.lists(st.integers(0, 60), max_size=4),
)
def test_however_the_commits_fail_nothing_is_untold(
    kinds: list[tuple[str, bool]], failures: list[int]
) -> None:
    came = [
        _other(at_us) if device == "-" else _device(at_us, device, up=up)
        for at_us, (device, up) in enumerate(kinds)
    ]
    line, counted = EventLine(most=5), 0
    under_way: EventLine | None = None
    for at, event in enumerate(came):
        if at in failures:
            if under_way is not None:
                counted += under_way.join(line)
                line = under_way
            under_way, line = line, EventLine(most=5)
        counted += line.add(event)
    if under_way is not None:
        counted += under_way.join(line)
        line = under_way
    told = line.told()
    loss = told.pop(0) if line.given_up else None
    assert counted == line.given_up == len(came) - len(told)
    assert len(told) <= 5 + 2
    missing = [event for event in came if event not in told]
    if loss is not None:
        assert loss.from_us is not None
        assert loss.to_us is not None
        assert all(loss.from_us <= event.at_us <= loss.to_us for event in missing)
    for device in ("a", "b"):
        said = [event for event in came if event.device == device]
        assert [event for event in told if event.device == device][-1:] == said[-1:]
