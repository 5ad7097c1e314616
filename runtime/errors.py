"""What the caller does next, said by the type of the error: retry, reconfigure, set data aside."""

from __future__ import annotations

from wire.errors import LinesideError

__all__ = ["LinesideError", "Quarantine", "Reconfigure", "RetryLater"]


class RetryLater(LinesideError):
    """The condition may pass by itself: try again after a pause."""


class Reconfigure(LinesideError):
    """A person has to change configuration or surroundings before this can work."""


class Quarantine(LinesideError):
    """Data that cannot be used was set aside whole; the rest goes on."""
