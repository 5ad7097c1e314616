"""The parts of plant.yaml, each checked by itself; what spans parts is checked in `model`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from ingest_server.domain.alarm_rules import Priority
from ingest_server.domain.assignments import ORDER_LENGTH
from ingest_server.domain.counters import CounterKind
from ingest_server.domain.quantities import Role
from runtime.problems import invalid
from wire.ids import is_id
from wire.records import MAX_PATH

_HIGHEST_BIT: Final = 63


def _id(text: str) -> str:
    if not is_id(text):
        raise invalid("LS-5301", id=text)
    return text


def _order_number(text: str) -> str:
    if text != text.strip() or not text or not text.isprintable() or len(text) > ORDER_LENGTH:
        raise invalid("LS-5302", order=text, length=ORDER_LENGTH)
    return text


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid("LS-5303", zone=name) from None
    return name


Id = Annotated[str, AfterValidator(_id)]
OrderNumber = Annotated[str, AfterValidator(_order_number)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
TagPath = Annotated[str, Field(min_length=1, max_length=MAX_PATH)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class Strict(BaseModel):
    """A part of plant.yaml: unknown keys are refused, nothing changes after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TagRef(Strict):
    """A tag: the edge that reads it, and its path there."""

    edge: Id = Field(description="Id of the edge agent that reads the tag.")
    tag: TagPath = Field(description="Path of the tag on that edge, e.g. line-a/press-1/order.")


class Line(Strict):
    """A production line."""

    id: Id = Field(description="Unique in the plant.")
    name: Name = Field(description="Name for people.")
    area: Annotated[str, Field(max_length=100)] = Field(
        default="", description="Hall or department it stands in, as people call it."
    )


class Counter(TagRef):
    """A tag that counts pieces."""

    role: Role = Field(description="What it counts: good, scrap or total pieces.")
    kind: CounterKind = Field(
        default="cumulative",
        description="cumulative: runs on; job_reset: begins at 0 with each job; pulse: a bit, "
        "each 0 to 1 is one piece.",
    )
    modulus: int | None = Field(
        default=None,
        ge=2,
        le=2**62,
        description="Number of values before it begins again at 0 (65536 for 16 bits); without it "
        "a fall is a reset.",
    )
    factor: float = Field(
        default=1.0, gt=0, allow_inf_nan=False, description="Pieces for each step of the counter."
    )
    max_rate: float = Field(
        gt=0,
        allow_inf_nan=False,
        description="Greatest plausible pieces per second; anything faster is kept for review.",
    )
    cadence_s: float = Field(
        default=5.0,
        gt=0,
        le=86_400,
        description="Least time taken to lie between two readings; at least the poll interval.",
    )
    gap_s: float | None = Field(
        default=None,
        gt=0,
        le=86_400,
        description="Readings further apart do not tell when pieces were made. Leave it out for "
        "tags sent on change: there silence means unchanged.",
    )

    @model_validator(mode="after")
    def _pulse_has_no_width(self) -> Self:
        if self.kind == "pulse" and self.modulus is not None:
            raise invalid("LS-5304")
        return self


class Equipment(Strict):
    """A machine or station that makes pieces or has alarms."""

    id: Id = Field(description="Unique in the plant.")
    name: Name = Field(description="Name for people.")
    line: Id = Field(description="Id of its line.")
    counters: tuple[Counter, ...] = Field(default=(), description="Tags that count its pieces.")
    order_tag: TagRef | None = Field(
        default=None, description="Text tag with the order number the PLC is working on."
    )
    state_tag: TagRef | None = Field(default=None, description="Tag with the machine's state.")


class LimitRuleConfig(TagRef):
    """An alarm where a value goes beyond a limit."""

    kind: Literal["limit"] = Field(description="A limit of one tag.")
    id: Id = Field(description="Unique in the plant.")
    name: Name = Field(description="What people read when it is raised.")
    equipment: Id = Field(description="Id of the equipment the alarm belongs to.")
    high: Finite | None = Field(default=None, description="Alarm above this value.")
    low: Finite | None = Field(default=None, description="Alarm below this value.")
    deadband: Finite = Field(
        default=0.0, ge=0, description="How far back the value must come, in the tag's unit."
    )
    on_delay_s: Seconds = Field(default=0.0, description="Beyond the limit for so long: raised.")
    off_delay_s: Seconds = Field(default=0.0, description="Back for so long: cleared.")
    latching: bool = Field(default=False, description="Stays until somebody resets it.")
    priority: Priority = Field(default="medium", description="low, medium, high or critical.")

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if (self.high is None) == (self.low is None):
            raise invalid("LS-5305")
        return self


class BitConfig(Strict):
    """One bit of a fault word."""

    name: Name = Field(description="What people read when it is raised.")
    priority: Priority | None = Field(default=None, description="Default: that of the rule.")


class FaultWordConfig(TagRef):
    """An alarm for each named bit of an integer."""

    kind: Literal["fault_word"] = Field(description="A word of fault bits.")
    id: Id = Field(description="Unique in the plant.")
    name: Name = Field(description="What people read before the bit's own name.")
    equipment: Id = Field(description="Id of the equipment the alarms belong to.")
    bits: dict[int, BitConfig] = Field(
        min_length=1, description="Bit number (0 is the least) to its meaning."
    )
    on_delay_s: Seconds = Field(default=0.0, description="Set for so long: raised.")
    off_delay_s: Seconds = Field(default=0.0, description="Gone for so long: cleared.")
    latching: bool = Field(default=False, description="Stays until somebody resets it.")
    priority: Priority = Field(default="medium", description="low, medium, high or critical.")

    @field_validator("bits")
    @classmethod
    def _bits_exist(cls, bits: dict[int, Any]) -> dict[int, Any]:
        for bit in bits:
            if not 0 <= bit <= _HIGHEST_BIT:
                raise invalid("LS-5306", bit=bit)
        return dict(sorted(bits.items()))


RuleConfig = Annotated[LimitRuleConfig | FaultWordConfig, Field(discriminator="kind")]


class OrderConfig(Strict):
    """A work order of one operation."""

    order: OrderNumber = Field(description="Number as in ERP and on the PLC's order tag.")
    product: Name = Field(description="What is made.")
    required: float = Field(ge=0, allow_inf_nan=False, description="Good pieces asked for.")
    equipment: Id = Field(description="Id of the equipment that makes it.")
    due: datetime | None = Field(
        default=None, description="When it has to be done; without an offset in the plant's zone."
    )
    completes: Literal["quantity", "explicit"] = Field(
        default="quantity",
        description="quantity: done when the good pieces are there; explicit: when somebody says "
        "so.",
    )
