"""YAML 1.2 core values with the place of each one, read from the C parser's events.

Differences from PyYAML's own loading, on purpose: `on`, `off`, `yes`, `no`, `12:30` and dates stay
text; a number with a leading zero (octal in YAML 1.1, decimal in 1.2) is refused; a key may stand
once; nothing but plain data can be asked for; nesting and the size after aliases are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from runtime.problems import Problem
from runtime.yaml_place import Place, dotted
from runtime.yaml_syntax import explain

MOST_DEPTH = 64
MOST_VALUES = 1_000_000

_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_WORDS: Mapping[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
VARIABLE = re.compile(r"\$(\$)?\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
"""`${NAME}`, `${NAME:-default}`, and `$${` which stands for itself: escape, name, default."""
_MOST_DIGITS = 4000  # int() refuses more
_TEXT_TAG = "tag:yaml.org,2002:str"

_NO_KEY = object()
_LOST_KEY = object()
_MERGE = object()


@dataclass(slots=True)
class Node:
    """One value, where it starts, and its children by key or index (None: a scalar)."""

    line: int
    column: int
    value: Any = None
    children: dict[Any, Node] | None = None
    keys: dict[Any, Place] = field(default_factory=dict)
    """Where the keys of a mapping stand."""
    is_list: bool = False
    weight: int = 1
    """How many values this is once aliases are written out."""
    broken: bool = False
    """A problem was reported here; what a model says about it is no news."""

    def child(self, name: object) -> Node | None:
        """The value under a key or at an index; None where there is none."""
        return None if self.children is None else self.children.get(name)


class Stop(Exception):
    """The rest of the file cannot be read; the problem says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end is not reached yet; `key` waits for its value."""

    node: Node
    children: dict[Any, Node]
    anchor: str | None
    key: object = _NO_KEY
    merged: list[Node] = field(default_factory=list)

    @property
    def wants_key(self) -> bool:
        return not self.node.is_list and self.key is _NO_KEY


class TreeReader:
    """Builds the tree of one document and gathers what is wrong with it in `problems`.

    Without `places` only the root's value is of use: what stands where is forgotten as soon as it
    is no longer needed, because it takes several times as much memory as the values themselves.
    """

    def __init__(
        self,
        name: str,
        environ: Mapping[str, str],
        *,
        places: bool = True,
        deferred: frozenset[str] = frozenset(),
    ) -> None:
        """`deferred`: keys of the document below which `${NAME}` is left for somebody else."""
        self.problems: list[Problem] = []
        self._name = name
        self._environ = environ
        self._places = places
        self._deferred = deferred
        self._anchors: dict[str, Node] = {}
        self._stack: list[_Open] = []
        self._root: Node | None = None

    def read(self, text: str) -> Node | None:
        """The root of the only document; None: the file has no content. Raises `Stop`."""
        documents = 0
        for event in self._events(text):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise Stop(self._problem("LS-1016", _place(event)))
            elif isinstance(event, yaml.NodeEvent):
                self._take(event)
            elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
                self._close()
        return self._root

    def _events(self, text: str) -> Iterator[yaml.Event]:
        # libyaml hands out an event as soon as it has parsed it: bounds below stop it in time.
        try:
            yield from yaml.parse(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            code, place, params = explain(error, text)
            raise Stop(self._problem(code, place, **params)) from error

    def _problem(self, code: str, place: Place, **params: object) -> Problem:
        line, column = place
        names = [
            len(opened.children) if opened.node.is_list else opened.key
            for opened in self._stack
            if opened.node.is_list or opened.key not in (_NO_KEY, _LOST_KEY, _MERGE)
        ]
        return Problem(
            file=self._name,
            line=line,
            column=column,
            field=dotted(names),
            code=code,
            params=params,
        )

    def _report(self, node: Node, code: str, **params: object) -> None:
        """Remember a problem at `node`; the reading goes on without its value."""
        self.problems.append(self._problem(code, (node.line, node.column), **params))
        node.broken = True

    def _take(self, event: yaml.NodeEvent) -> None:
        line, column = _place(event)
        node = Node(line=line, column=column)
        opened = self._stack[-1] if self._stack else None
        is_key = opened is not None and opened.wants_key
        if isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(str(event.anchor))
            if known is None:
                self._report(node, "LS-1020", name=event.anchor)
            self._add(known or node)
        elif isinstance(event, yaml.ScalarEvent):
            node.value = self._scalar(event, node, is_key=is_key)
            self._remember(event.anchor, node)
            self._add(node)
        elif isinstance(event, yaml.CollectionStartEvent):
            if event.tag is not None and not event.implicit:
                self._report(node, "LS-1015", tag=event.tag)
            if len(self._stack) >= MOST_DEPTH:
                raise Stop(self._problem("LS-1018", (line, column), limit=MOST_DEPTH))
            node.is_list = isinstance(event, yaml.SequenceStartEvent)
            children = node.children = {}
            self._stack.append(_Open(node=node, children=children, anchor=event.anchor))

    def _close(self) -> None:
        opened = self._stack.pop()
        node, children = opened.node, opened.children
        for source in opened.merged:
            for key, child in (source.children or {}).items():
                if key not in children:
                    children[key] = child
                    node.keys[key] = source.keys[key]
        if node.is_list:
            node.value = [child.value for child in children.values()]
        else:
            node.value = {key: child.value for key, child in children.items()}
        node.weight = 1 + sum(child.weight for child in children.values())
        if node.weight > MOST_VALUES:
            raise Stop(self._problem("LS-1019", (node.line, node.column), limit=MOST_VALUES))
        self._remember(opened.anchor, node)
        # A merge takes single children out of a mapping, or out of each mapping in a list.
        merged = any(outer.key is _MERGE for outer in self._stack[-2:])
        if not (self._places or opened.anchor is not None or merged):
            node.children, node.keys = {}, {}
        self._add(node)

    def _remember(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    def _add(self, node: Node) -> None:
        """Put a finished value where it belongs: the root, a list, a key, or under its key."""
        if not self._stack:
            self._root = node
            return
        opened = self._stack[-1]
        if opened.node.is_list:
            opened.children[len(opened.children)] = node
        elif opened.key is _NO_KEY:
            opened.key = self._key(opened, node)
        else:
            key = opened.key
            if key is _MERGE:
                self._merge(opened, node)
            elif key is not _LOST_KEY:
                opened.children[key] = node
            opened.key = _NO_KEY

    def _key(self, opened: _Open, node: Node) -> object:
        key = node.value
        if node.broken or key is _MERGE:
            return _LOST_KEY if node.broken else key
        if node.children is not None or key is None:
            self._report(node, "LS-1017")
            return _LOST_KEY
        if key in opened.node.keys:
            opened.key = key  # for the path of the problem
            first, _ = opened.node.keys[key]
            self._report(node, "LS-1009", key=key, first=first)
            return _LOST_KEY
        opened.node.keys[key] = (node.line, node.column)
        return key

    def _merge(self, opened: _Open, node: Node) -> None:
        """`<<`: the keys of one mapping or of several, the earlier first; own keys win."""
        sources = (node.children or {}).values() if node.is_list else [node]
        for source in sources:
            if source.children is None or source.is_list:
                self._report(source, "LS-1044")
            else:
                opened.merged.append(source)

    def _scalar(self, event: yaml.ScalarEvent, node: Node, *, is_key: bool) -> object:
        plain, quoted = event.implicit
        text = event.value
        if not plain and not quoted and event.tag not in (_TEXT_TAG, None):
            self._report(node, "LS-1015", tag=event.tag)
            return None
        if is_key:
            if plain and text == "<<":
                return _MERGE
        elif "${" in text and not (self._stack and self._stack[0].key in self._deferred):
            return self._fill(text, node)
        if not plain:
            return text
        if _LEADING_ZERO.fullmatch(text):
            self._report(node, "LS-1014", value=text)
            return text
        return core_value(text)

    def _fill(self, text: str, node: Node) -> str:
        """The text with `${NAME}` and `${NAME:-default}` replaced; `$${` stands for itself."""

        def one(match: re.Match[str]) -> str:
            escaped, name, default = match.groups()
            if escaped:
                return match.group()[1:]
            value = self._environ.get(name)
            if default is not None:
                return value or str(default)
            if value is None:
                self._report(node, "LS-1013", name=name)
                return ""
            return value

        return VARIABLE.sub(one, text)


def core_value(text: str) -> str | int | float | bool | None:
    """What an unquoted scalar means by YAML 1.2's core schema (section 10.3.2)."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text) if len(text) <= _MOST_DIGITS else text
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _place(event: yaml.Event) -> Place:
    """Line and column from 1."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
