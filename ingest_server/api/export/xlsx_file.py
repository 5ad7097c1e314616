"""An Excel workbook of three sheets, written row by row into a temporary file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from ingest_server.api.export.rows import Cell, Row
from ingest_server.api.values import LARGEST_EXACT

_TIME_FORMAT: Final = "yyyy-mm-dd hh:mm:ss.000"
_LONGEST_TEXT: Final = 32_767
_PIECE: Final = 64 * 1024


class Book:
    """A workbook; not for more than one thread at a time.

    Rows go to disk as they come: memory does not grow with them.
    """

    def __init__(self) -> None:
        self._book = Workbook(write_only=True)

    def sheet(self, title: str, headings: Row) -> Any:
        """A new sheet with its first row."""
        sheet = self._book.create_sheet(title)
        sheet.freeze_panes = "A2"
        self.add(sheet, [headings])
        return sheet

    def add(self, sheet: Any, rows: Iterable[Row]) -> None:
        """Append rows."""
        for row in rows:
            sheet.append([_cell(sheet, value) for value in row])

    def pieces(self) -> Iterator[bytes]:
        """Finish, and give the file piece by piece."""
        with tempfile.TemporaryDirectory(prefix="lineside-export-") as folder:
            file = Path(folder) / "export.xlsx"
            self._book.save(file)
            with file.open("rb") as stream:
                while piece := stream.read(_PIECE):
                    yield piece

    def discard(self) -> None:
        """Give up: remove what openpyxl has on disk."""
        for sheet in self._book.worksheets:
            if not getattr(sheet, "closed", True):
                sheet.close()
            writer = getattr(sheet, "_writer", None)
            if writer is not None and Path(writer.out).exists():
                writer.cleanup()


def _cell(sheet: Any, value: Cell) -> Any:
    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)[:_LONGEST_TEXT])
        cell.data_type = "s"  # never a formula, whatever it begins with
        return cell
    if isinstance(value, datetime):
        cell = WriteOnlyCell(sheet, value)
        cell.number_format = _TIME_FORMAT
        return cell
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_EXACT:
        return str(value)
    return value
