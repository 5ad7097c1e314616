"""A line for the cases of the edge: what its devices are, and what of them arrived."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.app import Agent
from edge_agent.collect.device import Collector
from edge_agent.config import EdgeConfig
from edge_agent.page.facts import Facts
from tests.unit.edge_agent.reference_receiver import Receiver
from wire import quality

Configure = Callable[..., EdgeConfig]


def modbus(name: str, port: int, tags: dict[str, str], *, every_ms: int = 50) -> str:
    """The YAML of a Modbus device whose registers are `tags`: path and address."""
    return f"""
  - id: {name}
    driver: modbus-tcp
    host: 127.0.0.1
    port: {port}
    timeout_ms: 200
    groups:
      - every_ms: {every_ms}
        tags: [{_list(tags, "u16")}]
"""


def opcua(name: str, url: str, tags: dict[str, str], *, more: str = "mode: poll") -> str:
    """The YAML of an OPC UA device with one group; `more`: further keys of the group."""
    return f"""
  - id: {name}
    driver: opcua
    url: {url}
    security: none
    timeout_ms: 1000
    groups:
      - every_ms: 50
        {more}
        tags: [{_list(tags, "i32")}]
"""


def _list(tags: dict[str, str], dtype: str) -> str:
    rows = [f'{{path: {p}, address: "{address}", dtype: {dtype}}}' for p, address in tags.items()]
    return ", ".join(rows)


def facts(agent: Agent) -> Facts:
    """What a running agent can say of its parts."""
    assert agent.facts is not None
    return agent.facts


def collector(agent: Agent, name: str) -> Collector:
    """The part of a running agent that reads one device."""
    return next(one for one in facts(agent).collectors if one.config.id == name)


def good(receiver: Receiver, path: str) -> list[int]:
    """The good values of a tag, in the order of receiving."""
    return [int(value) for _, value, q in receiver.values(path) if q == quality.GOOD]


def status(receiver: Receiver, path: str) -> list[int]:
    """The status of every sample of a tag, in the order of receiving."""
    return [q & quality.STATUS_MASK for _, _, q in receiver.values(path)]
