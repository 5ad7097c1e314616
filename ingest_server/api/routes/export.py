"""History as a file: CSV or an Excel workbook, streamed in bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter
from fastapi import Query as InQuery
from pydantic import Field, model_validator
from starlette.responses import Response, StreamingResponse

from ingest_server.api.database import Connection
from ingest_server.api.export import csv_file, rows, xlsx_file
from ingest_server.api.names import MAX_TAGS, TagName
from ingest_server.api.problems import Invalid
from ingest_server.api.routes.readings import MAX_POINTS, span_of
from ingest_server.api.series.buckets import fill_buckets
from ingest_server.api.series.definitions import Look, look_at
from ingest_server.api.series.spans import bucket_begins
from ingest_server.api.shape import Context, Ctx, Lang, Query, problems
from ingest_server.api.times import BucketText, Instant, ZoneName, bucket_width
from ingest_server.store import reads
from runtime.messages import Language

router = APIRouter(prefix="/api/v1", tags=["readings"])

_PAGE: Final = 5_000
"""Rows in memory at a time."""

_FETCH_LIMIT_S: Final = 30.0

_CSV: Final = "text/csv"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Frames = Mapping[int, dict[str, Any]]


class ExportQuery(Query):
    """Which readings, and what kind of file."""

    tag: list[TagName] = Field(
        min_length=1, max_length=MAX_TAGS, description="Tags: `plant/edge/path`, repeated."
    )
    from_: Instant | None = Field(
        default=None,
        alias="from",
        description="Begin (included), ISO 8601 with a zone; default: an hour before `to`.",
    )
    to: Instant | None = Field(
        default=None, description="End (excluded), ISO 8601 with a zone; default: now."
    )
    bucket: BucketText = Field(
        default="raw", description="`raw`, or the width of the buckets: `1m`, `1h`, `1d`, ..."
    )
    tz: ZoneName | None = Field(
        default=None, description="IANA time zone of the times; default: the plant's."
    )
    format: Literal["csv", "xlsx"] = Field(default="csv", description="Kind of file.")
    encoding: csv_file.Encoding = Field(
        default="utf-8", description="CSV only: `utf-8` (with its mark) or `gb18030`."
    )
    part: rows.Part = Field(
        default="values",
        description="CSV only: the values, or what each series is and up to when it is complete, "
        "or the gaps. A workbook has a sheet of each.",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> ExportQuery:
        if self.format == "xlsx" and {"encoding", "part"} & self.model_fields_set:
            raise ValueError("LS-6071")
        return self


@router.get(
    "/readings/export",
    summary="History as a file for spreadsheets",
    operation_id="export_readings",
    response_class=Response,
    responses={
        **problems(404),
        200: {
            "description": "The file; headings are in the language of Accept-Language.",
            "content": {
                _CSV: {"schema": {"type": "string"}},
                _XLSX: {"schema": {"type": "string", "format": "binary"}},
            },
        },
    },
)
async def export(
    context: Ctx, lang: Lang, query: Annotated[ExportQuery, InQuery()]
) -> StreamingResponse:
    """Tag by tag in the order of time, of any length as CSV; a workbook takes 1,048,575 rows.

    If something fails on the way the connection breaks: a file that ends properly is complete.
    """
    start, to = span_of(query.from_, query.to, context.now())
    pieces = _pieces(context, query, lang, start, to)
    # The first piece is made before the answer begins: until then a refusal is a problem.
    first = await anext(pieces)
    return StreamingResponse(
        _from(first, pieces),
        media_type=_XLSX if query.format == "xlsx" else f"{_CSV}; charset={query.encoding}",
        headers={
            "Content-Disposition": f'attachment; filename="{_file_name(query, start, to)}"',
            "Content-Language": lang,
            "Vary": "Accept-Language",
            "Cache-Control": "no-store",
        },
    )


def _file_name(query: ExportQuery, start: datetime, to: datetime) -> str:
    part = "" if query.part == "values" else f"_{query.part}"
    return f"lineside{part}_{start:%Y%m%dT%H%M%SZ}_{to:%Y%m%dT%H%M%SZ}.{query.format}"


async def _from(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece


async def _pieces(
    context: Context, query: ExportQuery, lang: Language, start: datetime, to: datetime
) -> AsyncGenerator[bytes]:
    async with context.database.exporting() as connection:
        look = await look_at(connection, query.tag, start, to, zone_name=query.tz)
        frames = look.series
        if query.bucket != "raw":
            await _fill(context, connection, query, look, start, to)
        if query.format == "xlsx" and query.bucket == "raw":
            most = context.most_sheet_rows
            await _refuse_what_no_sheet_holds(connection, frames, start, to, most)
        table = "raw" if query.bucket == "raw" else "buckets"
        make = _workbook if query.format == "xlsx" else _csv
        async with aclosing(make(connection, query, lang, frames, start, to, table)) as made:
            async for piece in made:
                yield piece


async def _fill(
    context: Context,
    connection: Connection,
    query: ExportQuery,
    look: Look,
    start: datetime,
    to: datetime,
) -> None:
    frames = look.series
    width: timedelta = bucket_width(query.bucket)
    begins = bucket_begins(start, to, width, look.zone, most=MAX_POINTS // len(frames))
    if begins is None:
        raise Invalid("LS-6015", at="query.bucket", limit=MAX_POINTS)
    await fill_buckets(
        connection,
        frames,
        start,
        to,
        begins,
        most_samples=context.most_samples,
        stale=look.stale,
    )


async def _csv(
    connection: Connection,
    query: ExportQuery,
    lang: Language,
    frames: Frames,
    start: datetime,
    to: datetime,
    table: str,
) -> AsyncGenerator[bytes]:
    table = table if query.part == "values" else query.part
    yield csv_file.encoded([rows.headings(table, lang)], query.encoding, first=True)
    if query.part == "series":
        yield csv_file.encoded(rows.series_rows(frames.values()), query.encoding)
        return
    if query.part == "gaps":
        yield csv_file.encoded(rows.gap_rows(frames.values()), query.encoding)
        return
    async for page in _value_rows(connection, frames, start, to, table):
        yield await asyncio.to_thread(csv_file.encoded, page, query.encoding)


async def _workbook(
    connection: Connection,
    query: ExportQuery,
    lang: Language,
    frames: Frames,
    start: datetime,
    to: datetime,
    table: str,
) -> AsyncGenerator[bytes]:
    del query
    book = xlsx_file.Book()
    try:
        sheet = book.sheet("values", rows.headings(table, lang))
        async for page in _value_rows(connection, frames, start, to, table):
            await asyncio.to_thread(book.add, sheet, page)
        book.add(
            book.sheet("series", rows.headings("series", lang)), rows.series_rows(frames.values())
        )
        book.add(book.sheet("gaps", rows.headings("gaps", lang)), rows.gap_rows(frames.values()))
        pieces = book.pieces()
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece
    finally:
        book.discard()


async def _refuse_what_no_sheet_holds(
    connection: Connection, frames: Frames, start: datetime, to: datetime, most: int
) -> None:
    left = most
    for tag in frames:
        row = await reads.row(
            connection, "readings", "most", tags=[tag], from_ts=start, to_ts=to, limit=left + 1
        )
        left -= 0 if row is None else row["most"]
        if left < 0:
            raise Invalid("LS-6070", at="query.format", limit=most)


async def _value_rows(
    connection: Connection, frames: Frames, start: datetime, to: datetime, table: str
) -> AsyncGenerator[Sequence[rows.Row]]:
    """A page of rows at a time, tag by tag, in the order of time."""
    for tag, frame in frames.items():
        if table == "buckets":
            yield rows.bucket_rows(frame)
            continue
        async with connection.cursor(name="export") as cursor:
            await cursor.execute(
                reads.queries("readings")["of_one_tag"],
                {"tag": tag, "from_ts": start, "to_ts": to},
            )
            while True:
                async with asyncio.timeout(_FETCH_LIMIT_S):
                    page = await cursor.fetchmany(_PAGE)
                if not page:
                    break
                yield await asyncio.to_thread(rows.raw_rows, frame, page)
