"""The points of one connection: what each expects, which are refused, what was said about them.

Invariant: about each point a refusal or a wrong type is logged once for a connection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from drivers.opcua.config import OpcUaDevice, OpcUaTag
from drivers.opcua.convert import Converted, convert, shape_of
from drivers.opcua.plan import Rests, Rows
from runtime import logs
from wire import quality

_log = logs.get("drivers.opcua")


class Points:
    """Rows are points of the device, numbered as in `DeviceConfig.points`."""

    def __init__(self, config: OpcUaDevice, counts: Counter[str]) -> None:
        self.tags: tuple[OpcUaTag, ...] = tuple(t for group in config.groups for t in group.tags)
        self.rests = Rests(len(self.tags))
        self._names = {"device": config.id, "address": config.url}
        self._groups = [np.arange(*ends, dtype=np.intp) for ends in pairwise(config.starts)]
        self._shape = shape_of(self.tags)
        self._counts = counts
        self._told: set[tuple[str, int]] = set()

    def rows(self, group: int) -> Rows:
        """All rows of a group."""
        return self._groups[group]

    def due(self, rows: Rows, now_s: float) -> Rows:
        """Those that do not rest."""
        return np.intersect1d(rows, self.rests.due(now_s), assume_unique=True)

    def polled(self, rows: Rows, answers: Sequence[ua.DataValue], now_s: float) -> Converted:
        """The columns of answers; nodes refused in them rest from now on."""
        values = self.reported(rows, answers)
        self.refused_now(self.rests.heard(rows, values.q, now_s), values.q, rows)
        return values

    def reported(self, rows: Rows, values: Sequence[ua.DataValue]) -> Converted:
        """The columns of values, row by row."""
        found = convert(self._shape, rows, values)
        self._counts["overflowed"] += found.overflowed
        if found.mismatched.any():
            self._counts["mismatched"] += int(found.mismatched.sum())
            for at in np.flatnonzero(found.mismatched).tolist():
                row, variant = int(rows[at]), values[at].Value
                if variant is not None:
                    kind = f"{variant.VariantType.name}{'[]' if variant.is_array else ''}"
                    dtype = self.tags[row].dtype.value
                    self._tell("LS-3222", row, tag=self.tags[row].path, found=kind, dtype=dtype)
        return found

    def refused_now(self, fresh: Rows, codes: NDArray[np.uint32], rows: Rows) -> None:
        """Count and tell rows newly refused; `codes` belong to `rows`."""
        reasons = dict(zip(rows.tolist(), codes.tolist(), strict=True)) if fresh.size else {}
        for row in fresh.tolist():
            self._counts["refused"] += 1
            self._tell(
                "LS-3221",
                row,
                node=self.tags[row].address,
                tag=self.tags[row].path,
                reason=ua.StatusCode(reasons[row] & quality.STATUS_MASK).name,
            )

    def unresolved(self, row: int, uri: str) -> None:
        """The namespace of a row is unknown to the server: it rests for this connection."""
        self.rests.forever([row], quality.BAD_NODE_UNKNOWN)
        self._tell("LS-3220", row, uri=uri, tag=self.tags[row].path)

    def _tell(self, code: str, row: int, **params: object) -> None:
        if (code, row) not in self._told:
            self._told.add((code, row))
            _log.warning(code, **self._names, **params)
