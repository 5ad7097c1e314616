"""Problems: every code is worded, and every way a parameter can be wrong has a code of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import ingest_server.api
import ingest_server.usecases.acceptance
from ingest_server.api.names import TagName
from ingest_server.api.problems import (
    ApiProblem,
    Invalid,
    Unauthorised,
    Unavailable,
    field_problem,
)
from ingest_server.api.shape import Person, Word
from ingest_server.api.times import Instant
from runtime import messages
from runtime.messages import api, catalogue

SOURCES = [
    *sorted(Path(ingest_server.api.__file__).parent.rglob("*.py")),
    Path(ingest_server.usecases.acceptance.__file__),
]


def test_every_code_in_the_source_is_worded_and_every_text_is_used() -> None:
    used = {code for path in SOURCES for code in re.findall(r"LS-6\d{3}", path.read_text("utf-8"))}
    worded = set(api.TEXTS)
    titles = {code for code in worded if code >= "LS-6400"}
    assert used <= worded
    assert worded - titles <= used


def test_every_status_that_a_problem_can_have_has_a_title() -> None:
    kinds = [ApiProblem, *ApiProblem.__subclasses__()]
    statuses = {kind.status for kind in kinds} | {400, 404, 405, 413, 422, 500, 503}
    assert {f"LS-6{status}" for status in statuses} <= set(catalogue())


def test_a_caller_is_told_what_to_do_by_the_headers() -> None:
    assert Unauthorised("LS-6001").headers["WWW-Authenticate"].startswith("Bearer")
    assert int(Unavailable("LS-6006").headers["Retry-After"]) > 0


def test_a_refused_parameter_is_named() -> None:
    problem = Invalid("LS-6015", at="query.bucket", limit=7)
    assert [(each.at, each.code, each.params) for each in problem.errors] == [
        ("query.bucket", "LS-6015", {"limit": 7})
    ]


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    must: int
    level: int = Field(default=1, ge=1, le=9)
    word: Word = "x"
    kind: Literal["a", "b"] = "a"
    form: str = Field(default="a", pattern="^a$")
    at: Instant | None = None
    yes: bool = True
    by: Person = "x"
    tags: list[TagName] = Field(default=["a/b/c"], max_length=1)


@pytest.mark.parametrize(
    ("given", "at", "code"),
    [
        ({"must": None}, "must", "LS-6029"),
        ({"must": "x"}, "must", "LS-6029"),
        ({"more": 1}, "more", "LS-6022"),
        ({"level": 0}, "level", "LS-6023"),
        ({"level": 10}, "level", "LS-6023"),
        ({"word": ""}, "word", "LS-6024"),
        ({"word": "x" * 301}, "word", "LS-6024"),
        ({"word": "a\nb"}, "word", "LS-6032"),
        ({"word": "\0"}, "word", "LS-6032"),
        ({"kind": "c"}, "kind", "LS-6025"),
        ({"form": "b"}, "form", "LS-6026"),
        ({"at": "today"}, "at", "LS-6028"),
        ({"yes": "perhaps"}, "yes", "LS-6030"),
        ({"by": "   "}, "by", "LS-6033"),
        ({"tags": ["x/y/z", "x/y/z"]}, "tags", "LS-6024"),
        ({"tags": ["x"]}, "tags.0", "LS-6034"),
        ({"tags": ["xxxxxx"]}, "tags.0", "LS-6034"),
        ({"word": []}, "word", "LS-6031"),
    ],
)
def test_each_way_to_be_wrong_has_its_code_and_words(
    given: dict[str, Any], at: str, code: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Asked.model_validate({"must": 1, **given})
    (found,) = [field_problem(each) for each in caught.value.errors()]
    assert (found.at, found.code) == (at, code)
    for lang in ("en", "zh"):
        worded = messages.text(found.code, lang=lang, **found.params)
        assert "{" not in worded
        assert code not in worded


def test_a_missing_field_is_told() -> None:
    with pytest.raises(ValidationError) as caught:
        Asked.model_validate({})
    assert field_problem(caught.value.errors()[0]).code == "LS-6021"
