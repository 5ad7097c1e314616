"""The OpenAPI document: committed as the code says, and complete."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from ingest_server.api.__main__ import rendered

COMMITTED = Path(__file__).parents[4] / "docs" / "openapi.json"


def test_the_committed_document_is_what_the_code_says() -> None:
    assert COMMITTED.read_bytes() == rendered(), "run: python -m ingest_server.api"


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in orjson.loads(rendered())["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_every_operation_has_summary_description_and_an_answer_with_a_schema() -> None:
    for name, operation in operations():
        assert operation["summary"], name
        assert len(operation["description"]) > 20, name
        content = operation["responses"]["200"]["content"]
        assert all(each["schema"] for each in content.values()), name


def test_every_error_is_a_problem() -> None:
    for name, operation in operations():
        for status, response in operation["responses"].items():
            if status == "200":
                continue
            assert response["content"] == {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            }, (name, status)


def test_everything_but_health_needs_the_token() -> None:
    free = {name for name, operation in operations() if "security" not in operation}
    assert free == {"get /healthz", "get /readyz", "get /api/v1/health"}
    for name, operation in operations():
        if name not in free:
            assert "401" in operation["responses"], name


def test_every_parameter_and_field_is_described() -> None:
    for name, operation in operations():
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])
    for name, schema in orjson.loads(rendered())["components"]["schemas"].items():
        for field, rules in schema.get("properties", {}).items():
            assert rules.get("description"), (name, field)


def test_no_route_names_the_same_operation_twice() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert len(set(names)) == len(names)
