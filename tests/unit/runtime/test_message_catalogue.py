"""The message catalogue is complete, in both languages, and is what the programs really use."""

from __future__ import annotations

import ast
import re
import string
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from runtime import messages
from runtime.errors import RetryLater
from runtime.strict_yaml import ConfigError, Problem

ROOT = Path(__file__).parents[3]
SOURCES = (
    "wire",
    "runtime",
    "drivers",
    "edge_agent",
    "ingest_server",
    "simulators",
    "rig",
    "scripts",
)
CATALOGUE = ROOT / "runtime" / "messages"
CODE = re.compile(r"LS-\d{4}")
AREAS = {
    "shared": "1",
    "wire": "2",
    "drivers": "3",
    "edge": "4",
    "edge_configure": "49",
    "edge_page": "48",
    "edge_status": "4[56]",
    "edge_tools": "47",
    "server": "5",
    "server_doctor": "57",
    "server_embedded": "52",
    "server_fleet": "56",
    "server_plant": "53",
    "server_storage": "58",
    "api": "6",
    "simulators": "7",
    "rig": "8",
    "chaos": "82",
}
# Other areas of the 4xxx and 5xxx ranges have a module of their own.
ELSEWHERE = {
    "edge": ("45", "46", "47", "48", "49"),
    "server": ("52", "53", "56", "57", "58"),
    "rig": ("82",),
}


def sources() -> Iterator[Path]:
    """Every Python file of the product; scripts have no ending."""
    for name in SOURCES:
        for path in sorted((ROOT / name).rglob("*")):
            if not path.is_file() or "__pycache__" in path.parts:
                continue
            if path.suffix == ".py" or (name == "scripts" and _is_python(path)):
                yield path


def _is_python(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline()
    return first.startswith(b"#!") and b"python" in first


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sources():
        if CATALOGUE not in path.parents:
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def used_codes() -> dict[str, set[str]]:
    """Each code in a string of the code (docstrings do not count), with the files it is in."""
    used: dict[str, set[str]] = {}
    for path, tree in trees():
        documents = _docstrings(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if id(node) in documents:
                    continue
                for code in CODE.findall(node.value):
                    used.setdefault(code, set()).add(str(path))
    return used


def made_from_statuses() -> set[str]:
    """Codes that are put together from a prefix and an HTTP status: `f"LS-6{status}"`."""
    prefixes = {
        str(first.value)
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr) and isinstance(first := node.values[0], ast.Constant)
        if re.fullmatch(r"LS-\d", str(first.value))
    }
    return {f"{prefix}{status.value}" for prefix in prefixes for status in HTTPStatus}


def _docstrings(tree: ast.Module) -> set[int]:
    """Every string that is a statement of its own."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def test_no_code_is_used_that_has_no_text() -> None:
    known = messages.catalogue()
    missing = {code: sorted(files) for code, files in used_codes().items() if code not in known}
    assert missing == {}, "add the texts in runtime/messages/<area>.py"


def test_no_text_is_left_that_nothing_uses() -> None:
    used = used_codes().keys() | made_from_statuses()
    assert sorted(code for code in messages.catalogue() if code not in used) == []


def test_no_code_stands_in_two_areas() -> None:
    counted = Counter(code for texts in messages.areas().values() for code in texts)
    assert [code for code, times in counted.items() if times > 1] == []


def test_every_area_keeps_to_its_range() -> None:
    assert set(messages.areas()) == set(AREAS)
    strays = [
        (area, code)
        for area, texts in messages.areas().items()
        for code in texts
        if not re.fullmatch(rf"LS-{AREAS[area]}\d+", code)
        or len(code) != len("LS-0000")
        or code[3:].startswith(ELSEWHERE.get(area, ("?",)))
    ]
    assert strays == []


@pytest.mark.parametrize("area", sorted(AREAS))
def test_both_languages_are_complete_and_ask_for_the_same_parameters(area: str) -> None:
    bad = []
    for code, text in messages.areas()[area].items():
        if not text.en.strip() or not text.zh.strip():
            bad.append((code, "empty"))
        if messages.placeholders(text.en) != messages.placeholders(text.zh):
            bad.append((code, "other parameters"))
        if not re.search("[\u4e00-\u9fff]", text.zh):
            bad.append((code, "zh is not Chinese"))
        if re.search("[\u4e00-\u9fff]", text.en):
            bad.append((code, "en is not English"))
    assert bad == []


@pytest.mark.parametrize("area", sorted(AREAS))
def test_every_text_can_be_filled(area: str) -> None:
    for code, text in messages.areas()[area].items():
        for template in (text.en, text.zh):
            fields = [part for part in string.Formatter().parse(template) if part[1] is not None]
            assert all(name and name.isidentifier() for _, name, _, _ in fields), code


def log_calls() -> Iterator[tuple[str, int, ast.expr | None]]:
    """First arguments of `log.warning(...)` and `log.error(...)`, however the logger is reached."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("warning", "error")
                and _is_log(node.func.value)
            ):
                yield str(path), node.lineno, node.args[0] if node.args else None


