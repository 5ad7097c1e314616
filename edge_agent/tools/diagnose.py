"""What `doctor` finds out: asks devices and broker, and draws conclusions. Reads only."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final
from uuid import uuid4

import numpy as np

from drivers.base import Columns, Device, FixedOffset, ShowsDecodings, TagConfig
from drivers.opcua.config import OpcUaDevice
from drivers.registry import AnyDevice
from edge_agent.config import EdgeConfig
from runtime.clock import Clock
from runtime.errors import LinesideError
from runtime.mqtt import BrokerAddress, Connection
from wire import quality
from wire.dtypes import DType

_HOUR_S: Final = 3_600
_LATE_S: Final = 300
"""A newest stamp may be so old without anything being wrong with the clock."""
_EARLY_S: Final = 60
_MOST_HOURS: Final = 14
_CLOSE: Final = 1e-6

Connect = Callable[[AnyDevice, Clock], Device]


@dataclass(kw_only=True, slots=True)
class GroupReport:
    """One group: its requests, how long each reading took, and how many points were bad."""

    number: int
    requests: list[str]
    took_ms: list[float] = field(default_factory=list)
    bad: dict[str, int] = field(default_factory=dict)
    """Points without a value in the last reading, by status."""

    @property
    def median_ms(self) -> float | None:
        """The middle of the times; None without a reading."""
        return median(self.took_ms) if self.took_ms else None

    @property
    def max_ms(self) -> float | None:
        """The longest."""
        return max(self.took_ms, default=None)


@dataclass(kw_only=True, slots=True)
class PointReport:
    """Every decoding of one point, and which of them the expected value is."""

    path: str
    address: str
    decodings: list[tuple[str, str]]
    expected: str | None = None
    fits: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """An end point of an OPC UA server; `sha256` is the fingerprint of its certificate."""

    policy: str
    mode: str
    sha256: str


@dataclass(kw_only=True, slots=True)
class DeviceReport:
    """What was found out about one device."""

    device: str
    driver: str
    connected_ms: float | None = None
    error: LinesideError | None = None
    groups: list[GroupReport] = field(default_factory=list)
    points: list[PointReport] = field(default_factory=list)
    clock_off_s: float | None = None
    """The newest time stamp of the device minus now, after the configured correction."""
    offers: list[Offer] = field(default_factory=list)
    offers_error: str = ""

    @property
    def whole_hours(self) -> int:
        """By how many whole hours the clock is wrong, 0 where it is not such an error."""
        return 0 if self.clock_off_s is None else whole_hours(self.clock_off_s)


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerReport:
    """Whether the broker takes us."""

    address: str
    connected_ms: float | None = None
    error: LinesideError | None = None


def whole_hours(off_s: float) -> int:
    """How many whole hours a clock is ahead (local time sent as UTC), or behind; 0: neither.

    A stamp may be some minutes old, or a little ahead, besides.
    """
    hours = round((off_s + (_LATE_S - _EARLY_S) / 2) / _HOUR_S)
    rest_s = off_s - hours * _HOUR_S
    return hours if abs(hours) <= _MOST_HOURS and -_LATE_S <= rest_s <= _EARLY_S else 0


def fitting(tag: TagConfig, decodings: Sequence[tuple[str, str]], expected: str) -> list[str]:
    """The decodings of one point that give the expected value, as it is or after scaling."""
    found = []
    for how, shown in decodings:
        number, wanted = _number(shown), _number(expected)
        if number is None or wanted is None:
            same = shown.strip("'\"") == expected
        else:
            scale = tag.scale
            scaled = number if scale is None else number * scale.factor + scale.offset
            # As many digits count as a person can read off a display.
            same = any(
                math.isclose(one, wanted, rel_tol=_CLOSE, abs_tol=_precision(expected))
                for one in (number, scaled)
            )
        if same:
            found.append(how)
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _precision(text: str) -> float:
    """Half of the last digit written: 23.5 stands for 23.45 to 23.55; 0 for whole numbers."""
    digits = text.lower().partition("e")[0].partition(".")[2]
    return 0.5 * 10 ** -len(digits) if digits else 0.0


async def examine(
    config: AnyDevice,
    *,
    connect: Connect,
    clock: Clock,
    reads: int,
    expected: Mapping[str, str],
) -> DeviceReport:
    """Connect to one device, read every group `reads` times, and look at what came."""
    report = DeviceReport(device=config.id, driver=config.driver)
    if isinstance(config, OpcUaDevice):
        await _ask_offers(config, report)
    began_s = time.perf_counter()
    try:
        async with connect(config, clock) as device:
            report.connected_ms = (time.perf_counter() - began_s) * 1000
            newest_us: list[int] = []
            for number in range(len(config.groups)):
                newest_us += await _read(device, config, number, reads, report, clock)
            if newest_us:
                report.clock_off_s = max(newest_us) / 1e6
            if isinstance(device, ShowsDecodings):
                await _decode(device, config, report, expected)
    except LinesideError as error:
        report.error = error
    return report


async def _read(
    device: Device,
    config: AnyDevice,
    number: int,
    reads: int,
    report: DeviceReport,
    clock: Clock,
) -> list[int]:
    """Read one group; for each reading the newest stamp minus the present, in microseconds."""
    group = GroupReport(number=number, requests=list(device.requests(number)))
    report.groups.append(group)
    ahead_us = []
    for _ in range(reads):
        began_s = time.perf_counter()
        columns = await device.read(number)
        group.took_ms.append((time.perf_counter() - began_s) * 1000)
        newest = newest_stamp(columns, config)
        if newest is not None:
            ahead_us.append(newest - clock())
        group.bad = bad_points(columns)
    return ahead_us


def newest_stamp(columns: Columns, config: AnyDevice) -> int | None:
    """The newest time the device told: by its stamps, or where it gives none by its time tags."""
    correction_us = int(config.clock.offset_s * 1e6) if isinstance(config.clock, FixedOffset) else 0
    stamps = columns.source_us
    if stamps is not None and (stamps > 0).any():
        return int(stamps.max()) - correction_us
    points = config.points
    times = np.array([points[at].dtype is DType.TIME for at in columns.point.tolist()], np.bool_)
    told = columns.i[times & quality.has_value(columns.q)]
    return int(told.max()) - correction_us if told.size else None


def bad_points(columns: Columns) -> dict[str, int]:
    """How many points have no value, by the status in hex."""
    empty = columns.q[~quality.has_value(columns.q)]
    return dict(Counter(f"0x{code & quality.STATUS_MASK:08X}" for code in empty.tolist()))


async def _decode(
    device: ShowsDecodings,
    config: AnyDevice,
    report: DeviceReport,
    expected: Mapping[str, str],
) -> None:
    for number, tag in enumerate(config.points):
        found = list(await device.decodings(number))
        wanted = expected.get(tag.path)
        if found or wanted is not None:
            report.points.append(
                PointReport(
                    path=tag.path, address=tag.address, decodings=found, expected=wanted,
                    fits=[] if wanted is None else fitting(tag, found, wanted),
                )
            )  # fmt: skip


async def _ask_offers(config: OpcUaDevice, report: DeviceReport) -> None:
    """The end points of a server, asked over a channel without security, as anybody may."""
    from asyncua.client.client import Client
    from asyncua.ua.uaerrors import UaError

    from drivers.opcua.security import fingerprint, leading

    asking = Client(config.url, timeout=config.timeout_ms / 1000)
    try:
        endpoints = await asking.connect_and_get_server_endpoints()
    except (OSError, UaError, TimeoutError) as error:
        report.offers_error = str(error) or type(error).__name__
        return
    report.offers = [
        Offer(
            policy=(one.SecurityPolicyUri or "").rpartition("#")[2],
            mode=one.SecurityMode.name,
            sha256=fingerprint(leading(one.ServerCertificate)) if one.ServerCertificate else "",
        )
        for one in endpoints
    ]


async def examine_broker(config: EdgeConfig) -> list[BrokerReport]:
    """Log in at each node under a name of our own, so that a running agent stays connected."""
    return [
        await _examine_node(node, f"lineside-{config.plant}-{config.edge}-doctor-{uuid4().hex[:6]}")
        for node in config.broker.address().nodes()
    ]


async def _examine_node(address: BrokerAddress, name: str) -> BrokerReport:
    began_s = time.perf_counter()
    try:
        async with Connection(address, client_id=name):
            took_ms = (time.perf_counter() - began_s) * 1000
    except LinesideError as error:
        return BrokerReport(address=str(address), error=error)
    return BrokerReport(address=str(address), connected_ms=took_ms)
