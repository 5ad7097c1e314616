"""Leases on a real database: one holder a shard, and a dead worker's locks end with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import psycopg
import pytest

from ingest_server.store.connection import Connection, connect
from ingest_server.store.errors import LeaseLost
from ingest_server.store.leases import Leases
from ingest_server.store.leases import connect as connect_as
from ingest_server.store.migrate import migrate

Joined = Callable[..., Leases]


@pytest.fixture
def base(dsn: str) -> str:
    migrate(dsn)
    return dsn


@pytest.fixture
def joined(base: str) -> Iterator[Joined]:
    made: list[Leases] = []

    def join(worker: UUID, *, lease_s: float = 60) -> Leases:
        made.append(Leases(base, worker, name="test", lease_s=lease_s))
        made[-1].join()
        return made[-1]

    yield join
    for each in made:
        each.close()


def evict(leases: Leases, worker: UUID) -> None:
    _, rows = leases.workers()
    assert leases.evict({known: renewed for known, _, renewed, _ in rows if known == worker}) == 1
    leases.cut([worker])


def test_of_two_that_want_a_shard_one_gets_it(joined: Joined) -> None:
    one, two = uuid4(), uuid4()
    first, second = joined(one), joined(two)
    seen = first.owners()
    assert len(first.claim({shard: seen[shard] for shard in range(40)})) == 40
    assert second.claim({shard: seen[shard] for shard in range(30, 64)}) == list(range(40, 64))
    first.release(range(64))
    assert set(second.owners().values()) == {None, two}
    second.leave()
    assert set(first.owners().values()) == {None}
    assert not second.renew()


def test_a_worker_that_was_renewed_meanwhile_is_not_evicted(joined: Joined) -> None:
    one, two = uuid4(), uuid4()
    first, second = joined(one), joined(two)
    _, rows = second.workers()
    assert first.renew()
    assert second.evict({known: renewed for known, _, renewed, _ in rows if known == one}) == 0
    assert first.renew()


def locking(worker: Connection) -> None:
    """Like a process that was stopped within a transaction."""
    worker.execute("BEGIN")
    worker.execute("SELECT pg_advisory_xact_lock(42)")


def copying(worker: Connection) -> None:
    """Like a process that was stopped within a COPY: no time-out of the database ends that."""
    locking(worker)
    worker.pgconn.exec_(b"COPY lineside.reading FROM STDIN (FORMAT binary)")


@pytest.mark.parametrize(
    ("busy", "name"), [(locking, "ingest"), (copying, "ingest"), (locking, "latest")]
)
def test_what_a_stopped_worker_locked_is_free_when_it_is_evicted(
    base: str, joined: Joined, busy: Callable[[Connection], None], name: str
) -> None:
    stopped, other = uuid4(), uuid4()
    joined(stopped)
    leases = joined(other)
    writer = connect_as(base, name=name, worker=stopped)
    try:
        busy(writer)
        with connect(base, name="test") as look:
            locked = look.execute("SELECT pg_try_advisory_lock(42)").fetchone()
            assert locked == (False,)
            leases.cut([stopped])  # it lives: nothing happens
            assert (name, stopped) in leases.connected()
            evict(leases, stopped)
            assert (name, stopped) not in leases.connected()
            assert look.execute("SELECT pg_try_advisory_lock(42)").fetchone() == (True,)
        with pytest.raises(LeaseLost):
            connect_as(base, name=name, worker=stopped)
    finally:
        writer.close()


def test_a_worker_whose_time_is_over_may_not_open_a_connection(base: str, joined: Joined) -> None:
    worker = uuid4()
    joined(worker, lease_s=0.001)
    with psycopg.connect(base) as wait:
        wait.execute("SELECT pg_sleep(0.01)")
    with pytest.raises(LeaseLost):
        connect_as(base, name="ingest", worker=worker)
