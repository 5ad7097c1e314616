"""A real OPC UA server on a free port whose read service can be limited, cut short or watched."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any, Self

from asyncua import Node, Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import SimpleRoleRuleset, User, UserRole
from asyncua.server.user_managers import UserManager

NAMESPACE = "urn:test:machine"
SERVER = User(role=UserRole.Admin)


class Accounts(UserManager):
    """`known`: certificates (DER) of users; as soon as there is one, nobody is anonymous."""

    def __init__(self) -> None:
        self.known: set[bytes] = set()

    def get_user(
        self, iserver: Any, username: Any = None, password: Any = None, certificate: Any = None
    ) -> Any:
        # The library hands in the channel's certificate where the user shows none of his own.
        if username is None and self.known:
            return User(role=UserRole.User) if bytes(certificate or b"") in self.known else None
        if username is None or (username, password) == ("line", "s3cret"):
            return User(role=UserRole.User)
        return None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Machine:
    """`most_nodes`: more in a request are refused; `short`: so many results are left out."""

    def __init__(
        self,
        *,
        port: int | None = None,
        policies: list[ua.SecurityPolicyType] | None = None,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self.port = port or free_port()
        self.most_nodes: int | None = None
        self.short = 0
        self.reads: list[int] = []
        self.writes: list[str] = []
        self.delay_s = 0.0
        self._policies = policies
        self._certificate = certificate
        self._added: list[Node] = []
        self.index = 0
        self.accounts = Accounts()
        self.server = Server(user_manager=self.accounts)

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}/machine"

    async def __aenter__(self) -> Self:
        server = self.server
        await server.init()
        server.set_endpoint(self.url)
        server.set_security_policy(
            self._policies or [ua.SecurityPolicyType.NoSecurity],
            permission_ruleset=SimpleRoleRuleset(),
        )
        if self._certificate is not None:
            await server.load_certificate(str(self._certificate[0]))
            await server.load_private_key(str(self._certificate[1]))
        self.index = await server.register_namespace(NAMESPACE)
        service = server.iserver.attribute_service
        read, write = service.read, service.write

        def watched_read(params: Any) -> Any:
            if any(one.NodeId.NamespaceIndex for one in params.NodesToRead):
                # Not the driver's look at the server's state: when that comes is chance.
                self.reads.append(len(params.NodesToRead))
            if self.most_nodes is not None and len(params.NodesToRead) > self.most_nodes:
                raise ServiceError(ua.StatusCodes.BadTooManyOperations)
            answers = read(params)
            return answers[: len(answers) - self.short] if len(answers) > 3 else answers

        async def watched_write(params: Any, user: User = SERVER) -> Any:
            # The server writes its own status and time, and the tests write through its session.
            if user.role is not UserRole.Admin:
                self.writes += [str(node.NodeId) for node in params.NodesToWrite]
            return await write(params, user)

        service.read, service.write = watched_read, watched_write
        await server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        await self.server.stop()
        # The library closes sockets without waiting for them.
        await asyncio.sleep(0.02)

    async def add(self, name: str, value: Any, kind: ua.VariantType | None = None) -> Node:
        node = await self.server.nodes.objects.add_variable(
            ua.NodeId(name, self.index), ua.QualifiedName(name, self.index), ua.Variant(value, kind)
        )
        self._added.append(node)
        return node

    async def tell_limit(self, most: int) -> None:
        """State a MaxNodesPerRead; 0: none."""
        limit = self.server.get_node(ua.NodeId(11705, 0))
        await limit.write_value(ua.Variant(most, ua.VariantType.UInt32))

    async def reset(self) -> None:
        """As new, for the next test: starting a server takes seconds."""
        self.most_nodes, self.short = None, 0
        self.reads.clear()
        self.writes.clear()
        await self.tell_limit(0)
        await self.server.delete_nodes(self._added)
        self._added.clear()


class Valve:
    """A TCP relay in front of a server that can be shut: nothing passes, nothing closes."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = 0
        self.open = asyncio.Event()
        self.open.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", self._target)
        for source, target in ((reader, there[1]), (there[0], writer)):
            self._tasks.add(asyncio.create_task(self._pump(source, target)))

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                await self.open.wait()
                target.write(data)
        except ConnectionError:
            pass
        finally:
            target.close()
