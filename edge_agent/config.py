"""The edge agent's configuration: one YAML file says what is read, kept, and where it goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from drivers.registry import AnyDevice
from edge_agent.templates import TEMPLATES, Expansion
from runtime.mqtt import BrokerConfig
from runtime.problems import ConfigPath, Problem, invalid
from runtime.strict_yaml import ConfigError, Expand, Located, loads_located, read
from wire.ids import ID_PATTERN, EdgeId

_UNITS: Final = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")
_LEAST_BUFFER: Final = 16 * 2**20
_TIME: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_TIME_TO: Final = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"


def _bytes(value: Any) -> Any:
    """`2GiB`, `500 MB` or a number of bytes."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise invalid("LS-4003", value=str(value))
    match = _SIZE.fullmatch(str(value))
    if match is None or match[2].upper() not in _UNITS:
        raise invalid("LS-4003", value=str(value))
    return int(float(match[1]) * _UNITS[match[2].upper()])


def _large_enough(size: int) -> int:
    if size < _LEAST_BUFFER:
        raise invalid("LS-4004", least="16MiB")
    return size


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid("LS-4007", name=name) from None
    return name


_EXPAND: Final = Expand(deferred=frozenset({TEMPLATES}), of=Expansion)

Size = Annotated[int, BeforeValidator(_bytes)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BufferConfig(_Section):
    """What is kept on disk, and how much of it."""

    commit_every_ms: int = Field(
        default=200,
        ge=20,
        le=5_000,
        description="Longest time a sample waits in memory: what a power cut can lose.",
    )
    max_waiting: int = Field(
        default=100_000,
        ge=1_000,
        le=2_000_000,
        description="Samples that may wait for the disk; beyond it reading waits.",
    )
    max_bytes: Annotated[Size, AfterValidator(_large_enough)] = Field(
        default=2 * 2**30, description="Size of the buffer file, e.g. 2GiB."
    )
    min_free_bytes: Size = Field(
        default=2**30, description="Space left to others on the same disk, e.g. 1GiB."
    )
    max_age_h: float = Field(
        default=720, gt=0, le=87_600, description="Older records are given up, delivered or not."
    )
    keep_acked_h: float = Field(
        default=72,
        ge=0,
        le=8_760,
        description="Delivered records are kept so long, for a server restored from a backup.",
    )


class RateCap(_Section):
    """At most so much from one time of day to another, for a link that is thin or shared."""

    from_: str = Field(
        alias="from", pattern=_TIME, description="Local time, e.g. 06:00; see time_zone."
    )
    to: str = Field(pattern=_TIME_TO, description="Up to then; over midnight if it is earlier.")
    kbit_s: float = Field(ge=1, le=10_000_000, description="Kilobits (1,000 bits) a second.")

    @model_validator(mode="after")
    def _some_time(self) -> RateCap:
        if self.from_ == self.to:
            raise invalid("LS-4006")
        return self

    @property
    def minutes(self) -> tuple[int, int]:
        """From and to, in minutes of the day."""
        first, last = (int(at[:2]) * 60 + int(at[3:]) for at in (self.from_, self.to))
        return first, last


class PublishConfig(_Section):
    """How records go to the server."""

    window: int = Field(default=16, ge=8, le=256, description="Records under way at once.")
    first_timeout_s: float = Field(
        default=5, gt=0, le=600, description="Without an answer so long, records are sent again."
    )
    last_timeout_s: float = Field(
        default=600, gt=0, le=3_600, description="The time-out doubles up to that."
    )
    status_every_s: float = Field(
        default=10, ge=0.1, le=300, description="How often the state of the streams is reported."
    )
    rate_caps: tuple[RateCap, ...] = Field(
        default=(),
        max_length=48,
        description="How fast records may go out at what time of day; where caps overlap the "
        "lowest holds, outside of all of them nothing is held back.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> PublishConfig:
        if self.last_timeout_s < self.first_timeout_s:
            raise invalid("LS-4005")
        return self


class ClockConfig(_Section):
    """Which time stamps of devices are believed."""

    past_s: float = Field(
        default=86_400,
        ge=1,
        le=400 * 86_400,
        description="How far behind the edge's clock a device's time may lie.",
    )
    future_s: float = Field(
        default=120,
        ge=0,
        le=86_400,
        description="How far ahead of the edge's clock a device's time may lie.",
    )


class PageConfig(_Section):
    """The agent's own page, for whoever stands in front of this computer."""

    port: int | None = Field(
        default=0,
        ge=0,
        le=65_535,
        description="TCP port on 127.0.0.1; 0: any free one (see page.port in data_dir); "
        "null: no page.",
    )


class PushConfig(_Section):
    """How configurations that the server sends are tried; only the edge's own file counts here."""

    trial_s: float = Field(
        default=60,
        ge=1,
        le=3_600,
        description="So long a pushed configuration runs on trial; if the agent is not well then, "
        "the one before comes back.",
    )


class EdgeConfig(_Section):
    """One edge agent."""

    plant: str = Field(pattern=f"^{ID_PATTERN}$", description="Id of the plant.")
    edge: str = Field(
        pattern=f"^{ID_PATTERN}$", description="Id of this edge, unique in the plant."
    )
    name: str = Field(default="", max_length=100, description="Name for people.")
    data_dir: ConfigPath = Field(description="Folder of the buffer; on a disk that lasts.")
    time_zone: Annotated[str, AfterValidator(_zone)] | None = Field(
        default=None,
        description="Local time of the line, e.g. Asia/Shanghai; default: this computer's.",
    )
    broker: BrokerConfig = Field(description="The MQTT broker.")
    buffer: BufferConfig = Field(default=BufferConfig(), description="What is kept on disk.")
    publish: PublishConfig = Field(default=PublishConfig(), description="How records are sent.")
    clock: ClockConfig = Field(
        default=ClockConfig(), description="Which device times are believed."
    )
    page: PageConfig = Field(default=PageConfig(), description="The agent's own page.")
    push: PushConfig = Field(
        default=PushConfig(), description="How configurations that the server sends are tried."
    )
    templates: dict[str, dict[str, Any]] = Field(
        default={},
        description="Devices that are alike, by name: a device with the key template becomes one, "
        "with its vars in the place of ${NAME}.",
    )
    devices: tuple[AnyDevice, ...] = Field(description="What is read.")

    @property
    def zone(self) -> ZoneInfo | None:
        """The local time's zone; None: this computer's."""
        return None if self.time_zone is None else ZoneInfo(self.time_zone)

    @property
    def id(self) -> EdgeId:
        """Plant and edge."""
        return EdgeId(plant=self.plant, edge=self.edge)


def load(path: Path, *, env: Mapping[str, str] | None = None) -> EdgeConfig:
    """The configuration in `path`; raises ConfigError with every problem and its line."""
    return parse(read(path), str(path), folder=path.parent, env=env)


def parse(
    text: str, name: str, *, folder: Path, env: Mapping[str, str] | None = None
) -> EdgeConfig:
    """The configuration in `text`, as if it stood in a file `name` in `folder`; see `load`."""
    located = loads_located(text, name, EdgeConfig, env=env, folder=folder, expand=_EXPAND)
    problems = check(located)
    if problems:
        raise ConfigError(problems)
    return located.value


def check(located: Located[EdgeConfig]) -> list[Problem]:
    """What is wrong across devices: ids and paths that occur twice."""
    problems = []
    ids: dict[str, tuple[str | int, ...]] = {}
    paths: dict[str, tuple[str | int, ...]] = {}

    def first(known: tuple[str | int, ...]) -> int:
        # Asked for only where there is a problem: finding a line means reading the file again.
        return located.line_of(*known)

    for number, device in enumerate(located.value.devices):
        place: tuple[str | int, ...] = ("devices", number, "id")
        if device.id in ids:
            problems.append(
                located.problem("LS-4001", *place, id=device.id, first=first(ids[device.id]))
            )
        ids.setdefault(device.id, place)
        for group_number, group in enumerate(device.groups):
            for tag_number, tag in enumerate(group.tags):
                place = ("devices", number, "groups", group_number, "tags", tag_number, "path")
                if tag.path in paths:
                    problems.append(
                        located.problem(
                            "LS-4002", *place, path=tag.path, first=first(paths[tag.path])
                        )
                    )
                paths.setdefault(tag.path, place)
    return problems
