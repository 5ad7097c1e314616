"""The page `/docs`: the OpenAPI document as one plain page, made here, with nothing loaded from
elsewhere and no script.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from ingest_server.api.auth import PAGE
from runtime import messages
from runtime.messages import Language

PATH: Final = PAGE

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Language",
    "Cache-Control": "no-store",
}

_WORDS: Final[Mapping[str, str]] = {
    "title": "LS-6110",
    "about": "LS-6111",
    "switch": "LS-6112",
    "contents": "LS-6113",
    "schemas": "LS-6114",
    "open": "LS-6115",
    "parameter": "LS-6116",
    "where": "LS-6117",
    "type": "LS-6118",
    "meaning": "LS-6119",
    "answers": "LS-6120",
    "field": "LS-6121",
    "needed": "LS-6122",
}


def page(document: Mapping[str, Any], *, lang: Language, base: str) -> str:
    """The page as HTML. `base` is the address the reader came by, for the sample."""
    words = {name: messages.text(code, lang=lang) for name, code in _WORDS.items()}
    tags = document.get("tags", [])
    return _template().render(
        lang=lang,
        words={**words, "other": "en" if lang == "zh" else "zh"},
        base=base,
        description=_marked(document["info"]["description"]),
        groups=[_group(tag, document) for tag in tags],
        schemas=[
            _schema(name, schema) for name, schema in document["components"]["schemas"].items()
        ],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("reference.html.j2")


def _group(tag: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": tag["name"].replace(" ", "-"),
        "name": tag["name"],
        "description": tag["description"],
        "operations": [
            _operation(method, path, operation, document)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if tag["name"] in operation["tags"]
        ],
    }


def _operation(
    method: str, path: str, operation: Mapping[str, Any], document: Mapping[str, Any]
) -> dict[str, Any]:
    fields = [
        {
            "name": each["name"],
            "where": each["in"],
            "type": _type(each["schema"]),
            "meaning": _line(each.get("description", "")),
            "needed": each.get("required", False),
        }
        for each in operation.get("parameters", [])
    ]
    body = _reference(operation.get("requestBody", {}))
    if body:
        schema = document["components"]["schemas"][body]
        needed = schema.get("required", [])
        fields += [
            {
                "name": name,
                "where": "body",
                "type": _type(field),
                "meaning": _line(field.get("description", "")),
                "needed": name in needed,
            }
            for name, field in schema["properties"].items()
        ]
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "description": _marked(operation["description"]),
        "open": "security" not in operation,
        "fields": fields,
        "answers": [
            {"status": status, "meaning": answer["description"], "schema": _reference(answer)}
            for status, answer in operation["responses"].items()
        ],
    }


def _schema(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "description": _line(schema.get("description", "")),
        "fields": [
            {
                "name": field,
                "type": _type(rules),
                "meaning": _line(rules.get("description", "")),
            }
            for field, rules in schema.get("properties", {}).items()
        ],
    }


def _reference(holder: Mapping[str, Any]) -> str:
    """The name of the schema that a body or an answer has; empty: none of ours."""
    for content in holder.get("content", {}).values():
        reference = content.get("schema", {}).get("$ref", "")
        if reference:
            return str(reference.rpartition("/")[2])
    return ""


def _type(schema: Mapping[str, Any]) -> Markup:
    """A type in a word or two, with a link where it is one of the schemas."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if "anyOf" in schema:
        return Markup(", ").join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    if "const" in schema:
        return Markup("<code>{}</code>").format(schema["const"])
    if "enum" in schema:
        return Markup(" ").join(Markup("<code>{}</code>").format(each) for each in schema["enum"])
    if schema.get("type") == "array":
        return Markup("[{}]").format(_type(schema.get("items", {})))
    return escape(schema.get("format") or schema.get("type") or "any")


def _line(text: str) -> Markup:
    """Text with its `code` marked."""
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )


def _marked(text: str) -> Markup:
    """Paragraphs and lists with their `code` and **strong** words marked: all we write there."""
    made: list[Markup] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = _joined(block.splitlines())
        if all(line.startswith("- ") for line in lines):
            items = Markup("").join(
                Markup("<li>{}</li>").format(_strong(line[2:])) for line in lines
            )
            made.append(Markup("<ul>{}</ul>").format(items))
        else:
            made.append(Markup("<p>{}</p>").format(_strong(" ".join(lines))))
    return Markup("\n").join(made)


def _joined(lines: Sequence[str]) -> list[str]:
    """Items of a list that go on in the next line are put together."""
    found: list[str] = []
    for line in lines:
        if found and not line.startswith("- "):
            found[-1] += f" {line.strip()}"
        else:
            found.append(line.strip())
    return found


def _strong(text: str) -> Markup:
    parts = re.split(r"\*\*([^*]+)\*\*", text)
    return Markup("").join(
        Markup("<strong>{}</strong>").format(part) if place % 2 else _line(part)
        for place, part in enumerate(parts)
    )
