"""Plots of results as small SVG files, for the documentation.

Usage: python -m benchmarks.plots FOLDER < results.json, where the results are what `scripts/bench
... --json` printed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

_COLOURS: Final = ("#2f6f9f", "#6aa84f", "#c27c0e", "#8e5ea2")
_WIDTH: Final = 760
_ROW: Final = 20
_LEFT: Final = 150
_TOP: Final = 46
_LATENCY: Final = re.compile(r"latency/(\d+%)/([a-z-]+)/p(50|99)")


def bars(title: str, unit: str, groups: Mapping[str, Mapping[str, tuple[float, float]]]) -> str:
    """Bars to the median with whiskers to the 99th percentile, by group and series."""
    most = max(high for series in groups.values() for _, high in series.values())
    scale = (_WIDTH - _LEFT - 90) / most
    names = list(dict.fromkeys(name for series in groups.values() for name in series))
    colour = dict(zip(names, _COLOURS, strict=False))
    parts, y = [], _TOP
    for group, series in groups.items():
        parts.append(_text(_LEFT - 8, y + 14 + _ROW * (len(series) - 1) / 2, group, "end"))
        for name, (low, high) in series.items():
            to, end = _LEFT + low * scale, _LEFT + high * scale
            parts.append(
                f'<rect x="{_LEFT}" y="{y + 3}" width="{max(1.0, low * scale):.1f}"'
                f' height="{_ROW - 6}" fill="{colour[name]}"/>'
            )
            parts.append(
                f'<path d="M{to:.1f} {y + 10}H{end:.1f}M{end:.1f} {y + 5}V{y + 15}"'
                f' stroke="{colour[name]}" fill="none"/>'
            )
            parts.append(_text(end + 5, y + 14, f"{low:.0f} / {high:.0f}", "start", size=11))
            y += _ROW
        y += 8
    legend = _LEFT
    for name in names:
        parts.append(f'<rect x="{legend}" y="28" width="10" height="10" fill="{colour[name]}"/>')
        parts.append(_text(legend + 14, 37, name, "start", size=11))
        legend += 150
    parts.append(_text(_LEFT, 18, f"{title}, {unit}: median / 99th percentile", "start", size=14))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y + 6}"'
        f' font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )


def latency(results: Sequence[Mapping[str, Any]]) -> str:
    """Time from the change at the PLC to each stage, by part of the top rate."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for result in results:
        if match := _LATENCY.fullmatch(result["name"]):
            part, stage, percent = match.groups()
            stages = found.setdefault(stage.replace("-", " "), {})
            stages.setdefault(f"{part} of the top rate", {})[percent] = float(result["value"])
    groups = {
        stage: {part: (values["50"], values["99"]) for part, values in series.items()}
        for stage, series in found.items()
    }
    return bars("From the change at the PLC", "ms", groups)


def _text(x: float, y: float, text: str, anchor: str, *, size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(text)}</text>"
    )


def main() -> None:
    """Write every plot there are results for."""
    folder = Path(sys.argv[1])
    results = json.load(sys.stdin)
    folder.mkdir(parents=True, exist_ok=True)
    if any(_LATENCY.fullmatch(result["name"]) for result in results):
        (folder / "latency.svg").write_text(latency(results), "utf-8")


if __name__ == "__main__":
    main()
