"""Draws the samples of a soak as one SVG: a panel a quantity, a line a program. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import log10
from statistics import median
from typing import Final

from rig.chaos.soak import Sample

_PANELS: Final = (
    ("memory_mib", "memory of its own, MiB"),
    ("handles", "open files"),
    ("disk_mib", "disk, MiB"),
    ("lag_s", "oldest unconfirmed record, s"),
)
_COLOURS: Final = ("#1f6fb4", "#d9730d", "#2c8a4b", "#b3323a", "#7a4fa3", "#7a5b3a", "#5b6770")
_WIDTH, _HEIGHT = 760, 170
_LEFT, _TOP, _BOTTOM = 64, 28, 24
_POINTS: Final = 240
"""So many points a line at most; each is the median of its stretch."""


def draw(samples: Sequence[Sample], *, title: str) -> str:
    """The SVG's text. Axes begin at 0; time is in minutes."""
    parts = sorted({one.part for one in samples})
    end_s = max((one.at_s for one in samples), default=1.0) or 1.0
    height = 60 + len(_PANELS) * _HEIGHT
    told = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            'font-family="sans-serif" font-size="11">'
        ),
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{_LEFT}" y="18" font-size="13">{escape(title)}</text>',
    ]
    for place, part in enumerate(parts):
        x = _LEFT + place * 98
        told.append(f'<rect x="{x}" y="28" width="10" height="10" fill="{_colour(place)}"/>')
        told.append(f'<text x="{x + 14}" y="37">{escape(part)}</text>')
    for place, (name, label) in enumerate(_PANELS):
        told += _panel(samples, parts, name, label, top=50 + place * _HEIGHT, end_s=end_s)
    return "\n".join([*told, "</svg>", ""])


def _panel(
    samples: Sequence[Sample],
    parts: Sequence[str],
    name: str,
    label: str,
    *,
    top: int,
    end_s: float,
) -> list[str]:
    most = _rounded_up(max((getattr(one, name) for one in samples), default=0.0))
    low, high = top + _HEIGHT - _BOTTOM, top + _TOP
    wide = _WIDTH - _LEFT - 16
    told = [f'<text x="{_LEFT}" y="{top + 18}" font-weight="bold">{escape(label)}</text>']
    for share in (0.0, 0.5, 1.0):
        y = low - share * (low - high)
        told.append(
            f'<line x1="{_LEFT}" x2="{_LEFT + wide}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        )
        told.append(
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{most * share:g}</text>'
        )
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _LEFT + share * wide
        told.append(
            f'<text x="{x:.1f}" y="{low + 15}" text-anchor="middle">'
            f"{share * end_s / 60:.3g} min</text>"
        )
    for place, part in enumerate(parts):
        points = " ".join(
            f"{_LEFT + at_s / end_s * wide:.1f},{low - value / most * (low - high):.1f}"
            for at_s, value in _thinned([one for one in samples if one.part == part], name)
        )
        told.append(f'<polyline points="{points}" fill="none" stroke="{_colour(place)}"/>')
    return told


def _thinned(samples: Sequence[Sample], name: str) -> list[tuple[float, float]]:
    step = max(1, -(-len(samples) // _POINTS))
    stretches = [samples[begin : begin + step] for begin in range(0, len(samples), step)]
    return [(some[0].at_s, float(median(getattr(one, name) for one in some))) for some in stretches]


def _rounded_up(most: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    if most <= 0:
        return 1.0
    unit = 10.0 ** int(log10(most) - (most < 1))
    return next(unit * factor for factor in (1, 2, 5, 10, 20) if most <= unit * factor)


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]
