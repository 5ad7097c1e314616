"""Texts of the drivers (codes LS-3xxx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {}
