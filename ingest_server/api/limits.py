"""Bounds the body of a request before anything reads it into memory."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest_server.api.problems import Problems, TooLarge


class BodyLimit:
    """ASGI middleware: a body of more than `most` bytes, declared or sent, gets a 413.

    `larger`: bounds of their own for some paths.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        most: int,
        problems: Problems,
        larger: Mapping[str, int] | None = None,
    ) -> None:
        self._app = app
        self._most = most
        self._larger = larger or {}
        self._problems = problems

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._larger.get(str(scope["path"]), self._most)
        declared = next((v for name, v in scope["headers"] if name == b"content-length"), b"0")
        # The server in front of us takes digits only, and counts what is sent against them.
        if int(declared) > most:
            request = Request(scope, receive)
            response = self._problems.of(request, TooLarge("LS-6020", limit=most))
            await response(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)
