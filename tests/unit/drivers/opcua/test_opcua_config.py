"""What an OPC UA configuration may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from drivers.opcua.config import NodeAddress, OpcUaDevice, Security, parse_node


def device(*tags: dict[str, Any], group: dict[str, Any] | None = None, **more: Any) -> OpcUaDevice:
    numbered = [{"path": f"t{n}", "dtype": "i32", **tag} for n, tag in enumerate(tags)]
    return OpcUaDevice.model_validate(
        {
            "id": "d",
            "driver": "opcua",
            "url": "opc.tcp://h:4840",
            "security": "none",
            "groups": [{"every_ms": 100, "tags": numbered, **(group or {})}],
            **more,
        }
    )


@pytest.mark.parametrize(
    ("text", "literal", "node"),
    [
        ("ns=2;s=Press.Good", False, (2, "s", "Press.Good", None)),
        ("s=x", False, (0, "s", "x", None)),
        ("i=2258", False, (0, "i", "2258", None)),
        ("ns=2;s=Row[3]", False, (2, "s", "Row", 3)),
        ('ns=3;s="DB1"."row"[3]', True, (3, "s", '"DB1"."row"[3]', None)),
        ('ns=3;s="DB1"."row"[3][1]', False, (3, "s", '"DB1"."row"[3]', 1)),
        ("ns=2;s=a;b=c", False, (2, "s", "a;b=c", None)),
        ("nsu=urn:maker:x;i=7", False, ("urn:maker:x", "i", "7", None)),
        (
            "ns=1;g=09087e75-8e5e-499b-954f-f2a9603db28a",
            False,
            (1, "g", "09087e75-8e5e-499b-954f-f2a9603db28a", None),
        ),
        ("ns=1;b=AAEC", False, (1, "b", "AAEC", None)),
        ("ns=1;s=汉字", False, (1, "s", "汉字", None)),
    ],
)
def test_node_ids_are_understood(text: str, literal: bool, node: tuple[Any, ...]) -> None:
    namespace, kind, name, element = node
    expected = NodeAddress(namespace=namespace, kind=kind, name=name, element=element)
    assert parse_node(text, literal=literal) == expected


@pytest.mark.parametrize(
    "text",
    ["Press", "ns=2;", "ns=70000;s=x", "ns=2;i=x", "ns=2;i=4294967296", "ns=2;g=1", "ns=2;b=@",
     "ns=2;x=1", "nsu=;s=x", "ns=2;s="],
)  # fmt: skip
def test_other_texts_are_no_node_ids(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        device({"address": text})
    assert [one["ctx"]["code"] for one in caught.value.errors()] == ["LS-3201"]


def test_security_must_be_said() -> None:
    with pytest.raises(ValidationError):
        OpcUaDevice.model_validate(device({"address": "s=x"}).model_dump(exclude={"security"}))


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "0" * 63])
def test_a_fingerprint_has_64_hex_digits(text: str) -> None:
    with pytest.raises(ValidationError):
        Security.model_validate({"server_sha256": text})


def test_a_password_does_not_belong_in_the_address() -> None:
    with pytest.raises(ValidationError):
        device({"address": "s=x"}, url="opc.tcp://user:secret@h:4840")


def test_a_password_is_never_shown() -> None:
    shown = device({"address": "s=x"}, user={"name": "u", "password": "hunter2"})
    assert "hunter2" not in repr(shown) + shown.model_dump_json()


def test_the_servers_deadband_needs_a_subscription() -> None:
    tag = {"address": "s=x", "server_deadband": {"percent": 1}}
    with pytest.raises(ValidationError) as caught:
        device(tag)
    assert [one["ctx"]["code"] for one in caught.value.errors()] == ["LS-3202"]
    assert device(tag, group={"mode": "subscribe"}).groups[0].mode == "subscribe"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"security": {}}, "LS-3225"),
        ({"security": {"server_sha256": "0" * 64, "trusted_dir": "certs"}}, "LS-3225"),
        ({"user": {"name": "line"}}, "LS-3226"),
        ({"user": {"certificate": "a.pem"}}, "LS-3226"),
        ({"user": {}}, "LS-3226"),
        (
            {"user": {"name": "x", "password": "y", "certificate": "a", "private_key": "b"}},
            "LS-3226",
        ),
        ({"user": {"certificate": "a.pem", "private_key": "a.key"}}, "LS-3227"),
    ],
)
def test_a_server_is_known_and_a_user_logs_in_in_one_way(more: dict[str, Any], code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        OpcUaDevice.model_validate(device({"address": "s=x"}).model_dump() | more)
    assert code in [one.get("ctx", {}).get("code") for one in caught.value.errors()]
