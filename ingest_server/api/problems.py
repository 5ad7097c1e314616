"""Every error of the API as problem+json (RFC 9457) with a stable code, worded from the catalogue.

`type` is `urn:lineside:problem:<code>`, `title` words the HTTP status (catalogue `LS-6<status>`),
`detail` the case at hand. Nothing of a traceback or of the database's own words gets out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ingest_server.api.language import language_of
from runtime import logs, messages
from runtime.errors import LinesideError
from runtime.messages import Language

MEDIA_TYPE: Final = "application/problem+json"

MAX_BODY: Final = 64 * 1024
"""Bytes of a request's body: a few names and reasons, no more."""

_log = logs.get("server.api")


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldProblem:
    """One wrong parameter or field: where it stands, and a code with parameters."""

    at: str
    code: str
    params: Mapping[str, object] = field(default_factory=dict)


class ApiProblem(LinesideError):
    """Something the caller is told; the subclass says the HTTP status."""

    status = 500
    headers: Mapping[str, str] = {}
    errors: Sequence[FieldProblem] = ()


class Unauthorised(ApiProblem):
    """No token, or not ours."""

    status = 401
    headers: Mapping[str, str] = {"WWW-Authenticate": 'Bearer realm="lineside"'}


class NotFound(ApiProblem):
    """What the path names does not exist."""

    status = 404


class Conflict(ApiProblem):
    """It exists, but its state does not allow this."""

    status = 409


class TooLarge(ApiProblem):
    """More than anybody needs to send."""

    status = 413


class Invalid(ApiProblem):
    """The request cannot be understood or asks too much; `errors` name the places."""

    status = 422

    def __init__(self, code: str, *, at: str | None = None, **params: object) -> None:
        super().__init__(code, **params)
        if at is not None:
            self.errors = (FieldProblem(at=at, code=code, params=params),)


class Unavailable(ApiProblem):
    """The same request may succeed later."""

    status = 503
    headers: Mapping[str, str] = {"Retry-After": "5"}


class ProblemError(BaseModel):
    """One place of a request that is wrong."""

    model_config = ConfigDict(extra="forbid")

    at: str = Field(description="Where: `query.from`, `path.order`, `body.reason`.")
    code: str = Field(description="Stable code of the reason.")
    detail: str = Field(description="The reason in the language of Accept-Language.")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="`urn:lineside:problem:` and the code.")
    title: str = Field(description="What kind of error, worded from the status.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What happened and what to do next.")
    code: str = Field(description="Stable code; programs decide by this one.")
    instance: str = Field(description="Path of the request.")
    errors: list[ProblemError] = Field(
        default=[], description="The wrong parameters or fields, where that is the matter."
    )


class Problems:
    """Turns exceptions into answers; `default` is the language of who asks for none of ours."""

    def __init__(self, default: Language) -> None:
        self._default = default

    def language(self, request: Request) -> Language:
        """The language of the answer to `request`."""
        return language_of(request.headers.get("accept-language", ""), self._default)

    def response(
        self,
        request: Request,
        *,
        status: int,
        code: str,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldProblem] = (),
    ) -> Response:
        """The answer to `request` for the problem `code`."""
        lang = self.language(request)
        body: dict[str, Any] = {
            "type": f"urn:lineside:problem:{code}",
            "title": messages.text(f"LS-6{status}", lang=lang),
            "status": status,
            "detail": messages.text(code, lang=lang, **(params or {})),
            "code": code,
            "instance": request.url.path,
            "errors": [
                {
                    "at": error.at,
                    "code": error.code,
                    "detail": messages.text(error.code, lang=lang, **error.params),
                }
                for error in errors
            ],
        }
        return Response(
            orjson.dumps(body),
            status_code=status,
            media_type=MEDIA_TYPE,
            headers={
                **(headers or {}),
                "Content-Language": lang,
                "Vary": "Accept-Language",
                "Cache-Control": "no-store",
            },
        )

    def of(self, request: Request, problem: ApiProblem) -> Response:
        """The answer for one of our own errors."""
        return self.response(
            request,
            status=problem.status,
            code=problem.code,
            params=problem.params,
            headers=problem.headers,
            errors=problem.errors,
        )

    async def on_problem(self, request: Request, error: ApiProblem) -> Response:
        """Handler of ApiProblem."""
        if error.status >= 500:
            _log.warning(error.code, **error.params)
        return self.of(request, error)

    async def on_http(self, request: Request, error: HTTPException) -> Response:
        """Handler of what Starlette raises itself: 404, 405, body limits."""
        status = error.status_code if error.status_code in _CODE_OF_STATUS else 400
        return self.response(
            request,
            status=status,
            code=_CODE_OF_STATUS[status],
            params={"path": request.url.path, "method": request.method, "limit": MAX_BODY},
            headers=error.headers,
        )

    async def on_validation(self, request: Request, error: RequestValidationError) -> Response:
        """Handler of parameters and bodies that do not fit the models."""
        errors = [field_problem(each) for each in error.errors()]
        return self.response(request, status=422, code="LS-6004", errors=errors)

    async def on_defect(self, request: Request, error: Exception) -> Response:
        """Handler of everything unforeseen; the traceback goes to the log only."""
        _log.error("LS-6005", path=request.url.path, method=request.method, exc_info=error)
        return self.response(
            request,
            status=500,
            code="LS-6005",
            params={"path": request.url.path, "method": request.method},
        )


_CODE_OF_STATUS: Final[Mapping[int, str]] = {
    400: "LS-6019",
    404: "LS-6002",
    405: "LS-6003",
    413: "LS-6020",
}

_SIMPLE: Final[Mapping[str, str]] = {
    "missing": "LS-6021",
    "extra_forbidden": "LS-6022",
    "json_invalid": "LS-6027",
}
_BY_BEGIN: Final[tuple[tuple[str, str], ...]] = (
    ("datetime", "LS-6028"),
    ("timezone", "LS-6028"),
    ("int", "LS-6029"),
    ("bool", "LS-6030"),
)
_SIGNS: Final[Mapping[str, str]] = {
    "greater_than": ">",
    "greater_than_equal": ">=",
    "less_than": "<",
    "less_than_equal": "<=",
}


def field_problem(error: Mapping[str, Any]) -> FieldProblem:
    """Pydantic's error as one of our codes, so that it can be worded in both languages.

    A ValueError of a validator of ours carries its code as text.
    """
    code, params = _reason(str(error["type"]), error.get("ctx") or {})
    at = ".".join(str(step) for step in error["loc"])
    return FieldProblem(at=at, code=code, params=params)


def _reason(kind: str, context: Mapping[str, Any]) -> tuple[str, Mapping[str, object]]:
    if kind in _SIMPLE:
        return _SIMPLE[kind], {}
    if kind == "value_error" and str(context.get("error", "")).startswith("LS-"):
        return str(context["error"]), {}
    if kind in _SIGNS:
        return "LS-6023", {"limit": f"{_SIGNS[kind]} {next(iter(context.values()), '')}"}
    if kind.endswith(("too_long", "too_short")):
        name = "max" if kind.endswith("long") else "min"
        return "LS-6024", {"limit": f"{name} {context.get(f'{name}_length', '')}"}
    if kind in ("literal_error", "enum"):
        return "LS-6025", {"expected": context.get("expected", "")}
    if kind == "string_pattern_mismatch":
        return "LS-6026", {"pattern": context.get("pattern", "")}
    for begin, code in _BY_BEGIN:
        if kind.startswith(begin):
            return code, {}
    return "LS-6031", {}
