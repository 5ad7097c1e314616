"""MQTT topics: `lineside/v1/{plant}/{edge}/up/{kind}/{shard}` and `.../down/{kind}`.

Publishers that speak nothing but JSON use `lineside/v1/{plant}/{edge}/up/plain`: below `up`, so
that the same access rule fences them, and without a shard, which they need not be able to compute.

An edge writes only below its own `up` and reads only its own `down`; the plant comes first, so that
one access rule of the broker fences a plant.

A server writes `down`, and reads `up`: of edges, and what it says to itself below
`lineside/v1/_server/{server}/up`, to know that its subscriptions live. No plant has such a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from wire.errors import WireError
from wire.ids import SHARDS, EdgeId

ROOT: Final = "lineside/v1"
Up = Literal["data", "status", "live", "cmd-ack"]
Down = Literal["ack", "cmd", "config"]
BEATS: Final = f"{ROOT}/_server/"
"""What every topic begins with on which servers speak to themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UpTopic:
    """A parsed topic an edge publishes on."""

    edge: EdgeId
    kind: Up


def up(edge: EdgeId, kind: Up) -> str:
    """Where an edge publishes `kind`."""
    return f"{ROOT}/{edge.plant}/{edge.edge}/up/{kind}/{edge.shard}"


def down(edge: EdgeId, kind: Down) -> str:
    """Where an edge listens for `kind`."""
    return f"{ROOT}/{edge.plant}/{edge.edge}/down/{kind}"


def up_filter(kind: Up | None, shard: int | None = None) -> str:
    """The subscription of a server worker for one kind and shard, None: for all."""
    return f"{ROOT}/+/+/up/{kind or '+'}/{'+' if shard is None else shard}"


def plain(edge: EdgeId) -> str:
    """Where a plain publisher of that identity sends its JSON."""
    return f"{ROOT}/{edge.plant}/{edge.edge}/up/plain"


def plain_filter() -> str:
    """The subscription to all plain publishers."""
    return f"{ROOT}/+/+/up/plain"


def beat(server: str) -> str:
    """Where a connection of a server speaks to itself through the subscription to all edges."""
    return f"{BEATS}{server}/up/beat/self"


def plain_beat(server: str) -> str:
    """Where it does so through the subscription to plain publishers."""
    return f"{BEATS}{server}/up/plain"


def parse_plain(topic: str) -> EdgeId:
    """Who sends on a topic of plain publishers; raises WireError where it is not one."""
    parts = topic.split("/")
    if len(parts) != 6 or "/".join(parts[:2]) != ROOT or parts[4:] != ["up", "plain"]:
        raise WireError("LS-2002", topic=topic)
    return EdgeId(plant=parts[2], edge=parts[3])


def parse_up(topic: str) -> UpTopic:
    """The edge and kind of a topic; raises WireError where it is not one of ours.

    The shard in the topic must be the edge's own: otherwise two workers could take one stream.
    """
    parts = topic.split("/")
    if len(parts) != 7 or "/".join(parts[:2]) != ROOT or parts[4] != "up":
        raise WireError("LS-2002", topic=topic)
    edge = EdgeId(plant=parts[2], edge=parts[3])
    kind = next((known for known in get_args(Up) if known == parts[5]), None)
    if kind is None or not (parts[6].isdecimal() and int(parts[6]) < SHARDS):
        raise WireError("LS-2002", topic=topic)
    if int(parts[6]) != edge.shard:
        raise WireError("LS-2003", topic=topic, shard=edge.shard)
    return UpTopic(edge=edge, kind=kind)
