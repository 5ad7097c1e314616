"""The contract of a driver: how a device is configured, and how its points arrive as columns.

Points of a device are numbered flat from 0: groups in their order, in each its tags in their order.
What a driver hands over is raw: scaling, deadband and event time are decided by the edge agent.
Reading is all a driver can do; there is no way here to change anything in a device.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import TracebackType
from typing import Annotated, Any, Final, Literal, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticKnownError

from runtime.clock import Clock
from runtime.problems import exactly_one, invalid
from wire.dtypes import DType
from wire.frame import StreamClass
from wire.ids import ID_PATTERN
from wire.records import MAX_PATH

Finite = Annotated[float, Field(allow_inf_nan=False)]

T = TypeVar("T")


def _not_empty(items: tuple[T, ...]) -> tuple[T, ...]:
    # Not min_length: that would be reported, too, for each list one of whose items is wrong.
    if not items:
        found = {"field_type": "Tuple", "min_length": 1, "actual_length": 0}
        raise PydanticKnownError("too_short", found)
    return items


Some = Annotated[tuple[T, ...], AfterValidator(_not_empty)]
"""A list with at least one item."""

_SINGLE: Final = frozenset({DType.I8, DType.I16, DType.U8, DType.U16, DType.F32})
_NUMBERS: Final = frozenset(DType) - {DType.BOOL, DType.STR, DType.TIME}


class Strict(BaseModel):
    """A part of a configuration: unknown keys are refused, nothing changes after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Scale(Strict):
    """Linear scaling by the edge: value = raw * factor + offset."""

    factor: Finite = Field(default=1.0, description="Multiplies the raw value.")
    offset: Finite = Field(default=0.0, description="Added afterwards, in the tag's unit.")


