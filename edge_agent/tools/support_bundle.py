"""`lineside-edge support-bundle`: one file with what a supporter asks for, and no secret in it.

It holds the configuration as understood, pushed ones likewise, the agent's status, versions,
figures of the buffer, and logs. Samples are never in it; configurations are written from their
model, in which secrets are `***`, not copied from their text, in which they may stand.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import platform
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml
from pydantic import BaseModel

from edge_agent.config import EdgeConfig, load
from edge_agent.configure import kept
from edge_agent.configure.text import other, own
from edge_agent.tools.ask import ask
from edge_agent.tools.say import say
from runtime import messages
from runtime.clock import now_us, to_datetime
from runtime.errors import LinesideError
from runtime.platform import free_bytes, write_private
from runtime.problems import ConfigError
from runtime.secret import Secret

MOST_LOG: Final = 20 * 1024 * 1024
"""Bytes taken from the end of each log."""
_LIBRARIES: Final = (
    "lineside", "aiosqlite", "asyncua", "cryptography", "numpy", "orjson", "paho-mqtt", "pydantic",
    "pymodbus", "pyserial", "starlette", "uvicorn", "zstandard",
)  # fmt: skip
_TELLING: Final = re.compile(
    r"""(?i)(["']?\b\w*(?:password|passwd|secret|token)\w*["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;}]+)"""
)
_HIDDEN: Final = "***"


def gather(file: Path, logs: Sequence[Path], *, at_us: int) -> dict[str, str]:
    """The bundle's files by name."""
    found: dict[str, str] = {"versions.json": _json(_versions(at_us))}
    config: EdgeConfig | None = None
    try:
        config = load(file)
    except ConfigError as error:
        # Where and which rule, not the values: a secret may stand in the wrong place.
        lines = [
            f"{one.file}:{one.line}:{one.column} {one.field} {one.code}" for one in error.problems
        ]
        found["configuration-problems.txt"] = "\n".join(lines) + "\n"
    secrets: list[str] = []
    if config is not None:
        pushed = _pushed(file)
        known = {one.reveal() for one in secrets_in([config, *pushed])}
        secrets = sorted(known - {""}, key=len, reverse=True)
        found["edge.yaml"] = _yaml(config)
        for number, one in enumerate(pushed, 1):
            found[f"pushed-{number}.yaml"] = _yaml(one)
        found["pushed.json"] = _json(_or_error(lambda: _about_pushed(config.data_dir)))
        found["status.json"] = _json(_or_error(lambda: ask(config)))
        found["buffer.json"] = _json(_or_error(lambda: _buffer(config)))
    for number, log in enumerate(logs, 1):
        found[f"logs/{number}-{log.name}"] = _TELLING.sub(rf"\g<1>{_HIDDEN}", _tail(log))
    return {name: scrubbed(text, secrets) for name, text in found.items()}


def _yaml(config: EdgeConfig) -> str:
    dumped = config.model_dump(mode="json", by_alias=True)
    return yaml.safe_dump(dumped, allow_unicode=True, sort_keys=False)


def _pushed(file: Path) -> list[EdgeConfig]:
    """The pushed configurations that are remembered, as far as they can be read."""
    try:
        here = own(file)
        remembered = kept.load(here.config.data_dir)
        texts = [remembered.current, None if remembered.trial is None else remembered.trial.pushed]
        return [
            other(one.text, one.version, beside=here, file=file).config
            for one in texts
            if one is not None
        ]
    except (ConfigError, kept.Unreadable):
        return []  # `pushed.json` says what is remembered


def _about_pushed(folder: Path) -> dict[str, Any]:
    """What is remembered of pushed configurations; no text, nor what may quote one."""
    try:
        remembered = kept.load(folder)
    except kept.Unreadable as error:
        return {"error": str(error)}
    return remembered.model_dump(
        mode="json",
        exclude={
            "current": {"text"},
            "trial": {"pushed": {"text"}, "before": {"text"}},
            "answers": {"__all__": {"reason"}},
        },
    )


def secrets_in(value: object) -> Iterator[Secret]:
    """Every secret of a configuration."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        yield from secrets_in(tuple(value.values()))
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for one in value:
            yield from secrets_in(one)


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """The text without these secrets, as they are and as JSON has them."""
    for secret in secrets:
        for way in {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}:
            text = text.replace(way, _HIDDEN)
    return text


def _buffer(config: EdgeConfig) -> dict[str, Any]:
    from edge_agent.app import BUFFER
    from edge_agent.tools import stopped

    path = config.data_dir / BUFFER
    found: dict[str, Any] = {
        "file": str(path),
        "free_bytes": free_bytes(path),
        "files": {one.name: one.stat().st_size for one in sorted(path.parent.glob(f"{BUFFER}*"))},
    }
    try:
        with stopped.opened(path) as db:
            found["streams"] = stopped.streams(db)
    except LinesideError as error:
        # A running agent holds the file: status.json has its figures.
        found["error"] = messages.describe(error)
    return found


def _versions(at_us: int) -> dict[str, Any]:
    libraries: dict[str, str | None] = {}
    for name in _LIBRARIES:
        try:
            libraries[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            libraries[name] = None
    return {
        "made_at": to_datetime(at_us).isoformat(),
        "python": sys.version,
        "system": platform.platform(),
        "machine": platform.machine(),
        "libraries": libraries,
    }


def _or_error(work: Any) -> Any:
    try:
        return work()
    except LinesideError as error:
        return {"error": messages.describe(error)}


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(max(0, size - MOST_LOG))
            return file.read().decode("utf-8", "replace")
    except OSError as error:
        return messages.text("LS-4741", lang=None, file=str(log), reason=error.strerror)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"


def command(
    file: Annotated[Path, typer.Argument(help="The edge's configuration, a YAML file.")],
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("bundle.zip"),
    log: Annotated[
        list[Path] | None, typer.Option(help="A log file to put in; may be given several times.")
    ] = None,
) -> None:
    """Put what a supporter asks for into one file: no secrets, no samples."""
    at_us = now_us()
    found = gather(file, log or [], at_us=at_us)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in found.items():
            bundle.writestr(name, text)
    write_private(out, packed.getvalue())
    say("LS-4740", file=str(out), names=", ".join(found))
