"""The values of one OPC UA line at one tick, as asyncua's data values made when first asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from runtime.clock import to_datetime
from simulators.addresses import Dtype, TagAddress

Value = int | float | bool | str

VARIANTS: dict[Dtype, ua.VariantType] = {
    "bool": ua.VariantType.Boolean,
    "i32": ua.VariantType.Int32,
    "u16": ua.VariantType.UInt16,
    "u32": ua.VariantType.UInt32,
    "u64": ua.VariantType.UInt64,
    "f32": ua.VariantType.Float,
    "f64": ua.VariantType.Double,
    "str": ua.VariantType.String,
    "time": ua.VariantType.DateTime,
}


@dataclass(kw_only=True, slots=True)
class _Machine:
    first: int
    tags: Sequence[TagAddress]
    values: list[Value] = field(default_factory=list)
    changed_us: list[int] = field(default_factory=list)
    scanned_us: int = 0
    status: int = StatusCodes.Good
    made: list[ua.DataValue | None] = field(default_factory=list)


class OpcUaValues:
    """Values by place in the line's address map. Stamps are the PLC's: scan or change."""

    def __init__(self, machines: Mapping[str, Sequence[TagAddress]], *, by_change: bool) -> None:
        self._by_change = by_change
        self._machines: dict[str, _Machine] = {}
        self._where: list[tuple[_Machine, int]] = []
        for path, tags in machines.items():
            machine = _Machine(first=len(self._where), tags=tags)
            self._machines[path] = machine
            self._where += [(machine, place) for place in range(len(tags))]

    def update(self, path: str, values: Sequence[Value], *, scanned_us: int) -> list[int]:
        """New values of a machine; gives the places whose value changed."""
        machine = self._machines[path]
        changed = [
            place
            for place, (old, new) in enumerate(zip(machine.values, values, strict=False))
            if old != new
        ] or list(range(len(machine.values), len(values)))
        if not machine.changed_us:
            machine.changed_us = [scanned_us] * len(values)
        for place in changed:
            machine.changed_us[place] = scanned_us
        if self._by_change and machine.made:
            for place in changed:
                machine.made[place] = None
        else:
            machine.made = [None] * len(values)
        machine.values = list(values)
        machine.scanned_us = scanned_us
        return [machine.first + place for place in changed]

    def scan(self, path: str, *, scanned_us: int) -> None:
        """The PLC went round without a change."""
        machine = self._machines[path]
        machine.scanned_us = scanned_us
        if not self._by_change:
            machine.made = [None] * len(machine.values)

    def set_status(self, path: str, status: int) -> list[int]:
        """Serve all tags of a machine with a StatusCode from now on; gives their places."""
        machine = self._machines[path]
        machine.status = status
        machine.made = [None] * len(machine.values)
        return list(range(machine.first, machine.first + len(machine.values)))

    def at(self, place: int) -> ua.DataValue:
        """What is served for the tag at `place`."""
        machine, index = self._where[place]
        made = machine.made[index]
        if made is None:
            made = machine.made[index] = self._make(machine, index)
        return made

    def _make(self, machine: _Machine, index: int) -> ua.DataValue:
        dtype = machine.tags[index].dtype
        stamp = machine.changed_us[index] if self._by_change else machine.scanned_us
        status = ua.StatusCode(ua.UInt32(machine.status))
        if status.is_bad():
            variant = ua.Variant(None, ua.VariantType.Null)
        else:
            value = machine.values[index]
            served = _date_time(int(value)) if dtype == "time" else value
            variant = ua.Variant(served, VARIANTS[dtype])
        return ua.DataValue(variant, status, SourceTimestamp=_date_time(stamp))


def _date_time(at_us: int) -> ua.DateTime:
    at = to_datetime(at_us)
    return ua.DateTime.combine(at.date(), at.timetz())
