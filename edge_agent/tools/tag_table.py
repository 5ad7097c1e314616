"""Reads and writes tables of texts as people have them: CSV in several encodings, Excel.

Rows are numbered as Excel does: the header is row 1; columns from 1.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Final, Literal
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

from runtime.errors import Reconfigure

Encoding = Literal["utf-8-sig", "gb18030"]
Cell = str | int | float | bool

EXCEL: Final = (".xlsx", ".xlsm")
_DELIMITERS: Final = ",;\t"
_CSV_FIELD: Final = 64 * 1024
MOST_BYTES: Final = 32 * 2**20
"""Of a file; a list of 100,000 tags has half of it."""
MOST_UNPACKED: Final = 256 * 2**20
"""Of an Excel file, all its parts unpacked."""
MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 256
_UNREADABLE: Final = (
    BadZipFile,
    ParseError,
    zlib.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What openpyxl, and what it stands on, raises of a file that is none of Excel's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """A table: names of its columns, then (row number, cells); rows without content left out."""

    file: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read(path: Path) -> Sheet:
    """The table in a CSV file (UTF-8 with or without BOM, UTF-16 with, GB18030) or in Excel's.

    Raises Reconfigure where it is neither, OSError where it cannot be read.
    """
    found = _excel_rows(path) if path.suffix.lower() in EXCEL else _csv_rows(path)
    rows = [(number, tuple(cells)) for number, cells in enumerate(found, 1)]
    filled = [(number, cells) for number, cells in rows if any(cell.strip() for cell in cells)]
    if not filled:
        raise Reconfigure("LS-4720", file=str(path))
    header = tuple(name.strip().lower() for name in filled[0][1])
    return Sheet(file=str(path), header=header, rows=tuple(filled[1:]))


def write(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]], encoding: Encoding
) -> None:
    """Write the table, as Excel where the name says so, otherwise as CSV."""
    if path.suffix.lower() in EXCEL:
        _write_excel(path, header, rows)
    else:
        with path.open("w", encoding=encoding, newline="") as file:
            file.write(as_csv(header, rows))


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """The table as CSV (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([_text(cell) for cell in row] for row in rows)
    return out.getvalue()


def _text(cell: object) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    return "" if cell is None else str(cell)


def _csv_rows(path: Path) -> Iterator[Sequence[str]]:
    with path.open("rb") as file:
        raw = file.read(MOST_BYTES + 1)
    _demand(len(raw) <= MOST_BYTES, path, "LS-4725", limit_mib=MOST_BYTES // 2**20)
    encodings = ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        first = text.partition("\n")[0]
        delimiter = max(_DELIMITERS, key=first.count)
        csv.field_size_limit(_CSV_FIELD)
        try:
            return iter(list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)))
        except csv.Error as error:
            raise Reconfigure("LS-4710", file=str(path), reason=str(error)) from error
    raise Reconfigure("LS-4711", file=str(path))


def _excel_rows(path: Path) -> Iterator[Sequence[str]]:
    _demand_openpyxl(path)
    _demand(path.stat().st_size <= MOST_BYTES, path, "LS-4725", limit_mib=MOST_BYTES // 2**20)
    with path.open("rb") as file:
        try:
            rows = _cells(file, path)
        except (*_UNREADABLE, OSError) as error:
            reason = str(error)[:200] or type(error).__name__
            raise Reconfigure("LS-4710", file=str(path), reason=reason) from error
    _demand(len(rows) <= MOST_ROWS, path, "LS-4726", rows=MOST_ROWS)
    return iter(rows)


def _cells(file: BinaryIO, path: Path) -> list[Sequence[str]]:
    """The rows of the first sheet, one too many if there are more than `MOST_ROWS`."""
    from openpyxl import load_workbook

    with ZipFile(file) as parts:
        # The archive's own word: unpacking stops there, so that it bounds what is unpacked.
        unpacked = sum(part.file_size for part in parts.infolist())
    _demand(unpacked <= MOST_UNPACKED, path, "LS-4725", limit_mib=MOST_UNPACKED // 2**20)
    book = load_workbook(file, read_only=True, data_only=True)
    try:
        sheet = book.worksheets[0]
        every = sheet.iter_rows(max_row=MOST_ROWS + 1, max_col=MOST_COLUMNS, values_only=True)
        return [
            [_text(cell) for cell in row] if any(cell is not None for cell in row) else []
            for row in every
        ]
    finally:
        book.close()


def _demand(holds: bool, path: Path, code: str, **params: object) -> None:  # noqa: FBT001
    if not holds:
        raise Reconfigure(code, file=str(path), **params)


def _write_excel(path: Path, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    _demand_openpyxl(path)
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("tags")
    sheet.freeze_panes = "A2"
    for row in (header, *rows):
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value=value if value != "" else None)
            if isinstance(value, str) and value:
                cell.data_type = "s"  # a text that begins with = is no formula
            cells.append(cell)
        sheet.append(cells)
    book.save(path)


def _demand_openpyxl(path: Path) -> None:
    if find_spec("openpyxl") is None:
        raise Reconfigure("LS-4712", file=str(path))
