"""The one SQL text that turns readings into buckets: for the rollups, and for what they lack yet.

Whoever shows buckets that are not rolled up yet uses this text: the figures are the same.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from ingest_server.store.queries import beside

BUCKETS: Final[bytes] = beside(__file__, "series.sql")["buckets"]
"""Parameters: tags int[], from_ts, to_ts (on bounds of buckets), width interval, origin.

Columns: tag_id, ts (start of the bucket), count, good, min, max, mean, first, last, twa, n,
known_s, held, last_ts; rows only for buckets with readings, in no order. `mean` and `twa` are null
where a value beyond 1e150 takes part.
"""

ORIGIN: Final = datetime(2000, 1, 3, tzinfo=UTC)
"""A bound of all minutes, hours, UTC days and weeks (a Monday)."""
