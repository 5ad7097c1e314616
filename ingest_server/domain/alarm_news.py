"""Whom to tell what about one occurrence of an alarm: a pure decision that names its reason.

Late data must not ring phones for what is over, nor keep silent about what still stands: an alarm
that opened and closed during an outage is a journal entry for one digest; one that is still active
is told once, with both times ("active since 02:14, learned 05:40"). While a stream is still
catching up nobody knows yet whether an old alarm still stands, so it waits.

| told | state  | hidden | late | caught up | verdict |
| ---- | ------ | ------ | ---- | --------- | ------- |
| both | any    | any    | any  | any       | nothing |
| raise| active | any    | any  | any       | nothing |
| raise| closed | any    | any  | any       | cleared (quietly: no horn) |
| no   | closed | any    | yes  | any       | digest  |
| no   | any    | yes    | any  | any       | nothing (asked again when shown) |
| no   | any    | no     | no   | any       | raised  |
| no   | active | no     | yes  | no        | wait    |
| no   | active | no     | yes  | yes       | standing |

So a clear is never told without its raise, and one occurrence is never told twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What to send now."""

    NOTHING = "nothing"
    RAISED = "raised"
    STANDING = "standing"
    CLEARED = "cleared"
    DIGEST = "digest"
    WAIT = "wait"


@dataclass(frozen=True, kw_only=True, slots=True)
class Occurrence:
    """One raise with its clear. `learned_us`: when the server first knew of it.

    `told_raise`, `told_clear`: what was already sent (a digest counts as both).
    """

    key: str
    raised_us: int
    cleared_us: int | None = None
    learned_us: int
    told_raise: bool = False
    told_clear: bool = False


def is_late(occurrence: Occurrence, late_after_us: int) -> bool:
    """Whether the server learned of it only `late_after_us` or more after it was raised."""
    return occurrence.learned_us - occurrence.raised_us >= late_after_us


def decide(occurrence: Occurrence, *, hidden: bool, caught_up: bool, late_after_us: int) -> Verdict:
    """The verdict by the module's table.

    `hidden`: shelved, suppressed or out of service now. `caught_up`: the stream of the alarm's tag
    is complete up to about now.
    """
    closed = occurrence.cleared_us is not None
    if occurrence.told_clear or (occurrence.told_raise and not closed):
        return Verdict.NOTHING
    if occurrence.told_raise:
        return Verdict.CLEARED
    late = is_late(occurrence, late_after_us)
    if closed and late:
        return Verdict.DIGEST
    if hidden:
        return Verdict.NOTHING
    if not late:
        return Verdict.RAISED
    return Verdict.STANDING if caught_up else Verdict.WAIT
