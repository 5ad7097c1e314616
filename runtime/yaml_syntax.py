"""Says in words of a person's own language what libyaml's parser stumbled over."""

from __future__ import annotations

import yaml

from runtime.yaml_place import Place

_MEANT = {
    "mapping values are not allowed in this context": "LS-1050",
    "found unexpected end of stream": "LS-1051",
    "did not find expected ',' or ']'": "LS-1051",
    "did not find expected ',' or '}'": "LS-1051",
    "did not find expected key": "LS-1052",
    "did not find expected '-' indicator": "LS-1052",
    "block sequence entries are not allowed in this context": "LS-1052",
    "block mapping entries are not allowed in this context": "LS-1052",
    "found character that cannot start any token": "LS-1053",
    "did not find expected alphabetic or numeric character": "LS-1053",
    "found unknown escape character": "LS-1054",
    "could not find expected ':'": "LS-1055",
}


def explain(error: yaml.YAMLError, text: str) -> tuple[str, Place, dict[str, object]]:
    """Code, place and parameters of the problem that `error`, raised while reading `text`, is."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return "LS-1007", (0, 0), {"reason": str(getattr(error, "reason", error))}
    reason = error.problem or str(error)
    code = _MEANT.get(reason, "LS-1007")
    mark = error.problem_mark or error.context_mark
    if code == "LS-1051" and error.context_mark is not None:
        mark = error.context_mark  # where it was opened: the end of the file helps nobody
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
    before = _line(text, line)[:column]
    if "\t" in before and not before.strip():
        return "LS-1045", (line, column), {}
    if code == "LS-1051" and "${" in _line(text, line):
        return "LS-1049", (line, column), {}
    return code, (line, column), {"reason": reason} if code == "LS-1007" else {}


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1] if 0 < number <= len(lines) else ""
