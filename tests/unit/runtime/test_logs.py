"""Log records: their two forms, their language, and that they never stop the program."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from runtime import logs
from runtime.errors import RetryLater


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def json_lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_warning_has_its_code_its_words_and_its_parameters() -> None:
    stream = io.StringIO()
    logs.configure(json=True, level="info", stream=stream, lang="zh")
    logs.get("edge.buffer").warning("LS-1202", tasks="poll", grace_s=3)
    (one,) = json_lines(stream)
    assert one.pop("at").endswith("+00:00")
    assert one == {
        "level": "warning",
        "logger": "edge.buffer",
        "code": "LS-1202",
        "message": "3 秒后仍在运行：poll。程序不再等待，直接结束。",
        "tasks": "poll",
        "grace_s": 3,
    }


def test_a_line_for_people_does_not_repeat_what_the_words_say() -> None:
    stream = io.StringIO()
    logs.configure(json=False, level="info", stream=stream, lang="en")
    log = logs.get("edge.buffer").bind(line="press-1")
    log.warning("LS-1202", tasks="poll", grace_s=3, more=1)
    log.info("opened", path="/x")
    first, second = (line[24:] for line in stream.getvalue().splitlines())
    assert first == (
        "warning edge.buffer: LS-1202 Still running after 3 s: poll. "
        "The program ends without waiting for them. line=press-1 more=1"
    )
    assert second == "info    edge.buffer: opened line=press-1 path=/x"


def test_records_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    logs.configure(json=True, level="warning", stream=stream)
    log = logs.get("a")
    log.debug("no")
    log.info("no")
    log.warning("LS-1008")
    log.error("LS-1008")
    assert [one["level"] for one in json_lines(stream)] == ["warning", "error"]
    with pytest.raises(ValueError, match="loud"):
        logs.configure(json=True, level="loud", stream=stream)


def test_an_error_as_parameter_is_worded_in_the_language_of_the_log() -> None:
    stream = io.StringIO()
    logs.configure(json=True, level="info", stream=stream, lang="zh")
    cause = RetryLater("LS-1110", broker="b:1", reason="busy")
    logs.get("a").error("LS-1201", task="t", pause_s=1, reason=cause, exc_info=None)
    (one,) = json_lines(stream)
    assert one["reason"] == "LS-1110 消息服务器 b:1 暂不可用：busy。程序将继续重试。"
    assert one["reason"] in one["message"]
    assert "exception" not in one


def test_a_traceback_is_written_when_asked_for() -> None:
    stream = io.StringIO()
    logs.configure(json=True, level="info", stream=stream)
    try:
        raise KeyError("x")
    except KeyError as error:
        logs.get("a").error("LS-1201", task="t", pause_s=1, reason=error, exc_info=error)
    (one,) = json_lines(stream)
    assert "KeyError" in one["exception"]
    assert one["reason"] == "KeyError: 'x'"


def test_parameters_may_be_called_like_fields_of_the_record() -> None:
    stream = io.StringIO()
    logs.configure(json=True, level="info", stream=stream)
    logs.get("a").info("hello", level=4, message="m", logger="l", at=1, event="e")
    (one,) = json_lines(stream)
    assert (one["event"], one["level"], one["level_"], one["message_"]) == ("hello", "info", 4, "m")


def test_an_unknown_code_and_odd_values_are_still_written() -> None:
    stream = io.StringIO()
    logs.configure(json=True, level="info", stream=stream)
    logs.get("a").error("LS-9999", value=object(), keys={1: 2}, text="\ud800")
    assert stream.getvalue().count("\n") == 1
    assert "LS-9999" in stream.getvalue()


def test_libraries_speak_in_the_same_form_from_warning_on() -> None:
    stream = io.StringIO()
    logs.configure(json=True, level="info", stream=stream)
    logging.getLogger("somelibrary.client").info("chatter")
    logging.getLogger("somelibrary.client").warning("lost %s", "it")
    (one,) = json_lines(stream)
    said = (one["logger"], one["level"], one["event"])
    assert said == ("somelibrary.client", "warning", "lost it")


def test_a_line_break_in_a_value_makes_no_second_record() -> None:
    stream = io.StringIO()
    logs.configure(json=False, level="info", stream=stream)
    logs.get("a").info("got", value="x\n2025-01-01 error forged")
    assert stream.getvalue().count("\n") == 1


class Broken(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_closed_or_broken_stream_does_not_stop_the_program() -> None:
    logs.configure(json=True, level="info", stream=Broken())
    logs.get("a").info("x")
    closed = io.StringIO()
    logs.configure(json=True, level="info", stream=closed)
    closed.close()
    logs.get("a").info("x")
    logging.getLogger("library").warning("x")


def test_a_terminal_with_a_poor_code_page_gets_escapes() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    logs.configure(json=False, level="info", stream=stream, lang="zh")
    logs.get("a").warning("LS-1008")
    stream.flush()
    assert b"LS-1008" in raw.getvalue()
    assert b"\\u6587" in raw.getvalue()


def test_before_it_is_configured_warnings_go_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    structlog.reset_defaults()
    logs.get("a").info("quiet")
    logs.get("a").warning("LS-1008")
    out, err = capsys.readouterr()
    assert out == ""
    assert "LS-1008" in err
    assert "quiet" not in err


@pytest.mark.parametrize("as_json", [True, False])
def test_moments_are_told_as_times_and_durations_as_numbers(as_json: bool) -> None:
    stream = io.StringIO()
    logs.configure(json=as_json, level="info", stream=stream, lang="en")
    logs.get("edge").info("device answers", down_since_us=1_700_000_000_250_000, waited_us=1_500)
    said = stream.getvalue()
    assert "2023-11-14T22:13:20.250+00:00" in said
    assert "down_since_us" not in said
    assert "waited_us" in said
