"""The message catalogue: every text for people by its stable code, in Chinese and English."""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from string import Formatter
from typing import Literal

from runtime.messages.text import Text
from wire.errors import LinesideError

Language = Literal["en", "zh"]

__all__ = [
    "Language",
    "Phrase",
    "Text",
    "areas",
    "catalogue",
    "describe",
    "detect_language",
    "parameters",
    "placeholders",
    "text",
    "worded",
]


def areas() -> Mapping[str, Mapping[str, Text]]:
    """The texts of each area by the name of its module.

    1xxx runtime (shared), 2xxx wire, 3xxx drivers, 4xxx edge (45xx and 46xx edge_status, 47xx
    edge_tools, 48xx edge_page, 49xx edge_configure), 5xxx server (52xx server_embedded, 53xx
    server_plant, 56xx server_fleet, 57xx server_doctor, 58xx server_storage), 6xxx API, 7xxx
    simulators, 8xxx rig and scripts (82xx chaos).
    """
    from runtime.messages import (
        api,
        chaos,
        drivers,
        edge,
        edge_configure,
        edge_page,
        edge_status,
        edge_tools,
        rig,
        server,
        server_doctor,
        server_embedded,
        server_fleet,
        server_plant,
        server_storage,
        shared,
        simulators,
        wire,
    )

    modules = (
        shared,
        wire,
        drivers,
        edge,
        edge_configure,
        edge_page,
        edge_status,
        edge_tools,
        server,
        server_doctor,
        server_embedded,
        server_fleet,
        server_plant,
        server_storage,
        api,
        simulators,
        rig,
        chaos,
    )
    return {module.__name__.rpartition(".")[2]: module.TEXTS for module in modules}


@cache
def catalogue() -> Mapping[str, Text]:
    """All texts by code."""
    return {code: entry for texts in areas().values() for code, entry in texts.items()}


def detect_language(environ: Mapping[str, str] | None = None) -> Language:
    """Chinese where the locale says so, otherwise English; `LINESIDE_LANG` wins over both."""
    env = os.environ if environ is None else environ
    for name in ("LINESIDE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = env.get(name, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    system = locale.getlocale()[0] or ""
    return "zh" if system.lower().startswith(("zh", "chinese")) else "en"


def text(code: str, /, *, lang: Language | None = None, **params: object) -> str:
    """The text of `code` in `lang` (default: the locale's), with `params` filled in.

    An unknown code or a missing parameter never hides the message: the code and the raw
    parameters are shown instead.
    """
    entry = catalogue().get(code)
    words = lang or detect_language()
    shown = {name: worded(value, lang=words) for name, value in params.items()}
    listed = ", ".join(f"{name}={value}" for name, value in shown.items())
    if entry is None:
        return f"{code} {listed}".strip()
    template = entry.zh if words == "zh" else entry.en
    try:
        return template.format(**shown)
    except (KeyError, IndexError, ValueError, TypeError):
        return f"{template} ({listed})"


def worded(value: object, *, lang: Language | None = None) -> object:
    """A parameter as people read it: errors and phrases in `lang`, everything else as it is."""
    if isinstance(value, Phrase):
        return text(value.code, lang=lang, **value.params)
    return describe(value, lang=lang) if isinstance(value, BaseException) else value


@dataclass(frozen=True, slots=True)
class Phrase:
    """A parameter that is itself worded from the catalogue, e.g. the reason of an error."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return text(self.code, lang="en", **self.params)


def describe(error: BaseException, *, lang: Language | None = None) -> str:
    """An error in words: our own from the catalogue with their code, others as type and reason."""
    if isinstance(error, LinesideError):
        own = getattr(error, "text", None)
        worded = own(lang) if callable(own) else text(error.code, lang=lang, **error.params)
        return f"{error.code} {worded}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def parameters(code: str) -> frozenset[str]:
    """The parameter names that the text of `code` shows; none for an unknown code."""
    entry = catalogue().get(code)
    return frozenset() if entry is None else frozenset(placeholders(entry.en))


def placeholders(template: str) -> set[str]:
    """The parameter names a template asks for."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}
