"""scripts/bootstrap.py: one installation, checked, shared, redone when it was cut off."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.messages.rig import TEXTS
from tests.unit.house.conftest import ROOT, Checkout


@pytest.fixture
def installed(checkout: Checkout) -> Checkout:
    """A checkout after its first start."""
    done = checkout.demo("--seconds", "1")
    assert done.returncode == 0, done.stderr
    assert "LS-8006" in done.stderr
    told = json.loads(done.stdout)
    assert told == {
        "argv": ["scripts/demo", "--seconds", "1"],
        "prefix": str(checkout.venv),
        "version": "0.1.0",
        "wire": str(checkout.root / "wire" / "__init__.py"),
    }
    return checkout


def test_the_second_start_installs_nothing_and_asks_no_network(installed: Checkout) -> None:
    before = installed.stamp.stat().st_mtime_ns
    done = installed.demo()
    assert done.returncode == 0
    assert done.stderr == ""
    assert installed.stamp.stat().st_mtime_ns == before


def test_the_entry_points_start_from_a_path_with_a_space(installed: Checkout) -> None:
    program = installed.venv / "bin" / "lineside-server"
    (installed.root / "ingest_server").mkdir()
    (installed.root / "ingest_server" / "cli.py").write_text("def main():\n    return 7\n")
    assert subprocess.run([str(program)], check=False, cwd="/").returncode == 7


def test_a_changed_lock_installs_again(installed: Checkout) -> None:
    (installed.root / "requirements" / "demo.txt").write_text("# something else\n")
    assert "LS-8006" in installed.demo().stderr
    assert installed.demo().stderr == ""


def test_a_moved_checkout_installs_again(installed: Checkout) -> None:
    moved = Checkout(root=installed.root.with_name("elsewhere"))
    installed.root.rename(moved.root)
    done = moved.demo()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["wire"].startswith(str(moved.root))


def test_an_interrupted_installation_is_done_again_from_the_start(installed: Checkout) -> None:
    installed.stamp.write_text(json.dumps({"state": "installing", "set": "demo"}))
    half = installed.venv / "lib" / "half-installed"
    half.write_text("")
    done = installed.demo()
    assert done.returncode == 0
    assert "LS-8006" in done.stderr
    assert not half.exists()
    assert json.loads(installed.stamp.read_text())["state"] == "complete"


def test_what_cannot_be_installed_leaves_no_complete_mark(checkout: Checkout) -> None:
    (checkout.root / "requirements" / "demo.txt").write_text(
        "not-there==1.0 --hash=sha256:" + "0" * 64 + "\n"
    )
    done = checkout.demo(PIP_RETRIES="0")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "LS-8007" in done.stderr
    assert json.loads(checkout.stamp.read_text())["state"] == "installing"


def test_of_two_starts_at_once_one_installs_and_the_other_waits(checkout: Checkout) -> None:
    with checkout.popen("one") as one, checkout.popen("two") as two:
        ends = [process.communicate(timeout=100) for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0], ends
    assert sum("LS-8006" in err for _, err in ends) == 1


def test_an_environment_of_somebody_else_is_neither_changed_nor_used_if_it_lacks_something(
    checkout: Checkout,
) -> None:
    (checkout.root / "requirements" / "demo.txt").write_text("numpy==99.0 \\\n    --hash=x\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(checkout.venv)], check=True)
    before = sorted(checkout.venv.rglob("*"))
    done = checkout.demo()
    assert done.returncode == 1
    assert done.stderr.startswith("LS-8004")
    assert "numpy 99.0" in done.stderr
    assert sorted(checkout.venv.rglob("*")) == before


def test_an_environment_of_somebody_else_that_has_everything_is_used(checkout: Checkout) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(checkout.venv)], check=True)
    done = checkout.demo()
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert json.loads(done.stdout)["prefix"] == str(checkout.venv)
    assert json.loads(checkout.stamp.read_text())["own"] == "no"
    (checkout.root / "requirements" / "demo.txt").write_text("numpy==99.0 \\\n    --hash=x\n")
    assert checkout.demo().stderr.startswith("LS-8004")


def test_another_place_can_be_named(checkout: Checkout, tmp_path: Path) -> None:
    place = tmp_path / "other place" / "env"
    done = checkout.demo(LINESIDE_VENV=str(place))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["prefix"] == str(place)
    assert not checkout.venv.exists()


def test_a_place_that_cannot_be_written_gives_one_line(checkout: Checkout) -> None:
    done = checkout.demo(LINESIDE_VENV=str(checkout.root / "pyproject.toml" / "env"))
    assert done.returncode == 1
    assert done.stderr.startswith("LS-8005")
    assert done.stderr.count("\n") == 1


def test_help_on_a_fresh_checkout_installs_nothing(checkout: Checkout) -> None:
    done = checkout.demo("--help")
    assert done.returncode == 0
    assert "scripts/demo" in done.stdout
    assert not checkout.venv.exists()


def test_a_script_with_nothing_behind_it_says_so_before_installing(checkout: Checkout) -> None:
    (checkout.root / "rig" / "demo.py").unlink()
    done = checkout.demo()
    assert done.returncode == 1
    assert done.stderr.startswith("LS-8009")
    assert not checkout.venv.exists()


def _run_with(checkout: Checkout, before: str, **more: str) -> subprocess.CompletedProcess[str]:
    """scripts/demo in a Python whose surroundings `before` has made poorer."""
    script = str(checkout.root / "scripts" / "demo")
    code = f"import sys, runpy; {before}; runpy.run_path({script!r}, run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", code],
        env=checkout.environment(**more),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_older_python_gets_one_line_with_what_to_do(checkout: Checkout) -> None:
    done = _run_with(checkout, "sys.version_info = (3, 9, 2)")
    assert done.returncode == 1
    assert re.fullmatch(r"LS-8001 .*3\.9\.2.*3\.11.*\n", done.stderr)


def test_an_older_python_can_read_the_scripts() -> None:
    for name in ("bootstrap.py", "demo", "test"):
        ast.parse((ROOT / "scripts" / name).read_text("utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_without_venv_gets_the_package_to_install(checkout: Checkout, module: str) -> None:
    done = _run_with(checkout, f"sys.modules[{module!r}] = None")
    assert done.returncode == 1
    assert f"apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("LS-8008")


def test_messages_come_in_chinese_where_the_locale_says_so(checkout: Checkout) -> None:
    done = _run_with(checkout, "sys.version_info = (3, 9, 2)", LINESIDE_LANG="zh")
    assert "需要 Python 3.11" in done.stderr


def test_every_code_of_the_scripts_has_a_text() -> None:
    source = (ROOT / "scripts" / "bootstrap.py").read_text("utf-8")
    used = set(re.findall(r"LS-80\d\d", source))
    assert used == {code for code in TEXTS if code.startswith("LS-80")}
