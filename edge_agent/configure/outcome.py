"""What became of a wish to reload, as values that travel from the agent to whoever asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from edge_agent.configure.changes import Changes, Fixed
from runtime.problems import Problem


class Said(BaseModel):
    """A text of the catalogue with its parameters."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(description="Message code.")
    params: dict[str, Any] = Field(default={}, description="Its parameters.")


class Found(BaseModel):
    """A problem in the file."""

    model_config = ConfigDict(frozen=True)

    file: str = Field(description="The file.")
    line: int = Field(description="From 1; 0: the file as a whole.")
    column: int = Field(description="From 1; 0: the line as a whole.")
    field: str = Field(description="Path of the value.")
    code: str = Field(description="Message code.")
    params: dict[str, Any] = Field(description="Its parameters.")

    @property
    def problem(self) -> Problem:
        """As it was."""
        return Problem(**self.model_dump())


class Outcome(BaseModel):
    """Whether it was done, what changed, or why not."""

    model_config = ConfigDict(frozen=True)

    ok: bool = Field(description="Whether the file is what runs now.")
    said: tuple[Said, ...] = Field(description="The outcome in words, one line each.")
    problems: tuple[Found, ...] = Field(default=(), description="What is wrong with the file.")
    changes: dict[str, Any] = Field(default={}, description="What started again.")


def refused(code: str, **params: object) -> Outcome:
    """Nothing was changed, for one reason."""
    return Outcome(ok=False, said=(_said(code, params),))


def wrong(file: str, problems: Sequence[Problem]) -> Outcome:
    """Nothing was changed: the file is wrong."""
    return Outcome(
        ok=False,
        said=(_said("LS-4911", {"file": file}),),
        problems=tuple(
            Found(
                file=one.file,
                line=one.line,
                column=one.column,
                field=one.field,
                code=one.code,
                params=_plain(one.params),
            )
            for one in problems
        ),
    )


def unchangeable(file: str, found: Sequence[Fixed]) -> Outcome:
    """Nothing was changed: the agent would have to start again."""
    return Outcome(
        ok=False,
        said=(
            *(_said("LS-4910", {"field": one.field, "old": one.old, "new": one.new})
              for one in found),
            _said("LS-4911", {"file": file}),
        ),
    )  # fmt: skip


def done(file: str, changes: Changes) -> Outcome:
    """The file runs; what that changed."""
    lines = [_said("LS-4915" if changes else "LS-4916", {"file": file})]
    for code, names in (
        ("LS-4917", changes.added),
        ("LS-4918", changes.removed),
        ("LS-4919", changes.restarted),
    ):
        if names:
            lines.append(_said(code, {"devices": ", ".join(names)}))
    for code, changed in (
        ("LS-4921", changes.session),
        ("LS-4922", changes.buffer),
        ("LS-4923", changes.page),
        ("LS-4924", changes.clock),
    ):
        if changed:
            lines.append(_said(code, {}))
    if changes and changes.untouched:
        lines.append(_said("LS-4920", {"count": len(changes.untouched)}))
    return Outcome(ok=True, said=tuple(lines), changes=changes.as_facts())


def _said(code: str, params: Mapping[str, object]) -> Said:
    return Said(code=code, params=_plain(params))


def _plain(params: Mapping[str, object]) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str | int | float | bool) else str(value)
        for name, value in params.items()
    }
