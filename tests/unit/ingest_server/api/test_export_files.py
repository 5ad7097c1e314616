"""Files for spreadsheets: no text becomes a formula, no character is lost, no file is left."""

from __future__ import annotations

import csv
import io
import tempfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from ingest_server.api.export.csv_file import encoded
from ingest_server.api.export.xlsx_file import Book

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")']


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_looks_like_a_formula_stays_a_text(text: str) -> None:
    (line,) = csv.reader(io.StringIO(encoded([[text]], "utf-8").decode()))
    assert line == [f"'{text}"]
    book = Book()
    book.add(book.sheet("values", ["text"]), [[text]])
    sheet = load_workbook(io.BytesIO(b"".join(book.pieces())))["values"]
    assert (sheet["A2"].data_type, sheet["A2"].value) == ("s", text)


def test_offsets_and_negative_numbers_are_left_alone() -> None:
    assert encoded([["+08:00", "-05:00", -3.5, "-9007199254740993"]], "utf-8") == (
        b"+08:00,-05:00,-3.5,-9007199254740993\r\n"
    )


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20))
def test_every_text_survives_both_encodings(text: str) -> None:
    for encoding in ("utf-8", "gb18030"):
        (line,) = csv.reader(io.StringIO(encoded([["x", text]], encoding).decode(encoding)))
        assert line[1].removeprefix("'") == text.removeprefix("'")


def test_only_the_begin_of_a_utf_8_file_has_the_mark() -> None:
    assert encoded([["配方"]], "utf-8", first=True) == b"\xef\xbb\xbf" + "配方\r\n".encode()
    assert encoded([["配方"]], "utf-8") == "配方\r\n".encode()
    assert encoded([["配方"]], "gb18030", first=True) == "配方\r\n".encode("gb18030")


def test_times_are_written_as_spreadsheets_read_them() -> None:
    at = datetime.fromisoformat("2026-03-01T08:00:00.5")
    finer = datetime.fromisoformat("2026-03-01T08:00:00.000001")
    assert encoded([[at, finer, True, None]], "utf-8") == (
        b"2026-03-01 08:00:00.500,2026-03-01 08:00:00.000001,true,\r\n"
    )


def test_a_workbook_keeps_types_and_control_characters_do_not_break_it() -> None:
    at = datetime.fromisoformat("2026-03-01T08:00:00.5")
    book = Book()
    sheet = book.sheet("values", ["a", "b", "c", "d", "e"])
    book.add(sheet, [[at, 1.5, True, 2**60, "bell\x07"]])
    read = load_workbook(io.BytesIO(b"".join(book.pieces())))["values"]
    assert [cell.value for cell in read[2]] == [at, 1.5, True, str(2**60), "bell\ufffd"]


def test_a_workbook_that_is_given_up_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    book = Book()
    sheet = book.sheet("values", ["a"])
    book.add(sheet, ([n] for n in range(1_000)))
    book.discard()
    assert list(tmp_path.iterdir()) == []
    other = Book()
    other.add(other.sheet("values", ["a"]), [[1]])
    pieces = other.pieces()
    next(pieces)
    pieces.close()
    other.discard()
    assert list(tmp_path.iterdir()) == []
