"""The configuration of the server: `server.yaml` as a pydantic model."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runtime.broker import BrokerConfig
from runtime.problems import ConfigPath, invalid
from runtime.secret import Secret

Role = Literal["ingest", "work", "api"]
ROLES: tuple[Role, ...] = ("ingest", "work", "api")
Embedded = Literal["embedded"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DatabaseConfig(_Section):
    """A PostgreSQL of your own, with or without TimescaleDB."""

    dsn: Secret = Field(
        description="Where it is: postgresql://user:password@host:port/name, as a text, "
        "{file: path} or {env: NAME}"
    )


class ApiConfig(_Section):
    """Where the API and the console listen."""

    host: Annotated[str, Field(min_length=1)] = Field(
        default="127.0.0.1", description="Address to listen on"
    )
    port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="TCP port; 0: a free one. The actual one stands in data_dir/api.port",
    )

    @property
    def is_loopback(self) -> bool:
        """Whether only this computer can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class MetricsConfig(_Section):
    """A port for Prometheus, for processes without the API; without a token, figures only."""

    host: Annotated[str, Field(min_length=1)] = Field(
        default="127.0.0.1", description="Address to listen on; one that only Prometheus reaches"
    )
    port: int | None = Field(
        default=None, ge=1, le=65535, description="TCP port; default: none is opened"
    )


class IngestConfig(_Section):
    """How records are grouped into transactions."""

    commit_every_ms: int = Field(
        default=200, ge=1, le=5_000, description="Longest time a record waits for others"
    )
    rows_per_commit: int = Field(
        default=5_000,
        ge=1,
        le=100_000,
        description="Samples that make a transaction full; four times as many where more wait",
    )
    lease_s: float = Field(
        default=10,
        ge=1,
        le=300,
        description="Several ingest workers: one that was silent for so long is taken over, s",
    )


class WorkConfig(_Section):
    """How often figures are brought up to date."""

    progress_every_ms: int = Field(
        default=250, ge=50, le=60_000, description="Pause between two looks at what changed"
    )
    rollup_grace_s: float = Field(
        default=10,
        ge=0,
        le=3_600,
        description="How long after its end a minute or hour is summed up first; later readings "
        "sum it up again, s",
    )


Days = Annotated[int, Field(ge=2, le=3_650)]


class RetentionConfig(_Section):
    """How long is kept what was read; without a number for ever.

    Counts, orders, alarms, gaps, events and the audit trail are always kept.
    """

    key_days: Days | None = Field(
        default=None, description="Readings of class `key`: counters, states, orders; days"
    )
    bulk_days: Days | None = Field(
        default=None, description="Readings of class `bulk`: all others; days"
    )
    minutes_days: Days | None = Field(
        default=None, description="Figures per minute (reading_1m); at least as long as readings"
    )
    hours_days: Days | None = Field(
        default=None, description="Figures per hour (reading_1h); at least as long as minutes"
    )
    columnstore_after_days: Annotated[int, Field(ge=1, le=3_650)] | None = Field(
        default=7,
        description="With TimescaleDB: readings so old are packed in columns, a tenth of the "
        "space; null: never",
    )
    check_every_s: float = Field(
        default=3_600, ge=1, le=86_400, description="How often is looked for what is too old"
    )

    @model_validator(mode="after")
    def _sums_live_longer(self) -> RetentionConfig:
        readings = [_days(self.key_days), _days(self.bulk_days)]
        if _days(self.minutes_days) < max(readings):
            raise invalid("LS-5830", longer="minutes_days", shorter="key_days, bulk_days")
        if _days(self.hours_days) < _days(self.minutes_days):
            raise invalid("LS-5830", longer="hours_days", shorter="minutes_days")
        return self


def _days(value: int | None) -> float:
    return float("inf") if value is None else value


class EmbeddedConfig(_Section):
    """Details of the embedded broker, where it is used."""

    broker: Literal["auto", "nats", "mosquitto"] = Field(
        default="auto", description="Which broker; auto: Mosquitto where it is installed, else NATS"
    )
    broker_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="TCP port of the broker; default: a free one, kept over restarts",
    )


class ServerConfig(_Section):
    """The whole of `server.yaml`."""

    data_dir: ConfigPath = Field(
        description="Folder for the token, the port and the embedded parts; beside this file "
        "if not absolute"
    )
    database: Embedded | DatabaseConfig = Field(
        default="embedded", description="`embedded`, or where your PostgreSQL is"
    )
    broker: Embedded | BrokerConfig = Field(
        default="embedded", description="`embedded`, or where your MQTT broker is"
    )
    api: ApiConfig = Field(default=ApiConfig(), description="Where the API listens")
    metrics: MetricsConfig = Field(
        default=MetricsConfig(), description="A port for Prometheus beside the API's /metrics"
    )
    ingest: IngestConfig = Field(default=IngestConfig(), description="Grouping of records")
    work: WorkConfig = Field(default=WorkConfig(), description="Upkeep of figures")
    retention: RetentionConfig = Field(
        default=RetentionConfig(), description="How long is kept what was read"
    )
    embedded: EmbeddedConfig = Field(
        default=EmbeddedConfig(), description="Details of the embedded broker"
    )

    @model_validator(mode="after")
    def _nothing_embedded_beyond_loopback(self) -> ServerConfig:
        embedded = self.database == "embedded" or self.broker == "embedded"
        if embedded and not self.api.is_loopback:
            raise invalid("LS-5432", host=self.api.host)
        return self
