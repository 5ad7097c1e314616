"""A small checkout with the real scripts and nothing to download, in a path with a space."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
_DEMO = '''"""What scripts/demo starts."""
import importlib.metadata
import json
import sys


def main():
    import wire

    told = {
        "argv": sys.argv,
        "prefix": sys.prefix,
        "version": importlib.metadata.version("lineside"),
        "wire": wire.__file__,
    }
    print(json.dumps(told))
    return 0
'''


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """Where it is, and how its scripts are started."""

    root: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def stamp(self) -> Path:
        return self.venv / "lineside.json"

    def environment(self, **more: str) -> dict[str, str]:
        """No uv, no network, English."""
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.root),
            "PIP_INDEX_URL": "http://127.0.0.1:9/none",
            "PIP_CONFIG_FILE": os.devnull,
            "LINESIDE_INSTALLER": "pip",
            "LINESIDE_LANG": "en",
            **more,
        }

    def popen(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Start scripts/demo with the Python of this test run."""
        return subprocess.Popen(
            [sys.executable, str(self.root / "scripts" / "demo"), *arguments],
            env=self.environment(**more),
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def demo(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run scripts/demo to its end."""
        with self.popen(*arguments, **more) as process:
            out, err = process.communicate(timeout=100)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """As after `git clone`, with requirements that ask for nothing."""
    root = tmp_path / "a plant 厂"
    (root / "requirements").mkdir(parents=True)
    shutil.copytree(ROOT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__pyc*"))
    shutil.copy(ROOT / "pyproject.toml", root)
    messages = root / "runtime" / "messages"
    messages.mkdir(parents=True)
    shutil.copy(ROOT / "runtime" / "messages" / "rig.py", messages)
    for name in ("demo", "dev"):
        (root / "requirements" / f"{name}.txt").write_text("# nothing\n")
    for package in ("wire", "rig"):
        (root / package).mkdir()
        (root / package / "__init__.py").write_text("")
    (root / "rig" / "demo.py").write_text(_DEMO)
    return Checkout(root=root)
