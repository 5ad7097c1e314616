"""The simulated plant's configuration: lines, machines, what they make and what goes wrong."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runtime.problems import invalid

Protocol = Literal["opcua", "modbus"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Seconds = Annotated[float, Field(ge=0, le=1e7)]

STRING_BYTES = 32
"""Room of a string in Modbus registers: 16 registers."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OrderConfig(_Strict):
    """One work order on one machine."""

    number: str = Field(min_length=1, description="order number as the PLC shows it")
    quantity: int = Field(ge=1, le=10_000_000, description="good parts after which it is complete")
    program: str = Field(default="", description="name of the program loaded for it")

    @model_validator(mode="after")
    def _fits_the_registers(self) -> OrderConfig:
        for text in (self.number, self.program):
            if len(text.encode()) > STRING_BYTES:
                raise invalid("LS-7020", value=text, bytes=STRING_BYTES)
        return self


class CountersConfig(_Strict):
    """How the PLC counts."""

    kind: Literal["cumulative", "job_reset"] = Field(
        default="cumulative", description="job_reset: back to 0 whenever the order changes"
    )
    good_start: int = Field(default=0, ge=0, le=2**32 - 1, description="good counter at the start")
    scrap_start: int = Field(
        default=0, ge=0, le=2**32 - 1, description="scrap counter at the start"
    )


class PulseConfig(_Strict):
    """A bit that rises once for so many good parts (a full pallet)."""

    every_parts: int = Field(default=20, ge=1, description="good parts for one pulse")
    high_s: Seconds = Field(default=2.0, description="how long the bit stays on, seconds")


class ExcursionConfig(_Strict):
    """A stretch in which the temperature is raised."""

    at_s: Seconds = Field(description="when it begins, seconds of model time")
    for_s: Seconds = Field(description="how long it lasts, seconds")
    rise: float = Field(description="degrees added while it lasts")
    every_s: Seconds = Field(default=0, description="repeated with this period; 0: only once")


class TemperatureConfig(_Strict):
    """A noisy temperature."""

    base: float = Field(default=60.0, description="mean, degrees Celsius")
    noise: float = Field(default=0.8, ge=0, description="greatest noise to either side")
    drift: float = Field(default=1.5, ge=0, description="greatest slow drift to either side")
    limit: float = Field(default=80.0, description="limit whose crossings go to the truth log")
    excursions: list[ExcursionConfig] = Field(default=[], description="raised stretches")


class FaultConfig(_Strict):
    """A bit of the fault word that comes and goes."""

    bit: int = Field(ge=0, le=15, description="bit number, 0 the lowest")
    at_s: Seconds = Field(description="when it comes, seconds of model time")
    for_s: Seconds = Field(description="how long it stays, seconds")
    every_s: Seconds = Field(default=0, description="repeated with this period; 0: only once")
    stops: bool = Field(default=False, description="the machine is down while it stays")

    @model_validator(mode="after")
    def _goes_before_it_comes_again(self) -> FaultConfig:
        if self.for_s <= 0 or (self.every_s and self.every_s <= self.for_s):
            raise invalid("LS-7021")
        return self


class ExtraConfig(_Strict):
    """Further tags of a machine that change at every analog refresh, for volume."""

    floats: int = Field(default=0, ge=0, le=10_000, description="noisy f32")
    scaled: int = Field(default=0, ge=0, le=10_000, description="noisy 12-bit values, u16")
    counters: int = Field(default=0, ge=0, le=10_000, description="rising u32")
    bits: int = Field(default=0, ge=0, le=10_000, description="changing bits")


