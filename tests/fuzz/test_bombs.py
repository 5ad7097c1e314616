"""Small inputs that unpack to large ones cost no more than their bound."""

from __future__ import annotations

import io
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_agent.tools import tag_table
from rig.fuzz.file_targets import book, take_edge_yaml, workbook
from runtime.errors import Reconfigure

ROWS = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</worksheet>'
LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a 'ha'>"
    + "".join(
        f"<!ENTITY {after} '{f'&{before};' * 30}'>"
        for before, after in zip("abcdef", "bcdefg", strict=True)
    )
    + "]>"
)


@contextmanager
def within(mib: float, seconds: float) -> Iterator[None]:
    tracemalloc.start()
    began_s = time.monotonic()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < mib * 2**20
        assert time.monotonic() - began_s < seconds
    finally:
        tracemalloc.stop()


def refused(path: Path, raw: bytes) -> str:
    path.write_bytes(raw)
    with pytest.raises(Reconfigure) as caught:
        tag_table.read(path)
    return caught.value.code


def test_a_workbook_that_unpacks_to_more_than_a_list_can_have_is_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bomb:
        with zipfile.ZipFile(io.BytesIO(book())) as sound:
            for name in sound.namelist():
                bomb.writestr(name, sound.read(name))
        with bomb.open("xl/sharedStrings.xml", "w") as part:
            for _ in range(tag_table.MOST_UNPACKED // 2**20 + 1):
                part.write(b" " * 2**20)
    assert len(out.getvalue()) < 2**20
    with within(mib=20, seconds=20):
        assert refused(tmp_path / "x.xlsx", out.getvalue()) == "LS-4725"


def test_a_sheet_whose_last_row_is_far_below_is_refused(tmp_path: Path) -> None:
    sheet = '<sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    with within(mib=60, seconds=60):
        raw = workbook(ROWS.format(sheet).encode())
        assert refused(tmp_path / "x.xlsx", raw) == "LS-4726"


def test_entities_that_multiply_are_refused(tmp_path: Path) -> None:
    cell = '<c r="A1" t="inlineStr"><is><t>&g;</t></is></c>'
    sheet = f'<sheetData><row r="1">{cell}</row></sheetData>'
    with within(mib=160, seconds=20):
        raw = workbook((LAUGHS + ROWS.format(sheet)).encode())
        assert refused(tmp_path / "x.xlsx", raw) in ("LS-4710", "LS-4720")


def test_aliases_that_multiply_and_endless_nesting_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with within(mib=200, seconds=60):
        take_edge_yaml("\n".join(lines).encode())
        take_edge_yaml(b"[" * 200_000)
        take_edge_yaml(b"{a: " * 200_000)


def test_a_file_larger_than_a_list_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    with path.open("wb") as file:
        file.truncate(4 * 2**30)
    with within(mib=100, seconds=20):
        with pytest.raises(Reconfigure) as caught:
            tag_table.read(path)
        assert caught.value.code == "LS-4725"
    with path.with_suffix(".xlsx").open("wb") as file:
        file.truncate(4 * 2**30)
    with within(mib=100, seconds=20), pytest.raises(Reconfigure):
        tag_table.read(path.with_suffix(".xlsx"))
