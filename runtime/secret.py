"""A password or key that is never printed: given as text, as a file, or by the environment."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from runtime.problems import ENVIRONMENT, FOLDER, invalid

_SHOWN = "***"
_MOST_BYTES = 64 * 1024


class Secret:
    """Holds a secret text; only `reveal` gives it, no repr, str, dump or message does.

    In configuration: a plain string, `{file: path}` (relative to the configuration file, a
    trailing line end is cut) or `{env: NAME}`.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself: hand it to the library that needs it, keep no copy."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({_SHOWN})"

    def __str__(self) -> str:
        return _SHOWN

    def __format__(self, spec: str) -> str:
        return format(_SHOWN, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _memo: object) -> Secret:
        return self

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is not written anywhere")

    @classmethod
    def __get_pydantic_core_schema__(
        cls, _source: object, _handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            _read,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda _: _SHOWN),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: core_schema.CoreSchema, _handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        def source(name: str, meaning: str) -> JsonSchemaValue:
            return {
                "type": "object",
                "properties": {name: {"type": "string", "description": meaning}},
                "required": [name],
                "additionalProperties": False,
            }

        return {
            "anyOf": [
                {"type": "string"},
                source("file", "File that holds the secret"),
                source("env", "Environment variable that holds the secret"),
            ]
        }


def _read(given: object, info: core_schema.ValidationInfo) -> Secret:
    if isinstance(given, Secret):
        return given
    if isinstance(given, str):
        return Secret(given)
    context: Mapping[str, Any] = info.context or {}
    if isinstance(given, dict) and len(given) == 1:
        (kind, where), *_ = given.items()
        if kind == "file" and isinstance(where, str):
            return _from_file(Path(context.get(FOLDER, "."), where))
        if kind == "env" and isinstance(where, str):
            return _from_environment(where, context.get(ENVIRONMENT, os.environ))
    raise invalid("LS-1040")


def _from_file(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise invalid("LS-1041", path=str(path), reason=error.strerror or str(error)) from error
    try:
        value = raw.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise invalid("LS-1042", path=str(path)) from error
    if not value or len(raw) > _MOST_BYTES:
        raise invalid("LS-1042", path=str(path))
    return Secret(value)


def _from_environment(name: str, environ: Mapping[str, str]) -> Secret:
    value = environ.get(name, "")
    if not value:
        raise invalid("LS-1043", name=name)
    return Secret(value)
