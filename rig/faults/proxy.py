"""A TCP proxy on loopback that stands for a bad network: one link, with faults on and off at will.

    async with FaultProxy("127.0.0.1", broker.port, seed=7) as proxy:
        ...                                    # clients connect to proxy.port
        await proxy.switch(THIN_LINK)          # these faults and no others are in force
        await proxy.switch(Vanish())
        await proxy.heal()

Invariants:
- memory is bounded: `pump.BOUND` bytes a direction and connection, beyond that TCP holds back;
- the proxy's port stays the same, whatever the faults, from opening to closing;
- what could not be passed on whole is reset when its fault ends: no stream goes on with a hole;
- after `async with` no task, socket or port is left.

An upstream that refuses shows as a connection that is accepted and reset at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from types import TracebackType
from typing import Final, Self

from rig.faults.door import Door, close_by_reset, close_in_order, tuned
from rig.faults.fault import (
    BlackHole,
    Direction,
    Fault,
    Plan,
    Refuse,
    Reset,
    State,
    Vanish,
    changes,
    in_force,
)
from rig.faults.pump import Ended, Pump, Switch

_CONNECT_S: Final = 10.0
_CHUNK: Final = 64 * 1024


class _Connection:
    """A client and, unless its peer has vanished, the upstream it was passed on to."""

    def __init__(self, client: socket.socket, number: int) -> None:
        self.number = number
        self.task: asyncio.Task[None] | None = None
        self.doomed = False
        self.pumps: tuple[Pump, ...] = ()
        self._ends = [client]
        self._by_reset = False

    async def run(self, upstream: tuple[str, int], switch: Switch) -> None:
        if switch.state.has(Reset):
            self._by_reset = True
        elif switch.state.has(Vanish):
            await self._swallow()
        else:
            await self._pass(upstream, switch)

    def reset(self) -> None:
        """Reset both ends."""
        self._by_reset = True
        if self.task is not None:
            self.task.cancel()

    def close(self) -> None:
        """Close what is open, once the task has ended, even one that never began."""
        for end in self._ends:
            (close_by_reset if self._by_reset else close_in_order)(end)

    async def _swallow(self) -> None:
        self.doomed = True
        with contextlib.suppress(OSError):
            while await asyncio.get_running_loop().sock_recv(self._ends[0], _CHUNK):
                pass

    async def _pass(self, address: tuple[str, int], switch: Switch) -> None:
        try:
            async with asyncio.timeout(_CONNECT_S):
                upstream = await self._connect(address)
        except OSError:  # a time-out is one, too
            self._by_reset = True
            return
        client = self._ends[0]
        up = Pump(client, upstream, way="up", switch=switch, number=self.number)
        down = Pump(upstream, client, way="down", switch=switch, number=self.number)
        up.opposite, down.opposite = down, up
        self.pumps = (up, down)
        try:
            async with asyncio.TaskGroup() as group:
                for pump in self.pumps:
                    group.create_task(pump.read())
                    group.create_task(pump.write())
        except* Ended as ended:
            self._by_reset = any(isinstance(e, Ended) and e.reset for e in ended.exceptions)

    async def _connect(self, address: tuple[str, int]) -> socket.socket:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(*address, type=socket.SOCK_STREAM)
        family, kind, protocol, _, name = found[0]
        upstream = tuned(socket.socket(family, kind, protocol))
        self._ends.append(upstream)
        await loop.sock_connect(upstream, name)
        return upstream


class FaultProxy:
    """A link to `host:port`; `seed` decides what chance decides in it."""

    def __init__(self, host: str, port: int, *, seed: int = 0, listen_port: int = 0) -> None:
        self._upstream = (host, port)
        self._door = Door(self._let_in, port=listen_port)
        self._switch = Switch(seed=seed)
        self._connections: set[_Connection] = set()
        self._turning = asyncio.Lock()
        self._accepted = 0

    @property
    def port(self) -> int:
        """The port on 127.0.0.1 to connect to."""
        return self._door.port

    @property
    def state(self) -> State:
        """The faults in force."""
        return self._switch.state

    @property
    def accepted(self) -> int:
        """How many connections were accepted since the opening."""
        return self._accepted

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    @property
    def waiting(self) -> int:
        """Bytes under way inside the proxy, both directions together."""
        return sum(pump.waiting for one in self._connections for pump in one.pumps)

    @property
    def passed(self) -> dict[Direction, int]:
        """Bytes passed on so far, by direction."""
        return dict(self._switch.passed)

    @property
    def swallowed(self) -> dict[Direction, int]:
        """Bytes of passed-on connections that vanished so far, by direction."""
        return dict(self._switch.swallowed)

    async def __aenter__(self) -> Self:
        self._door.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._door.close()
        tasks = [one.task for one in self._connections if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def switch(self, *faults: Fault) -> None:
        """Put exactly these faults in force. Raises ValueError where they exclude each other."""
        state = State(faults=faults)
        async with self._turning:
            self._switch.turn(state)
            if state.has(Refuse):
                self._door.refuse()
            elif state.has(BlackHole):
                await self._door.fall_silent()
            else:
                self._door.open()
            self._apply(state)

    async def heal(self) -> None:
        """No fault is in force any more."""
        await self.switch()

    def reset(self) -> None:
        """Reset the connections there are (RST to both ends); no fault stays in force by it."""
        for connection in tuple(self._connections):
            connection.reset()

    def _apply(self, state: State) -> None:
        for connection in tuple(self._connections):
            if state.has(Reset) or (connection.doomed and not state.has(Vanish)):
                connection.reset()
            connection.doomed = connection.doomed or state.has(Vanish)
            for pump in connection.pumps:
                pump.wake()

    def _let_in(self, client: socket.socket) -> None:
        self._accepted += 1
        connection = _Connection(client, self._accepted)
        self._connections.add(connection)
        connection.task = asyncio.create_task(connection.run(self._upstream, self._switch))
        connection.task.add_done_callback(lambda _: self._gone(connection))

    def _gone(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        connection.close()


async def play(plan: Plan, proxy: FaultProxy) -> None:
    """Switch a plan's faults on and off at its times, from now on; the link is whole afterwards."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    try:
        for at_s in changes(plan):
            await asyncio.sleep(began_s + at_s - loop.time())
            await proxy.switch(*in_force(plan, at_s).faults)
    finally:
        await proxy.heal()
