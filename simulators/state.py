"""What a simulated plant keeps over a restart: when it started, and what was done to it since.

The plant itself is not stored: it is a pure function of configuration, interventions and time.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from runtime.platform import write_private
from simulators.config import PlantConfig
from simulators.errors import SimulatorError
from simulators.machine import Intervention


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantState:
    """`start_us` is tick 0 (microseconds since the epoch; 0 while the plant is held)."""

    run: str
    digest: str
    start_us: int = 0
    ports: Mapping[str, int] = field(default_factory=dict)
    offsets_us: Mapping[str, int] = field(default_factory=dict)
    interventions: tuple[Intervention, ...] = ()

    @property
    def running(self) -> bool:
        """Whether model time goes on."""
        return self.start_us > 0

    def tick_at(self, at_us: int, tick_us: int) -> int:
        """The tick of a moment; 0 while the plant is held."""
        return max(0, (at_us - self.start_us) // tick_us) if self.running else 0


_STORED = TypeAdapter(PlantState)


def digest(config: PlantConfig) -> str:
    """Names everything of a configuration that the model depends on."""
    told = config.model_dump(mode="json", exclude={"answers"})
    for line in told["lines"]:
        for place in ("host", "port", "stamps"):
            del line[place]
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


class StateFile:
    """The state of a plant in a file; `path` None keeps it in memory only."""

    def __init__(self, path: Path | None, config: PlantConfig) -> None:
        self._path = path
        self._digest = digest(config)
        self.state = PlantState(run=secrets.token_hex(8), digest=self._digest)

    def load(self) -> None:
        """Take over what is stored; refuses the state of another configuration."""
        if self._path is None or not self._path.exists():
            return
        try:
            stored = _STORED.validate_json(self._path.read_bytes())
        except ValidationError as error:
            raise SimulatorError("LS-7008", file=self._path) from error
        if stored.digest != self._digest:
            raise SimulatorError("LS-7009", file=self._path)
        self.state = stored

    def change(self, **changes: object) -> PlantState:
        """Change fields of the state; on disk before this returns."""
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_private(self._path, orjson.dumps(self.state))
        return self.state
