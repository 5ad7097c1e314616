"""A `server.yaml` for a server with a database and a broker that are there already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def write_server_file(
    folder: Path, *, dsn: str, host: str, port: int, **more: Mapping[str, object]
) -> Path:
    """Write `server.yaml` into a folder, which is made where it is missing; the file.

    `more`: settings by section; those of `broker` stand beside host and port.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "data_dir": str(folder / "data"),
        "database": {"dsn": dsn},
        **more,
        "broker": {"host": host, "port": port, **more.get("broker", {})},
    }
    file = folder / "server.yaml"
    file.write_text(json.dumps(settings), "utf-8")  # JSON is YAML
    return file
