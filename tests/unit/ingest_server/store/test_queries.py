"""SQL files: every query has a name and a description, and every file of the store keeps that."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_server import store
from ingest_server.store.queries import Queries, SqlFileError, parse

FILES = sorted(Path(store.__file__).parent.glob("sql/*.sql"))


def test_a_file_gives_its_statements_by_name() -> None:
    text = (
        "-- About.\n\n-- name: one\n-- Counts.\nSELECT 1 -- inside\n;\n-- name: two\n-- More.\nB\n"
    )
    assert parse(text, "x.sql") == [
        ("one", "/* one */ SELECT 1 -- inside\n"),
        ("two", "/* two */ B"),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-- name: a\nSELECT 1", "x.sql:3: query 'a' has no description"),
        ("-- name: a\n-- About.\n", "x.sql:3: query 'a' has no statement"),
        ("SELECT 1\n-- name: a\n-- About.\nB", "x.sql:2: a statement before the first name"),
        ("-- name: a\n-- A.\nA\n-- name: a\n-- A.\nA", "x.sql:7: query 'a' stands twice"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(SqlFileError, match="^" + told.replace("(", r"\(") + "$"):
        parse(text, "x.sql")


@pytest.mark.parametrize("file", FILES, ids=[file.name for file in FILES])
def test_every_file_of_the_store_can_be_read(file: Path) -> None:
    assert list(Queries(file))


def test_an_unknown_name_is_told() -> None:
    with pytest.raises(SqlFileError, match="no query named 'nothing'"):
        Queries(FILES[0])["nothing"]
