"""The buffer's SQL by name, read from the `.sql` files beside it."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- (\w+) --$", re.MULTILINE)


@cache
def named() -> dict[str, str]:
    """Every statement of `queries.sql` by the name above it."""
    parts = _NAME.split(_text("queries.sql"))
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def schema() -> str:
    """The script that makes an empty buffer."""
    return _text("schema.sql")


def added() -> str:
    """The script that brings a buffer of an earlier release up to date; it may run again."""
    return _text("added.sql")


def _text(name: str) -> str:
    return (files("edge_agent.buffer") / "sql" / name).read_text("utf-8")
