"""What scripts/test runs, in the environment scripts/bootstrap.py made: all steps, then a table."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bootstrap import SETS

ROOT = Path(__file__).resolve().parent.parent
# What uv exports for each file of requirements/; the last three are for the container images.
EXPORTS = {
    **{name: [f"--extra={extra}" for extra in extras] for name, extras in SETS.items()},
    "edge": ["--extra=edge"],
    "server": ["--extra=server"],
    "build": ["--only-group=build"],
}
# The rig and the scripts run on Linux and macOS alone.
_ON_WINDOWS = ("wire", "runtime", "drivers", "edge_agent", "ingest_server", "simulators")
_WHOLE_SYSTEMS = ("tests/acceptance", "tests/browser")
_NOTHING_COLLECTED = 5  # pytest's exit code
_SUMMARY = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed|deselected|warnings?)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(kw_only=True)
class Outcome:
    """One step: whether it held, how long it took, and, of pytest, how many tests did what."""

    name: str
    ok: bool
    took_s: float = 0.0
    note: str = ""
    tests: Counter[str] = field(default_factory=Counter)


def tool(name: str) -> list[str]:
    """A program of this environment, whatever PATH says."""
    return [str(Path(sys.executable).parent / name)]


def run(name: str, command: Sequence[str]) -> Outcome:
    """A step that is one program; its exit code decides."""
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
    return Outcome(name=name, ok=done.returncode == 0)


def lock_drift() -> Outcome:
    """The lock fits pyproject.toml, and requirements/ fit the lock. Needs no network."""
    uv = tool("uv")
    if not run("", [*uv, "lock", "--check", "--offline", "--quiet"]).ok:
        return Outcome(
            name="lock", ok=False, note="uv.lock is not what pyproject.toml asks: uv lock"
        )
    for name in EXPORTS:
        written = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
        if written != exported(name):
            note = f"requirements/{name}.txt differs from uv.lock: {sys.argv[0]} --export"
            return Outcome(name="lock", ok=False, note=note)
    return Outcome(name="lock", ok=True)


def exported(name: str) -> str:
    """The lock's packages for a set, as pip reads them, with hashes."""
    command = [*tool("uv"), "export", "--frozen", "--offline", "--quiet", "--no-emit-project"]
    command += ["--no-header", "--no-annotate", "--format", "requirements-txt"]
    command += EXPORTS[name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.stderr.write(done.stderr)
    return done.stdout


def export_all() -> int:
    """Write requirements/ anew."""
    for name in EXPORTS:
        (ROOT / "requirements" / f"{name}.txt").write_text(exported(name), "utf-8")
    return 0


def pytest(name: str, arguments: Sequence[str]) -> Outcome:
    """A pytest run; its output is passed on as it comes, and its last line is counted."""
    command = [sys.executable, "-m", "pytest", *arguments]
    if sys.stdout.isatty():
        command.append("--color=yes")
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    last = ""
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        output = process.stdout.fileno()
        for raw in iter(lambda: os.read(output, 65536), b""):
            sys.stdout.buffer.write(raw)
            sys.stdout.buffer.flush()
            last = (last + raw.decode("utf-8", "replace"))[-4096:]
    tests = counted(last)
    empty = process.returncode == _NOTHING_COLLECTED
    return Outcome(
        name=name,
        ok=process.returncode == 0 or empty,
        tests=tests,
        note="no tests" if empty else told(tests),
    )


def counted(output: str) -> Counter[str]:
    """Tests by what became of them, from pytest's closing line; an error counts as a failure."""
    tests: Counter[str] = Counter()
    for line in reversed(_COLOUR.sub("", output).splitlines()):
        found = _SUMMARY.findall(line)
        if found and re.search(r" in [\d.]+s", line):
            for number, what in found:
                kind = {"error": "failed", "errors": "failed", "xpassed": "failed"}.get(what, what)
                tests[{"xfailed": "skipped"}.get(kind, kind)] += int(number)
            break
    return tests


def told(tests: Counter[str]) -> str:
    """The line people look for."""
    return f"{tests['passed']} passed, {tests['failed']} failed, {tests['skipped']} skipped"


def steps(*, fast: bool) -> Iterator[tuple[str, Callable[[], Outcome]]]:
    """All steps in order, by name."""
    whole = [folder for folder in _WHOLE_SYSTEMS if (ROOT / folder).is_dir()]
    left_out = [f"--ignore={folder}" for folder in _WHOLE_SYSTEMS]
    commands = {
        "format": [*tool("ruff"), "format", "--check"],
        "lint": [*tool("ruff"), "check"],
        "types": tool("mypy"),
        "types on Windows": [*tool("mypy"), "--platform", "win32", *_ON_WINDOWS],
        "import rules": [*tool("lint-imports"), "--no-cache", "--no-logo"],
    }
    for name, command in commands.items():
        yield name, lambda name=name, command=command: run(name, command)  # type: ignore[misc]
    yield "lock", lock_drift
    yield (
        "unit and integration",
        lambda: pytest(
            "unit and integration", ["tests", *left_out, "-m", "not acceptance", "-n", "auto"]
        ),
    )
    if not fast and whole:
        yield "whole systems", lambda: pytest("whole systems", whole)


def run_all(*, fast: bool) -> int:
    """Run every step, whatever fails, and close with a table and the totals."""
    outcomes = []
    for name, step in steps(fast=fast):
        print(f"\n=== {name}", flush=True)
        began = time.monotonic()
        try:
            outcome = step()
        except OSError as error:
            outcome = Outcome(name=name, ok=False, note=str(error))
        outcome.took_s = time.monotonic() - began
        outcomes.append(outcome)
    print("\n=== summary")
    for outcome in outcomes:
        verdict = "ok" if outcome.ok else "FAILED"
        print(f"{outcome.name:<22} {verdict:<7} {outcome.took_s:>7.1f} s  {outcome.note}".rstrip())
    print(told(sum((outcome.tests for outcome in outcomes), Counter())), flush=True)
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def main() -> int:
    """Entry point of scripts/test; exit code 0 only if everything held."""
    parser = argparse.ArgumentParser(
        prog=sys.argv[0],
        usage="%(prog)s [--fast] [pytest arguments]",
        description="Format, lint, types, import rules, lock, then all tests; with pytest "
        "arguments only pytest with these. Exits 0 only if everything held.",
        epilog="LINESIDE_REQUIRE=mosquitto,timescaledb makes a missing part a failure.",
    )
    parser.add_argument("--fast", action="store_true", help="leave the whole systems out")
    parser.add_argument(
        "--export", action="store_true", help="write requirements/ anew from uv.lock, and end"
    )
    known, rest = parser.parse_known_args()
    if known.export:
        return export_all()
    if rest:
        outcome = pytest("pytest", rest)
        print(told(outcome.tests), flush=True)
        return 0 if outcome.ok else 1
    return run_all(fast=known.fast)
