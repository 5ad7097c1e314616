"""Texts of plant.yaml and its application (codes LS-53xx)."""

from __future__ import annotations

from runtime.messages.text import Text

TEXTS: dict[str, Text] = {}
