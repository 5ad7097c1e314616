"""One message for people in both languages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """Both wordings with the same `{placeholders}`: what happened, what to do next."""

    en: str
    zh: str
