"""The routes into which keyboard scanners type: `/scan`, `/scan/{device}`, `/scan.js`.

Only this agent's own page may send: the server listens on loopback, answers to this computer's
names alone, and a scan needs the page's origin and its token, which no other site can read.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Final
from urllib.parse import parse_qs
from uuid import UUID, uuid4

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from drivers.base import DeviceConfig
from edge_agent.collect.typed import Outcome, TypedTexts
from edge_agent.page.scan_html import Said, render, said
from runtime.messages import Language, text

_MOST_BODY: Final = 16 * 1024
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Scans:
    """The routes; `devices` gives the devices that are typed, as they are now."""

    def __init__(
        self,
        typed: TypedTexts,
        devices: Callable[[], Sequence[DeviceConfig]],
        language: Callable[[Request], Language],
    ) -> None:
        self._typed = typed
        self._devices = devices
        self._language = language
        self._token = secrets.token_urlsafe(24)

    @property
    def routes(self) -> list[Route]:
        """What to add to an application."""
        return [
            Route("/scan", self._first),
            Route("/scan.js", self._script),
            Route("/scan/{device}", self._show, methods=["GET"]),
            Route("/scan/{device}", self._take, methods=["POST"]),
        ]

    async def _first(self, _request: Request) -> Response:
        devices = self._devices()
        if not devices:
            return Response(status_code=404, headers=_HEADERS)
        return RedirectResponse(f"/scan/{devices[0].id}", status_code=303, headers=_HEADERS)

    async def _script(self, _request: Request) -> Response:
        script = (files("edge_agent.page") / "scan.js").read_bytes()
        return Response(script, media_type="text/javascript", headers=_HEADERS)

    async def _show(self, request: Request) -> Response:
        if request.path_params["device"] not in {one.id for one in self._devices()}:
            return Response(status_code=404, headers=_HEADERS)
        return self._page(request, None, scan_id=uuid4().hex)

    async def _take(self, request: Request) -> Response:
        if request.headers.get("origin") != f"http://{request.headers.get('host', '')}":
            return self._refused(request, "LS-4872", status=403)
        fields = await _fields(request)
        try:
            receipt = UUID(hex=fields["id"])
            sent, token = fields["text"].strip("\r\n"), fields["token"]
        except (KeyError, ValueError):
            return self._refused(request, "LS-4873", status=400)
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            # Of an earlier run of the agent: the page gets the new token and sends again.
            stale = Said(text=sent, code="LS-4871", good=False, again=True)
            return self._answer(request, stale, receipt, status=409)
        device = request.path_params["device"]
        if device not in {one.id for one in self._devices()}:
            return self._answer(request, said(sent, Outcome.NO_DEVICE), receipt, status=404)
        outcome = await self._typed.take(device, sent, receipt, now_s=time.monotonic())
        status = 503 if outcome.again else 200
        return self._answer(request, said(sent, outcome), receipt, status=status)

    def _answer(self, request: Request, shown: Said, receipt: UUID, *, status: int) -> Response:
        if not _wants_json(request):
            scan_id = receipt.hex if shown.again else uuid4().hex
            return self._page(request, shown, scan_id=scan_id, status=status)
        told = {
            "code": shown.code,
            "message": text(shown.code, lang=self._language(request)),
            "good": shown.good,
            "again": shown.again,
            "token": self._token,
        }
        return JSONResponse(told, status_code=status, headers=_HEADERS)

    def _refused(self, request: Request, code: str, *, status: int) -> Response:
        """Without the token: whoever asks may not be our page."""
        message = text(code, lang=self._language(request))
        told = {"code": code, "message": message, "good": False, "again": False}
        return JSONResponse(told, status_code=status, headers=_HEADERS)

    def _page(
        self, request: Request, shown: Said | None, *, scan_id: str, status: int = 200
    ) -> Response:
        page = render(
            [(one.id, one.name) for one in self._devices()],
            request.path_params["device"],
            token=self._token,
            scan_id=scan_id,
            shown=shown,
            lang=self._language(request),
        )
        return HTMLResponse(page, status_code=status, headers=_HEADERS)


def _wants_json(request: Request) -> bool:
    return "application/json" in request.headers.get("accept", "")


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a form; none where it is too long or no form."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BODY:
            return {}
    try:
        found = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=8, errors="strict")
    except ValueError:
        return {}
    return {name: values[0] for name, values in found.items()}
