"""Looks into the buffer of an agent that does not run; changes nothing of what it says.

The file is taken exclusively meanwhile, as an agent would: never two connections to one file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from edge_agent.buffer.opening import VERSION
from runtime.errors import Reconfigure

STREAMS = """
select e.ord, e.epoch, e.agent, e.opened_us, e.alive_us, e.closed_us,
       s.cls, s.last_seq, s.acked, s.from_us, s.to_us,
       count(r.id), coalesce(sum(r.size), 0),
       coalesce(sum(r.through > s.acked), 0),
       coalesce(sum(case when r.through > s.acked then r.size else 0 end), 0),
       coalesce(sum(r.kind = 4), 0)
from stream s join epoch e on e.ord = s.ord
left join record r on r.ord = s.ord and r.cls = s.cls
group by s.ord, s.cls
-- within an epoch key comes first, as it is sent
order by s.ord, s.cls desc
"""
UNACKNOWLEDGED = """
select r.body from record r join stream s on s.ord = r.ord and s.cls = r.cls
where r.ord = :ord and r.cls = :cls and r.through > s.acked order by r.seq
"""


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The buffer at `path`, in one transaction that ends without a change.

    Raises Reconfigure: in use by an agent (LS-4730), absent (LS-4731), unreadable (LS-4732), of a
    later release (LS-4103).
    """
    if not path.is_file():
        raise Reconfigure("LS-4731", file=str(path))
    try:
        uri = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=0)) as db:
            db.execute("pragma locking_mode = exclusive")
            db.execute("begin immediate")
            version = db.execute("pragma user_version").fetchone()[0]
            if version != VERSION:
                raise Reconfigure("LS-4103", file=str(path), version=version, known=VERSION)
            yield db
            db.execute("rollback")
    except sqlite3.Error as error:
        code = int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Reconfigure("LS-4730", file=str(path)) from error
        raise Reconfigure("LS-4732", file=str(path), reason=str(error)) from error


def streams(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Every stream with what is held of it, in the order it is sent; times in microseconds."""
    names = (
        "ord", "epoch", "agent", "opened_us", "alive_us", "closed_us", "class", "last_seq", "acked",
        "from_us", "to_us", "records", "bytes", "unacked_records", "unacked_bytes", "tombstones",
    )  # fmt: skip
    rows = db.execute(STREAMS).fetchall()
    return [dict(zip(names, row, strict=True)) | {"epoch": str(UUID(bytes=row[1]))} for row in rows]
