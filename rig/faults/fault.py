"""What can be wrong with a TCP link, and when: values and pure decisions, no I/O and no clock.

Directions are seen from the client: `up` is what it sends, `down` what it gets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, TypeAlias

Direction: TypeAlias = Literal["up", "down"]
BOTH: Final[tuple[Direction, Direction]] = ("up", "down")


@dataclass(frozen=True, kw_only=True, slots=True)
class Slow:
    """A slow line: all connections of one direction share its bandwidth, none overtakes itself.

    `latency_s`, and up to `jitter_s` more, is added in each direction named. 0 `bits_per_s` is no
    limit. `loss` is shown as TCP shows it: never missing bytes, but that share of the segments, and
    all behind them, `retransmit_s` late (twice that if the repetition is lost too, and so on: RFC
    6298, 5.5). TCP's own slowing down after a loss is not modelled.
    """

    ways: Sequence[Direction] = BOTH
    latency_s: float = 0.0
    jitter_s: float = 0.0
    bits_per_s: float = 0.0
    loss: float = 0.0
    retransmit_s: float = 0.2

    def __post_init__(self) -> None:
        if min(self.latency_s, self.jitter_s, self.bits_per_s, self.retransmit_s) < 0:
            raise ValueError(f"nothing of a slow line is negative: {self}")
        if not 0.0 <= self.loss < 1.0:
            raise ValueError(f"loss is a share below 1: {self.loss}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Drip:
    """At most `size` bytes of a connection every `every_s` seconds."""

    ways: Sequence[Direction] = BOTH
    size: int = 1
    every_s: float = 0.05

    def __post_init__(self) -> None:
        if self.size < 1 or self.every_s <= 0:
            raise ValueError(f"a drip has at least one byte, and a pause: {self}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Truncate:
    """Each connection passes `after_bytes` more bytes that way, then both its ends are closed.

    In order (FIN) or, with `reset`, by RST. New connections get the same number of bytes.
    """

    ways: Sequence[Direction] = ("up",)
    after_bytes: int = 0
    reset: bool = False

    def __post_init__(self) -> None:
        if self.after_bytes < 0:
            raise ValueError(f"bytes are not negative: {self.after_bytes}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Vanish:
    """Half-open: that way all bytes are swallowed, and so is every FIN and RST.

    New connections are accepted and stay silent. When it is over, every connection that was under
    it is reset: the peer that comes back knows nothing of them.
    """

    ways: Sequence[Direction] = BOTH


@dataclass(frozen=True, kw_only=True, slots=True)
class BlackHole:
    """No packet passes: SYNs stay unanswered, connections stand still and go on afterwards."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refuse:
    """Nobody listens: new connections are refused, those there are stay. The port stays ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reset:
    """All connections are reset (RST to both ends), and new ones as soon as they are accepted."""


Fault: TypeAlias = Slow | Drip | Truncate | Vanish | BlackHole | Refuse | Reset

THIN_LINK: Final = Slow(latency_s=0.4, bits_per_s=256_000, loss=0.05, retransmit_s=1.0)
"""256 kbit/s, 800 ms there and back, 5 % loss; the time-out is that round trip and 200 ms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """The faults in force together, at most one of each kind for each direction."""

    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        if self.has(Refuse) and self.has(BlackHole):
            raise ValueError("a port that refuses does answer: not together with a black hole")
        seen: set[tuple[type[Fault], str]] = set()
        for fault in self.faults:
            for way in getattr(fault, "ways", ("",)):
                if (type(fault), way) in seen:
                    raise ValueError(f"twice in force: {type(fault).__name__} {way}".strip())
                seen.add((type(fault), way))

    def slow(self, way: Direction) -> Slow | None:
        """The slow line of a direction."""
        return next((f for f in self.faults if isinstance(f, Slow) and way in f.ways), None)

    def drip(self, way: Direction) -> Drip | None:
        """The drip of a direction."""
        return next((f for f in self.faults if isinstance(f, Drip) and way in f.ways), None)

    def truncate(self, way: Direction) -> Truncate | None:
        """The end in mid-message of a direction."""
        return next((f for f in self.faults if isinstance(f, Truncate) and way in f.ways), None)

    def vanished(self, way: Direction) -> bool:
        """Whether what is sent that way is swallowed."""
        return any(isinstance(f, Vanish) and way in f.ways for f in self.faults)

    def has(self, kind: type[Fault]) -> bool:
        """Whether a fault of that kind is in force, in whatever direction."""
        return any(isinstance(fault, kind) for fault in self.faults)


@dataclass(frozen=True, kw_only=True, slots=True)
class Timed:
    """A fault in force from `at_s` on, for `for_s` seconds, both since the plan began."""

    fault: Fault
    at_s: float
    for_s: float

    @property
    def end_s(self) -> float:
        """When it is over."""
        return self.at_s + self.for_s


Plan: TypeAlias = tuple[Timed, ...]


def in_force(plan: Plan, now_s: float) -> State:
    """The faults of a plan at a time since it began."""
    return State(faults=tuple(one.fault for one in plan if one.at_s <= now_s < one.end_s))


def changes(plan: Plan) -> tuple[float, ...]:
    """The times at which something begins or ends, in order."""
    return tuple(sorted({at for one in plan for at in (one.at_s, one.end_s)}))


def draw(
    faults: Iterable[Fault],
    *,
    seed: int,
    over_s: float,
    longest_s: float,
    calm_s: float,
) -> Plan:
    """A plan of these faults, one at a time, with a pause behind each; the same for a seed.

    Each lasts a tenth of `longest_s` to `longest_s`, each pause a tenth of `calm_s` to `calm_s`;
    the plan is over, and the link whole, at `over_s` at the latest.
    """
    kinds = tuple(faults)
    random = Random(f"plan/{seed}")
    plan: list[Timed] = []
    at_s = random.uniform(calm_s / 10, calm_s)
    while kinds:
        for_s = random.uniform(longest_s / 10, longest_s)
        if at_s + for_s > over_s:
            break
        plan.append(Timed(fault=random.choice(kinds), at_s=at_s, for_s=for_s))
        at_s += for_s + random.uniform(calm_s / 10, calm_s)
    return tuple(plan)
