"""Who may ask: every path needs the bearer token, but those that say only whether we are well.

It stands in front of routing, so a caller without the token does not learn which paths exist, and
no route can forget it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from ingest_server.api.problems import Problems, Unauthorised

OPEN_PATHS: Final = frozenset({"/healthz", "/readyz", "/api/v1/health"})


PAGE: Final = "/docs"
"""The one page for browsers. It changes nothing, so a password that a browser remembers and sends
by itself (RFC 7617) can do no harm here; elsewhere only the bearer token counts."""


class BearerGate:
    """ASGI middleware: lets a request through with `Authorization: Bearer <token>` (RFC 6750).

    `open_prefixes`: paths below these have a guard of their own (the console's session).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        problems: Problems,
        open_prefixes: tuple[str, ...] = (),
    ) -> None:
        self._app = app
        self._token = token.encode()
        self._problems = problems
        self._open_prefixes = open_prefixes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._may_pass(scope):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        request = Request(scope, receive)
        response = self._problems.of(request, Unauthorised("LS-6001"))
        if scope["path"] == PAGE:
            # What a browser asks a person for: any name, and the token as the password.
            response.headers.append("WWW-Authenticate", 'Basic realm="lineside", charset="UTF-8"')
        await response(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        path = str(scope["path"])
        if path in OPEN_PATHS or any(path.startswith(prefix) for prefix in self._open_prefixes):
            return True
        given = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                scheme, _, rest = value.partition(b" ")
                given = rest.strip() if scheme.lower() == b"bearer" else b""
                if path == PAGE and scheme.lower() == b"basic":
                    given = _password(rest)
        # compare_digest alone would tell an empty token from a wrong one, not more.
        return bool(self._token) and hmac.compare_digest(given, self._token)


def _password(credentials: bytes) -> bytes:
    """The password of Basic credentials; empty where they are none."""
    try:
        return base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
    except binascii.Error:
        return b""
