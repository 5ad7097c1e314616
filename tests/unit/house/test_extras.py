"""Each extra stands alone: its programs import nothing that only another extra brings."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# What has to import with that extra alone.
EXTRAS: dict[str, tuple[str, ...]] = {
    "edge": ("edge_agent", "drivers", "runtime", "wire"),
    "server": ("ingest_server", "runtime", "wire"),
    "embedded": ("ingest_server.embedded",),
    "sim": ("simulators",),
}
PROGRAMS = {
    program: f"{package}.cli"
    for program, package in (("edge", "edge_agent"), ("server", "ingest_server"))
    if (ROOT / package / "cli.py").exists()
}
# What each is started with where its own extra is missing: another extra, a configuration.
WITHOUT = {"server": ("edge", "server.yaml"), "edge": ("server", "line-a.yaml")}

_WITHOUT = """
import importlib, importlib.abc, json, pkgutil, sys

blocked, packages = json.loads(sys.argv.pop(1))
blocked = set(blocked)


class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


sys.meta_path.insert(0, Absent())
"""
_WALK = (
    _WITHOUT
    + """
seen = []
for package in packages:
    try:
        root = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name == package:
            continue  # not written yet
        raise
    seen.append(package)
    for found in pkgutil.walk_packages(root.__path__, package + "."):
        if not found.name.endswith("__main__") and ".migrations." not in found.name:
            importlib.import_module(found.name)
            seen.append(found.name)
print(json.dumps(seen))
"""
)
_START = _WITHOUT + "sys.exit(importlib.import_module(packages).main())"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _brought_by(extra: str) -> set[str]:
    """The distributions an installation with that extra has, by the lock."""
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "uv"), "export", "--frozen", "--offline"),
            *("--quiet", "--no-emit-project", "--no-header", "--no-annotate", "--no-hashes"),
            *("--extra", extra),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return {_plain(re.split(r"[=\[ ;]", line)[0]) for line in done.stdout.splitlines() if line}


def _blocked_without(extra: str) -> list[str]:
    """Top-level modules that are installed here but would not be with that extra alone."""
    brought = _brought_by(extra)
    return sorted(
        module
        for module, owners in importlib.metadata.packages_distributions().items()
        if not any(_plain(owner) in brought for owner in owners)
        and module not in sys.stdlib_module_names
        and "lineside" not in owners
    )


def _walk(blocked: list[str], packages: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Import every module of the packages in a Python of its own that lacks `blocked`."""
    return subprocess.run(
        [sys.executable, "-c", _WALK, json.dumps([blocked, packages])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_module_of_an_extra_imports_with_that_extra_alone(extra: str) -> None:
    done = _walk(_blocked_without(extra), EXTRAS[extra])
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)


def test_the_walk_notices_a_library_that_is_missing() -> None:
    done = _walk(["asyncua"], EXTRAS["sim"])
    assert done.returncode != 0
    assert "No module named 'asyncua" in done.stderr


def _start(program: str, extra: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program's command line where only `extra` is installed."""
    given = json.dumps([_blocked_without(extra), PROGRAMS[program]])
    return subprocess.run(
        [sys.executable, "-c", _START, given, *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "LINESIDE_LANG": "en", "LINESIDE_DEMO_DATABASE": "x"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_shows_its_help_with_its_extra_alone(program: str) -> None:
    done = _start(program, program, "--help")
    assert done.returncode == 0, done.stderr
    assert "run" in done.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_without_its_extra_says_in_one_line_what_to_install(program: str) -> None:
    installed, configuration = WITHOUT[program]
    done = _start(program, installed, "run", str(ROOT / "configs" / "demo" / configuration))
    assert done.returncode == 2
    assert f"lineside[{program}]" in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_only_developers_have_is_out_of_reach() -> None:
    assert {"pytest", "hypothesis", "fastapi"} <= set(_blocked_without("edge"))
    assert {"pytest", "pymodbus"} <= set(_blocked_without("server"))


def test_the_extras_tested_are_the_ones_there_are() -> None:
    provided = re.findall(
        r"^(\w+) = \[$",
        (ROOT / "pyproject.toml").read_text("utf-8").split("[project.optional-dependencies]")[1],
        re.MULTILINE,
    )
    assert set(EXTRAS) | {"dev"} == set(provided[: len(EXTRAS) + 1])
