"""Values and qualities as the API tells them: exact, and null where there is nothing to believe.

Integers beyond 2^53 - 1 are texts, since most JSON readers would round them (RFC 8259, 6); times
are ISO 8601 texts in UTC. A value of bad quality is null, never 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from runtime.clock import to_datetime
from wire import quality as q

Value = bool | int | float | str | None
"""What JSON can carry of a reading."""

LARGEST_EXACT: Final = 2**53 - 1

SEVERITIES: Final[tuple[Literal["good", "uncertain", "bad"], ...]] = (
    "good",
    "uncertain",
    "bad",
    "bad",
)

# OPC UA Part 6, annex A.2 (StatusCode.csv): the names of those our drivers give.
CODES: Final[dict[int, str]] = {
    q.GOOD: "Good",
    q.UNCERTAIN: "Uncertain",
    q.UNCERTAIN_LAST_USABLE: "UncertainLastUsableValue",
    q.BAD: "Bad",
    q.BAD_COMMUNICATION: "BadCommunicationError",
    q.BAD_TIMEOUT: "BadTimeout",
    q.BAD_NO_COMMUNICATION: "BadNoCommunication",
    q.BAD_WAITING: "BadWaitingForInitialData",
    q.BAD_NODE_UNKNOWN: "BadNodeIdUnknown",
    q.BAD_OUT_OF_RANGE: "BadOutOfRange",
    q.BAD_TYPE_MISMATCH: "BadTypeMismatch",
    q.BAD_CONFIGURATION: "BadConfigurationError",
    q.BAD_NOT_CONNECTED: "BadNotConnected",
    q.BAD_DEVICE_FAILURE: "BadDeviceFailure",
}

Flag = Literal["late", "historical", "clock", "no_value", "not_finite", "overflow"]

FLAGS: Final[tuple[tuple[int, Flag], ...]] = (
    (q.LATE, "late"),
    (q.HISTORICAL, "historical"),
    (q.CLOCK, "clock"),
    (q.NO_VALUE, "no_value"),
    (q.NOT_FINITE, "not_finite"),
    (q.OVERFLOW, "overflow"),
)


class Quality(BaseModel):
    """How far a value can be believed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    severity: Literal["good", "uncertain", "bad"] = Field(description="In one word.")
    code: str = Field(
        description="Name of the OPC UA StatusCode, or its number in hex (`0x80AF0000`) where it "
        "is none of the common ones.",
        examples=["Good", "BadCommunicationError"],
    )
    flags: list[Flag] = Field(
        description="`late`: arrived after an outage; `historical`: read from the device's own "
        "history; `clock`: the device's time was not believable, the time is the edge's; "
        "`no_value`: there is no value; `not_finite`: the device gave NaN or an infinity; "
        "`overflow`: the device dropped values before this one."
    )


def quality_of(quality: int) -> dict[str, object]:
    """The three parts of a quality; negative numbers are the database's signed form of it."""
    bits = quality & 0xFFFF_FFFF
    status = bits & q.STATUS_MASK
    return {
        "severity": SEVERITIES[bits >> 30],
        "code": CODES.get(status) or f"0x{status:08X}",
        "flags": [name for bit, name in FLAGS if bits & bit],
    }


def exact(number: int) -> int | str:
    """The number itself where every JSON reader keeps it, otherwise its digits as a text."""
    return number if -LARGEST_EXACT <= number <= LARGEST_EXACT else str(number)


def _integer(num: float | None, big: int | None, txt: str | None) -> Value:
    if big is not None:
        return exact(int(big))
    return exact(int(num)) if num is not None else txt


def _float(num: float | None, big: int | None, _txt: str | None) -> Value:
    return num if num is not None or big is None else float(big)


def _bool(num: float | None, big: int | None, _txt: str | None) -> Value:
    kept = num if big is None else big
    return None if kept is None else kept != 0


def _time(_num: float | None, big: int | None, _txt: str | None) -> Value:
    return None if big is None else to_datetime(int(big)).isoformat().replace("+00:00", "Z")


def _text(_num: float | None, _big: int | None, txt: str | None) -> Value:
    return txt


Reader = Callable[[float | None, int | None, str | None], Value]

_READERS: Final[dict[str, Reader]] = {
    "bool": _bool,
    "f32": _float,
    "f64": _float,
    "str": _text,
    "time": _time,
}


def reader_of(dtype: str) -> Reader:
    """Makes the JSON value of the columns num, big and txt of a tag of this type."""
    return _READERS.get(dtype, _integer)


def believable(quality: int) -> bool:
    """Whether there is a value to show: it is there, and its severity is not bad."""
    return not (quality & q.NO_VALUE) and (quality & 0x8000_0000) == 0


def value_of(
    dtype: str, num: float | None, big: int | None, txt: str | None, quality: int
) -> Value:
    """The value of a stored reading; null where it has none or its quality is bad."""
    return reader_of(dtype)(num, big, txt) if believable(quality) else None


def told(value: Value, *, quality: int) -> Value:
    """A live value as the API tells it: exact, and null where it cannot be believed."""
    if not believable(quality):
        return None
    return exact(value) if type(value) is int else value
