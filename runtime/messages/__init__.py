"""The message catalogue: every text for people by its stable code, in Chinese and English."""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping
from string import Formatter
from typing import Literal

from runtime.messages.text import Text

Language = Literal["en", "zh"]

__all__ = ["Language", "Text", "catalogue", "detect_language", "placeholders", "text"]


def catalogue() -> Mapping[str, Text]:
    """All texts by code.

    Each area of the code range has one module: 1xxx runtime, 2xxx wire, 3xxx drivers, 4xxx edge,
    5xxx server, 6xxx API, 7xxx simulators, 8xxx rig and scripts.
    """
    from runtime.messages import api, drivers, edge, rig, server, shared, simulators, wire

    merged: dict[str, Text] = {}
    for area in (shared, wire, drivers, edge, server, api, simulators, rig):
        merged.update(area.TEXTS)
    return merged


def detect_language(environ: Mapping[str, str] | None = None) -> Language:
    """Chinese where the locale says so, otherwise English; `LINESIDE_LANG` wins over both."""
    env = os.environ if environ is None else environ
    for name in ("LINESIDE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = env.get(name, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    system = locale.getlocale()[0] or ""
    return "zh" if system.lower().startswith(("zh", "chinese")) else "en"


def text(code: str, *, lang: Language | None = None, **params: object) -> str:
    """The text of `code` in `lang` (default: the locale's), with `params` filled in.

    An unknown code or a missing parameter never hides the message: the code and the raw
    parameters are shown instead.
    """
    entry = catalogue().get(code)
    shown = ", ".join(f"{name}={value}" for name, value in params.items())
    if entry is None:
        return f"{code} {shown}".strip()
    template = entry.zh if (lang or detect_language()) == "zh" else entry.en
    try:
        return template.format(**params)
    except (KeyError, IndexError, ValueError):
        return f"{template} ({shown})"


def placeholders(template: str) -> set[str]:
    """The parameter names a template asks for."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}
