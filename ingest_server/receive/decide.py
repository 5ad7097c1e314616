"""What becomes of a record: pure decisions of the stream protocol, each with its reason.

The rules (wire contract, "Server"), c being the cursor of the record's stream, 0 if it is unknown:

| record                                    | what becomes of it                         |
| ----------------------------------------- | ------------------------------------------ |
| seq <= c                                  | skip; a tombstone beyond c: apply, inexact |
| seq > c + 1                               | drop unstored                              |
| seq = c + 1, sound                        | apply, c moves to seq (or `through`)       |
| opening, predecessor (P, N) at N          | apply; gap `agent_down` if time passed     |
| opening, P beyond N, or P has a successor | apply as fork (old copy, or two machines), |
|                                           | gap `buffer_lost` from where the other is  |
| opening, P before N                       | hold: drop unstored, ask for P again       |
| opening without predecessor               | apply; gap `buffer_lost` if edge was known |
| tombstone at 1                            | apply; its opening and P are unknown       |
| damaged body, first sight                 | set aside, not counted: it may come sound  |
| damaged body, the same bytes again        | the edge's copy is bad: as a bad body      |
| bad body, undefined tag, foreign opening  | set aside, move past, gap `corrupt`        |

Classes are independent. Nothing here reads a clock: `now_us` is the server's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from ingest_server.store.rows import EdgeRow, GapRow, NoticeRow, Outage, StreamRow
from wire.control import Rewind
from wire.errors import BadBody, DamagedBody, WireError
from wire.frame import Kind, Prefix, StreamClass
from wire.records import Event, Events, Opening, Record, TagTable, Tombstone, first_in_stream

if TYPE_CHECKING:
    from wire.samples import Samples


class Action(StrEnum):
    """What is done with a record."""

    APPLY = "apply"
    SKIP = "skip"
    DROP = "drop"
    HOLD = "hold"
    SET_ASIDE = "set_aside"
    MOVE_PAST = "move_past"


class Reason(StrEnum):
    """Why; a label of the counters, too."""

    NEXT = "next"
    OPENED = "opened"
    LINKED = "linked"
    FORKED = "forked"
    BUFFER_LOST = "buffer_lost"
    BRIDGED = "bridged"
    STORED_ALREADY = "stored_already"
    AHEAD = "ahead"
    PREDECESSOR_MISSING = "predecessor_missing"
    DAMAGED = "damaged"
    DAMAGED_AGAIN = "damaged_again"
    BAD = "bad"
    REFUSED_BY_DATABASE = "refused_by_database"


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleBatch:
    """The content of a samples record."""

    samples: Samples
    complete_to_us: int


Content = SampleBatch | Record | DamagedBody | BadBody


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The decision on one record.

    `stream` is the stream's row afterwards; None: it stays as it was. `interrupts`: readings are
    missing before this record. `error` names what is wrong with a record that is set aside.
    """

    action: Action
    reason: Reason
    stream: StreamRow | None = None
    gaps: tuple[GapRow, ...] = ()
    outages: tuple[Outage, ...] = ()
    notices: tuple[NoticeRow, ...] = ()
    rewinds: tuple[Rewind, ...] = ()
    interrupts: bool = False
    error: WireError | None = None


def needs_content(cursor: int, prefix: Prefix) -> bool:
    """Whether the body has anything to say about a record of a stream at that cursor."""
    return prefix.seq == cursor + 1 or (prefix.seq <= cursor and prefix.kind is Kind.TOMBSTONE)


def decide(
    edge: EdgeRow,
    prefix: Prefix,
    content: Content | None,
    *,
    now_us: int,
    flaw: BadBody | None = None,
    seen_before: bool = False,
) -> Verdict:
    """The decision on a record of `edge`, by the rules of the module.

    `content` may be None where `needs_content` is false. `flaw`: what is wrong with its tag
    numbers. `seen_before`: these very bytes were set aside.
    """
    cursor = edge.cursor(prefix.epoch, prefix.cls)
    if prefix.seq > cursor + 1:
        return Verdict(action=Action.DROP, reason=Reason.AHEAD)
    if prefix.seq <= cursor:
        if isinstance(content, Tombstone) and content.through > cursor:
            return _tombstone(edge, prefix, content)
        return Verdict(action=Action.SKIP, reason=Reason.STORED_ALREADY)
    if content is None:
        raise ValueError("the next record of a stream is decided by its content")
    if isinstance(content, DamagedBody) and not seen_before:
        return Verdict(action=Action.SET_ASIDE, reason=Reason.DAMAGED, error=content)
    error = content if isinstance(content, WireError) else _wrong(edge, prefix, content)
    error = error or flaw
    if error is not None:
        again = isinstance(error, DamagedBody)
        reason = Reason.DAMAGED_AGAIN if again else Reason.BAD
        return move_past(edge, prefix, reason=reason, error=error, now_us=now_us)
    return _next(edge, prefix, content)  # type: ignore[arg-type]  # errors are dealt with above


