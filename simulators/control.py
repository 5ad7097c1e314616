"""Commands to a running simulated plant over loopback: one JSON object a line, one answer each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Annotated, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from runtime import messages
from simulators.errors import SimulatorError


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RunCommand(_Command):
    """Let model time begin (after a start with `--hold`)."""

    do: Literal["run"] = Field(description="run")


class HaltCommand(_Command):
    """Stop making parts, until `resume`."""

    do: Literal["halt", "resume"] = Field(description="halt or resume")
    machine: str = Field(default="", description="line/machine; empty: all")


class PlcRestartCommand(_Command):
    """Restart a PLC: a quiet pause, counters to 0, a quiet pause."""

    do: Literal["plc_restart"] = Field(description="plc_restart")
    machine: str = Field(description="line/machine")


class FaultCommand(_Command):
    """Force a bit of the fault word."""

    do: Literal["fault"] = Field(description="fault")
    machine: str = Field(description="line/machine")
    bit: int = Field(ge=0, le=15, description="bit number, 0 the lowest")
    on: bool = Field(description="on or off")


class ClockCommand(_Command):
    """Set the PLCs' clocks of a line off the true time."""

    do: Literal["clock"] = Field(description="clock")
    line: str = Field(description="line")
    offset_s: float = Field(ge=-1e9, le=1e9, description="seconds ahead of the true time")


class SilenceCommand(_Command):
    """Cut a line (connections closed and refused) or a machine (Modbus: no answer; OPC UA: bad)."""

    do: Literal["silence"] = Field(description="silence")
    line: str = Field(default="", description="line, or")
    machine: str = Field(default="", description="line/machine")
    seconds: float = Field(ge=0, le=1e6, description="for how long; 0 ends a silence")


class StatusCommand(_Command):
    """Tell the present truth."""

    do: Literal["status"] = Field(description="status")


class StopCommand(_Command):
    """End the program."""

    do: Literal["stop"] = Field(description="stop")


Command = (
    RunCommand
    | HaltCommand
    | PlcRestartCommand
    | FaultCommand
    | ClockCommand
    | SilenceCommand
    | StatusCommand
    | StopCommand
)
Handler = Callable[[Command], Awaitable[Mapping[str, object]]]

_COMMANDS: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="do")])


class ControlServer:
    """Listens on loopback; `port` is known once it is open."""

    def __init__(self, handle: Handler, *, port: int = 0) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        try:
            self._server = await asyncio.start_server(self._serve, self.host, self.port)
        except OSError as error:
            raise SimulatorError(
                "LS-7005", line="control", host=self.host, port=self.port
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
            for client in tuple(self._clients):
                client.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while line := await reader.readline():
                writer.write(orjson.dumps(await self._answer(line)) + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            return  # gone, or a line beyond every bound: there is nobody to answer
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, object]:
        try:
            command = _COMMANDS.validate_json(line)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(step) for step in problem["loc"])
            return _refusal("LS-7011", reason=f"{place}: {problem['msg']}".lstrip(": "))
        try:
            return {"ok": True, **await self._handle(command)}
        except SimulatorError as error:
            return _refusal(error.code, **error.params)


def _refusal(code: str, **params: object) -> dict[str, object]:
    return {"ok": False, "code": code, "message": messages.describe(SimulatorError(code, **params))}
