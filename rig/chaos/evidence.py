"""What a comparison is made from, as files: so that a process of its own can make it.

Invariant: a folder with evidence says all that judging needs; whoever reads it needs no House.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import orjson

from rig.chaos.story import Story
from runtime.errors import Reconfigure
from runtime.platform import write_private

FILE: Final = "evidence.json"
JUDGED: Final = "judged.json"
_STORY: Final = "story"


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Both sides of a comparison at one moment; times in microseconds since the Unix epoch."""

    run: Path
    """The run's folder."""
    configs: Path
    """The folder of the plan."""
    ports: Mapping[str, str]
    """The ports of the simulated PLCs, by variable."""
    story: Story
    buffers: tuple[Path, ...]
    dsn: str
    snapshot: str | None
    """A snapshot of the database that somebody holds; None: as it is."""
    durable_until_us: int
    """What devices handed out until then is on the edges' disks, or was lost."""
    at_us: int
    """When it was taken; what has no end yet is taken to end then."""

    def save(self, folder: Path) -> None:
        """Write it into a folder, the story beside it."""
        told = {key: value for key, value in asdict(self).items() if key != _STORY}
        text = orjson.dumps(told, option=orjson.OPT_INDENT_2, default=str)
        self.story.save(folder)
        write_private(folder / FILE, text)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The evidence of a folder. Raises Reconfigure (LS-8202) where there is none."""
        story = Story.load(folder)
        try:
            told: dict[str, Any] = orjson.loads((folder / FILE).read_bytes())
            run, configs = Path(told.pop("run")), Path(told.pop("configs"))
            buffers = tuple(Path(buffer) for buffer in told.pop("buffers"))
            return cls(run=run, configs=configs, story=story, buffers=buffers, **told)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise Reconfigure("LS-8202", folder=str(folder), reason=str(error)) from error
