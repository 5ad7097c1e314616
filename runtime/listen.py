"""Sockets to listen with, for servers that answer in small pieces."""

from __future__ import annotations

import socket


def tcp_socket(family: int = socket.AF_INET) -> socket.socket:
    """A socket, not bound yet, whose accepted connections send what they have at once.

    asyncio switches Nagle's delay off where a socket names TCP as its protocol, which accepted ones
    inherit. Otherwise an answer's body, sent after its head, waits up to 40 ms for the other side's
    delayed acknowledgement (RFC 1122, 4.2.3.2).
    """
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