def move_past(
    edge: EdgeRow, prefix: Prefix, *, reason: Reason, error: WireError, now_us: int
) -> Verdict:
    """Give a record up: its bytes go to the dead letters, its time to the gaps.

    When the samples were taken cannot be read: the gap reaches from the last time stored to now.
    """
    row = _row(edge, prefix)
    since = row.last_to_us if row.last_to_us is not None else row.opened_us
    gap = GapRow(
        epoch=prefix.epoch,
        cls=prefix.cls,
        from_us=min(since if since is not None else now_us, now_us),
        to_us=now_us,
        cause="corrupt",
        detail={"seq": prefix.seq, "code": error.code},
    )
    notice = NoticeRow(
        code="LS-5414",
        params={"epoch": str(prefix.epoch), "class": str(prefix.cls), "seq": prefix.seq,
                "reason": error.code},
    )  # fmt: skip
    return Verdict(
        action=Action.MOVE_PAST,
        reason=reason,
        stream=replace(row, cursor=prefix.seq),
        gaps=(gap,),
        notices=(notice,),
        interrupts=True,
        error=error,
    )


def _wrong(edge: EdgeRow, prefix: Prefix, content: SampleBatch | Record) -> BadBody | None:
    """What makes a record that can be read useless, None for nothing."""
    if not first_in_stream(prefix.kind, prefix.seq):
        return BadBody("LS-5406", kind=prefix.kind.name.lower(), seq=prefix.seq)
    if isinstance(content, Opening) and (content.plant, content.edge) != (
        edge.edge.plant,
        edge.edge.edge,
    ):
        return BadBody("LS-5407", said=f"{content.plant}/{content.edge}", topic=str(edge.edge))
    if isinstance(content, Tombstone) and content.through < prefix.seq:
        return BadBody("LS-5408", seq=prefix.seq, through=content.through)
    return None


def _next(edge: EdgeRow, prefix: Prefix, content: SampleBatch | Record) -> Verdict:
    if isinstance(content, Opening):
        return _opening(edge, prefix, content)
    if isinstance(content, Tombstone):
        return _tombstone(edge, prefix, content)
    row = replace(_row(edge, prefix), cursor=prefix.seq)
    if isinstance(content, TagTable):
        return Verdict(action=Action.APPLY, reason=Reason.NEXT, stream=row)
    if isinstance(content, Events):
        gaps, outages = _of_events(prefix, content)
        return Verdict(
            action=Action.APPLY,
            reason=Reason.NEXT,
            stream=_reached(row, content.to),
            gaps=gaps,
            outages=outages,
        )
    row = replace(row, rows=row.rows + len(content.samples))
    return Verdict(
        action=Action.APPLY, reason=Reason.NEXT, stream=_reached(row, content.complete_to_us)
    )


def _opening(edge: EdgeRow, prefix: Prefix, opening: Opening) -> Verdict:
    before = opening.predecessor
    row = replace(
        _row(edge, prefix),
        cursor=prefix.seq,
        opened_us=opening.opened_us,
        version=opening.agent,
    )
    # Whatever did not answer the agent before: this one will say so itself.
    outages = (Outage(device=None, at_us=opening.opened_us, up=True),)[: _speaks_for_edge(prefix)]
    if before is None:
        return replace(
            _without_predecessor(edge, prefix, row, opening), outages=outages, interrupts=True
        )
    row = replace(
        row, predecessor=before.epoch, predecessor_seq=before.last_seq, clean=before.clean
    )
    cursor = edge.cursor(before.epoch, prefix.cls)
    if cursor < before.last_seq:
        rewind = Rewind(epoch=before.epoch, cls=prefix.cls, cursor=cursor, acked=before.last_seq)
        return Verdict(action=Action.HOLD, reason=Reason.PREDECESSOR_MISSING, rewinds=(rewind,))
    # The other one may have been heard of in the other class only.
    siblings = (row.predecessor for row in edge.streams.values() if row.epoch != prefix.epoch)
    forked = cursor > before.last_seq or before.epoch in siblings
    gaps = _agent_down(edge, prefix, opening)
    notices: tuple[NoticeRow, ...] = ()
    if forked:
        gaps += _left_behind(edge, prefix, opening)
        params = {"epoch": str(prefix.epoch), "predecessor": str(before.epoch)}
        notices = (NoticeRow(code="LS-5411", params={**params, "class": str(prefix.cls)}),)
    return Verdict(
        action=Action.APPLY,
        reason=Reason.FORKED if forked else Reason.LINKED,
        stream=replace(row, forked=forked),
        gaps=gaps,
        outages=outages,
        notices=notices,
        interrupts=True,
    )


