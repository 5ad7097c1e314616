"""Texts of the commands around an edge agent (codes LS-47xx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {}
