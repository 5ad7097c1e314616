"""A line's records and a server that takes them, for cases of the server."""

from __future__ import annotations

from ingest_server.receive.arrival import look_at
from ingest_server.receive.committer import Committer
from runtime.clock import now_us
from wire.ids import EdgeId
from wire.topics import up

EDGE = EdgeId(plant="demo", edge="line-a")


def take(dsn: str, *records: bytes) -> list[str]:
    """What became of each record, all of them delivered together."""
    committer = Committer(dsn, clock=now_us)
    try:
        topic = up(EDGE, "data")
        return [str(each.reason) for each in committer.handle([look_at(topic, r) for r in records])]
    finally:
        committer.close()
