"""TCP ports for our own servers: a free one, kept in a file so that it stays the same."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from runtime.platform import write_private

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port that was free a moment ago; whoever takes it has to be ready to lose the race."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that linger after a restart do not count as in use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def remembered(file: Path) -> int | None:
    """The port written there by `remember`; None if there is none."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int(file.read_text("ascii"))
    return None


def remember(file: Path, port: int) -> None:
    """Write the port down for the next start, whole or not at all."""
    write_private(file, f"{port}\n".encode("ascii"))
