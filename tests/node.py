"""Servers that tests run with node: what they need is fetched with npm once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from tests import parts

_TESTS = Path(__file__).resolve().parent
_LIMIT_S = 80.0


def packages(part: str) -> Path:
    """The folder node_modules of tests/<part>/package-lock.json, installed if it is not yet.

    It lies in the user's cache, outside of the checkout, under the lock's hash.
    """
    lock = (_TESTS / part / "package-lock.json").read_bytes()
    default = Path.home() / ".cache"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or default) / "lineside-tests"
    folder = cache / f"{part}-{hashlib.sha256(lock).hexdigest()[:16]}"
    turn = folder.with_suffix(".lock")
    cache.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + 2 * _LIMIT_S
    while not folder.is_dir():
        try:
            turn.mkdir()
        except FileExistsError:
            # Another test process installs; one that was killed leaves its turn behind.
            if time.monotonic() > end or _age_s(turn) > 2 * _LIMIT_S:
                shutil.rmtree(turn, ignore_errors=True)
            time.sleep(0.2)
            continue
        try:
            _install(part, folder, cache)
        finally:
            turn.rmdir()
    return folder / "node_modules"


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _install(name: str, folder: Path, cache: Path) -> None:
    if folder.is_dir():
        return
    part = Path(tempfile.mkdtemp(dir=cache))
    try:
        for file in ("package.json", "package-lock.json"):
            shutil.copy(_TESTS / name / file, part)
        command = [str(shutil.which("npm")), "ci", "--omit=optional", "--ignore-scripts"]
        try:
            subprocess.run(
                [*command, "--no-audit", "--no-fund"],
                cwd=part,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_LIMIT_S,
                check=True,
            )
        except subprocess.SubprocessError as error:
            # Where they need not be there, neither need a registry that has them.
            tell = pytest.fail if name in parts.required() else pytest.skip
            said = (getattr(error, "stderr", None) or b"")[-500:].decode(errors="replace")
            tell(f"no registry of npm gave the packages of tests/{name}: {error}\n{said}")
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def pglite() -> Iterator[str]:
    """DSN of a TimescaleDB in WebAssembly: one database, one session for all connections."""
    process = subprocess.Popen(
        [str(shutil.which("node")), str(_TESTS / "pglite" / "server.js")],
        env={**os.environ, "NODE_PATH": str(packages("pglite")), "NODE_NO_WARNINGS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline() or '{"failed": "it ended at once"}')
        assert "ready" in said, f"tests/pglite/server.js: {said['failed']}"
        yield f"postgresql://postgres@127.0.0.1:{said['ready']['port']}/postgres"
        # It speaks again only if it breaks, which is not the fault of the test that saw it first.
        assert process.poll() is None, f"it ended: {process.stdout.read().decode()}"
    finally:
        process.kill()
        process.communicate()


class NodeServer:
    """A script below tests/ in a process of its own; `ready` is what it said when it was."""

    def __init__(self, script: str, modules: Path, **told: Any) -> None:
        self._command = ["node", str(_TESTS / script), json.dumps(told)]
        self._environment = {**os.environ, "NODE_PATH": str(modules), "NODE_NO_WARNINGS": "1"}
        self.ready: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            self.ready = (await self._said("ready"))["ready"]
        except BaseException:
            await self.kill()
            raise

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()

    async def tell(self, **what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        await self._process.stdin.drain()

    async def log(self) -> dict[str, int]:
        """What was requested so far, by kind."""
        await self.tell(log=True)
        found: dict[str, int] = (await self._said("log"))["log"]
        return found

    async def _said(self, what: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            # The libraries print warnings in between.
            while line := await self._process.stdout.readline():
                if line.startswith(b"{"):
                    said: dict[str, Any] = json.loads(line)
                    assert "failed" not in said, said["failed"]
                    if what in said:
                        return said
        raise AssertionError(f"the server ended without saying {what}")
