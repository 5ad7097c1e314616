"""Texts of the edge agent (codes LS-4xxx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {}
