"""Make the checkout's virtual environment, once, and go on in it.

Standard library only, and readable by Python 3.7, so that an older one still gets told what to do.

Invariants:
- the environment holds what the lock file says, checked by hash: by uv where it is, else by pip;
- `lineside.json` in it says how far it is: an interrupted installation is done again from the
  start, a complete one of the same lock needs neither network nor time;
- one installs at a time, whoever comes second waits;
- an environment that was not made here is used if it has all libraries; nothing of it is changed,
  at most this checkout is put on its path.

Environment: LINESIDE_VENV is another place for it, LINESIDE_INSTALLER=pip or uv the one to use
(pip honours PIP_INDEX_URL, so a mirror nearby; uv takes what the lock file names).
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Iterator, NoReturn  # noqa: UP035 - Python 3.7

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
# Each set with the extras of pyproject.toml in it; a later one holds all of an earlier one.
SETS = {
    "demo": ("edge", "server", "embedded", "sim"),
    "dev": ("edge", "server", "embedded", "sim", "dev"),
}
STAMP = "lineside.json"
LEAST = (3, 11)


def enter(wanted: str, module: str, name: str, *, help_text: str) -> NoReturn:
    """Run `main()` of `module` in the environment with the set `wanted`.

    `name` becomes sys.argv[0]. With `--help` on a checkout that has no environment yet, print
    `help_text` instead of installing something.
    """
    arguments = sys.argv[1:]
    if sys.version_info < LEAST:
        _give_up(
            "LS-8001",
            python=sys.executable,
            found=".".join(str(part) for part in sys.version_info[:3]),
        )
    if sys.platform == "win32":
        _give_up("LS-8002")
    venv = _place()
    if "--help" in arguments and not _ready(venv, wanted):
        print(help_text.strip())
        sys.exit(0)
    if not any((place / f"{module.replace('.', '/')}.py").exists() for place in (ROOT, HERE)):
        _give_up("LS-8009", missing=module)
    python = prepare(wanted, venv)
    start = (
        f"import sys; sys.argv[0] = {name!r}; sys.path[0] = {str(HERE)!r}; "
        f"from {module} import main; sys.exit(main())"
    )
    sys.stdout.flush()
    os.execv(python, [python, "-c", start, *arguments])


def prepare(wanted: str, venv: Path | None = None) -> str:
    """The environment's interpreter, after installing the set if need be."""
    venv = _place() if venv is None else venv
    if not _ready(venv, wanted):
        with _alone(venv):
            if not _ready(venv, wanted):
                _install(venv, wanted)
    return str(_python(venv))


def fingerprint(name: str) -> str:
    """What an environment with that set depends on; changes with the lock and the entry points."""
    digest = hashlib.sha256()
    digest.update(_requirements(name).read_bytes())
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    for part in (r"^version = .*$", r"^\[project\.scripts\]\n(?:[^\[\n].*\n|\n)*"):
        digest.update("".join(re.findall(part, text, re.MULTILINE)).encode("utf-8"))
    digest.update(str(ROOT).encode("utf-8"))
    return digest.hexdigest()


def _place() -> Path:
    named = os.environ.get("LINESIDE_VENV", "")
    return Path(named).expanduser().absolute() if named else ROOT / ".venv"


def _python(venv: Path) -> Path:
    return venv / "bin" / "python"


