"""Node ids as the library wants them, and the questions that ask for their values. Pure."""

from __future__ import annotations

from base64 import b64decode
from typing import Any
from uuid import UUID

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds

from drivers.opcua.config import NodeAddress


def question(node: ua.NodeId) -> ua.ReadValueId:
    """Asks for the value of a node."""
    return ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value)


def standard(number: int) -> ua.NodeId:
    """A node that every server has, in namespace 0 (OPC UA Part 6, A.3)."""
    return ua.NodeId(ua.Int32(number), ua.Int16(0))


def node_id(address: NodeAddress, namespace: int) -> ua.NodeId:
    """The node of an address whose namespace was resolved to an index."""
    identifier: Any = address.name
    kind = ua.NodeIdType.String
    if address.kind == "i":
        identifier, kind = int(address.name), ua.NodeIdType.Numeric
    elif address.kind == "g":
        identifier, kind = UUID(address.name), ua.NodeIdType.Guid
    elif address.kind == "b":
        identifier, kind = b64decode(address.name), ua.NodeIdType.ByteString
    return ua.NodeId(identifier, ua.Int16(namespace), kind)
