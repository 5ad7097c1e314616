"""Values that a device never handed out are found, whatever the protocol."""

from __future__ import annotations

from rig.rows import Row
from rig.values import never_handed_out
from simulators.addresses import TagAddress
from simulators.truth import Answer
from wire.quality import BAD_NOT_CONNECTED, NO_VALUE

SECOND = 1_000_000


def tag(path: str, protocol: str, **more: object) -> TagAddress:
    line, machine, name = path.split("/")
    known = {"path": path, "line": line, "machine": f"{line}/{machine}", "name": name}
    return TagAddress(**known, protocol=protocol, dtype="u16", **more)  # type: ignore[arg-type]


STAMPED = tag("line-a/press-1/good", "opcua")
POLLED = tag("line-b/mill-1/good", "modbus")
SCALED = tag("line-b/mill-1/speed", "modbus", raw_max=4095, scaled_max=3000.0)
TAGS = {one.path: one for one in (STAMPED, POLLED, SCALED)}


def answer(path: str, at_us: int, value: int, source_us: int | None = None) -> Answer:
    return Answer(tag=path, at_us=at_us, value=value, source_us=source_us, status=0, how="read")


ANSWERS = [
    answer(STAMPED.path, 5 * SECOND, 41, source_us=4 * SECOND),
    answer(STAMPED.path, 6 * SECOND, 42, source_us=5 * SECOND),
    answer(POLLED.path, 5 * SECOND, 7),
    answer(SCALED.path, 5 * SECOND, 4095),
]


def wrong(*rows: Row) -> list[Row]:
    return [found.row for found in never_handed_out(rows, ANSWERS, TAGS)]


def test_values_that_were_handed_out_are_accepted() -> None:
    assert (
        wrong(
            (STAMPED.path, 4 * SECOND, 41, 0),
            (POLLED.path, 5 * SECOND + 900, 7, 0),
            (SCALED.path, 5 * SECOND + 900, 3000.0, 0),
        )
        == []
    )


def test_a_value_under_another_time_stamp_is_found() -> None:
    row = (STAMPED.path, 5 * SECOND, 41, 0)
    assert wrong(row) == [row]


def test_a_value_that_was_read_again_unchanged_stands_under_the_time_of_that_read() -> None:
    first = answer(STAMPED.path, 5 * SECOND, 41, source_us=4 * SECOND)
    second = answer(STAMPED.path, 6 * SECOND, 41, source_us=4 * SECOND)
    row = (STAMPED.path, 6 * SECOND + 900, 41, 0)
    assert never_handed_out([row], [first, second], TAGS) == []
    late = (STAMPED.path, 9 * SECOND, 41, 0)
    assert [one.row for one in never_handed_out([late], [first, second], TAGS)] == [late]


def test_a_value_that_was_read_once_does_not_stand_under_the_time_of_reading() -> None:
    row = (STAMPED.path, 5 * SECOND + 900, 41, 0)
    assert wrong(row) == [row]


def test_a_stale_polled_value_under_a_new_time_is_found() -> None:
    row = (POLLED.path, 9 * SECOND, 7, 0)
    assert wrong(row) == [row]


def test_another_tags_value_is_found() -> None:
    row = (POLLED.path, 5 * SECOND, 4095, 0)
    assert wrong(row) == [row]


def test_a_reading_without_a_value_claims_nothing() -> None:
    assert wrong((POLLED.path, 9 * SECOND, None, BAD_NOT_CONNECTED | NO_VALUE)) == []
