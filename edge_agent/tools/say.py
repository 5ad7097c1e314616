"""Puts a text of the catalogue on a terminal."""

from __future__ import annotations

import sys

from runtime import messages


def say(code: str, **params: object) -> None:
    """One message on standard output, in the wanted language."""
    print(messages.text(code, lang=None, **params))  # noqa: T201


def tell(code: str, **params: object) -> None:
    """One message on standard error: where standard output carries a result."""
    print(messages.text(code, lang=None, **params), file=sys.stderr)  # noqa: T201
