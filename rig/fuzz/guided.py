"""One target, fuzzed for a while in this process: guided by coverage where atheris is there.

Usage: python -m rig.fuzz.guided TARGET SECONDS SEED FOLDER. What was found is kept in FOLDER; the
last line of standard error says how many inputs were tried. Exits 0 where nothing was found.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
import traceback
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from rig.fuzz.target import Target

MOST_BYTES: Final = 64 * 1024
MOST_MEMORY_MIB: Final = 2_048
MOST_SECONDS: Final = 10
"""One input may take so long."""
_OURS: Final = ("wire", "runtime", "drivers", "edge_agent", "ingest_server", "asyncua.ua")


def main(argv: list[str] | None = None) -> int:
    """0: nothing was found."""
    name, seconds, seed, folder = sys.argv[1:] if argv is None else argv
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        return _plainly(_target(name), float(seconds), int(seed), Path(folder))
    with atheris.instrument_imports(include=list(_OURS), enable_loader_override=False):
        target = _target(name)
    corpus = Path(folder) / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(each)
    options = {
        "max_total_time": int(float(seconds)),
        "seed": int(seed) + 1,
        "rss_limit_mb": MOST_MEMORY_MIB,
        "timeout": MOST_SECONDS,
        "max_len": MOST_BYTES,
        "artifact_prefix": f"{folder}/{name}-",
        "print_final_stats": 1,
        "verbosity": 0,
    }
    arguments = [sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), str(corpus)]

    def mutated(data: bytes, most: int, lot: int) -> Any:
        chance = Random(lot)
        if chance.random() < 0.5:
            return atheris.Mutate(data, most)
        return _near(target, chance, data)[:most]

    atheris.Setup(arguments, target.feed, custom_mutator=mutated)
    atheris.Fuzz()
    return 0


def _target(name: str) -> Target:
    # Imported late: only what is imported under instrumentation shows its coverage.
    targets = importlib.import_module("rig.fuzz.targets").TARGETS
    found: Target = targets[name]
    return found


def _near(target: Target, chance: Random, data: bytes) -> bytes:
    from rig.fuzz.mutate import altered, altered_json

    if target.is_json and chance.random() < 0.7:
        with contextlib.suppress(orjson.JSONDecodeError):
            return altered_json(chance, orjson.loads(data))
    return altered(chance, data)


def _plainly(target: Target, seconds: float, seed: int, folder: Path) -> int:
    """Without coverage: as many inputs near to the seeds as the time allows."""
    until_s, tried, found = time.monotonic() + seconds, 0, 0
    while time.monotonic() < until_s:
        raw = target.near(Random(f"{seed}/{tried}"))
        tried += 1
        try:
            target.feed(raw)
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            found += 1
            (folder / f"{target.name}-{tried}").write_bytes(raw)
            traceback.print_exc()
            break
    print(f"stat::number_of_executed_units: {tried}", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
