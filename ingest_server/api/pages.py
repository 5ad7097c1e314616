"""Listings, page by page: a query of the store, and the sort key of the last row as the cursor.

A query takes its filters, the key to go on after (null or empty: from the first row) and `limit`.
One row more is asked than is given: that one says whether there is another page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingest_server.api import cursors
from ingest_server.api.database import Connection
from ingest_server.api.problems import Invalid
from ingest_server.api.shape import Listing, Query
from ingest_server.store import reads


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """One column of a listing's sort order."""

    column: str
    """Its name in the rows."""
    param: str
    """The query's parameter that takes it."""
    kind: type[cursors.Part]
    first: Any = None
    """What the parameter is on the first page."""
    fits: Callable[[Any], bool] | None = None
    """Whether a cursor may carry this value; default: any of its type."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some rows, and where the next ones begin."""

    rows: Sequence[dict[str, Any]]
    next: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Paged:
    """A listing: which query gives its rows, in which order."""

    name: str
    """In its cursors, so that one of another listing is refused."""
    topic: str
    query: str
    order: tuple[Key, ...]

    async def page(self, connection: Connection, listing: Listing, /, **filters: Any) -> Page:
        """The page that `listing` asks for. Raises Invalid for a cursor that is not ours."""
        after: Sequence[Any] = [key.first for key in self.order]
        if listing.cursor is not None:
            after = cursors.decode(listing.cursor, self.name, *(key.kind for key in self.order))
            if not all(_fits(key, value) for key, value in zip(self.order, after, strict=True)):
                raise Invalid("LS-6013", at="query.cursor")
        found = await reads.rows(
            connection,
            self.topic,
            self.query,
            **filters,
            **{key.param: value for key, value in zip(self.order, after, strict=True)},
            limit=listing.limit + 1,
        )
        rows = found[: listing.limit]
        if len(found) <= listing.limit:
            return Page(rows=rows, next=None)
        last = (rows[-1][key.column] for key in self.order)
        return Page(rows=rows, next=cursors.encode(self.name, *last))


def newest_first(topic: str, query: str, *, at: str, number: str, name: str) -> Paged:
    """A listing in descending order of the columns `at`, a time, and `number`."""
    return Paged(
        name=name,
        topic=topic,
        query=query,
        order=(
            Key(column=at, param="before_ts", kind=datetime),
            Key(column=number, param="before_id", kind=int),
        ),
    )


def filters_of(query: Query) -> dict[str, Any]:
    """The filters of a request by the names its query knows (`from` is `from_ts`)."""
    renamed = {"from_": "from_ts", "to": "to_ts"}
    return {
        renamed.get(name, name): getattr(query, name)
        for name in type(query).model_fields
        if name not in Listing.model_fields
    }


def _fits(key: Key, value: Any) -> bool:
    return key.fits is None or key.fits(value)