class Deadband(Strict):
    """Changes smaller than this are not sent; give one of the two."""

    absolute: Finite | None = Field(default=None, ge=0, description="In the tag's unit.")
    percent: Finite | None = Field(
        default=None, ge=0, le=100, description="Percent of the last value sent."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        exactly_one("LS-3005", self.absolute, self.percent)
        return self


class TagConfig(Strict):
    """One value of a device under the name people use for it."""

    path: str = Field(
        min_length=1, max_length=MAX_PATH, description="Name, unique on the edge, e.g. press-1/good"
    )
    address: str = Field(
        min_length=1, max_length=300, description="Where the device keeps it; see the driver."
    )
    dtype: DType = Field(description="Data type in the device.")
    unit: str = Field(default="", max_length=32, description="Engineering unit, free text.")
    scale: Scale | None = Field(default=None, description="Linear scaling, none by default.")
    deadband: Deadband | None = Field(default=None, description="Least change that is sent.")
    max_silence_s: Finite | None = Field(
        default=None, gt=0, description="An unchanged value is sent again after so many seconds."
    )
    class_: StreamClass | None = Field(
        default=None, alias="class", description="key or bulk; default: that of the group."
    )

    @field_validator("path")
    @classmethod
    def _path(cls, path: str) -> str:
        if path != path.strip("/ ") or "//" in path or not path.isprintable():
            raise invalid("LS-3003", path=path)
        return path

    @model_validator(mode="after")
    def _numbers_only(self) -> Self:
        for what in ("scale", "deadband"):
            if getattr(self, what) is not None and self.dtype not in _NUMBERS:
                raise invalid("LS-3004", what=what, dtype=self.dtype.value)
        return self

    @property
    def sent_dtype(self) -> DType:
        """The data type after scaling: f32 where it holds every raw value exactly, else f64."""
        if self.scale is None:
            return self.dtype
        return DType.F32 if self.dtype in _SINGLE else DType.F64


class GroupConfig(Strict):
    """Tags that are read together, equally often."""

    every_ms: int = Field(
        ge=10, le=86_400_000, description="Poll period, or publishing interval, in milliseconds."
    )
    class_: StreamClass = Field(
        default=StreamClass.BULK,
        alias="class",
        description="key: sent first after an outage; bulk: afterwards.",
    )
    mode: Literal["poll", "subscribe"] = Field(
        default="poll", description="poll: asked every period; subscribe: the device reports."
    )
    tags: Some[TagConfig] = Field(description="The tags.")

    @property
    def events(self) -> bool:
        """Whether each report is an event of its own: two equal ones are two, not no change."""
        return False

    def class_of(self, tag: TagConfig) -> StreamClass:
        """The class in which a tag of this group is sent."""
        return tag.class_ or self.class_


class FixedOffset(Strict):
    """A device clock that is wrong by a known amount."""

    offset_s: Finite = Field(
        ge=-86_400 * 400,
        le=86_400 * 400,
        description="Device clock minus true time, in seconds; taken off its time stamps.",
    )


class DeviceConfig(Strict):
    """One connection to a PLC, gateway or server, and what is read over it."""

    id: str = Field(pattern=f"^{ID_PATTERN}$", description="Id, unique on the edge.")
    driver: str = Field(description="Which driver reads it.")
    name: str = Field(default="", max_length=100, description="Name for people.")
    clock: Literal["trusted", "ignored"] | FixedOffset = Field(
        default="trusted",
        description="trusted: the device's time stamps count; ignored: the time of reading counts; "
        "offset_s: they count after correction.",
    )
    groups: Some[GroupConfig] = Field(description="What is read, how often.")

    @property
    def is_typed(self) -> bool:
        """Whether people type its values into the agent's page."""
        return False

    @model_validator(mode="after")
    def _paths_differ(self) -> Self:
        seen: set[str] = set()
        for tag in self.points:
            if tag.path in seen:
                raise invalid("LS-3002", path=tag.path, device=self.id)
            seen.add(tag.path)
        return self

    @property
    def points(self) -> tuple[TagConfig, ...]:
        """Every tag, at the index by which `Columns.point` names it."""
        return tuple(tag for group in self.groups for tag in group.tags)

    @property
    def starts(self) -> tuple[int, ...]:
        """The first point of each group, and behind them the count of all points."""
        return (0, *accumulate(len(group.tags) for group in self.groups))


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """n raw values as parallel columns of length n.

    Which value column counts is decided by the point's configured data type: `f` for f32 and f64,
    `i` for bool (0/1), integers and times (microseconds since the Unix epoch), `s` for texts. The
    others hold 0 or "". A u64 above 2**63-1 has its decimal text in `s` and 0 in `i`. Where `q` has
    the flag NO_VALUE the value columns hold 0 or ""; NaN and infinities are such (NOT_FINITE).
    """

    point: NDArray[np.int32]
    """Index into `DeviceConfig.points`."""
    f: NDArray[np.float64]
    i: NDArray[np.int64]
    q: NDArray[np.uint32]
    """Quality, see `wire.quality`."""
    s: NDArray[np.object_] | None = None
    """Texts; None where no value of these columns has one."""
    source_us: NDArray[np.int64] | None = None
    """The device's own time of each value, microseconds since the Unix epoch, 0 where it gave none;
    None where the protocol has none."""
    read_us: int
    """When the values arrived here, edge clock, microseconds since the Unix epoch."""

    def __len__(self) -> int:
        return int(self.point.shape[0])


class Device(Protocol):
    """ONE connection to a device; whoever wants to connect again makes a fresh object.

    Errors: `RetryLater` when the connection is gone or cannot be made now, `Reconfigure` when a
    person has to change something first; both name device and address.
    """

    @property
    def counts(self) -> Mapping[str, int]:
        """What happened on this connection so far, by name: requests, timeouts, overflows, ..."""

    async def __aenter__(self) -> Self:
        """Connect."""

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Disconnect; leaves no task and no socket behind, and does not raise."""

    async def read(self, group: int) -> Columns:
        """Every point of a group once, in the order of its tags.

        A part that fails alone (a dead unit, a vanished node) yields bad quality for its own
        points. Calls may overlap; a driver that can ask one thing at a time queues them.
        """

    def changes(self) -> AsyncIterator[Columns]:
        """What the device reports of all `subscribe` groups, until the connection is lost.

        Ends by raising `RetryLater`; at once without a value where no group subscribes.
        """

    def requests(self, group: int) -> Sequence[str]:
        """The requests one reading of the group takes, in words, for people."""


@runtime_checkable
class ShowsDecodings(Protocol):
    """A device whose protocol does not say how bytes are to be read."""

    async def decodings(self, point: int) -> Sequence[tuple[str, str]]:
        """The bytes of one point decoded in every way that fits: (how, value), for people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Typed:
    """What became of a text that was typed: its values, or why there are none."""

    reason: Literal["values", "too_long", "malformed", "undecodable", "repeats", "unmatched"]
    columns: Columns | None = None


@runtime_checkable
class TakesTyping(Protocol):
    """A device whose values are typed by people, or by readers that are keyboards."""

    def typed(self, text: str) -> Typed:
        """What a text says; nothing is kept of it but what tells repetitions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Driver:
    """A line of the registry."""

    config: type[DeviceConfig]
    connect: Callable[[Any, Clock], Device]
    """Makes an unconnected device from its configuration; raises Reconfigure (LS-3001) where a
    package of `needs` is not installed."""
    needs: tuple[str, ...]
    """Packages that must be importable."""
    loggers: tuple[str, ...]
    """The library's loggers, to be silenced: what matters of what they say is said by the driver,
    once, with device and address; they would repeat it with each attempt."""
