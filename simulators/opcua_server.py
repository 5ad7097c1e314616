"""A line's OPC UA server: asyncua's address space, with values taken from the tick that is served.

Invariants:
- all values of a line change in one step without a pause in between: a read sees one tick;
- what is read or notified is witnessed before it is handed to the socket;
- nobody can write: clients are plain users and no variable has the write bit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

from asyncua import ua
from asyncua.common.callback import CallbackType, ServerItemCallback
from asyncua.server.address_space import AttributeValue
from asyncua.server.server import Server
from asyncua.server.subscription_service import SubscriptionService
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from runtime.clock import from_datetime
from simulators.addresses import NAMESPACE, NAMESPACE_INDEX, TagAddress, machine_tags
from simulators.answers import How, Served, Witness
from simulators.config import LineConfig
from simulators.errors import SimulatorError
from simulators.opcua_values import VARIANTS, OpcUaValues, Value

Publish = Callable[..., Awaitable[None]]


class OpcUaLine:
    """The OPC UA server of one line; `port` is known once it is open."""

    def __init__(self, line: LineConfig, witness: Witness, *, port: int) -> None:
        self.name = line.name
        self.host = line.host
        self.port = port
        self._witness = witness
        self._machines = {f"{line.name}/{m.name}": machine_tags(line, m) for m in line.machines}
        self._values = OpcUaValues(self._machines, by_change=line.stamps == "change")
        self._places: dict[ua.NodeId, int] = {}
        self._attributes: list[AttributeValue] = []
        self._server: Server | None = None

    @property
    def endpoint(self) -> str:
        """Where clients connect."""
        return f"opc.tcp://{self.host}:{self.port}/lineside"

    async def __aenter__(self) -> Self:
        server = Server()
        server.set_server_name(f"Lineside simulated plant, {self.name}")
        server.set_endpoint(self.endpoint)
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        server.set_identity_tokens([ua.AnonymousIdentityToken])
        server.allow_remote_admin(allow=False)
        await server.init()
        await server.set_application_uri(f"{NAMESPACE}:{self.name}")
        if await server.register_namespace(NAMESPACE) != NAMESPACE_INDEX:
            raise RuntimeError("node ids are told with another namespace index")
        server.iserver.subscription_service = _WitnessedSubscriptions(server, self._notified)
        server.subscribe_server_callback(CallbackType.PostRead, self._read)
        server.subscribe_server_callback(CallbackType.PostWrite, self._written)
        await self._build(server)
        self._server = server
        try:
            await server.start()
        except OSError as error:
            raise SimulatorError(
                "LS-7005", line=self.name, host=self.host, port=self.port
            ) from error
        if server.bserver is not None:
            self.port = server.bserver.port
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            await self._server.stop()
            self._server = None

    async def hush(self) -> None:
        """Close every connection and the listening socket."""
        if self._server is not None and self._server.bserver is not None:
            await self._server.bserver.stop()

    async def speak(self) -> None:
        """Listen again on the same port."""
        if self._server is not None and self._server.bserver is not None:
            await self._server.bserver.start()

    async def publish(
        self, values: Mapping[str, Sequence[Value] | None], *, scanned_us: int
    ) -> None:
        """Serve a tick: new values of the machines that changed, None for those that did not."""
        changed: list[int] = []
        for path, new in values.items():
            if new is None:
                self._values.scan(path, scanned_us=scanned_us)
            else:
                changed += self._values.update(path, new, scanned_us=scanned_us)
        await self._notify(changed)

    async def mute(self, machine: str, *, on: bool) -> None:
        """Serve all tags of a machine as bad: the server lost its PLC."""
        status = StatusCodes.BadCommunicationError if on else StatusCodes.Good
        await self._notify(self._values.set_status(machine, status))

    async def _notify(self, places: Sequence[int]) -> None:
        for place in places if self._attributes else ():
            watching = self._attributes[place].datachange_callbacks
            for handle, callback in tuple(watching.items()):
                await callback(handle, self._values.at(place))

    async def _build(self, server: Server) -> None:
        line = await server.nodes.objects.add_folder(_node_id(self.name), _name(self.name))
        attributes: list[AttributeValue] = []
        for path, tags in self._machines.items():
            folder = await line.add_folder(_node_id(path), _name(path.rpartition("/")[2]))
            for tag in tags:
                node_id = _node_id(tag.path)
                await folder.add_variable(node_id, _name(tag.name), _empty(tag))
                place = len(attributes)
                self._places[node_id] = place
                server.set_attribute_value_callback(node_id, partial(self._served, place))
                attributes.append(server.iserver.aspace[node_id].attributes[AttributeIds.Value])
        self._attributes = attributes

    def _served(self, place: int, _node: ua.NodeId, _attribute: AttributeIds) -> ua.DataValue:
        return self._values.at(place)

    # -- witnesses --------------------------------------------------------------------------

    def _read(self, event: ServerItemCallback, _service: object) -> None:
        if not event.is_external:
            return
        asked = event.request_params.NodesToRead
        served = [
            (place, value)
            for wanted, value in zip(asked, event.response_params, strict=True)
            if wanted.AttributeId == AttributeIds.Value
            and (place := self._places.get(wanted.NodeId)) is not None
        ]
        self._tell("read", served)

    def _notified(self, served: Sequence[tuple[ua.NodeId, ua.DataValue]]) -> None:
        known = [(self._places[node], value) for node, value in served if node in self._places]
        self._tell("notified", known)

    def _tell(self, how: How, served: Sequence[tuple[int, ua.DataValue]]) -> None:
        self._witness.opcua_answer(
            line=self.name,
            how=how,
            places=[place for place, _ in served],
            values=[_plain(value) for _, value in served],
            source_us=[_stamp(value) for _, value in served],
            statuses=[_status(value) for _, value in served],
        )

    def _written(self, event: ServerItemCallback, _service: object) -> None:
        if not event.is_external:
            return
        for wanted, status in zip(
            event.request_params.NodesToWrite, event.response_params, strict=True
        ):
            self._witness.write_attempt(
                line=self.name, target=wanted.NodeId.to_string(), answer=status.name
            )


class _WitnessedSubscriptions(SubscriptionService):
    """asyncua's subscriptions, telling each data change just before it is published."""

    def __init__(
        self, server: Server, told: Callable[[Sequence[tuple[ua.NodeId, ua.DataValue]]], None]
    ) -> None:
        super().__init__(server.iserver.aspace, iserver=server.iserver)
        self.standard_events = server.iserver.subscription_service.standard_events
        self._told = told
        self._nodes: dict[tuple[int, int], ua.NodeId] = {}

    async def create_subscription(
        self,
        params: ua.CreateSubscriptionParameters,
        callback: Publish,
        session_id: ua.NodeId,
        request_callback: Callable[..., Any] | None = None,
    ) -> ua.CreateSubscriptionResult:
        """As asyncua's; what is published through `callback` is told first."""
        return await super().create_subscription(
            params, partial(self._publish, callback), session_id, request_callback
        )

    async def transfer_subscriptions(
        self,
        params: ua.TransferSubscriptionsParameters,
        session_id: ua.NodeId,
        callback: Publish,
    ) -> list[ua.TransferResult]:
        """As asyncua's; goes on telling."""
        return await super().transfer_subscriptions(
            params, session_id, partial(self._publish, callback)
        )

    async def create_monitored_items(
        self, params: ua.CreateMonitoredItemsParameters
    ) -> list[ua.MonitoredItemCreateResult]:
        """As asyncua's; remembers which node a client's handle means."""
        for item in params.ItemsToCreate:
            if item.ItemToMonitor.AttributeId == AttributeIds.Value:
                handle = (params.SubscriptionId, item.RequestedParameters.ClientHandle)
                self._nodes[handle] = item.ItemToMonitor.NodeId
        return await super().create_monitored_items(params)

    async def _publish(self, callback: Publish, result: ua.PublishResult, *rest: object) -> None:
        served = [
            (node, item.Value)
            for data in result.NotificationMessage.NotificationData
            if isinstance(data, ua.DataChangeNotification)
            for item in data.MonitoredItems
            if (node := self._nodes.get((result.SubscriptionId, item.ClientHandle))) is not None
        ]
        if served:
            self._told(served)
        await callback(result, *rest)


def _node_id(path: str) -> ua.NodeId:
    return ua.NodeId(ua.String(path), ua.Int16(NAMESPACE_INDEX), ua.NodeIdType.String)


def _name(name: str) -> ua.QualifiedName:
    return ua.QualifiedName(name, NAMESPACE_INDEX)


def _empty(tag: TagAddress) -> ua.Variant:
    """A value that gives the variable its type; never served."""
    kind = VARIANTS[tag.dtype]
    if kind == ua.VariantType.DateTime:
        return ua.Variant(datetime(1970, 1, 1), kind)  # noqa: DTZ001 (asyncua reads naive as UTC)
    if kind == ua.VariantType.String:
        return ua.Variant("", kind)
    return ua.Variant(kind != ua.VariantType.Boolean and 0, kind)


def _plain(value: ua.DataValue) -> Served:
    held = value.Value.Value if value.Value is not None else None
    if isinstance(held, datetime):
        return from_datetime(held)
    plain: Served = held
    return plain


def _stamp(value: ua.DataValue) -> int:
    return from_datetime(value.SourceTimestamp) if value.SourceTimestamp is not None else 0


def _status(value: ua.DataValue) -> int:
    return int(value.StatusCode.value) if value.StatusCode is not None else 0
