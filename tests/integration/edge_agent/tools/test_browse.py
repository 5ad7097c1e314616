"""Browsing real OPC UA servers: everything found once, as YAML that `check` accepts."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asyncua import ua
from asyncua.common.callback import CallbackType, ServerItemCallback
from asyncua.server.server import Server
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from benchmarks.opcua_nodes import fill
from drivers.opcua.session import Session
from edge_agent.config import EdgeConfig
from edge_agent.tools.browse import device_of, walked, written
from edge_agent.tools.walk import Walk
from runtime.errors import Reconfigure
from runtime.strict_yaml import loads
from simulators.app import Simulation
from simulators.config import PlantConfig
from wire.dtypes import DType

PLANT = {"lines": [{"name": "line-a", "protocol": "opcua", "machines": [{"name": "press-1"}]}]}


@pytest.fixture
async def server() -> Server:
    """A server that is not open yet."""
    made = Server()
    await made.init()
    return made


@pytest.fixture
async def many(server: Server) -> AsyncIterator[str]:
    """A server with 1,200 variables in one folder, and some that are no tags."""
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:test; with a semicolon")
    folder = await server.nodes.objects.add_folder(index, "车间/1")
    for number in range(1200):
        node = ua.NodeId(ua.String(f"n.{number}"), ua.Int16(index))
        await folder.add_variable(node, f"{index}:same", float(number), ua.VariantType.Float)
    await folder.add_variable(
        ua.NodeId(ua.String('"DB"."row"[3]'), ua.Int16(index)), f"{index}:row", 5
    )
    await folder.add_variable(index, "array", [1, 2, 3])
    await folder.add_variable(index, "bytes", b"abc")
    both_ways = await server.nodes.objects.add_folder(index, "both ways")
    await both_ways.add_reference(folder, ObjectIds.HasComponent)
    async with server:
        assert server.bserver is not None
        yield f"opc.tcp://127.0.0.1:{server.bserver.port}"


async def test_what_is_found_is_a_configuration_that_reads_the_same_tags() -> None:
    async with Simulation(PlantConfig.model_validate(PLANT)) as plant:
        url = str(plant.ready()["lines"]["line-a"]["endpoint"])  # type: ignore[index]
        device = device_of(url, None)
        walk, error = await walked(device, text="press-1", most=1000)
        config = loads(written(walk, device), "found.yaml", EdgeConfig)
    assert error is None
    tags = {tag.path: tag for tag in config.devices[0].points}
    good = tags["line-a/press-1/good"]
    assert good.address == "nsu=urn:lineside:sim;s=line-a/press-1/good"
    kinds = {
        "good": DType.U32, "state": DType.I32, "energy": DType.U64, "order": DType.STR,
        "plc_time": DType.TIME, "temperature": DType.F32, "running": DType.BOOL,
    }  # fmt: skip
    assert {name: tags[f"line-a/press-1/{name}"].dtype for name in kinds} == kinds


async def test_a_folder_larger_than_one_answer_is_found_whole_and_names_stay_unique(
    many: str,
) -> None:
    device = device_of(many, None)
    walk, error = await walked(device, text="", most=100_000)
    assert error is None
    found = loads(written(walk, device), "found.yaml", EdgeConfig).devices[0].points
    addresses = [tag.address for tag in found if tag.path.startswith("车间_1/same")]
    assert len(set(addresses)) == 1200
    (row,) = [tag for tag in found if tag.path == "车间_1/row"]
    assert (row.address.partition(";")[2], row.model_dump()["literal"]) == (
        's="DB"."row"[3]', True
    )  # fmt: skip
    assert dict(walk.left_out) == {"array": 1, "type": 1}


async def test_a_server_short_of_continuation_points_is_still_found_whole(
    many: str, server: Server
) -> None:
    view: Any = server.iserver.view_service
    browse, refused = view.browse, 0

    def short(asked: ua.BrowseParameters) -> list[ua.BrowseResult]:
        nonlocal refused
        results: list[ua.BrowseResult] = browse(asked)
        for one in results if len(asked.NodesToBrowse) > 1 else ():
            if len(one.References) > 100:
                one.StatusCode = ua.StatusCode(ua.UInt32(StatusCodes.BadNoContinuationPoints))
                one.References = []
                refused += 1
        return results

    view.browse = short
    walk, error = await walked(device_of(many, None), text="n.", most=100_000)
    assert (error, refused > 0) == (None, True)
    assert len(walk.found) == 1200


async def test_thousands_of_nodes_in_many_folders_are_found_once_each(server: Server) -> None:
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    await server.register_namespace("urn:lineside:bench")
    await fill(server, 3_150)
    shown: list[tuple[int, int]] = []
    async with server:
        assert server.bserver is not None
        session = Session(device_of(f"opc.tcp://127.0.0.1:{server.bserver.port}", None))
        await session.open()
        walk = Walk(session, text="machine", most=10_000, progress=lambda *now: shown.append(now))
        await walk.run()
        await session.close()
    assert len({one.address for one in walk.found}) == len(walk.found) == 3_150
    assert walk.found[-1].path == "area-0/machine-31/tag-49"
    assert shown == sorted(shown)
    assert len(shown) > 3


async def test_the_bound_of_nodes_holds_and_is_told(many: str) -> None:
    walk, _ = await walked(device_of(many, None), text="", most=50)
    assert (walk.seen, walk.cut_off, len(walk.found) <= 50) == (50, True, True)


async def test_the_filter_looks_into_paths_and_node_ids(many: str) -> None:
    walk, _ = await walked(device_of(many, None), text="N.14", most=100_000)
    assert len(walk.found) == 11


@pytest.mark.skipif(sys.platform == "win32", reason="a console's signals")
async def test_ctrl_c_keeps_what_was_found(many: str, server: Server) -> None:
    reads = 0

    def interrupt(event: ServerItemCallback, _service: object) -> None:
        nonlocal reads
        reads += len(event.request_params.NodesToRead) > 100
        if reads == 2:
            os.kill(os.getpid(), signal.SIGINT)

    server.subscribe_server_callback(CallbackType.PostRead, interrupt)
    device = device_of(many, None)
    walk, error = await walked(device, text="", most=100_000)
    assert error is None
    assert walk.stop.is_set()
    found = loads(written(walk, device), "found.yaml", EdgeConfig).devices[0].points
    assert len(found) >= 100


def test_an_address_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(Reconfigure) as caught:
        device_of("http://plc", None)
    assert caught.value.code == "LS-4750"
