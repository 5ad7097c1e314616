"""`lineside-edge export`: what the server does not have yet, in a file to carry on a stick.

The buffer stays as it is: nothing counts as delivered before the server has answered for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_agent.config import EdgeConfig, load
from edge_agent.tools.say import say
from runtime import platform
from runtime.clock import now_us
from runtime.errors import Reconfigure
from wire.carried import Damaged, Reader, pieces

_KEPT = ("epoch", "class", "acked", "last_seq", "from_us", "to_us")


def export(config: EdgeConfig, out: Path, *, at_us: int) -> dict[str, Any]:
    """Write the unacknowledged records of a stopped agent to `out`, read them back; the header.

    Raises Reconfigure where the agent runs, there is nothing, or `out` exists; Damaged where what
    was written does not read back.
    """
    from edge_agent.app import BUFFER, release
    from edge_agent.tools import stopped

    if out.exists():
        raise Reconfigure("LS-4734", file=str(out))
    part = out.with_name(f".{out.name}.part")
    with stopped.opened(config.data_dir / BUFFER) as db:
        waiting = [one for one in stopped.streams(db) if one["unacked_records"]]
        if not waiting:
            raise Reconfigure("LS-4736", edge=str(config.id))
        header = {
            "plant": config.plant,
            "edge": config.edge,
            "agent": release(),
            "exported_us": at_us,
            "records": sum(one["unacked_records"] for one in waiting),
            "streams": [
                {name: one[name] for name in _KEPT}
                | {"records": one["unacked_records"], "bytes": one["unacked_bytes"]}
                for one in waiting
            ],
        }

        def bodies() -> Iterator[bytes]:
            for one in waiting:
                values = {"ord": one["ord"], "cls": one["class"]}
                for (body,) in db.execute(stopped.UNACKNOWLEDGED, values):
                    yield body

        try:
            with part.open("wb") as file:
                file.writelines(pieces(header, bodies()))
                file.flush()
                os.fsync(file.fileno())
            _check(part, header["records"])
            part.replace(out)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    platform.fsync_dir(out.absolute().parent)
    return header


def _check(path: Path, records: int) -> None:
    """A stick may keep less than it took."""
    with path.open("rb") as file:
        reader = Reader(file, str(path))
        found = sum(1 for _ in reader.records())
    if found != records:
        reason = f"{found} records instead of {records}"
        raise Damaged(file=str(path), record=found, offset=reader.offset, reason=reason)


def command(
    file: Annotated[Path, typer.Argument(help="The edge's configuration, a YAML file.")],
    out: Annotated[Path, typer.Option(help="The file to write, e.g. /media/stick/line-b.lsd.")],
) -> None:
    """Write what the server does not have yet to a file; only while the agent is stopped."""
    header = export(load(file), out, at_us=now_us())
    say(
        "LS-4733", records=header["records"], edge=f"{header['plant']}/{header['edge']}",
        bytes=f"{out.stat().st_size:,}", file=str(out),
    )  # fmt: skip
