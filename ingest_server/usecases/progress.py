"""Brings production per minute up to date with counts and assignments (role `work`)."""

from __future__ import annotations


class Progress:
    """Drains the marks of changed minutes. Blocking; one thread at a time."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def drain(self) -> int:
        """Recompute some of the marked minutes; how many. Raises StoreError."""
        return 0

    def close(self) -> None:
        """Give the connection back."""
