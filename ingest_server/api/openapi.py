"""The OpenAPI document: what FastAPI derives, completed with the token and our problems.

`python -m ingest_server.api` writes it to `docs/openapi.json`; a test fails when that file is not
what the code says.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ingest_server.api.auth import OPEN_PATHS
from ingest_server.api.problems import Problem, ProblemError

TITLE: Final = "Lineside"
SUMMARY: Final = "Machine data, order progress and alarms of the plants."
VERSION: Final = "1"
DESCRIPTION: Final = """\
Every request but `/healthz`, `/readyz` and `/api/v1/health` needs `Authorization: Bearer <token>`.

- **Errors** are `application/problem+json` (RFC 9457): decide by `code`; `detail` is worded in the
  language of `Accept-Language` (`zh` or `en`).
- **Times** are ISO 8601. In requests they need a zone; answers give them in the plant's own zone.
- **Integers** beyond 2^53 - 1 are texts, so that no JSON reader rounds them.
- **Values** of bad quality are null, never 0.
- **Complete to** says up to when everything is stored or stands among the gaps.
- **Listings** give `next`; hand it back as `cursor` with the other parameters unchanged. Null: that
  was all.
"""
TAGS: Final[list[dict[str, Any]]] = [
    {"name": "health", "description": "Whether the server is well."},
    {"name": "edges", "description": "The agents at the lines and the state of their data."},
    {"name": "tags", "description": "What is measured, and its newest values."},
    {"name": "readings", "description": "History."},
    {"name": "orders", "description": "How far each work order is, and why that figure."},
    {"name": "alarms", "description": "Which equipment needs somebody now, and what was."},
    {"name": "gaps and notices", "description": "What is missing, refused or to be told."},
]


def complete(app: FastAPI) -> None:
    """Make `app.openapi` give the complete document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        license_info=app.license_info,
    )
    components = found.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for model in (ProblemError, Problem):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token that the server made at its first start.",
        }
    }
    for path, operations in found["paths"].items():
        for operation in operations.values():
            if path in OPEN_PATHS:
                continue
            operation["security"] = [{"token": []}]
    found["components"]["schemas"] = dict(sorted(schemas.items()))
    return found
