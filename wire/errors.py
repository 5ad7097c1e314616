"""The one base error: a stable code with parameters, worded later from the message catalogue."""

from __future__ import annotations


class LinesideError(Exception):
    """Something a person may have to read; `code` is stable, `params` fill the catalogue's text."""

    def __init__(self, code: str, /, **params: object) -> None:
        super().__init__(code, params)
        self.code = code
        self.params = params

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.code}({shown})"


class WireError(LinesideError):
    """Bytes that do not keep the contract."""


class UnreadablePrefix(WireError):
    """Not one of our messages, or its prefix is damaged: nothing in it can be trusted."""


class UnknownVersion(WireError):
    """A message of a contract version this release does not know; it stays at its sender."""


class DamagedBody(WireError):
    """The prefix is sound but the body's checksum is not: bytes changed after they were encoded."""


class BadBody(WireError):
    """The bytes are what the sender encoded, but they do not say anything valid."""


class LimitExceeded(WireError):
    """A batch larger than the contract allows; the encoder refuses to make it."""
