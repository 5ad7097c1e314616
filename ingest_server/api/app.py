"""Makes the API: routes, the guard in front of them, and every error as problem+json."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ingest_server.api import openapi
from ingest_server.api.auth import BearerGate
from ingest_server.api.database import Database
from ingest_server.api.limits import BodyLimit
from ingest_server.api.ports import HealthSource, LiveValues
from ingest_server.api.problems import MAX_BODY, ApiProblem, Problems
from ingest_server.api.routes import ROUTERS
from ingest_server.api.shape import MAX_SAMPLES, MAX_SHEET_ROWS, Context
from runtime import messages
from runtime.clock import Clock, now_us
from runtime.messages import Language
from runtime.metrics import Metrics

_LARGER = {"/api/v1/edges/config": 1024 * 1024}
"""Bytes: a configuration is longer than a few names, and its escapes double it."""

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


def create_app(
    *,
    dsn: str,
    token: str,
    live: LiveValues,
    health: HealthSource,
    metrics: Metrics | None = None,
    lang: Language | None = None,
    clock: Clock = now_us,
    open_prefixes: tuple[str, ...] = (),
    max_connections: int = 8,
    statement_limit_s: float = 10.0,
    answer_limit_s: float = 20.0,
    most_samples: int = MAX_SAMPLES,
    most_sheet_rows: int = MAX_SHEET_ROWS,
) -> FastAPI:
    """The application; its lifespan opens and closes the connections to the database of `dsn`.

    It starts and answers whether the database is there or not. `token` is the bearer token (not
    empty). `lang` is the language of those who ask for none of ours; default: the locale's.
    `open_prefixes` are paths with a guard of their own, e.g. of a console mounted on the app.
    """
    problems = Problems(lang or messages.detect_language())
    database = Database(
        dsn=dsn,
        max_connections=max_connections,
        statement_limit_s=statement_limit_s,
        answer_limit_s=answer_limit_s,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        async with database:
            yield

    handlers: dict[int | type[Exception], Handler] = {
        ApiProblem: problems.on_problem,
        HTTPException: problems.on_http,
        RequestValidationError: problems.on_validation,
        Exception: problems.on_defect,
    }
    app = FastAPI(
        title=openapi.TITLE,
        summary=openapi.SUMMARY,
        description=openapi.DESCRIPTION,
        version=openapi.VERSION,
        openapi_tags=openapi.TAGS,
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
        openapi_url="/api/v1/openapi.json",
        # Both pages load scripts from elsewhere; a plant's network has no way there.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        exception_handlers=handlers,
    )
    app.state.context = Context(
        database=database,
        live=live,
        health=health,
        problems=problems,
        metrics=metrics,
        clock=clock,
        most_samples=most_samples,
        most_sheet_rows=most_sheet_rows,
    )
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(BodyLimit, most=MAX_BODY, larger=_LARGER, problems=problems)
    # Added last, so it stands in front of all others.
    app.add_middleware(BearerGate, token=token, problems=problems, open_prefixes=open_prefixes)
    openapi.complete(app)
    return app
