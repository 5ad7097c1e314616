"""A place in a configuration file, and how the path to a value is written."""

from __future__ import annotations

import re
from collections.abc import Iterable

Place = tuple[int, int]
"""Line and column, both from 1; (0, 0) is the file as a whole."""

_PLAIN_NAME = re.compile(r"[^\s.\[\]]+")


def dotted(path: Iterable[object]) -> str:
    """`devices[0].groups[1].every_ms`; a key that has dots or blanks itself is quoted."""
    shown = ""
    for name in path:
        if isinstance(name, int) and not isinstance(name, bool):
            shown += f"[{name}]"
        else:
            word = str(name)
            part = word if _PLAIN_NAME.fullmatch(word) else f'["{word}"]'
            shown += f".{part}" if shown and not part.startswith("[") else part
    return shown