class MachineConfig(_Strict):
    """One machine with its PLC."""

    name: Name = Field(description="unique within the line")
    unit: int | None = Field(
        default=None, ge=1, le=247, description="Modbus unit id; default: place in the line, from 1"
    )
    cycle_s: float = Field(default=1.0, gt=0, description="mean time of a cycle, seconds")
    jitter: float = Field(default=0.1, ge=0, lt=1, description="share of the cycle that varies")
    parts_per_cycle: int = Field(default=1, ge=1, le=1000, description="cavities of the tool")
    scrap_rate: float = Field(default=0.03, ge=0, lt=1, description="share of parts that are scrap")
    counters: CountersConfig = Field(default=CountersConfig(), description="how the PLC counts")
    pulse: PulseConfig = Field(default=PulseConfig(), description="the pulse bit")
    first_setup_s: Seconds = Field(default=4.0, description="before the first part, seconds")
    setup_s: Seconds = Field(
        default=4.0, description="between orders, seconds; the order tag changes in the middle"
    )
    orders: list[OrderConfig] = Field(default=[], description="orders in their sequence")
    after_orders: Literal["idle", "repeat"] = Field(
        default="idle", description="repeat: again and again, numbers get -R2, -R3, ..."
    )
    plc_restarts_s: list[Seconds] = Field(
        default=[], description="when the PLC restarts and its counters fall to 0"
    )
    temperature: TemperatureConfig = Field(default=TemperatureConfig(), description="temperature")
    faults: list[FaultConfig] = Field(default=[], description="fault bits")
    energy_start: int = Field(
        default=0, ge=0, lt=2**64, description="64-bit energy counter at the start, Wh"
    )
    swapped_words: list[str] = Field(
        default=[], description="Modbus tags whose low word comes first (CDAB)"
    )
    extra: ExtraConfig = Field(default=ExtraConfig(), description="further tags, for volume")

    @property
    def repeats(self) -> bool:
        """Whether the orders go round for ever."""
        return self.after_orders == "repeat"


class LineConfig(_Strict):
    """One line: one server, one protocol."""

    name: Name = Field(description="unique within the plant")
    protocol: Protocol = Field(description="what its server speaks")
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=0, ge=0, le=65535, description="0: any free port")
    stamps: Literal["scan", "change"] = Field(
        default="scan",
        description="OPC UA source time: of the PLC's last scan, or of the value's last change",
    )
    machines: list[MachineConfig] = Field(min_length=1, description="machines of the line")

    @model_validator(mode="after")
    def _machines_can_be_told_apart(self) -> LineConfig:
        names = [machine.name for machine in self.machines]
        if len(set(names)) < len(names):
            raise invalid("LS-7022", what="name")
        units = list(self.units.values())
        if len(set(units)) < len(units):
            raise invalid("LS-7022", what="unit")
        if self.protocol == "modbus" and max(units) > 247:
            raise invalid("LS-7023")
        return self

    @property
    def units(self) -> dict[str, int]:
        """Modbus unit ids by machine name."""
        return {m.name: m.unit or place for place, m in enumerate(self.machines, start=1)}


class PlantConfig(_Strict):
    """A whole simulated plant."""

    seed: int = Field(default=1, ge=0, description="the same seed gives the same plant")
    tick_ms: int = Field(default=50, ge=1, le=10_000, description="values change only at ticks")
    analogs_every_ms: int = Field(
        default=200, ge=1, le=60_000, description="analog values change only so often"
    )
    quiet_s: Seconds = Field(
        default=2.0,
        description="no part is made so long before and after a reset or a change of order: "
        "what happens between two polls cannot be seen",
    )
    answers: bool = Field(default=True, description="log every value that is handed out")
    lines: list[LineConfig] = Field(min_length=1, description="lines of the plant")

    @model_validator(mode="after")
    def _can_be_compared(self) -> PlantConfig:
        names = [line.name for line in self.lines]
        if len(set(names)) < len(names):
            raise invalid("LS-7022", what="name")
        if self.analogs_every_ms % self.tick_ms:
            raise invalid("LS-7024")
        for line in self.lines:
            for machine in line.machines:
                self._check(f"{line.name}/{machine.name}", machine)
        return self

    def _check(self, path: str, machine: MachineConfig) -> None:
        if machine.setup_s < 2 * self.quiet_s or machine.first_setup_s < self.quiet_s:
            raise invalid("LS-7025", machine=path)
        fastest_s = machine.cycle_s * (1 - machine.jitter)
        pulse_s = machine.pulse.every_parts // machine.parts_per_cycle * fastest_s
        if pulse_s < machine.pulse.high_s + self.quiet_s:
            raise invalid("LS-7026", machine=path)
        longest = max((len(order.number.encode()) for order in machine.orders), default=0)
        if machine.repeats and longest > STRING_BYTES - len("-R99999"):
            raise invalid("LS-7027", machine=path, bytes=STRING_BYTES)

    @property
    def ticks_per_refresh(self) -> int:
        """Ticks between two refreshes of the analog values."""
        return self.analogs_every_ms // self.tick_ms

    def ticks(self, seconds: float) -> int:
        """The nearest whole number of ticks."""
        return round(seconds * 1000 / self.tick_ms)
