"""SQL by name from `.sql` files: every query has a name and a description, Python holds parameters.

A file is a sequence of

    -- name: the_name
    -- What it does, in one or more comment lines.
    SELECT ... %(parameter)s ...
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAME = re.compile(r"-- name: ([a-z][a-z0-9_]*)\s*")


class SqlFileError(ValueError):
    """A `.sql` file that does not keep the form; the message names file and line."""


class Queries:
    """The queries of one file, by name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._texts: Mapping[str, bytes] = {
            name: text.encode() for name, text in parse(path.read_text("utf-8"), str(path))
        }

    def __getitem__(self, name: str) -> bytes:
        """The statement, with its name as a comment in front for the server's logs."""
        try:
            return self._texts[name]
        except KeyError:
            raise SqlFileError(f"{self._path}: no query named {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)


def beside(module_file: str, name: str) -> Queries:
    """The queries of the file `sql/<name>` next to a module (`beside(__file__, "x.sql")`)."""
    return Queries(Path(module_file).parent / "sql" / name)


def of_store(name: str) -> Queries:
    """The queries of a file in `store/sql`."""
    return beside(__file__, name)


def parse(text: str, file: str) -> list[tuple[str, str]]:
    """Names and statements in the order of the file. Raises SqlFileError."""
    found: list[tuple[str, str]] = []
    name = ""
    described = False
    lines: list[str] = []

    def close(line_number: int) -> None:
        statement = "\n".join(lines).strip().rstrip(";")
        if not name:
            if statement:
                raise SqlFileError(f"{file}:{line_number}: a statement before the first name")
            return
        if not described or not statement:
            what = "statement" if described else "description"
            raise SqlFileError(f"{file}:{line_number}: query {name!r} has no {what}")
        if any(name == known for known, _ in found):
            raise SqlFileError(f"{file}:{line_number}: query {name!r} stands twice")
        found.append((name, f"/* {name} */ {statement}"))

    number = 0
    for number, line in enumerate(text.splitlines(), start=1):
        match = _NAME.fullmatch(line)
        if match:
            close(number)
            name, described, lines = match.group(1), False, []
        elif line.startswith("--") and not lines:
            described = described or bool(line.strip("- "))
        elif line.strip() or lines:
            lines.append(line)
    close(number + 1)
    return found
