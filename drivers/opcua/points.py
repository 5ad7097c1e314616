"""The points of one connection: what each expects, which are refused, what was said about them.

Invariant: about each point a refusal or a wrong type is logged once for a connection.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from drivers.opcua.answers import Answers
from drivers.opcua.config import OpcUaDevice, OpcUaTag
from drivers.opcua.convert import Converted, convert, shape_of
from drivers.opcua.plan import Rests, Rows, chunks
from runtime import logs
from wire import quality
from wire.dtypes import DType

_log = logs.get("drivers.opcua")


class Points:
    """Rows are points of the device, numbered as in `DeviceConfig.points`."""

    def __init__(self, config: OpcUaDevice, counts: Counter[str]) -> None:
        self.tags: tuple[OpcUaTag, ...] = tuple(t for group in config.groups for t in group.tags)
        self.rests = Rests(len(self.tags))
        self._names = {"device": config.id, "address": config.url}
        self._groups = [np.arange(*ends, dtype=np.intp) for ends in pairwise(config.starts)]
        self._shape = shape_of(self.tags)
        self._long: NDArray[np.bool_] = np.array(
            [tag.dtype is DType.STR or tag.node.element is not None for tag in self.tags], np.bool_
        )
        self._counts = counts
        self._told: set[tuple[str, int]] = set()

    def rows(self, group: int) -> Rows:
        """All rows of a group."""
        return self._groups[group]

    def due(self, rows: Rows, now_s: float) -> Rows:
        """Those that do not rest."""
        return np.intersect1d(rows, self.rests.due(now_s), assume_unique=True)

    def parts(self, rows: Rows, limit: int) -> list[Rows]:
        """The rows of each request: last those whose values have no fixed length.

        So few answers as can be have such among them, and are dear to take apart.
        """
        return chunks(rows[np.argsort(self._long[rows], kind="stable")], limit)

    def polled(self, rows: Rows, answers: Answers, now_s: float) -> Converted:
        """The columns of answers; nodes refused in them rest from now on."""
        values = self.reported(rows, answers)
        self.refused_now(self.rests.heard(rows, values.q, now_s), values.q, rows)
        return values

    def reported(self, rows: Rows, answers: Answers) -> Converted:
        """The columns of what was answered, row by row."""
        found = convert(self._shape, rows, answers)
        self._counts["overflowed"] += found.overflowed
        if found.mismatched.any():
            self._counts["mismatched"] += int(found.mismatched.sum())
            for at in np.flatnonzero(found.mismatched).tolist():
                row, kind = int(rows[at]), answers.kind_of(at)
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
