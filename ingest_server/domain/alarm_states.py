"""Alarm states by ISA-18.2-2016 (IEC 62682): orthogonal facts, literal tables, a derived letter.

An alarm is not one state but five independent regions, each with its own table:

- the core: is the condition there, has somebody acknowledged it, does it latch;
- shelved (by a person, with reason and end), suppressed (by design), out of service, bad quality.

An event moves exactly one region; the others stay as they are. So acknowledging never hides a bad
quality, shelving never forgets an alarm, and an alarm that comes and goes while it is hidden is
still there to be acknowledged when it shows again. An event its region does not allow is refused
and changes nothing.

The letter for people: I out of service, H suppressed by design, G shelved (in this order), else the
core's: A normal, B unacknowledged, C acknowledged, D returned to normal unacknowledged, E latched
unacknowledged, F latched acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

from wire.errors import LinesideError

LONGEST_SHELF_US: Final = 7 * 24 * 3600 * 1_000_000
"""Shelving ends by itself after at most a week; longer is taking out of service."""


class AlarmRefused(LinesideError):
    """The event is not possible in this state; nothing changed."""


class Event(StrEnum):
    """What can happen to an alarm; the first three come from the readings."""

    RAISED = "raised"
    RAISED_LATCHING = "raised_latching"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    RESET = "reset"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SHELF_EXPIRED = "shelf_expired"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    TAKEN_OUT = "taken_out_of_service"
    RETURNED = "returned_to_service"
    QUALITY_BAD = "quality_bad"
    QUALITY_GOOD = "quality_good"


class Core(StrEnum):
    """The core's states; B and C twice, since an active alarm knows whether it will latch."""

    NORMAL = "A"
    UNACK = "B"
    UNACK_LATCHING = "BL"
    ACK = "C"
    ACK_LATCHING = "CL"
    RETURNED_UNACK = "D"
    LATCHED_UNACK = "E"
    LATCHED_ACK = "F"


_E, _C = Event, Core
REFUSED: Final = None

# A condition that is already there is not refused: readings may say it again.
CORE: Final[Mapping[Core, Mapping[Event, Core | None]]] = {
    _C.NORMAL: {
        _E.RAISED: _C.UNACK,
        _E.RAISED_LATCHING: _C.UNACK_LATCHING,
        _E.CLEARED: _C.NORMAL,
        _E.ACKNOWLEDGED: REFUSED,
        _E.RESET: REFUSED,
    },
    _C.UNACK: {
        _E.RAISED: _C.UNACK,
        _E.RAISED_LATCHING: _C.UNACK_LATCHING,
        _E.CLEARED: _C.RETURNED_UNACK,
        _E.ACKNOWLEDGED: _C.ACK,
        _E.RESET: REFUSED,
    },
    _C.UNACK_LATCHING: {
        _E.RAISED: _C.UNACK_LATCHING,
        _E.RAISED_LATCHING: _C.UNACK_LATCHING,
        _E.CLEARED: _C.LATCHED_UNACK,
        _E.ACKNOWLEDGED: _C.ACK_LATCHING,
        _E.RESET: REFUSED,
    },
    _C.ACK: {
        _E.RAISED: _C.ACK,
        _E.RAISED_LATCHING: _C.ACK_LATCHING,
        _E.CLEARED: _C.NORMAL,
        _E.ACKNOWLEDGED: REFUSED,
        _E.RESET: REFUSED,
    },
    _C.ACK_LATCHING: {
        _E.RAISED: _C.ACK_LATCHING,
        _E.RAISED_LATCHING: _C.ACK_LATCHING,
        _E.CLEARED: _C.LATCHED_ACK,
        _E.ACKNOWLEDGED: REFUSED,
        _E.RESET: REFUSED,
    },
    _C.RETURNED_UNACK: {
        _E.RAISED: _C.UNACK,
        _E.RAISED_LATCHING: _C.UNACK_LATCHING,
        _E.CLEARED: _C.RETURNED_UNACK,
        _E.ACKNOWLEDGED: _C.NORMAL,
        _E.RESET: REFUSED,
    },
    _C.LATCHED_UNACK: {
        _E.RAISED: _C.UNACK_LATCHING,
        _E.RAISED_LATCHING: _C.UNACK_LATCHING,
        _E.CLEARED: _C.LATCHED_UNACK,
        _E.ACKNOWLEDGED: _C.LATCHED_ACK,
        _E.RESET: _C.RETURNED_UNACK,
    },
    _C.LATCHED_ACK: {
        _E.RAISED: _C.UNACK_LATCHING,
        _E.RAISED_LATCHING: _C.UNACK_LATCHING,
        _E.CLEARED: _C.LATCHED_ACK,
        _E.ACKNOWLEDGED: REFUSED,
        _E.RESET: _C.NORMAL,
    },
}

