"""Connections that are accepted send small pieces at once."""

from __future__ import annotations

import asyncio
import socket

from runtime.listen import tcp_socket


async def test_what_is_accepted_does_not_wait_for_acknowledgements_before_it_sends() -> None:
    accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own: socket.socket = writer.get_extra_info("socket")
        accepted.set_result(bool(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
        writer.close()

    listener = tcp_socket()
    listener.bind(("127.0.0.1", 0))
    async with await asyncio.start_server(take, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        assert await accepted
        writer.close()
        await writer.wait_closed()
