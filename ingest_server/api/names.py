"""The name of a tag in the whole system: `plant/edge/path`; the path may hold slashes itself."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from wire.ids import is_id
from wire.records import MAX_PATH

MAX_TAGS: Final = 100
"""Tags in one call."""

Parts = tuple[str, str, str]
"""Plant, edge, path."""


def parts_of(tag: str) -> Parts:
    """Plant, edge and path of a tag's name. Raises ValueError with the code of the reason."""
    plant, _, rest = tag.partition("/")
    edge, _, path = rest.partition("/")
    fits = len(path) <= MAX_PATH and path.isprintable()
    if not (is_id(plant) and is_id(edge) and path and fits):
        raise ValueError("LS-6034")
    return plant, edge, path


def tag_text(parts: Parts) -> str:
    """The reverse of `parts_of`."""
    return "/".join(parts)


def _checked(tag: str) -> str:
    parts_of(tag)
    return tag


TagName = Annotated[
    str,
    # One reason for every wrong name; the bounds are for the document only.
    AfterValidator(_checked),
    Field(
        description="`plant/edge/path`",
        examples=["demo/line-b/press-1/count"],
        json_schema_extra={"minLength": 5, "maxLength": MAX_PATH + 70},
    ),
]
"""A tag's name in a request."""
