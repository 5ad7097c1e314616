"""A configuration together with the text it was read from."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from edge_agent.config import EdgeConfig, parse
from runtime.strict_yaml import read


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """One that runs or could."""

    config: EdgeConfig
    text: str
    sha256: str
    """Of the text in UTF-8."""
    version: int | None = None
    """Of a pushed one; None: the edge's own file."""


def sha256_of(text: str) -> str:
    """The hash by which a text is known, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def own(file: Path) -> Configuration:
    """The edge's own file. Raises ConfigError with every problem and its line."""
    text = read(file)
    config = parse(text, str(file), folder=file.parent)
    return Configuration(config=config, text=text, sha256=sha256_of(text))


def other(text: str, version: int | None, *, beside: Configuration, file: Path) -> Configuration:
    """A text that did not come from the edge's file, read as if it stood there.

    `${LINESIDE_PLANT}` and `${LINESIDE_EDGE}` are those of `beside`, the edge's own configuration,
    from which `push` comes, too: one text may serve many edges. Raises ConfigError.
    """
    plant, edge = beside.config.plant, beside.config.edge
    name = file.name if version is None else f"push-{version}.yaml"
    env = {**os.environ, "LINESIDE_PLANT": plant, "LINESIDE_EDGE": edge}
    config = parse(text, name, folder=file.parent, env=env)
    return Configuration(
        config=config.model_copy(update={"push": beside.config.push}),
        text=text,
        sha256=sha256_of(text),
        version=version,
    )
