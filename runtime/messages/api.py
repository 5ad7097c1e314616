"""Texts of the API (codes LS-6xxx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {}