# Each switch: its position before -> event -> its position after. Shelving again gives a new end.
SHELF: Final[Mapping[bool, Mapping[Event, bool | None]]] = {
    False: {_E.SHELVED: True, _E.UNSHELVED: REFUSED, _E.SHELF_EXPIRED: REFUSED},
    True: {_E.SHELVED: True, _E.UNSHELVED: False, _E.SHELF_EXPIRED: False},
}
SUPPRESSION: Final[Mapping[bool, Mapping[Event, bool | None]]] = {
    False: {_E.SUPPRESSED: True, _E.UNSUPPRESSED: REFUSED},
    True: {_E.SUPPRESSED: True, _E.UNSUPPRESSED: False},
}
SERVICE: Final[Mapping[bool, Mapping[Event, bool | None]]] = {
    False: {_E.TAKEN_OUT: True, _E.RETURNED: REFUSED},
    True: {_E.TAKEN_OUT: REFUSED, _E.RETURNED: False},
}
QUALITY: Final[Mapping[bool, Mapping[Event, bool | None]]] = {
    False: {_E.QUALITY_BAD: True, _E.QUALITY_GOOD: False},
    True: {_E.QUALITY_BAD: True, _E.QUALITY_GOOD: False},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmFacts:
    """Everything that is true of one alarm. `shelved_until_us` comes with owner and reason."""

    active: bool = False
    acknowledged: bool = True
    latched: bool = False
    shelved_until_us: int | None = None
    shelved_by: str = ""
    shelved_reason: str = ""
    suppressed_by: str | None = None
    out_of_service: bool = False
    bad_quality: bool = False

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return asdict(self)


_OF_CORE: Final[Mapping[Core, tuple[bool, bool, bool]]] = {  # active, acknowledged, latched
    _C.NORMAL: (False, True, False),
    _C.UNACK: (True, False, False),
    _C.UNACK_LATCHING: (True, False, True),
    _C.ACK: (True, True, False),
    _C.ACK_LATCHING: (True, True, True),
    _C.RETURNED_UNACK: (False, False, False),
    _C.LATCHED_UNACK: (False, False, True),
    _C.LATCHED_ACK: (False, True, True),
}
_CORE_OF: Final = {facts: core for core, facts in _OF_CORE.items()}


def core_of(facts: AlarmFacts) -> Core:
    """The core's state: each of the eight combinations is one."""
    return _CORE_OF[facts.active, facts.acknowledged, facts.latched]


def is_shelved(facts: AlarmFacts, now_us: int) -> bool:
    """Whether the shelf still holds; its end holds by itself, even where nobody says so."""
    return facts.shelved_until_us is not None and now_us < facts.shelved_until_us


def is_hidden(facts: AlarmFacts, now_us: int) -> bool:
    """Whether nobody is to be called for it now."""
    return facts.out_of_service or facts.suppressed_by is not None or is_shelved(facts, now_us)


def letter(facts: AlarmFacts, now_us: int) -> str:
    """The state A to I of ISA-18.2 at `now_us`."""
    if facts.out_of_service:
        return "I"
    if facts.suppressed_by is not None:
        return "H"
    if is_shelved(facts, now_us):
        return "G"
    return core_of(facts).value[0]


def happened(
    facts: AlarmFacts,
    event: Event,
    *,
    now_us: int,
    until_us: int | None = None,
    by: str = "",
    reason: str = "",
) -> AlarmFacts:
    """The facts after `event`; raises `AlarmRefused` where the region's table refuses it.

    `until_us`, `by` and `reason` are needed to shelve, `by` (the rule or person) to suppress.
    `now_us` is used for shelves only: their end must lie ahead, and they expire no earlier.
    """
    core = core_of(facts)
    if event in CORE[core]:
        after = CORE[core][event]
        if after is REFUSED:
            raise AlarmRefused("LS-5360", event=event.value, state=core.value[0])
        active, acknowledged, latched = _OF_CORE[after]
        return replace(facts, active=active, acknowledged=acknowledged, latched=latched)
    if event in SHELF[False]:
        return _shelf(facts, event, now_us=now_us, until_us=until_us, by=by, reason=reason)
    if event in SUPPRESSION[False]:
        on = _switched(SUPPRESSION[facts.suppressed_by is not None], event, "H")
        return replace(facts, suppressed_by=(by or "?") if on else None)
    if event in SERVICE[False]:
        return replace(facts, out_of_service=_switched(SERVICE[facts.out_of_service], event, "I"))
    return replace(facts, bad_quality=_switched(QUALITY[facts.bad_quality], event, ""))


def _shelf(
    facts: AlarmFacts, event: Event, *, now_us: int, until_us: int | None, by: str, reason: str
) -> AlarmFacts:
    on = _switched(SHELF[facts.shelved_until_us is not None], event, "G")
    if not on:
        if event is Event.SHELF_EXPIRED and is_shelved(facts, now_us):
            raise AlarmRefused("LS-5361", until_us=facts.shelved_until_us)
        return replace(facts, shelved_until_us=None, shelved_by="", shelved_reason="")
    if until_us is None or not by.strip() or not reason.strip():
        raise AlarmRefused("LS-5362")
    if not now_us < until_us <= now_us + LONGEST_SHELF_US:
        raise AlarmRefused("LS-5363", days=LONGEST_SHELF_US // 86_400_000_000)
    return replace(facts, shelved_until_us=until_us, shelved_by=by, shelved_reason=reason)


def _switched(row: Mapping[Event, bool | None], event: Event, shown: str) -> bool:
    after = row[event]
    if after is None:
        raise AlarmRefused("LS-5360", event=event.value, state=shown)
    return after
