"""What receiving counts and shows to Prometheus; one for each process, over all connections."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest_server.receive.draft import Outcome
    from ingest_server.receive.state import State
    from runtime.metrics import Metrics

_GROUP_ROWS = (1, 10, 100, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000)


class Meters:
    """Counters of messages, readings and commits."""

    def __init__(self, metrics: Metrics) -> None:
        self._messages = metrics.counter(
            "server_messages_total", "Messages dealt with, by what became of them.", ["outcome"]
        )
        self._readings = metrics.counter("server_readings_total", "Readings stored.")
        self._commits = metrics.counter("server_commits_total", "Groups of messages committed.")
        self._took = metrics.histogram(
            "server_commit_seconds",
            "From the begin of a group's transaction to its commit, with all retries.",
        )
        self._rows = metrics.histogram(
            "server_commit_readings", "Readings in a group.", buckets=_GROUP_ROWS
        )

    def message(self, outcome: Outcome) -> None:
        """A message was dealt with."""
        self._messages.labels(str(outcome.reason)).inc()
        self._readings.inc(outcome.rows)

    def commit(self, *, took_s: float, rows: int) -> None:
        """A group was committed."""
        self._commits.inc()
        self._took.observe(took_s)
        self._rows.observe(rows)


class LeaseMeters:
    """Counts of shards that came and went, as one worker after the other notes them."""

    def __init__(self, metrics: Metrics) -> None:
        self._shards = metrics.gauge("server_shards", "Shards that this process serves.")
        self._changes = metrics.counter(
            "server_lease_changes_total",
            "Shards gained and given up; workers this one took over from; own leases lost.",
            ["change"],
        )
        for change in ("gained", "given", "took_over", "lost"):
            self._changes.labels(change)

    def serves(self, before: Collection[int], after: Collection[int]) -> None:
        """Other shards than before are served."""
        self._shards.set(len(after))
        self._changes.labels("gained").inc(len(set(after) - set(before)))
        self._changes.labels("given").inc(len(set(before) - set(after)))

    def took_over(self, workers: int) -> None:
        """Workers that were silent for a lease were put out."""
        self._changes.labels("took_over").inc(workers)

    def lost(self) -> None:
        """This worker was put out, or could not renew in time."""
        self._changes.labels("lost").inc()


def watch(metrics: Metrics, state: State) -> None:
    """Show how receiving goes whenever Prometheus asks."""
    shown = (
        ("server_broker_connected", "1 while connected to the broker.", "connected"),
        ("server_beats_missed", "Beats to itself that did not come back, in a row.", "missed"),
        ("server_database_away", "1 while the database does not take commits.", "away"),
        ("server_waiting_messages", "Messages received and not committed yet.", "waiting"),
        ("server_waiting_oldest_seconds", "How long the first of them has waited.", "oldest"),
        ("server_held_streams", "Streams whose next record this server fails on.", "held"),
    )
    read = {
        "connected": lambda: float(state.connected_us is not None),
        "missed": lambda: float(state.hearing.missed),
        "away": lambda: float(state.database_away_us is not None),
        "waiting": lambda: float(state.waiting),
        "oldest": lambda: state.oldest_s,
        "held": lambda: float(state.held),
    }
    for name, description, what in shown:
        metrics.gauge(name, description).set_function(read[what])
