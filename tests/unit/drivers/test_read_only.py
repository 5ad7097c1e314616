"""Read-only by construction: nothing in drivers/ names a call that could change a device."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
from asyncua import Client, Node
from asyncua.client.ua_session import UaSession
from pymodbus.client import AsyncModbusTcpClient

import drivers
from drivers.modbus.rtu import Question

FOLDER = Path(drivers.__file__).parent
CHANGES = re.compile(
    r"writ|^set_(value|data_value|attr|readable|writable|modelling)|^call(_|$)|force|"
    r"^(add|delete|copy|move|import|export|register|unregister)_(node|ref|variable|object|method|"
    r"nodes|references|xml)|history_update|^execute|^mask|FileRecord|diag_|preset",
    re.IGNORECASE,
)
ALLOWED_PYMODBUS = {
    "pymodbus.client": {"AsyncModbusTcpClient"},
    "pymodbus.exceptions": {"ModbusException"},
    "pymodbus.pdu": {"ExceptionResponse", "ModbusPDU"},
}
OURS = {"write_private", "call_soon_threadsafe"}
LINES = {"byte_line.py", "serial_line.py"}
"""Carry bytes without knowing what they mean: the only ones that call a `write`."""


def sources() -> list[Path]:
    return sorted(FOLDER.rglob("*.py"))


def called(tree: ast.AST) -> set[str]:
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and node.value.isidentifier()
        ):
            names.add(node.value)
    return names


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(FOLDER)))
def test_no_driver_names_a_call_that_changes_a_device(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    ours = OURS | {"write"} if path.parent == FOLDER and path.name in LINES else OURS
    assert not {name for name in called(tree) - ours if CHANGES.search(name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pymodbus"):
            allowed = ALLOWED_PYMODBUS[node.module or ""]
            assert {alias.name for alias in node.names} <= allowed
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and path.parent != FOLDER:
            # A name put together at run time could be any.
            assert node.func.id not in {"eval", "exec"}
            assert node.func.id != "getattr" or isinstance(node.args[1], ast.Constant)


def test_bytes_are_sent_in_one_place_only_and_are_a_request_to_read() -> None:
    senders = {}
    for path in sources():
        calls = [
            ast.unparse(node)
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"send", "_send", "sendall", "sendto", "send_bytes"}
        ]
        if calls:
            senders[str(path.relative_to(FOLDER))] = calls
    assert senders == {
        str(Path("modbus/rtu_link.py")): ["self._send(question.frame)", "self._line.send(frame)"]
    }
    for function in range(256):
        question = Question(unit=1, function=function, start=0, count=1, size=2)
        if function in {1, 2, 3, 4}:
            assert question.frame[1] == function
        else:
            with pytest.raises(ValueError, match="does not read"):
                _ = question.frame


def test_the_check_would_find_every_changing_call_of_both_libraries() -> None:
    reads = {"read_coils", "read_discrete_inputs", "read_holding_registers", "read_input_registers"}
    modbus = {
        name
        for name, _ in inspect.getmembers(AsyncModbusTcpClient, inspect.isfunction)
        if name.startswith(("write", "mask", "readwrite"))
    }
    assert len(modbus) >= 5
    assert all(CHANGES.search(name) for name in modbus)
    opcua = {
        name
        for owner in (Client, Node, UaSession)
        for name, _ in inspect.getmembers(owner, inspect.isfunction)
        if name.startswith(("write", "set_value", "call", "add_nodes", "delete_nodes"))
    }
    assert {"write_value", "write_attributes", "call_method"} <= opcua
    assert all(CHANGES.search(name) for name in opcua)
    assert not any(CHANGES.search(name) for name in reads)
    assert not CHANGES.search("create_subscription")
