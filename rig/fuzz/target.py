"""What is fuzzed: seeds that are valid, and a function that raises only what must not happen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

import orjson

from rig.fuzz.mutate import altered, altered_json


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One way by which outside bytes come in.

    `feed` takes any bytes and returns; whatever it raises is a finding. Documented errors are
    caught in it. `is_json`: the seeds are JSON, and are changed as such, too.
    """

    name: str
    seeds: Sequence[bytes]
    feed: Callable[[bytes], None]
    is_json: bool = False

    def near(self, chance: Random) -> bytes:
        """Input near to a valid one."""
        seed = chance.choice(self.seeds)
        if self.is_json and chance.random() < 0.7:
            return altered_json(chance, orjson.loads(seed))
        return altered(chance, seed)


class Finding(AssertionError):
    """A parser gave a value that breaks its own contract."""


def expect(holds: object, what: str) -> None:
    """Raise Finding unless it holds."""
    if not holds:
        raise Finding(what)
