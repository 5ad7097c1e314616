"""`scripts/fuzz`: runs targets one after the other, each in a process of its own."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rig.fuzz.guided import MOST_MEMORY_MIB
from rig.fuzz.targets import TARGETS

_ROOT: Final = Path(__file__).parents[2]
_TRIED: Final = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_GRACE_S: Final = 600.0
"""Until it is killed; on a busy machine starting alone takes a minute."""
_ATHERIS: Final = "atheris>=3,<4"


def main(argv: Sequence[str] | None = None) -> int:
    """0: nothing was found; 1: something was; 2: wrong arguments."""
    asked = _parse(argv)
    folder = Path(asked.keep or tempfile.mkdtemp(prefix="lineside-fuzz-")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    command = _python(plain=asked.plain)
    results = []
    for name in asked.target or list(TARGETS):
        result = _run(command, name, asked.minutes * 60, asked.seed, folder)
        results.append(result)
        verdict = "nothing found" if result["ok"] else f"FOUND, see {folder}"
        print(f"{name:<18} {result['inputs']:>12,} inputs  {verdict}", file=sys.stderr, flush=True)
        if not result["ok"]:
            print(result["told"], file=sys.stderr, flush=True)
    if asked.as_json:
        print(json.dumps(results), flush=True)
    return int(not all(result["ok"] for result in results))


def _python(*, plain: bool) -> list[str]:
    """The interpreter: with atheris beside what is installed here, if uv can fetch it."""
    uv = shutil.which("uv")
    if plain or uv is None:
        return [sys.executable]
    guided = [uv, "run", "--no-project", "-q", "-p", sys.executable, "--with", _ATHERIS]
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    guided += ["env", f"PYTHONPATH={_ROOT}:{packages}", "python"]
    works = subprocess.run([*guided, "-c", "import atheris"], capture_output=True, check=False)
    if works.returncode:
        print("without atheris: not guided by coverage", file=sys.stderr)
    return [sys.executable] if works.returncode else guided


def _run(
    command: list[str], name: str, seconds: float, seed: int, folder: Path
) -> dict[str, object]:
    arguments = [*command, "-m", "rig.fuzz.guided", name, str(seconds), str(seed), str(folder)]
    try:
        done = subprocess.run(
            arguments,
            cwd=_ROOT,
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            timeout=seconds + _GRACE_S,
        )
        told, ok = done.stderr + done.stdout, done.returncode == 0
    except subprocess.TimeoutExpired:
        told, ok = f"it went on for {_GRACE_S:g} s longer than asked", False
    tried = _TRIED.findall(told)
    return {
        "target": name,
        "inputs": int(tried[-1]) if tried else 0,
        "guided": len(command) > 1,
        "ok": ok,
        "told": "" if ok else told[-4_000:],
    }


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/fuzz",
        description="Feeds hostile bytes to every parser of outside bytes, guided by coverage "
        f"where uv can fetch atheris. An input that costs more than {MOST_MEMORY_MIB} MiB or ten "
        "seconds is a finding like any exception that is not documented.",
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target (default 1)")
    parser.add_argument(
        "--target", action="append", choices=list(TARGETS), metavar="NAME",
        help=f"may be given several times; one of {', '.join(TARGETS)}",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="where chance begins (default 1)")
    parser.add_argument("--keep", metavar="DIR", help="for corpus and findings")
    parser.add_argument("--plain", action="store_true", help="without atheris")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON array")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
