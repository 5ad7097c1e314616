"""What is remembered of pushed configurations, in one file beside the buffer: one atomic write.

The file is readable by its owner alone: a configuration may hold secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runtime.errors import RetryLater
from runtime.platform import write_private
from wire.control import CommandAck

FILE: Final = "configuration.json"
MOST_ANSWERS: Final = 50


class _Kept(BaseModel):
    # A later release may have written more.
    model_config = ConfigDict(extra="ignore", frozen=True)


class Pushed(_Kept):
    """A configuration as it came."""

    version: int = Field(description="Rises with each push.")
    sha256: str = Field(description="Hash of the text.")
    text: str = Field(description="The YAML.")
    own_sha256: str = Field(
        description="Hash of the edge's own file when this came: once that changed, it counts."
    )


class Before(_Kept):
    """What ran before a trial, and comes back if it fails."""

    version: int | None = Field(description="Of a pushed configuration; null: the edge's file.")
    sha256: str = Field(description="Hash of the text.")
    text: str = Field(description="The YAML.")


class Trial(_Kept):
    """A pushed configuration that has to prove itself."""

    pushed: Pushed = Field(description="The configuration on trial.")
    before: Before = Field(description="What ran before.")
    up: frozenset[str] = Field(description="Devices that answered before.")
    live: bool = Field(description="The agent runs with it; cleared when it stops in order.")
    crashes: int = Field(description="How often the agent ended otherwise.")


class Kept(_Kept):
    """The content of the file."""

    current: Pushed | None = Field(default=None, description="What runs instead of the own file.")
    trial: Trial | None = Field(default=None, description="What is on trial.")
    highest: int = Field(default=0, description="The newest version that was answered.")
    answers: Mapping[int, CommandAck] = Field(default={}, description="The newest answers.")

    def answered(self, answer: CommandAck) -> Self:
        """With the answer to a version, which thereby is no longer on trial."""
        version = answer.version or 0
        answers = sorted({**self.answers, version: answer}.items())[-MOST_ANSWERS:]
        return self.model_copy(
            update={
                "trial": None,
                "highest": max(self.highest, version),
                "answers": dict(answers),
            }
        )


class Unreadable(Exception):
    """The file does not hold what it should; the text says why."""


def load(folder: Path) -> Kept:
    """What is remembered in `folder`; nothing where there is no file. Raises Unreadable."""
    try:
        return Kept.model_validate_json((folder / FILE).read_bytes())
    except FileNotFoundError:
        return Kept()
    except ValidationError as error:
        first = error.errors()[0]
        raise Unreadable(f"{'.'.join(map(str, first['loc']))} {first['msg']}") from error
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error


def save(folder: Path, kept: Kept) -> None:
    """Make it durable. Raises RetryLater (LS-4955)."""
    try:
        write_private(folder / FILE, kept.model_dump_json().encode())
    except OSError as error:
        reason = error.strerror or str(error)
        raise RetryLater("LS-4955", file=str(folder / FILE), reason=reason) from error


def set_aside(folder: Path) -> Path:
    """Keep an unreadable file under another name, for whoever looks into it."""
    aside = folder / f"{FILE}.unreadable"
    (folder / FILE).replace(aside)
    return aside
