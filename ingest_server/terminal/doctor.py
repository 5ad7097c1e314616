"""`lineside-server doctor`: looks at all that a server needs, tells what is well and what is not.

Changes nothing: no schema is made, nothing is acknowledged, a running server goes on undisturbed.
"""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import orjson
import typer

from ingest_server import parts
from ingest_server.config import ServerConfig
from ingest_server.terminal.shown import AsJson, File
from runtime import messages, platform, strict_yaml
from runtime.cli import FAILED
from runtime.errors import LinesideError

if TYPE_CHECKING:
    from ingest_server.usecases.checkup import Finding
    from runtime.broker import BrokerAddress

_LIMIT_S: Final = 5.0
_MARKS: Final = {"ok": "LS-5740", "look": "LS-5741", "bad": "LS-5742"}


def command(file: File, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Look at database, broker, folder and edges, and tell what is well and what to do."""
    config = strict_yaml.load(file, ServerConfig)

    async def work() -> list[Finding]:
        return [finding async for finding in findings(config)]

    found = asyncio.run(work())
    if as_json:
        typer.echo(orjson.dumps([_as_json(one) for one in found]).decode())
    else:
        for one in found:
            mark = messages.text(_MARKS[one.level])
            typer.echo(f"{mark}  {messages.text(one.code, lang=None, **one.params)}")
        counts = {level: sum(one.level == level for one in found) for level in ("look", "bad")}
        typer.echo(messages.text("LS-5743", lang=None, **counts))
    if any(one.level == "bad" for one in found):
        raise typer.Exit(FAILED)


def _as_json(finding: Finding) -> dict[str, object]:
    said = messages.text(finding.code, lang=None, **finding.params)
    return {"level": finding.level, "code": finding.code, "text": said}


async def findings(config: ServerConfig) -> AsyncIterator[Finding]:
    """One after the other, each as soon as it is known."""
    for finding in await asyncio.to_thread(lambda: list(_folder(config.data_dir))):
        yield finding
    for finding in await _database(config):
        yield finding
    for finding in await _broker(config):
        yield finding
    yield await asyncio.to_thread(_api, config)


def _folder(folder: Path) -> Iterator[Finding]:
    from ingest_server.usecases.checkup import Finding, of_folder

    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    yield of_folder(str(folder), platform.free_bytes(there))
    probe = there / f".lineside-doctor-{uuid4().hex}"
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        params = {"folder": str(folder), "reason": error.strerror or str(error)}
        yield Finding(level="bad", code="LS-5732", params=params)


async def _database(config: ServerConfig) -> list[Finding]:
    from ingest_server.store import checkup as store
    from ingest_server.usecases.checkup import Finding, of_database

    if config.database == "embedded" and not (config.data_dir / "postgres").exists():
        return [Finding(level="look", code="LS-5712")]
    try:
        async with parts.database(config) as dsn:
            facts = await asyncio.to_thread(store.look, dsn)
    except LinesideError as error:
        return [Finding(level="bad", code=error.code, params=error.params)]
    return list(of_database(facts, now=datetime.now(UTC)))


async def _broker(config: ServerConfig) -> list[Finding]:
    from ingest_server.usecases.checkup import Finding
    from runtime.broker import BrokerAddress

    if config.broker != "embedded":
        return [await _node(node) for node in config.broker.address().nodes()]
    port = parts.port_of_broker(config)
    if port is None:
        return [Finding(level="look", code="LS-5715")]
    return [await _node(BrokerAddress(host="127.0.0.1", port=port))]


async def _node(address: BrokerAddress) -> Finding:
    """Log in under a name of our own and listen for statuses, so that a server goes on."""
    from ingest_server.usecases.checkup import Finding
    from runtime.mqtt import Connection
    from wire.topics import up_filter

    began_s = time.perf_counter()
    try:
        name = f"lineside-server-doctor-{uuid4().hex[:6]}"
        async with asyncio.timeout(4 * _LIMIT_S), Connection(address, client_id=name) as connection:
            await connection.subscribe(up_filter("status"))
    except TimeoutError:
        params = {"broker": str(address), "limit_s": f"{4 * _LIMIT_S:g}"}
        return Finding(level="bad", code="LS-5714", params=params)
    except LinesideError as error:
        return Finding(level="bad", code=error.code, params=error.params)
    took_ms = f"{(time.perf_counter() - began_s) * 1000:.1f}"
    return Finding(level="ok", code="LS-5713", params={"broker": str(address), "ms": took_ms})


def _api(config: ServerConfig) -> Finding:
    from ingest_server.usecases.checkup import Finding

    file = config.data_dir / "api.port"
    try:
        port = int(file.read_text("ascii"))
    except (OSError, ValueError):
        return Finding(level="look", code="LS-5718", params={"file": str(file)})
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.api.host, config.api.host)  # noqa: S104
    asked = http.client.HTTPConnection(host, port, timeout=_LIMIT_S)
    where = f"{host}:{port}"
    try:
        asked.request("GET", "/api/v1/health")
        told = orjson.loads(asked.getresponse().read())
        state = str(told["state"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        params = {"where": where, "reason": messages.describe(error)}
        return Finding(level="look", code="LS-5719", params=params)
    finally:
        asked.close()
    if state == "ok":
        return Finding(level="ok", code="LS-5716", params={"where": where})
    parts_of_it = ("broker", "database", "backlog", "figures")
    bad = [name for name in parts_of_it if told[name]["state"] not in ("ok", "not_here")]
    return Finding(level="bad", code="LS-5717", params={"where": where, "parts": ", ".join(bad)})