def _is_log(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr.lstrip("_").lower() in ("log", "logger")
    if isinstance(node, ast.Name):
        return node.id.lstrip("_").lower() in ("log", "logger")
    return isinstance(node, ast.Call) and _is_log_maker(node.func)


def _is_log_maker(node: ast.expr) -> bool:
    """`logs.get("x").warning(...)` and `log.bind(...).warning(...)`."""
    if not isinstance(node, ast.Attribute):
        return False
    if node.attr == "bind":
        return _is_log(node.value)
    return node.attr == "get" and isinstance(node.value, ast.Name) and node.value.id == "logs"


def _is_code(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and CODE.fullmatch(node.value) is not None
    if isinstance(node, ast.IfExp):
        return _is_code(node.body) and _is_code(node.orelse)
    if isinstance(node, ast.Attribute):
        return node.attr == "code"  # of an error or a problem
    return isinstance(node, ast.Name) and (node.id == "code" or node.id.isupper())


def test_warnings_and_errors_are_logged_by_code() -> None:
    calls = list(log_calls())
    assert calls, "the search itself must find some"
    assert [(path, line) for path, line, first in calls if not _is_code(first)] == []


def test_a_logged_text_gets_the_parameters_it_asks_for() -> None:
    wrong = []
    for path, tree in trees():
        for node in ast.walk(tree):
            if (
                not isinstance(node, ast.Call)
                or not node.args
                or not _is_literal_code(node.args[0])
            ):
                continue
            if any(word.arg is None for word in node.keywords) or len(node.args) > 1:
                continue  # handed on from elsewhere
            if not _takes_parameters(node.func):
                continue
            first = node.args[0]
            assert isinstance(first, ast.Constant)
            given = {word.arg for word in node.keywords} - {"exc_info", "lang"}
            asked = messages.parameters(str(first.value))
            if asked - given:
                wrong.append((str(path), node.lineno, first.value, sorted(asked - given)))
    assert wrong == []


def _is_literal_code(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and CODE.fullmatch(node.value) is not None
    )


def _takes_parameters(node: ast.expr) -> bool:
    """Errors are raised, and texts logged, with the parameters as keywords."""
    if isinstance(node, ast.Attribute):
        return node.attr in ("warning", "error") and _is_log(node.value)
    return isinstance(node, ast.Name) and node.id in (
        "RetryLater",
        "Reconfigure",
        "Quarantine",
        "LinesideError",
        "ConnectionLost",
        "invalid",
    )


# -- wording -----------------------------------------------------------------------------------


def test_a_text_is_worded_in_the_language_asked_for() -> None:
    assert messages.text("LS-1008", lang="en").startswith("The file is empty")
    assert messages.text("LS-1008", lang="zh").startswith("文件为空")


def test_an_unknown_code_or_a_missing_parameter_hides_nothing() -> None:
    assert messages.text("LS-9999", lang="en", a=1) == "LS-9999 a=1"
    shown = messages.text("LS-1202", lang="en", tasks="poll")
    assert "tasks=poll" in shown
    assert "{grace_s}" in shown


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LINESIDE_LANG": "zh", "LC_ALL": "en_US.UTF-8"}, "zh"),
        ({"LANG": "C"}, "en"),
    ],
)
def test_the_language_follows_the_environment(environment: dict[str, str], language: str) -> None:
    assert messages.detect_language(environment) == language


def test_errors_are_described_with_code_and_words() -> None:
    assert messages.describe(KeyError("x")) == "KeyError: 'x'"
    assert messages.describe(TimeoutError()) == "TimeoutError"
    ours = RetryLater("LS-1110", broker="b", reason="r")
    assert messages.describe(ours, lang="en").startswith("LS-1110 The broker b serves nobody")
    many = ConfigError([Problem(file="f", code="LS-1001"), Problem(file="f", code="LS-1002")])
    assert messages.describe(many, lang="zh").count("\n") == 1
    phrase = messages.Phrase("LS-1152", {"silent_s": 3})
    assert str(phrase) == "no answer for 3 s"
    lost = RetryLater("LS-1103", broker="b", reason=phrase)
    assert "3 秒无应答" in messages.describe(lost, lang="zh")
    assert "no answer for 3 s" in str(lost)
    inside = messages.text("LS-1201", lang="zh", task="t", pause_s=1, reason=ours)
    assert "消息服务器 b 暂不可用" in inside
