"""Reads and writes tables of texts as people have them: CSV in several encodings, Excel.

Rows are numbered as Excel does: the header is row 1; columns from 1.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

from runtime.errors import Reconfigure

Encoding = Literal["utf-8-sig", "gb18030"]
Cell = str | int | float | bool

EXCEL: Final = (".xlsx", ".xlsm")
_DELIMITERS: Final = ",;\t"
_CSV_FIELD: Final = 64 * 1024


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
    raw = path.read_bytes()
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
    from zipfile import BadZipFile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, ValueError) as error:
        raise Reconfigure("LS-4710", file=str(path), reason=str(error)) from error
    try:
        sheet = book.worksheets[0]
        return iter([[_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)])
    finally:
        book.close()


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
