"""Leases: each decision as a table, and many workers that come, go and stop in any order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_server.receive.sharing import (
    Decision,
    View,
    WorkerRow,
    decide,
    most_shards,
)
from wire.ids import SHARDS

LEASE_US = 10_000_000
NOW_US = 1_000_000_000
A, B, C = (UUID(int=number) for number in (1, 2, 3))
FREE: dict[int, UUID | None] = dict.fromkeys(range(SHARDS), None)


def row(worker: UUID, *, ago_us: int = 0) -> WorkerRow:
    renewed_us = NOW_US - ago_us
    return WorkerRow(
        worker=worker, name=str(worker), renewed_us=renewed_us, until_us=renewed_us + LEASE_US
    )


def seen(*rows: WorkerRow, owners: dict[int, UUID | None] | None = None) -> View:
    known = frozenset(each.worker for each in rows)
    return View(
        now_us=NOW_US,
        workers={each.worker: each for each in rows},
        owners=FREE | (owners or {}),
        connected=known,
        writers=known,
    )


def of(worker: UUID | None, shards: range) -> dict[int, UUID | None]:
    return dict.fromkeys(shards, worker)


def decided(view: View) -> Decision:
    return decide(view, A, lease_us=LEASE_US)


def test_a_worker_alone_takes_all_shards() -> None:
    decision = decided(seen(row(A)))
    assert decision.claim == decision.serve == tuple(range(SHARDS))
    assert not (decision.lost or decision.evict or decision.cut or decision.release)


def test_who_has_everything_gives_half_of_it_to_a_second_worker() -> None:
    decision = decided(seen(row(A), row(B), owners=of(A, range(64))))
    assert len(decision.release) == len(decision.serve) == 32
    assert not set(decision.release) & set(decision.serve)


def test_nothing_is_taken_from_a_worker_that_lives() -> None:
    decision = decided(seen(row(A), row(B), owners=of(B, range(64))))
    assert (decision.claim, decision.evict) == ((), ())


def test_an_own_row_that_is_gone_means_to_begin_anew() -> None:
    assert decided(seen(row(B), owners=of(A, range(64)))) == Decision(lost=True)


@pytest.mark.parametrize(
    ("ago_us", "connected", "evicted"),
    [
        (0, True, False),
        (9_999_999, True, False),
        (10_000_000, True, True),
        (10_000_000, False, True),
        (3_000_000, False, False),
        (3_000_001, False, True),
    ],
)
def test_the_dead_are_told_from_the_slow(ago_us: int, connected: bool, evicted: bool) -> None:
    view = seen(row(A), row(B, ago_us=ago_us), owners=of(B, range(64)))
    if not connected:
        view = replace(view, connected=frozenset({A}))
    assert [each.worker for each in decided(view).evict] == ([B] if evicted else [])


def test_a_database_that_was_away_from_all_kills_nobody() -> None:
    view = replace(seen(row(A), row(B, ago_us=5_000_000)), connected=frozenset({A}))
    assert decided(view).evict != ()
    assert decided(replace(view, since_us=NOW_US - 1_000_000)).evict == ()


def test_shards_of_an_evicted_worker_are_free_when_its_connections_are_ended() -> None:
    view = replace(seen(row(A), owners=of(B, range(64))), writers=frozenset({A, B}))
    decision = decided(view)
    assert (decision.cut, decision.claim) == ((B,), ())
    assert len(decided(replace(view, writers=frozenset({A}))).claim) == SHARDS


@pytest.mark.parametrize(
    ("workers", "most"), [(1, 64), (2, 32), (3, 22), (5, 13), (64, 1), (99, 1)]
)
def test_each_holds_its_share_at_most(workers: int, most: int) -> None:
    assert most_shards(workers) == most


@dataclass
class World:
    """The tables, and workers that act on what they saw; each step is one statement."""

    now_us: int = NOW_US
    rows: dict[UUID, WorkerRow] = field(default_factory=dict)
    owners: dict[int, UUID | None] = field(default_factory=lambda: dict(FREE))
    served: dict[UUID, set[int]] = field(default_factory=dict)
    stopped: set[UUID] = field(default_factory=set)

    def join(self, worker: UUID) -> None:
        self.rows[worker] = self.renewed(worker)
        self.served[worker] = set()

    def renewed(self, worker: UUID) -> WorkerRow:
        return WorkerRow(
            worker=worker, name="", renewed_us=self.now_us, until_us=self.now_us + LEASE_US
        )

    def kill(self, worker: UUID) -> None:
        self.served.pop(worker, None)
        self.stopped.discard(worker)

    def look(self, me: UUID) -> None:
        if me in self.rows and self.rows[me].until_us > self.now_us:
            self.rows[me] = self.renewed(me)
        else:
            self.rows.pop(me, None)
        view = View(
            now_us=self.now_us,
            workers=dict(self.rows),
            owners=dict(self.owners),
            connected=frozenset(self.served),
            writers=frozenset(worker for worker, shards in self.served.items() if shards),
        )
        decision = decide(view, me, lease_us=LEASE_US)
        if decision.lost:
            self.served.pop(me, None)
            return
        for each in decision.evict:
            self.rows.pop(each.worker, None)
        for worker in (*decision.cut, *(each.worker for each in decision.evict)):
            if worker in self.served:
                self.served[worker] = set()  # its connections are ended
        for shard in decision.release:
            self.owners[shard] = None
        for shard in decision.claim:
            self.owners[shard] = me
        self.served[me] = set(decision.serve)

    def check(self) -> None:
        """No shard has two writers whose connections are open."""
        all_served = [shard for shards in self.served.values() for shard in shards]
        assert len(all_served) == len(set(all_served))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join", "kill", "stop", "go on", "look"]),
        st.integers(0, 7),
        st.integers(0, 4_000_000),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(steps=STEPS)
def test_no_shard_has_two_writers_and_all_are_shared_evenly_in_the_end(
    steps: list[tuple[str, int, int]],
) -> None:
    world, made = World(), 0
    for what, which, wait_us in steps:
        world.now_us += wait_us
        there = sorted(world.served)
        worker = there[which % len(there)] if there else None
        if what == "join" or worker is None:
            made += 1
            world.join(UUID(int=made))
        elif what == "kill":
            world.kill(worker)
        elif what == "stop":
            world.stopped.add(worker)
        elif what == "go on":
            world.stopped.discard(worker)
        if what in ("look", "go on") and worker is not None and worker not in world.stopped:
            world.look(worker)
        world.check()
    world.join(UUID(int=made + 1))
    for _ in range(20):
        world.now_us += 2_000_000
        for worker in sorted(set(world.served) - world.stopped):
            world.look(worker)
            world.check()
    live = sorted(set(world.served) - world.stopped)
    shares = [len(world.served[worker]) for worker in live]
    assert sum(shares) == SHARDS
    assert max(shares) <= most_shards(len(live))
