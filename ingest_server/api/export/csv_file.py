"""CSV as spreadsheets of both worlds read it: UTF-8 with its mark, or GB18030."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

from ingest_server.api.export.rows import Cell, Row

Encoding = Literal["utf-8", "gb18030"]
_MARK: Final = "\ufeff"
_STARTS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def encoded(rows: Iterable[Row], encoding: Encoding, *, first: bool = False) -> bytes:
    """Some lines of a file; `first`: they begin it."""
    text = io.StringIO()
    # RFC 4180 ends lines with CR LF.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([_written(cell) for cell in row] for row in rows)
    mark = _MARK if first and encoding == "utf-8" else ""
    return (mark + text.getvalue()).encode(encoding, errors="replace")


def _written(cell: Cell) -> Cell:
    if isinstance(cell, str):
        return f"'{cell}" if needs_escape(cell) else cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        whole = cell.microsecond % 1_000 == 0
        return cell.isoformat(" ", timespec="milliseconds" if whole else "microseconds")
    return cell


def needs_escape(text: str) -> bool:
    """Whether a spreadsheet would run this text as a formula (OWASP, CSV injection).

    The offset from UTC is ours and harmless; a number as a text is, too.
    """
    if not text.startswith(_STARTS_A_FORMULA):
        return False
    rest = text[1:].replace(":", "", 1).replace(".", "", 1)
    return not (text[0] in "+-" and rest.isascii() and rest.isdigit())
