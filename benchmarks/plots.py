"""Plots of results as small SVG files, for the documentation."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.growth import GROWTHS, Growth, Points
from benchmarks.results import Result, figure

_COLOURS: Final = ("#2f6f9f", "#6aa84f", "#c27c0e", "#8e5ea2")
_WIDTH: Final = 760
_ROW: Final = 20
_LEFT: Final = 150
_TOP: Final = 46
_HIGH: Final = 220
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
    return _svg(y + 6, parts)


def latency(results: Sequence[Result]) -> str:
    """Time from the change at the PLC to each stage, by part of the top rate."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for result in results:
        if match := _LATENCY.fullmatch(result.name):
            part, stage, percent = match.groups()
            stages = found.setdefault(stage.replace("-", " "), {})
            stages.setdefault(f"{part} of the top rate", {})[percent] = result.value
    groups = {
        stage: {part: (values["50"], values["99"]) for part, values in series.items()}
        for stage, series in found.items()
    }
    return bars("From the change at the PLC", "ms", groups) if groups else ""


def lines(growth: Growth, series: Mapping[str, Points]) -> str:
    """Lines of figures by size, each with its points; a linear axis begins at 0."""
    points = [point for of in series.values() for point in of]
    across = _Axis(
        [x for x, _ in points], low=_LEFT, high=_WIDTH - 40, by_tens="x" in growth.by_tens
    )
    up = _Axis(
        [y for _, y in points], low=_TOP + _HIGH, high=_TOP + 10, by_tens="y" in growth.by_tens
    )
    parts = [
        _text(_LEFT, 18, f"{growth.title}, {growth.unit}", "start", size=14),
        f'<path d="M{_LEFT} {_TOP}V{_TOP + _HIGH}H{_WIDTH - 30}" stroke="#888" fill="none"/>',
        _text(_WIDTH - 30, _TOP + _HIGH + 34, growth.sizes, "end", size=11),
    ]
    for value in up.marks:
        y = up.at(value)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{_WIDTH - 30}" stroke="#e4e4e4" fill="none"/>')
        parts.append(_text(_LEFT - 8, y + 4, figure(value), "end", size=11))
    parts += [
        _text(across.at(size), _TOP + _HIGH + 18, figure(size), "middle", size=11)
        for size in sorted({x for x, _ in points})
    ]
    for number, (name, of) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        way = "L".join(f"{across.at(x):.1f} {up.at(y):.1f}" for x, y in of)
        parts.append(f'<path d="M{way}" stroke="{colour}" stroke-width="2" fill="none"/>')
        for x, y in of:
            parts.append(
                f'<circle cx="{across.at(x):.1f}" cy="{up.at(y):.1f}" r="3" fill="{colour}"/>'
            )
            parts.append(_text(across.at(x), up.at(y) - 7, figure(y), "middle", size=10))
        if name:
            parts.append(
                f'<rect x="{_LEFT + 170 * number}" y="28" width="10" height="10" fill="{colour}"/>'
            )
            parts.append(_text(_LEFT + 170 * number + 14, 37, name, "start", size=11))
    return _svg(_TOP + _HIGH + 46, parts)


def drawn(benchmark: str, results: Sequence[Result]) -> dict[str, str]:
    """The plots of a benchmark that its results suffice for, by name."""
    found = {
        growth.plot: lines(growth, series)
        for growth in GROWTHS
        if growth.benchmark == benchmark and (series := growth.points(results))
    }
    if benchmark == "latency/stages" and (picture := latency(results)):
        found["latency"] = picture
    return found


class _Axis:
    """Values to places, linear from 0 or by tens."""

    def __init__(self, values: Sequence[float], *, low: float, high: float, by_tens: bool) -> None:
        self._by_tens = by_tens and min(values) > 0
        self._low, self._high = low, high
        top = max(values)
        if self._by_tens:
            self._from, self._to = math.log10(min(values)), math.log10(top)
            first, last = math.ceil(self._from - 1e-9), math.floor(self._to + 1e-9)
            self.marks = [10.0**power for power in range(first, last + 1)]
        else:
            step = 10.0 ** math.floor(math.log10(top or 1))
            step *= next(part for part in (0.2, 0.5, 1, 2) if top / (step * part) <= 6)
            self._from, self._to = 0.0, top or 1.0
            self.marks = [step * number for number in range(int(top / step + 1e-9) + 1)]

    def at(self, value: float) -> float:
        """Where it is."""
        value = math.log10(value) if self._by_tens else value
        share = (value - self._from) / ((self._to - self._from) or 1)
        return self._low + share * (self._high - self._low)


def _svg(height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}"'
        f' font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _text(x: float, y: float, text: str, anchor: str, *, size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(text)}</text>"
    )
