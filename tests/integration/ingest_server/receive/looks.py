"""What is stored, and what should be, in comparable form."""

from __future__ import annotations

import psycopg

from runtime.clock import from_datetime
from tests.integration.ingest_server.receive.model_edge import Epoch


def rows(dsn: str, query: str, *parameters: object) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, options="-c search_path=lineside,public -c timezone=UTC") as c:
        return c.execute(query, parameters).fetchall()


def stored(dsn: str) -> list[tuple[str, int, object]]:
    """(path, event time, value) of everything stored, sorted."""
    found = []
    for path, dtype, ts, num, big, txt in rows(
        dsn, "SELECT path, dtype, ts, num, big, txt FROM reading JOIN tag USING (tag_id)"
    ):
        value: object = num if txt is None else txt
        if big is not None:
            value = big
        elif dtype == "u64" and txt is not None:
            value = int(str(txt))
        found.append((path, from_datetime(ts), value))
    return sorted(found, key=repr)


def wanted(*epochs: Epoch) -> list[tuple[str, int, object]]:
    truth = [
        (path, ts, value.replace("\0", "\u2400") if isinstance(value, str) else value)
        for epoch in epochs
        for path, ts, value in epoch.truth
    ]
    return sorted(truth, key=repr)
