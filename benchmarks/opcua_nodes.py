"""An OPC UA server with a great many nodes, to be browsed: folders of 100 variables each."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from asyncua import ua
from asyncua.server.server import Server
from asyncua.ua.object_ids import ObjectIds

from benchmarks.children import write_json

IN_A_FOLDER = 100
IN_AN_AREA = 50
"""Folders."""
_HIERARCHY = (ObjectIds.Organizes, ObjectIds.HasComponent)


def _standard(number: int) -> ua.NodeId:
    return ua.NodeId(ua.Int32(number), ua.Int16(0))


def _item(
    name: str, parent: ua.NodeId, attributes: ua.ObjectAttributes | ua.VariableAttributes
) -> ua.AddNodesItem:
    variable = isinstance(attributes, ua.VariableAttributes)
    return ua.AddNodesItem(
        RequestedNewNodeId=ua.NodeId(ua.String(name), ua.Int16(2)),
        BrowseName=ua.QualifiedName(name.rpartition(".")[2], ua.Int16(2)),
        ParentNodeId=parent,
        ReferenceTypeId=_standard(_HIERARCHY[variable]),
        NodeClass=ua.NodeClass.Variable if variable else ua.NodeClass.Object,
        TypeDefinition=_standard(
            ObjectIds.BaseDataVariableType if variable else ObjectIds.FolderType
        ),
        NodeAttributes=attributes,
    )


async def fill(server: Server, variables: int) -> None:
    """Add so many variables below areas and folders, through the server's own session."""
    value = ua.Variant(1.5, ua.VariantType.Float)
    attributes = ua.VariableAttributes(
        Value=value,
        DataType=_standard(ObjectIds.Float),
        ValueRank=ua.ValueRank.Scalar,
        AccessLevel=ua.Byte(1),
        UserAccessLevel=ua.Byte(1),
    )
    objects = server.nodes.objects.nodeid
    area = objects
    for folder in range(-(-variables // IN_A_FOLDER)):
        items = []
        if folder % IN_AN_AREA == 0:
            items.append(_item(f"area-{folder // IN_AN_AREA}", objects, ua.ObjectAttributes()))
            area = items[0].RequestedNewNodeId
        name = f"area-{folder // IN_AN_AREA}.machine-{folder}"
        items.append(_item(name, area, ua.ObjectAttributes()))
        parent = items[-1].RequestedNewNodeId
        count = min(IN_A_FOLDER, variables - folder * IN_A_FOLDER)
        items += [_item(f"{name}.tag-{number}", parent, attributes) for number in range(count)]
        for result in await server.iserver.isession.add_nodes(items):
            result.StatusCode.check()


async def main() -> None:
    """Serve until killed; `ready` gets the port."""
    settings = json.loads(sys.argv[1])
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0/bench")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    await server.register_namespace("urn:lineside:bench")
    await fill(server, settings["variables"])
    await server.start()
    try:
        assert server.bserver is not None
        write_json(Path(settings["ready"]), {"port": server.bserver.port})
        await asyncio.Event().wait()
    finally:
        await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