def _without_predecessor(
    edge: EdgeRow, prefix: Prefix, row: StreamRow, opening: Opening
) -> Verdict:
    last = edge.latest(prefix.cls)
    if last is None:
        return Verdict(action=Action.APPLY, reason=Reason.OPENED, stream=row)
    notice = NoticeRow(
        code="LS-5412", params={"epoch": str(prefix.epoch), "class": str(prefix.cls)}
    )
    return Verdict(
        action=Action.APPLY,
        reason=Reason.BUFFER_LOST,
        stream=row,
        gaps=_left_behind(edge, prefix, opening),
        notices=(notice,),
    )


def _left_behind(edge: EdgeRow, prefix: Prefix, opening: Opening) -> tuple[GapRow, ...]:
    """What the buffer that was in use before may have had and not sent: nobody can know how much.

    Where two machines run on copies of one buffer the other may still send it: then the gap says
    too much, which is better than too little.
    """
    last = edge.latest(prefix.cls)
    if last is None:
        return ()
    since = last.last_to_us if last.last_to_us is not None else last.opened_us
    return (
        GapRow(
            epoch=prefix.epoch,
            cls=prefix.cls,
            from_us=min(since if since is not None else opening.opened_us, opening.opened_us),
            to_us=opening.opened_us,
            cause="buffer_lost",
            exact=False,
            detail={"before": str(last.epoch)},
        ),
    )


def _agent_down(edge: EdgeRow, prefix: Prefix, opening: Opening) -> tuple[GapRow, ...]:
    """The time in which no agent ran; told once an epoch, by the class `key`."""
    before = opening.predecessor
    if before is None or not _speaks_for_edge(prefix):
        return ()
    row = edge.streams.get((before.epoch, prefix.cls))
    stored_to = row.last_to_us if row is not None and row.last_to_us is not None else 0
    # Stamps beyond this opening are of a clock that was ahead, and say nothing of that time.
    since = max(before.alive_us, stored_to) if stored_to < opening.opened_us else before.alive_us
    if opening.opened_us <= since:
        return ()
    return (
        GapRow(
            epoch=prefix.epoch,
            cls=None,
            from_us=since,
            to_us=opening.opened_us,
            cause="agent_down",
            exact=before.clean,
            detail={"clean": before.clean},
        ),
    )


def _tombstone(edge: EdgeRow, prefix: Prefix, tombstone: Tombstone) -> Verdict:
    row = _row(edge, prefix)
    whole = prefix.seq == row.cursor + 1
    gap = GapRow(
        epoch=prefix.epoch,
        cls=prefix.cls,
        from_us=min(tombstone.from_us, tombstone.to_us),
        to_us=tombstone.to_us,
        cause=tombstone.cause,
        samples=tombstone.samples,
        exact=tombstone.exact and whole,
        detail={"seq": prefix.seq, "through": tombstone.through},
    )
    return Verdict(
        action=Action.APPLY,
        reason=Reason.BRIDGED,
        stream=_reached(replace(row, cursor=tombstone.through), tombstone.to_us),
        gaps=(gap,),
        interrupts=True,
    )


def _of_events(prefix: Prefix, content: Events) -> tuple[tuple[GapRow, ...], tuple[Outage, ...]]:
    gaps: list[GapRow] = []
    outages: list[Outage] = []
    for event in content.events:
        if event.kind == "not_collected":
            gaps.append(_not_collected(prefix, event))
        elif event.kind in ("device_down", "device_up") and event.device is not None:
            up = event.kind == "device_up"
            since = event.at_us if up or event.from_us is None else event.from_us
            outages.append(Outage(device=event.device, at_us=since, up=up, epoch=prefix.epoch))
    return tuple(gaps), tuple(outages)


def _not_collected(prefix: Prefix, event: Event) -> GapRow:
    to_us = event.at_us if event.to_us is None else event.to_us
    return GapRow(
        epoch=prefix.epoch,
        cls=None,
        device=event.device,
        from_us=min(to_us, event.at_us if event.from_us is None else event.from_us),
        to_us=to_us,
        cause=event.cause or "not_collected",
        exact=event.from_us is not None,
        detail=dict(event.detail),
    )


def _row(edge: EdgeRow, prefix: Prefix) -> StreamRow:
    """The stream's row, or the one it gets with its first record."""
    known = edge.streams.get((prefix.epoch, prefix.cls))
    if known is not None:
        return known
    last = edge.latest(prefix.cls)
    return StreamRow(
        epoch=prefix.epoch, cls=prefix.cls, cursor=0, ord=1 if last is None else last.ord + 1
    )


def _reached(row: StreamRow, complete_to_us: int) -> StreamRow:
    return replace(row, last_to_us=max(row.last_to_us or 0, complete_to_us))


def _speaks_for_edge(prefix: Prefix) -> bool:
    """What concerns the agent as a whole is told in one class only."""
    return prefix.cls is StreamClass.KEY
