"""Who serves which shards: what one worker does next, given the leases and the workers. Pure.

Rules:

| what is seen                                             | what this worker does               |
| -------------------------------------------------------- | ----------------------------------- |
| its own row is gone                                      | all is lost: begin anew             |
| a worker's time is over                                  | evict it                            |
| a worker's connection is gone, no sign of it for a while | evict it: its process has died      |
| connections of a worker that was evicted                 | end them: they may hold locks       |
| it holds more than ceil(64 / workers)                    | release the rest                    |
| it holds fewer, and shards are free                      | claim as many as it may hold        |

A shard is free when nobody holds it, or a worker that was evicted and has no connection any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wire.ids import SHARDS

if TYPE_CHECKING:
    from uuid import UUID

RENEW_PER_LEASE = 5
"""A lease is renewed so many times within its length."""
SILENT_PER_LEASE = 0.3
"""Part of the length after which a worker without a connection counts as dead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerRow:
    """A worker that shares; times by the clock of the database, microseconds."""

    worker: UUID
    name: str
    renewed_us: int
    until_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What is known of all workers at one moment.

    `owners`: who holds each shard, None: nobody. `connected`: workers whose connection for leases
    is open. `writers`: workers with connections that write, whether they still share or not.
    `since_us`: the database was away from this worker until then, so perhaps from all.
    """

    now_us: int
    workers: Mapping[UUID, WorkerRow]
    owners: Mapping[int, UUID | None]
    connected: frozenset[UUID] = frozenset()
    writers: frozenset[UUID] = frozenset()
    since_us: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What to do next. `serve`: the shards to serve once the rest is done; `lost`: begin anew."""

    lost: bool = False
    evict: tuple[WorkerRow, ...] = ()
    cut: tuple[UUID, ...] = ()
    """Workers without a row whose connections are to be ended."""
    release: tuple[int, ...] = ()
    claim: tuple[int, ...] = ()
    serve: tuple[int, ...] = ()
    workers: int = 1


def most_shards(workers: int) -> int:
    """How many shards one of so many workers may hold."""
    return -(-SHARDS // max(workers, 1))


def decide(view: View, me: UUID, *, lease_us: int) -> Decision:
    """What the worker `me` does next."""
    if me not in view.workers:
        return Decision(lost=True)
    dead = tuple(
        row
        for row in view.workers.values()
        if row.worker != me and _is_dead(view, row, lease_us=lease_us)
    )
    gone = {row.worker for row in dead}
    live = sorted(worker for worker in view.workers if worker not in gone)
    most = most_shards(len(live))
    held = sorted(shard for shard, owner in view.owners.items() if owner == me)
    release = held[most:]
    free = sorted(shard for shard, owner in view.owners.items() if _is_free(view, owner))
    # Each begins elsewhere: workers that claim at the same moment seldom want the same.
    start = SHARDS * live.index(me) // len(live)
    free = [shard for shard in free if shard >= start] + [shard for shard in free if shard < start]
    claim = sorted(free[: max(most - len(held), 0)])
    return Decision(
        evict=dead,
        cut=tuple(sorted(view.writers - view.workers.keys())),
        release=tuple(release),
        claim=tuple(claim),
        serve=tuple(sorted((*held[:most], *claim))),
        workers=len(live),
    )


def _is_dead(view: View, row: WorkerRow, *, lease_us: int) -> bool:
    if row.until_us <= view.now_us:
        return True
    silent_us = view.now_us - max(row.renewed_us, view.since_us)
    return row.worker not in view.connected and silent_us > lease_us * SILENT_PER_LEASE


def _is_free(view: View, owner: UUID | None) -> bool:
    return owner is None or (owner not in view.workers and owner not in view.writers)
