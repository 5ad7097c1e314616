"""What is wrong with a configuration: each problem with its place, its code and its words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from runtime import messages
from runtime.errors import Reconfigure
from runtime.messages import Language

FOLDER = "folder"
"""Validation context: the folder of the configuration file (`Path`)."""
ENVIRONMENT = "environment"
"""Validation context: the environment variables the file may use."""
CUSTOM = "lineside"
"""pydantic's error type of a problem that carries a catalogue code."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing to correct; `line` and `column` count from 1, 0 says the file as a whole."""

    file: str
    line: int = 0
    column: int = 0
    field: str = ""
    code: str
    params: dict[str, object] = dataclasses.field(default_factory=dict)

    @property
    def phrase(self) -> messages.Phrase:
        """What is wrong, without the place: a parameter of another problem."""
        return messages.Phrase(self.code, self.params)

    def text(self, lang: Language | None = None) -> str:
        """`edge.yaml:14:7: devices[0].port: ...`, as editors and terminals make it clickable."""
        place = self.file
        if self.line:
            place += f":{self.line}"
            if self.column:
                place += f":{self.column}"
        where = f"{place}: {self.field}" if self.field else place
        return f"{where}: {messages.text(self.code, lang=lang, **self.params)}"


class ConfigError(Reconfigure):
    """Everything found wrong in one configuration file, in the order of its lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        ordered = sorted(problems, key=lambda one: (one.line, one.column))
        self.problems = tuple(ordered)
        super().__init__(
            "LS-1000", file=self.problems[0].file if ordered else "", count=len(self.problems)
        )

    def text(self, lang: Language | None = None) -> str:
        """All problems, one a line."""
        return "\n".join(one.text(lang) for one in self.problems)

    def __str__(self) -> str:
        return self.text("en")


def invalid(code: str, **params: object) -> PydanticCustomError:
    """Raised by a validator of a configuration model: this value breaks a rule worded by `code`."""
    return PydanticCustomError(CUSTOM, "{code}", {"code": code, "params": params})


def exactly_one(code: str, *ways: object) -> None:
    """Just one of these ways is given (neither None nor False), or `invalid(code)`."""
    if sum(way is not None and way is not False for way in ways) != 1:
        raise invalid(code)


def _beside_the_file(path: Path, info: ValidationInfo) -> Path:
    context: dict[str, Any] = info.context or {}
    return Path(context.get(FOLDER, ".")) / path.expanduser()


ConfigPath = Annotated[Path, AfterValidator(_beside_the_file)]
"""A path in a configuration: one that is not absolute starts at the configuration file's folder."""
