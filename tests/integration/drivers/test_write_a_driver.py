"""The driver that docs/write-a-driver.md builds up works as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import drivers

ROOT = Path(drivers.__file__).parents[1]
PAGE = ROOT / "docs/write-a-driver.md"
_BLOCK = re.compile(r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# The package of the page joins those in the tree, as if it lay there; its texts likewise.
CONFTEST = """\
from pathlib import Path

import drivers
import messages_lines
from runtime import messages

drivers.__path__.append(str(Path(__file__).parent / "drivers"))


def pytest_configure():
    for code, text in messages_lines.TEXTS.items():
        assert messages.catalogue().get(code) is None, f"{code} is taken"
        for words in (text.en, text.zh):
            words.format(address="", device="", reason="")
"""


def blocks() -> dict[str, str]:
    return dict(_BLOCK.findall(PAGE.read_text("utf-8")))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in blocks().items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    (tmp_path / "drivers/counterbox/__init__.py").touch()
    (tmp_path / "conftest.py").write_text(CONFTEST, "utf-8")
    return tmp_path


def run(package: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_block_of_the_page_names_its_file() -> None:
    fences = re.findall(r"^```(?:python|yaml)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(fences) == len(blocks()) == 8


def test_the_tests_of_the_page_pass_against_a_real_socket(package: Path) -> None:
    options = ["-q", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(package)]
    said = run(package, "pytest", *options, "-p", "no:xdist", str(package))
    assert "\n5 passed" in said


def test_the_code_of_the_page_is_clean(package: Path) -> None:
    config = str(ROOT / "pyproject.toml")
    files = [str(package / "drivers"), str(package / "registry_lines.py")]
    run(package, "ruff", "check", "--no-cache", "--ignore=I001", "--config", config, *files)
    run(package, "ruff", "format", "--check", "--no-cache", "--config", config, str(package))
