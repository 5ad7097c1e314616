"""What requests and answers of all topics share: strict models, names, pages, and the context."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.requests import Request

from ingest_server.api.cursors import MAX_CURSOR
from ingest_server.api.database import Database
from ingest_server.api.ports import HealthSource, LiveValues
from ingest_server.api.problems import Invalid, Problem, Problems
from runtime.clock import Clock, to_datetime
from runtime.messages import Language
from runtime.metrics import Metrics

MAX_PAGE: Final = 1_000
MAX_SAMPLES: Final = 2_000_000
"""Samples read for the buckets of one call."""
MAX_SHEET_ROWS: Final = 1_048_575
"""Rows of a sheet of Excel below its headings (Excel specifications and limits)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What handlers work with; one for each app."""

    database: Database
    live: LiveValues
    health: HealthSource
    problems: Problems
    metrics: Metrics | None
    clock: Clock
    most_samples: int
    most_sheet_rows: int

    def now(self) -> datetime:
        """The present, aware."""
        return to_datetime(self.clock())


REPEATABLE: Final = frozenset({"tag"})
"""Parameters that may be given more than once."""


async def _context(request: Request) -> Context:
    """The app's context, once the query says each thing only once.

    Of a repeated parameter one value would be taken and the other ignored without a word.
    """
    given = Counter(name for name, _ in request.query_params.multi_items())
    for name, count in given.items():
        if count > 1 and name not in REPEATABLE:
            raise Invalid("LS-6039", at=f"query.{name}", name=name)
    context: Context = request.app.state.context
    return context


async def _language(request: Request) -> Language:
    return (await _context(request)).problems.language(request)


Ctx = Annotated[Context, Depends(_context)]
Lang = Annotated[Language, Depends(_language)]


def printable(text: str) -> str:
    """The text itself, if it is one line that every part of the system can carry."""
    # Half of a surrogate pair can be written in JSON, but in no UTF-8 database.
    if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 for c in text):
        raise ValueError("LS-6032")
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("LS-6033")
    return text.strip()


Word = Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=300)]
"""A name or number in a request: one line of text."""

Person = Annotated[
    str,
    AfterValidator(printable),
    AfterValidator(_said),
    Field(min_length=1, max_length=100, description="Name of the person who does this."),
]

Reason = Annotated[
    str,
    AfterValidator(printable),
    AfterValidator(_said),
    Field(min_length=1, max_length=500, description="Why; kept for good."),
]


class Query(BaseModel):
    """The parameters of a request; a misspelt one is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class Listing(Query):
    """The parameters of every listing."""

    limit: int = Field(default=100, ge=1, le=MAX_PAGE, description="Most items to give.")
    cursor: str | None = Field(
        default=None,
        max_length=MAX_CURSOR,
        description="`next` of the page before, with all other parameters unchanged.",
    )


class EdgeListing(Listing):
    """The parameters of every listing of what edges are concerned by."""

    plant: Word | None = Field(default=None, description="Only of this plant.")
    edge: Word | None = Field(default=None, description="Only of the edge with this id.")


class Answer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid")


Next = Annotated[
    str | None,
    Field(description="Cursor of the next page; null: this was the last one."),
]


def split(rows: Sequence[dict[str, Any]], limit: int) -> tuple[Sequence[dict[str, Any]], bool]:
    """The page of a query that asked for one row more than `limit`, and if there is more."""
    return rows[:limit], len(rows) > limit


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route for OpenAPI; what every route can answer is added."""
    meaning = {
        400: "The body cannot be read.",
        401: "The token is missing or wrong.",
        404: "It does not exist.",
        409: "Its state does not allow this.",
        413: "The body is too large.",
        422: "The request cannot be understood or asks too much.",
        500: "A defect of the server.",
        503: "The database is away; try again after `Retry-After` seconds.",
    }
    return {
        status: {
            "description": meaning[status],
            "content": {"application/problem+json": {"schema": PROBLEM_REF}},
        }
        for status in sorted({401, 422, 500, 503, *statuses})
    }


PROBLEM_REF: Final = {"$ref": f"#/components/schemas/{Problem.__name__}"}


def like(text: str | None) -> str | None:
    """A pattern for ILIKE that finds `text` anywhere, its own wildcards taken literally."""
    if text is None:
        return None
    literal = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{literal}%"
