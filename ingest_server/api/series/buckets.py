"""Buckets with count, share of good, least, greatest, mean, first and last of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ingest_server.api.database import Connection
from ingest_server.api.problems import Invalid
from ingest_server.api.times import iso, zone_of
from ingest_server.api.values import reader_of
from ingest_server.store import reads
from wire.dtypes import DType


async def fill_buckets(
    connection: Connection,
    series: Mapping[int, dict[str, Any]],
    start: datetime,
    to: datetime,
    begins: Sequence[datetime],
    *,
    most_samples: int,
) -> None:
    """Put the buckets into their series. `begins`: of the buckets, the first not after `start`.

    Raises Invalid where more than `most_samples` would have to be read.
    """
    most = most_samples // len(series)
    found = await reads.rows(
        connection,
        "readings",
        "bucketed",
        tags=list(series),
        wide=[frame["dtype"] == DType.U64 for frame in series.values()],
        from_ts=start,
        to_ts=to,
        begins=list(begins),
        most=most,
    )
    seen = dict.fromkeys(series, 0)
    for row in found:
        seen[row["tag_id"]] += row["samples"]
    if max(seen.values()) >= most:
        raise Invalid("LS-6017", at="query.from", limit=most_samples)
    zones = {tag: zone_of(frame["time_zone"]) for tag, frame in series.items()}
    for row in found:
        tag = row["tag_id"]
        begin = begins[row["bucket"] - 1].astimezone(zones[tag])
        series[tag]["buckets"].append(_bucket(row, series[tag]["dtype"], begin))


def _bucket(row: Mapping[str, Any], dtype: str, begin: datetime) -> dict[str, Any]:
    read = reader_of(dtype)
    mean = row["mean_num"] if row["mean_num"] is not None else row["mean_big"]
    return {
        "ts": iso(begin),
        "count": row["samples"],
        "good": row["good"] / row["samples"],
        "min": read(row["min_num"], row["min_big"], None),
        "max": read(row["max_num"], row["max_big"], None),
        "mean": None if dtype == DType.TIME else mean,
        "first": read(row["first_num"], row["first_big"], row["first_txt"]),
        "last": read(row["last_num"], row["last_big"], row["last_txt"]),
    }
