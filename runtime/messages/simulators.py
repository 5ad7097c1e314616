"""Texts of the simulators (codes LS-7xxx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {}
