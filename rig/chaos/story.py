"""What was done to a run, kept in its folder from cycle to cycle: what judging and going on need.

Invariants: the file is written whole after each cycle; a run that is continued begins behind it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import orjson

from runtime.errors import Reconfigure
from runtime.platform import write_private

FILE = "story.json"


@dataclass(kw_only=True, slots=True)
class Happened:
    """Something that was done to a part for a time; microseconds since the Unix epoch."""

    kind: str
    target: str
    from_us: int
    to_us: int = 0
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True, slots=True)
class Twin:
    """A copy of an edge's buffer in use beside it; microseconds since the Unix epoch.

    `predecessor`: the epoch that both go on from. `to_us`: when the second agent had ended and the
    server had all of it; 0: not yet.
    """

    edge: str
    predecessor: str
    from_us: int
    to_us: int = 0


@dataclass(kw_only=True, slots=True)
class Story:
    """A run: what it was asked for, how far it is, what was done in it."""

    seed: int
    broker: str
    database: str
    only: list[str]
    rate: float = 0.0
    """Readings a second that were asked for; 0: what the machines have anyway."""
    cycles: int = 0
    """Cycles that are over."""
    happened: list[Happened] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    """Copies of buffers no agent has any more, within the run's folder."""
    twins: list[Twin] = field(default_factory=list)
    deaths: list[tuple[str, int]] = field(default_factory=list)
    """Which edge was killed when."""
    pauses: list[list[int]] = field(default_factory=list)
    """[from, to]: when the machines were paused for a comparison; to is 0 while they are."""
    compared: list[int] = field(default_factory=list)
    """After which cycles all was compared, and agreed."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Faults that could not be had on this machine."""
    took_s: list[float] = field(default_factory=list)
    converged_s: list[float] = field(default_factory=list)

    def faults(self) -> dict[str, int]:
        """How often each fault struck."""
        counted: dict[str, int] = {}
        for one in self.happened:
            counted[one.kind] = counted.get(one.kind, 0) + 1
        return dict(sorted(counted.items()))

    def save(self, folder: Path) -> None:
        """Write it whole."""
        write_private(folder / FILE, orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The story of a folder. Raises Reconfigure (LS-8202) where there is none."""
        try:
            told = orjson.loads((folder / FILE).read_bytes())
            told.pop("wrong_clocks", None)  # of earlier releases
            happened = [Happened(**one) for one in told.pop("happened")]
            twins = [Twin(**one) for one in told.pop("twins", [])]
            return cls(**told, happened=happened, twins=twins)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise Reconfigure("LS-8202", folder=str(folder), reason=str(error)) from error
