"""The agent's own page on loopback; what is typed there goes to the stream, never to a PLC.

`/` for people, `/scan` for scanners that are keyboards, `/status.json` and `/metrics` for programs,
`/healthz` for whoever restarts it, `/readyz` for whoever waits until all of it works.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from edge_agent.page.facts import Facts
from edge_agent.page.html import render
from edge_agent.page.scans import Scans
from runtime import logs
from runtime.errors import RetryLater
from runtime.listen import tcp_socket
from runtime.messages import Language, detect_language
from runtime.metrics import CONTENT_TYPE
from runtime.platform import write_private

_log = logs.get("edge.page")

PORT_FILE: Final = "page.port"
HOST: Final = "127.0.0.1"
_STUCK_S: Final = 30.0
_CLOSE_S: Final = 3.0
_MOST_WAITING: Final = 128
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


class Page:
    """Serves the facts; `run` is its task."""

    def __init__(self, facts: Facts, *, port: int, folder: Path) -> None:
        self._facts = facts
        self._port = port
        self._folder = folder
        self._scans = Scans(facts.typed, facts.typed_devices, _language)

    async def run(self) -> None:
        """Serve until cancelled. Raises RetryLater (LS-4501) where the port is taken."""
        listener = tcp_socket()
        with contextlib.closing(listener):
            try:
                listener.bind((HOST, self._port))
                listener.listen()  # whoever finds the port in the file can connect
            except OSError as error:
                raise RetryLater(
                    "LS-4501", port=self._port, reason=error.strerror or str(error)
                ) from error
            # Who finds the file finds the whole port in it, and somebody listening.
            listener.listen(_MOST_WAITING)
            port = listener.getsockname()[1]
            file = self._folder / PORT_FILE
            await asyncio.to_thread(write_private, file, f"{port}\n".encode("ascii"))
            _log.info("page", url=f"http://{HOST}:{port}/")
            server = _Server(
                uvicorn.Config(
                    self.application(), log_config=None, access_log=False, lifespan="off",
                    timeout_graceful_shutdown=1, server_header=False,
                )
            )  # fmt: skip
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                await asyncio.shield(serving)
            finally:
                # Cancelled half-way, it would leave a closed socket in the loop.
                server.should_exit = True
                await asyncio.wait([serving], timeout=_CLOSE_S)
                await asyncio.to_thread(file.unlink, missing_ok=True)

    def application(self) -> Starlette:
        """The routes; only for this computer's own names, whatever a browser is told."""
        return Starlette(
            routes=[
                Route("/", self._people),
                Route("/status.json", self._status),
                Route("/values.json", self._values),
                Route("/metrics", self._metrics),
                Route("/healthz", self._health),
                *self._scans.routes,
                Route("/readyz", self._ready),
            ],
            middleware=[
                Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
            ],
        )

    async def _people(self, request: Request) -> Response:
        lang = _language(request)
        status, values = await self._facts.status(lang), self._facts.values()
        return HTMLResponse(render(status, values, lang), headers=_HEADERS)

    async def _status(self, request: Request) -> Response:
        return JSONResponse(await self._facts.status(_language(request)), headers=_HEADERS)

    async def _values(self, _request: Request) -> Response:
        return JSONResponse(self._facts.values(), headers=_HEADERS)

    async def _metrics(self, _request: Request) -> Response:
        return Response(self._facts.metrics.render(), media_type=CONTENT_TYPE, headers=_HEADERS)

    async def _health(self, _request: Request) -> Response:
        """200 while what is collected reaches the disk; neither PLC nor broker count here."""
        since_us = self._facts.writer.blocked_since_us
        stuck = since_us is not None and self._facts.clock() - since_us > _STUCK_S * 1e6
        return JSONResponse({"ok": not stuck}, status_code=503 if stuck else 200, headers=_HEADERS)

    async def _ready(self, _request: Request) -> Response:
        """200 while everything works from the PLCs to the server; else what does not, by name."""
        facts = self._facts
        found: dict[str, bool] = {
            "buffer": facts.writer.blocked_since_us is None,
            "broker": facts.session.connected,
            "server": facts.session.heard_us > 0,
            "devices": all(one.state == "up" for one in facts.collectors),
        }
        ready = all(found.values())
        return JSONResponse(
            {"ok": ready, **found}, status_code=200 if ready else 503, headers=_HEADERS
        )


class _Server(uvicorn.Server):
    """Leaves the signals to the program."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _language(request: Request) -> Language:
    wanted = request.query_params.get("lang") or request.headers.get("accept-language", "")
    if not wanted:
        return detect_language()
    return "zh" if wanted.lower().startswith("zh") else "en"
