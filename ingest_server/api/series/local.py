"""Columns of times as the clocks of a plant show them."""

from __future__ import annotations

from datetime import timedelta, tzinfo
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime.clock import to_datetime

_DAY_US: Final = 86_400_000_000
_S_US: Final = 1_000_000


def iso_texts(at_us: NDArray[np.int64], zone: tzinfo) -> list[str]:
    """ISO 8601 with the zone's offset, `Z` where that is none; as `times.iso` writes each.

    `at_us`: microseconds since the Unix epoch, ascending.
    """
    if not len(at_us):
        return []
    offsets_s = _offsets_s(at_us, zone)
    local_us = at_us + offsets_s * _S_US
    local: NDArray[np.datetime64] = local_us.view("datetime64[us]")
    has_fractions = bool((local_us % _S_US).any())
    if not has_fractions:
        local = local.astype("datetime64[s]")
    texts: list[str] = np.datetime_as_string(local).tolist()
    if has_fractions:
        texts = [text.removesuffix(".000000") for text in texts]
    turns = [0, *(np.flatnonzero(np.diff(offsets_s)) + 1).tolist(), len(texts)]
    written: list[str] = []
    for begin, end in pairwise(turns):
        offset = _offset_text(int(offsets_s[begin]))
        written += [text + offset for text in texts[begin:end]]
    return written


def _offsets_s(at_us: NDArray[np.int64], zone: tzinfo) -> NDArray[np.int64]:
    """Seconds that the zone is ahead of UTC at each of these times.

    Asked for at the begin of each day in UTC only; where that of the next one differs, of each time
    in it. No zone changes its clocks and changes them back within a day.
    """
    days = at_us // _DAY_US
    first, last = int(days[0]), int(days[-1])
    if last - first >= len(at_us):
        return _each_s(at_us, zone)
    at_begins = _each_s(np.arange(first, last + 2, dtype=np.int64) * _DAY_US, zone)
    offsets_s = at_begins[days - first]
    changing = (np.diff(at_begins) != 0)[days - first]
    if changing.any():
        offsets_s[changing] = _each_s(at_us[changing], zone)
    return offsets_s


def _each_s(at_us: NDArray[np.int64], zone: tzinfo) -> NDArray[np.int64]:
    return np.array(
        [
            (to_datetime(at).astimezone(zone).utcoffset() or timedelta()) // timedelta(seconds=1)
            for at in at_us.tolist()
        ],
        dtype=np.int64,
    )


def _offset_text(offset_s: int) -> str:
    if not offset_s:
        return "Z"
    sign = "-" if offset_s < 0 else "+"
    minutes, seconds = divmod(abs(offset_s), 60)
    text = f"{sign}{minutes // 60:02}:{minutes % 60:02}"
    return f"{text}:{seconds:02}" if seconds else text
