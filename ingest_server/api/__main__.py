"""Writes the OpenAPI document: `python -m ingest_server.api [file]`, else docs/openapi.json."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from ingest_server.api.app import create_app
from ingest_server.api.ports import BacklogHealth, BrokerHealth, LiveValue


class _Nobody:
    """No live values, nothing connected: enough to describe the routes."""

    def latest(self, tag_ids: Sequence[int]) -> Mapping[int, LiveValue]:
        del tag_ids
        return {}

    def broker(self) -> BrokerHealth:
        return BrokerHealth(state="not_here")

    def backlog(self) -> BacklogHealth:
        return BacklogHealth(state="not_here")


def rendered() -> bytes:
    """The document as it is committed: JSON with two blanks of indentation, a line end."""
    nobody = _Nobody()
    app = create_app(dsn="", token="described", live=nobody, health=nobody, lang="en")  # noqa: S106
    return orjson.dumps(app.openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def main(arguments: Sequence[str]) -> None:
    """Write the document to the file named, or to `docs/openapi.json`."""
    target = Path(arguments[0]) if arguments else Path("docs/openapi.json")
    target.write_bytes(rendered())


if __name__ == "__main__":
    main(sys.argv[1:])
