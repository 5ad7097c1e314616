"""Structured logs, JSON or readable lines, with warnings worded from the message catalogue.

`debug` and `info` take a free English event; `warning` and `error` take a code of the message
catalogue, and the record has `code`, `message` (worded) and the parameters.
"""

from __future__ import annotations

import contextlib
import json as json_module
import logging
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from runtime import messages
from runtime.clock import to_datetime
from runtime.messages import Language

_TAKEN = frozenset(
    {"at", "event", "exception", "level", "logger", "message", "method_name", "self"}
)
_OURS = frozenset({"at", "code", "exc_info", "level", "logger"})
_MOMENTS_FROM_US = 10**14
"""Microseconds below that (1973) are durations."""
_FIRST = ("at", "level", "logger", "code", "message", "event")
LEVELS = ("debug", "info", "warning", "error")


class Logger:
    """Writes the records of one named part of the program; `bind` adds fields to all of them."""

    __slots__ = ("_bound", "name")

    def __init__(self, name: str, bound: dict[str, object] | None = None) -> None:
        self.name = name
        self._bound = bound or {}

    def bind(self, **fields: object) -> Logger:
        """A logger whose records all carry these fields too."""
        return Logger(self.name, {**self._bound, **fields})

    def debug(self, event: str, /, **fields: object) -> None:
        """A detail for developers: free English."""
        self._write("debug", event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """A milestone: free English."""
        self._write("info", event, fields)

    def warning(self, code: str, /, **params: object) -> None:
        """Something a person should look at; `code` is in the catalogue."""
        self._write("warning", "", {"code": code, **params})

    def error(self, code: str, /, **params: object) -> None:
        """Something a person has to look at; `exc_info` adds the traceback."""
        self._write("error", "", {"code": code, **params})

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        if not structlog.is_configured():
            _use(_as_line, logging.WARNING, _Sink(None), messages.detect_language())
        merged = {**self._bound, **fields}
        # A parameter may be called like one of our fields or of structlog's arguments.
        safe = {name + "_" if name in _TAKEN else name: value for name, value in merged.items()}
        getattr(structlog.get_logger(), level)(event, logger=self.name, **safe)


def get(name: str) -> Logger:
    """The logger of a part, e.g. `edge.buffer`; it follows every later `configure`."""
    return Logger(name)


def configure(
    *,
    json: bool,
    level: str,
    stream: TextIO,
    lang: Language | None = None,
) -> None:
    """Send all records of this process, and those of libraries, to `stream` from `level` on.

    `lang` is the language of warnings and errors (default: the locale's). Libraries log from
    warning on only, whatever `level` says, unless it is debug.
    """
    number = _number(level)
    sink = _Sink(stream)
    renderer: Processor = _as_json if json else _as_line
    _use(renderer, number, sink, lang or messages.detect_language())
    handler = logging.StreamHandler(sink)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_stamp, structlog.stdlib.add_log_level, _foreign_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number if number <= logging.DEBUG else max(number, logging.WARNING))


def _number(level: str) -> int:
    if level not in LEVELS:
        raise ValueError(f"{level!r} is no log level: {', '.join(LEVELS)}")
    return int(getattr(logging, level.upper()))


def _use(renderer: Processor, number: int, sink: _Sink, lang: Language) -> None:
    structlog.configure(
        processors=[
            _stamp,
            structlog.processors.add_log_level,
            _Wording(lang),
            _with_times,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=sink),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )


class _Sink:
    """A stream that never stops the program: a closed pipe loses log lines, nothing else."""

    def __init__(self, stream: TextIO | None) -> None:
        """None: standard error, whatever that is at the time."""
        self._stream = stream
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            (self._stream or sys.stderr).write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            (self._stream or sys.stderr).flush()


class _Wording:
    """Adds `message` in the wanted language to records that carry a code."""

    def __init__(self, lang: Language) -> None:
        self._lang = lang

    def __call__(self, _logger: WrappedLogger, _method: str, record: EventDict) -> EventDict:
        code = record.get("code")
        if record.get("event") or not isinstance(code, str):
            return record
        del record["event"]
        params = {_own_name(name): value for name, value in record.items() if name not in _OURS}
        record["message"] = messages.text(code, lang=self._lang, **params)
        for name, value in record.items():
            if name != "exc_info":
                record[name] = messages.worded(value, lang=self._lang)
        return record


def _own_name(name: str) -> str:
    return name[:-1] if name.endswith("_") and name[:-1] in _TAKEN else name


def _stamp(_logger: WrappedLogger, _method: str, record: EventDict) -> EventDict:
    record["at"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    return record


def _with_times(_logger: WrappedLogger, _method: str, record: EventDict) -> EventDict:
    """Moments in microseconds as ISO 8601 in UTC: `down_since_us=17...` is for no reader."""
    for name, value in list(record.items()):
        plain = name.removesuffix("_us")
        if name == plain or type(value) is not int or value < _MOMENTS_FROM_US or plain in record:
            continue
        with contextlib.suppress(OverflowError, ValueError):
            record[plain] = to_datetime(value).isoformat(timespec="milliseconds")
            del record[name]
    return record


def _foreign_name(_logger: WrappedLogger, _method: str, record: EventDict) -> EventDict:
    origin = record.get("_record")
    record["logger"] = origin.name if isinstance(origin, logging.LogRecord) else "?"
    return record


def _ordered(record: MutableMapping[str, Any]) -> dict[str, Any]:
    first = {name: record[name] for name in _FIRST if name in record}
    return {**first, **{name: value for name, value in record.items() if name not in first}}


def _as_json(_logger: WrappedLogger, _method: str, record: EventDict) -> str:
    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
    ordered = _ordered(record)
    try:
        return orjson.dumps(ordered, default=str, option=options).decode()
    except TypeError:  # e.g. half of a surrogate pair in a text from a device
        return json_module.dumps({name: str(value) for name, value in ordered.items()})


def _as_line(_logger: WrappedLogger, _method: str, record: EventDict) -> str:
    fields = dict(record)
    at = datetime.fromisoformat(str(fields.pop("at"))).astimezone()
    level = str(fields.pop("level"))
    name = fields.pop("logger", "")
    trace = fields.pop("exception", None)
    head = f"{at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f" {level:<7} {name}:"
    if "message" in fields:
        code = fields.pop("code", "")
        body = f"{code} {fields.pop('message')}"
        used = messages.parameters(str(code))
        fields = {key: value for key, value in fields.items() if key not in used}
    else:
        body = str(fields.pop("event", ""))
    rest = " ".join(f"{key}={value}" for key, value in fields.items())
    line = f"{head} {body} {rest}".rstrip().replace("\n", "\\n")
    return f"{line}\n{trace}" if trace else line
