"""Results of a benchmark: rounds in turn, medians, and the JSON that `scripts/bench` prints.

The machine is shared and its speed drifts, so the product and its ceiling take turns, and which of
them begins a round alternates, too: what drifts hits both. Only medians are told.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

ROUNDS = 5
QUICK_ROUNDS = 3
_GOAL: Final = re.compile(r"(ratio|value) (>=|<=) (\S+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """`at least` or `at most` a bound, of the ratio to the ceiling or of the value itself."""

    sense: Literal["at least", "at most"]
    bound: float
    of: Literal["ratio", "value"]

    def __str__(self) -> str:
        return f"{self.of} {'>=' if self.sense == 'at least' else '<='} {self.bound:g}"

    def met(self, value: float, ratio: float | None) -> bool:
        """Whether it holds; a missing ratio meets nothing."""
        measured = value if self.of == "value" else ratio
        if measured is None:
            return False
        return measured >= self.bound if self.sense == "at least" else measured <= self.bound

    def missed_by(self, value: float, ratio: float | None) -> str:
        """By how much it does not hold, for people: "by 7 %"; "" where there is nothing to say."""
        measured = value if self.of == "value" else ratio
        if measured is None or self.met(value, ratio):
            return ""
        if not self.bound:
            return f"by {abs(measured):g}"
        return f"by {abs(measured - self.bound) / self.bound * 100:.2g} %"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The goal that prints as this text; None: of an empty one. Raises ValueError."""
        if not text:
            return None
        found = _GOAL.fullmatch(text)
        if found is None:
            raise ValueError(f"no goal: {text!r}")
        of: Literal["ratio", "value"] = "ratio" if found[1] == "ratio" else "value"
        sense: Literal["at least", "at most"] = "at least" if found[2] == ">=" else "at most"
        return cls(sense=sense, bound=float(found[3]), of=of)


def ratio_at_least(bound: float) -> Goal:
    """value / ceiling >= bound"""
    return Goal(sense="at least", bound=bound, of="ratio")


def ratio_at_most(bound: float) -> Goal:
    """value / ceiling <= bound"""
    return Goal(sense="at most", bound=bound, of="ratio")


def value_at_least(bound: float) -> Goal:
    """value >= bound, in its unit"""
    return Goal(sense="at least", bound=bound, of="value")


def value_at_most(bound: float) -> Goal:
    """value <= bound, in its unit"""
    return Goal(sense="at most", bound=bound, of="value")


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One figure. `ceiling` None: there is nothing to compare it with; `goal` None: none is set.

    `note`: what else the page says of it (a version, a setting); not printed by `--json`.
    """

    name: str
    value: float
    unit: str
    ceiling: float | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """value / ceiling; None without a ceiling."""
        return None if not self.ceiling else self.value / self.ceiling

    @property
    def met(self) -> bool:
        """Whether the goal is reached; where none is set, there is nothing to miss."""
        return self.goal is None or self.goal.met(self.value, self.ratio)

    def as_json(self) -> dict[str, Any]:
        """The object that scripts/bench prints."""
        return {
            "name": self.name,
            "value": _rounded(self.value),
            "unit": self.unit,
            "ceiling": None if self.ceiling is None else _rounded(self.ceiling),
            "ratio": None if self.ratio is None else _rounded(self.ratio),
            "goal": "" if self.goal is None else str(self.goal),
            "met": self.met,
        }


def as_json(results: Sequence[Result]) -> str:
    """One line: an array of all results."""
    return json.dumps([result.as_json() for result in results])


async def in_turn(
    rounds: int,
    product: Callable[[], Awaitable[float]],
    ceiling: Callable[[], Awaitable[float]],
) -> tuple[float, float]:
    """Medians of the product's and the ceiling's figures; odd rounds begin with the ceiling."""
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(rounds):
        if number % 2:
            theirs.append(await ceiling())
            ours.append(await product())
        else:
            ours.append(await product())
            theirs.append(await ceiling())
    return statistics.median(ours), statistics.median(theirs)


async def by_turns(rounds: int, works: Sequence[Callable[[], Awaitable[float]]]) -> list[float]:
    """The median of each work's figures; every round begins with the next of them."""
    found: list[list[float]] = [[] for _ in works]
    for number in range(rounds):
        for step in range(len(works)):
            place = (number + step) % len(works)
            found[place].append(await works[place]())
    return [statistics.median(figures) for figures in found]


def figure(value: float) -> str:
    """Four digits at most, thousands apart, for people."""
    value = _rounded(value)
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:g}"


def _rounded(value: float) -> float:
    """Four digits: more would promise what a shared machine cannot keep."""
    return float(f"{value:.4g}")
