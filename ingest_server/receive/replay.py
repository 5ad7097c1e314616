"""Puts a dead letter through the same way again, with what this release can read.

Invariant: a letter is first decided without writing anything; only one that would be applied goes
to the committer. So a replay never moves a stream past a record, and what is stored or given up
already stays as it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ingest_server.receive.arrival import look_at, read_content
from ingest_server.receive.committer import Committer
from ingest_server.receive.draft import Draft
from ingest_server.store import connection as connections
from ingest_server.store import edges, letters
from runtime.errors import LinesideError, Reconfigure
from runtime.messages import Phrase
from wire.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest_server.receive.arrival import Arrival
    from runtime.clock import Clock
    from wire.frame import Prefix

_APPLIED: Final = frozenset({"next", "opened", "linked", "forked", "buffer_lost", "bridged"})


class CannotReplay(Reconfigure):
    """The letter stays as it is; the code says why."""


def replay(dsn: str, letter: Mapping[str, Any], *, by: str, clock: Clock) -> int:
    """Store what a letter (a row with its bytes) says; the readings in it.

    Raises CannotReplay with the reason, or StoreError.
    """
    content = bytes(letter["bytes"])
    if len(content) < letter["size"]:
        raise CannotReplay("LS-5663", kept=len(content), size=letter["size"])
    arrival = look_at(letter["topic"], content)
    if arrival.status is not None:
        raise CannotReplay("LS-5664")
    if arrival.error is not None or arrival.prefix is None:
        raise CannotReplay("LS-5665", reason=_words(arrival.error))
    prefix = arrival.prefix
    read = read_content(content, prefix)
    if isinstance(read, WireError):
        raise CannotReplay("LS-5665", reason=_words(read))
    arrival = replace(arrival, content=read)
    _look(dsn, arrival, prefix, clock=clock)
    committer = Committer(dsn, clock=clock)
    try:
        [outcome] = committer.handle([arrival])
        committer.upkeep()
    finally:
        committer.close()
    if not outcome.applied:
        raise CannotReplay("LS-5665", reason=_words(outcome.error or outcome.defect))
    letters.note_replay(dsn, letter["letter_id"], by=by)
    return outcome.rows


def _look(dsn: str, arrival: Arrival, prefix: Prefix, *, clock: Clock) -> None:
    """Raise CannotReplay unless the record is the next of its stream and sound."""
    assert arrival.edge is not None  # noqa: S101 - its topic was read
    with connections.connect(dsn, name="cli") as connection:
        row = edges.load_edge(connection, arrival.edge)
        outcome = Draft(connection, {}, now_us=clock()).take(arrival)
    cursor = row.cursor(prefix.epoch, prefix.cls)
    stream = {"epoch": str(prefix.epoch), "class": str(prefix.cls), "seq": prefix.seq}
    if outcome.error is not None:
        raise CannotReplay("LS-5665", reason=_words(outcome.error))
    if outcome.reason == "stored_already":
        gap = letters.gap_of(dsn, row.edge_id, prefix.epoch, str(prefix.cls), prefix.seq)
        if gap is None:
            raise CannotReplay("LS-5666", **stream)
        raise CannotReplay("LS-5667", gap=gap, **stream)
    if outcome.reason not in _APPLIED:
        raise CannotReplay("LS-5668", cursor=cursor, **stream)


def _words(error: Exception | None) -> object:
    if isinstance(error, LinesideError):
        return Phrase(error.code, error.params)
    return repr(error)