def _requirements(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


def _read_stamp(venv: Path) -> dict[str, str] | None:
    try:
        stamp = json.loads((venv / STAMP).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        return {"state": "installing"}
    return stamp if isinstance(stamp, dict) else {"state": "installing"}


def _write_stamp(venv: Path, **values: str) -> None:
    new = venv / (STAMP + ".new")
    new.write_text(json.dumps(values) + "\n", "utf-8")
    new.replace(venv / STAMP)


def _ready(venv: Path, wanted: str) -> bool:
    stamp = _read_stamp(venv)
    if stamp is None or stamp.get("state") != "complete" or stamp.get("set") not in SETS:
        return False
    held = stamp["set"]
    names = list(SETS)
    return (
        names.index(held) >= names.index(wanted)
        and stamp.get("fingerprint") == fingerprint(held)
        and os.access(_python(venv), os.X_OK)
    )


@contextlib.contextmanager
def _alone(venv: Path) -> Iterator[None]:
    """Hold the installation's lock; the kernel gives it back when we end."""
    import fcntl

    try:
        venv.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(f"{venv}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        _give_up("LS-8005", venv=venv, reason=error.strerror)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("LS-8003", venv=venv)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _install(venv: Path, wanted: str) -> None:
    stamp = _read_stamp(venv)
    try:
        if venv.exists() and any(venv.iterdir()) and (stamp is None or stamp.get("own") == "no"):
            own = "no"
            missing = _missing(venv, wanted)
            if missing:
                _give_up("LS-8004", venv=venv, missing=", ".join(missing[:5]))
            if not _imports_us(venv):
                _link_project(venv)
        else:
            own = "yes"
            held = (stamp or {}).get("set")
            wanted = max(wanted, held if held in SETS else wanted, key=list(SETS).index)
            _say("LS-8006", venv=venv)
            _make(venv, wanted, stamp or {})
        _write_stamp(venv, state="complete", set=wanted, fingerprint=fingerprint(wanted), own=own)
    except OSError as error:
        _give_up("LS-8005", venv=venv, reason=error.strerror or error)


def _make(venv: Path, wanted: str, stamp: dict[str, str]) -> None:
    """Make the environment, or bring a complete one to what the lock says now."""
    complete = stamp.get("state") == "complete" and _python(venv).exists()
    if venv.exists() and not complete:
        shutil.rmtree(venv)
    venv.mkdir(parents=True, exist_ok=True)
    _write_stamp(venv, state="installing", set=wanted)
    if not complete:
        if importlib.util.find_spec("venv") is None:
            _give_up_without("venv")
        if not _run([sys.executable, "-m", "venv", "--without-pip", str(venv)], dict(os.environ)):
            _give_up("LS-8007", installer="venv")
    uv = _uv()
    if uv is None or not _install_by_uv(uv, venv, wanted):
        _install_by_pip(venv, wanted)
    _link_project(venv)


def _uv() -> str | None:
    """uv, if there is one that runs: a version manager's shim may have nothing behind it."""
    if os.environ.get("LINESIDE_INSTALLER") == "pip":
        return None
    found = shutil.which("uv")
    if found is None:
        return None
    try:
        done = subprocess.run([found, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found if done.returncode == 0 else None


def _install_by_uv(uv: str, venv: Path, wanted: str) -> bool:
    command = [uv, "sync", "--frozen", "--no-install-project", "--no-python-downloads"]
    command += ["--python", sys.executable, "--project", str(ROOT)]
    for extra in SETS[wanted]:
        command += ["--extra", extra]
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_FROZEN", "UV_LOCKED")
    }
    environment["UV_PROJECT_ENVIRONMENT"] = str(venv)
    done = _run(command, environment)
    if not done and os.environ.get("LINESIDE_INSTALLER") == "uv":
        _give_up("LS-8007", installer="uv")
    return done


def _give_up_without(module: str) -> NoReturn:
    version = ".".join(str(part) for part in sys.version_info[:2])
    _give_up("LS-8008", python=sys.executable, module=module, version=version)


def _install_by_pip(venv: Path, wanted: str) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        _give_up_without("ensurepip")
    python = str(_python(venv))
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
    }
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    install = [python, "-m", "pip", "install", "--require-hashes", "--only-binary", ":all:"]
    if not (
        _run([python, "-m", "ensurepip", "--default-pip"], environment)
        and _run([*install, "-r", str(_requirements(wanted))], environment)
    ):
        _give_up("LS-8007", installer="pip")


def _run(command: list[str], environment: dict[str, str]) -> bool:
    """Whether it succeeded. On a terminal its progress is shown, otherwise only why it failed.

    All goes to standard error: standard output belongs to the script.
    """
    shown = sys.stderr.isatty()
    done = subprocess.run(
        command,
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr if shown else subprocess.PIPE,
        stderr=sys.stderr if shown else subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0 and done.stdout:
        sys.stderr.write(done.stdout.decode("utf-8", "replace"))
    return done.returncode == 0


def _site(venv: Path) -> Path:
    found = sorted((venv / "lib").glob("python3.*/site-packages"))
    if not found:
        _give_up("LS-8004", venv=venv, missing="site-packages")
    return found[-1]


def _missing(venv: Path, wanted: str) -> list[str]:
    """What of the set an environment lacks, other than what only some systems need."""
    if not os.access(_python(venv), os.X_OK):
        return ["bin/python"]
    there = {_plain(entry.name[: -len(".dist-info")]) for entry in _site(venv).glob("*.dist-info")}
    pinned = re.findall(
        r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^ \\;]+)( ;)?",
        _requirements(wanted).read_text("utf-8"),
        re.MULTILINE,
    )
    return [
        f"{name} {version}"
        for name, version, only_somewhere in pinned
        if not only_somewhere and _plain(f"{name}-{version}") not in there
    ]


def _imports_us(venv: Path) -> bool:
    """Whether a program in the environment finds this checkout."""
    code = "import sys, wire; print(wire.__path__[0])"
    done = subprocess.run(
        [str(_python(venv)), "-c", code], capture_output=True, cwd="/", text=True, check=False
    )
    return done.returncode == 0 and Path(done.stdout.strip()).parent == ROOT


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _link_project(venv: Path) -> None:
    """Put the checkout on the environment's path, with entry points and metadata as pip would."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    site = _site(venv)
    # As code, in ASCII: a path file is read in the locale's encoding, which may not have the path.
    (site / "lineside.pth").write_text(f"import sys; sys.path.append({str(ROOT)!a})\n", "ascii")
    info = site / f"lineside-{project['version']}.dist-info"
    for old in site.glob("lineside-*.dist-info"):
        shutil.rmtree(old)
    info.mkdir()
    scripts = project["scripts"]
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: lineside\nVersion: {project['version']}\n", "utf-8"
    )
    (info / "INSTALLER").write_text("lineside\n", "utf-8")
    (info / "entry_points.txt").write_text(
        "[console_scripts]\n" + "".join(f"{key} = {scripts[key]}\n" for key in scripts), "utf-8"
    )
    written = [site / "lineside.pth", *info.iterdir()]
    for name, target in scripts.items():
        module, function = target.split(":")
        program = venv / "bin" / name
        # Through sh, as a first line with the interpreter's path must not have spaces in it.
        quoted = str(_python(venv)).replace("'", "'\\''")
        program.write_text(
            f"#!/bin/sh\n'''exec' '{quoted}' \"$0\" \"$@\"\n' '''\n"
            f"import sys\n\nfrom {module} import {function}\n\nsys.exit({function}())\n",
            "utf-8",
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        written.append(program)
    lines = [f"{os.path.relpath(path, site)},,\n" for path in (*written, info / "RECORD")]
    (info / "RECORD").write_text("".join(lines), "utf-8")


def _worded(code: str, **values: object) -> str:
    """A text of the catalogue, which is read and not imported: it needs a newer Python."""
    source = (ROOT / "runtime" / "messages" / "rig.py").read_text("utf-8")
    names = ("LINESIDE_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    language = next(filter(None, (os.environ.get(name) for name in names)), "")
    wanted = "zh" if language.lower().startswith("zh") else "en"
    for table in ast.walk(ast.parse(source)):
        if not isinstance(table, ast.Dict):
            continue
        for key, text in zip(table.keys, table.values):  # noqa: B905 - Python 3.7
            if isinstance(key, ast.Constant) and key.value == code and isinstance(text, ast.Call):
                words = {word.arg: ast.literal_eval(word.value) for word in text.keywords}
                return str(words[wanted]).format(**values)
    return f"{code} {values}"


def _say(code: str, **values: object) -> None:
    print(f"{code} {_worded(code, **values)}", file=sys.stderr, flush=True)


def _give_up(code: str, **values: object) -> NoReturn:
    _say(code, **values)
    sys.exit(1)
