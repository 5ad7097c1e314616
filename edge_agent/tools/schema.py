"""The JSON Schema of an edge's configuration, by which editors complete and check it."""

from __future__ import annotations

import json
from typing import Any, Final

from edge_agent.config import EdgeConfig

COMMAND: Final = "lineside-edge check --schema > docs/edge.schema.json"
_VARIABLE: Final = r"\$\{"
_SCALARS: Final = ("integer", "number", "boolean")
_SIZES: Final = ("max_bytes", "min_free_bytes")
_WIDE_ORDERS: Final = ["AB", "BA", "ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"]


_TEMPLATED: Final[dict[str, Any]] = {
    "title": "TemplatedDevice",
    "type": "object",
    "description": "A device made from a template; its other keys replace the template's.",
    "required": ["template"],
    "properties": {
        "id": {"type": "string", "description": "Id, unique on the edge."},
        "template": {"type": "string", "description": "Name of one of the templates."},
        "vars": {
            "type": "object",
            "description": "What stands for ${NAME} in the template.",
            "additionalProperties": {"type": ["string", "integer", "number", "boolean", "null"]},
        },
    },
}


def schema() -> dict[str, Any]:
    """The schema of `edge.yaml`, draft 2020-12; `${NAME}` may stand wherever a scalar does."""
    made = EdgeConfig.model_json_schema(by_alias=True)
    # What is read more generously than its type says.
    for section in made["$defs"].values():
        properties = section.get("properties", {})
        for name in _SIZES:
            if name in properties:
                properties[name]["type"] = ["integer", "string"]
        if "word_order" in properties:
            _widen(properties["word_order"])
        if "unit_id" in properties and "address" in properties:
            properties["address"]["type"] = ["string", "integer"]
    devices = made["properties"]["devices"]
    devices["items"] = {"anyOf": [_TEMPLATED, devices["items"]]}
    found = _with_variables(made)
    title = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**title, **found, "title": "Lineside edge configuration"}


def as_text() -> str:
    """The schema as it is committed: sorted, so that a difference shows what changed."""
    return json.dumps(schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _widen(order: dict[str, Any]) -> None:
    for alternative in (order, *order.get("anyOf", ())):
        if "enum" in alternative:
            alternative["enum"] = [*alternative["enum"], *_WIDE_ORDERS]


def _with_variables(part: Any) -> Any:
    """The same schema, with texts that hold `${` allowed for scalars.

    Bounds of numbers say nothing about texts in JSON Schema, and the other way round.
    """
    if isinstance(part, list):
        return [_with_variables(one) for one in part]
    if not isinstance(part, dict):
        return part
    found = {key: _with_variables(value) for key, value in part.items()}
    if part.get("type") in _SCALARS and "const" not in part and "enum" not in part:
        found |= {"type": [part["type"], "string"], "pattern": _VARIABLE}
    elif part.get("type") == "string" and isinstance(part.get("pattern"), str):
        found["pattern"] = f"(?:{part['pattern']})|{_VARIABLE}"
    return found
