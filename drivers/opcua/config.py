"""How an OPC UA server is configured: end point, security, and the nodes that are read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from drivers.base import Deadband, DeviceConfig, GroupConfig, Some, Strict, TagConfig
from runtime.problems import ConfigPath, exactly_one, invalid
from runtime.secret import Secret
from wire.dtypes import DType

Policy = Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]

_NOT_NUMBERS: Final = (DType.BOOL, DType.STR, DType.TIME)
_NODE = re.compile(
    r"(?:ns=(?P<ns>[0-9]{1,5});|nsu=(?P<nsu>[^;]+);)?(?P<kind>[isgb])=(?P<name>.+?)"
    r"(?P<index>\[[0-9]{1,7}\])?",
    re.DOTALL,
)
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_HEX64 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeAddress:
    """A node id as text, whose namespace may be given by its URI, and an element of its array."""

    namespace: int | str
    """Index, or URI to be looked up in the server's NamespaceArray after connecting."""
    kind: Literal["i", "s", "g", "b"]
    name: str
    element: int | None = None


def parse_node(text: str, *, literal: bool = False) -> NodeAddress:
    """The node of `ns=2;s=Press.Good`, `nsu=urn:x;i=7`, `ns=2;s=Row[3]` (OPC UA Part 6, 5.3.1.10).

    A number in brackets at the very end chooses an element of an array, from 0, unless `literal`.
    Raises pydantic's error with LS-3201.
    """
    match = _NODE.fullmatch(text)
    if match is None:
        raise invalid("LS-3201", address=text)
    kind: Any = match["kind"]
    name, index = match["name"], match["index"]
    if literal:
        name, index = name + (index or ""), None
    namespace: int | str = match["nsu"] or int(match["ns"] or 0)
    wrong = (
        (kind == "i" and not (name.isdecimal() and int(name) < 2**32))
        or (kind == "g" and _GUID.fullmatch(name) is None)
        or (kind == "b" and _BASE64.fullmatch(name) is None)
        or (isinstance(namespace, int) and namespace > 65_535)
    )
    if wrong:
        raise invalid("LS-3201", address=text)
    element = None if index is None else int(index[1:-1])
    return NodeAddress(namespace=namespace, kind=kind, name=name, element=element)


class OpcUaTag(TagConfig):
    """A variable of the server, or one element of it."""

    address: str = Field(
        min_length=3,
        max_length=300,
        description="Node id: ns=2;s=Press.Good, nsu=urn:maker;i=7; [3] at the end: an element.",
    )
    literal: bool = Field(
        default=False,
        description="Brackets at the end belong to the node id itself, as in Siemens S7 "
        '("DB1"."row"[3]), and choose no element.',
    )
    server_deadband: Deadband | None = Field(
        default=None,
        description="Changes the server itself keeps back (subscribe only); percent is of the "
        "node's EURange.",
    )

    @model_validator(mode="after")
    def _node_is_readable(self) -> Self:
        parse_node(self.address, literal=self.literal)
        if self.server_deadband is not None and self.dtype in _NOT_NUMBERS:
            raise invalid("LS-3004", what="server_deadband", dtype=self.dtype.value)
        return self

    @property
    def node(self) -> NodeAddress:
        """The node."""
        return parse_node(self.address, literal=self.literal)


class OpcUaGroup(GroupConfig):
    """Nodes polled together, or reported by one subscription."""

    sampling_ms: int | None = Field(
        default=None,
        ge=0,
        le=86_400_000,
        description="How often the server looks at a subscribed value; default: every_ms.",
    )
    queue_size: int = Field(
        default=10,
        ge=1,
        le=10_000,
        description="Values the server keeps of a node between reports.",
    )
    keep_alive_count: int = Field(
        default=10,
        ge=1,
        le=1_000,
        description="Publishing intervals without change after which the server says it is alive.",
    )
    tags: Some[OpcUaTag] = Field(description="The tags.")

    @model_validator(mode="after")
    def _only_when_subscribed(self) -> Self:
        if self.mode == "poll" and any(tag.server_deadband is not None for tag in self.tags):
            raise invalid("LS-3202")
        return self


class Security(Strict):
    """A signed, or signed and encrypted, channel to one server known by its certificate.

    Known by the fingerprint of the certificate, or by a folder of certificates that people trust.
    """

    policy: Policy = Field(default="Basic256Sha256", description="Security policy; no fall back.")
    mode: Literal["Sign", "SignAndEncrypt"] = Field(
        default="SignAndEncrypt", description="Message security mode; no fall back."
    )
    server_sha256: str | None = Field(
        default=None,
        description="SHA-256 fingerprint of the server's certificate (DER), 64 hex digits; "
        "this or trusted_dir.",
    )
    trusted_dir: ConfigPath | None = Field(
        default=None,
        description="Folder of certificates (.der, .crt, .cer, .pem) that are trusted: the "
        "server's own, or that of the authority that issued it; this or server_sha256.",
    )
    certificate_dir: ConfigPath = Field(
        default=Path("pki"),
        description="Folder with our own certificate.der and private_key.pem; made on first start.",
        validate_default=True,
    )

    @field_validator("server_sha256", mode="after")
    @classmethod
    def _fingerprint(cls, text: str | None) -> str | None:
        if text is None:
            return None
        plain = text.replace(":", "").replace(" ", "").lower()
        if _HEX64.fullmatch(plain) is None:
            raise invalid("LS-3203")
        return plain

    @model_validator(mode="after")
    def _known_in_one_way(self) -> Self:
        exactly_one("LS-3225", self.server_sha256, self.trusted_dir)
        return self


class User(Strict):
    """A user of the server: name and password, or a certificate with its key."""

    name: str | None = Field(default=None, min_length=1, max_length=200, description="User name.")
    password: Secret | None = Field(
        default=None, description="Password: text, {file: path} or {env: NAME}."
    )
    plain: bool = Field(
        default=False,
        description="Permit the password to be sent unencrypted where the server asks for no more.",
    )
    certificate: ConfigPath | None = Field(
        default=None, description="The user's certificate (.der or .pem), instead of a password."
    )
    private_key: ConfigPath | None = Field(
        default=None, description="Private key of that certificate (.pem, not encrypted)."
    )

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        by_name = (self.name is not None, self.password is not None)
        by_certificate = (self.certificate is not None, self.private_key is not None)
        if {by_name, by_certificate} != {(True, True), (False, False)}:
            raise invalid("LS-3226")
        return self


class OpcUaDevice(DeviceConfig):
    """An OPC UA server."""

    driver: Literal["opcua"] = Field(description="opcua")
    url: Annotated[str, Field(pattern=r"^opc\.tcp://[^/@\s]+(/\S*)?$")] = Field(
        description="End point, e.g. opc.tcp://10.0.0.7:4840; no password in here."
    )
    security: Literal["none"] | Security = Field(
        description="none, or policy and fingerprint of the server; must be said."
    )
    user: User | None = Field(default=None, description="Default: anonymous.")
    timeout_ms: int = Field(
        default=4_000, ge=100, le=120_000, description="Time for one answer, milliseconds."
    )
    in_flight: int = Field(default=4, ge=1, le=32, description="Read requests under way at once.")
    max_nodes_per_read: int = Field(
        default=500,
        ge=1,
        le=10_000,
        description="Nodes in one read request; the server's own limit counts where it is lower.",
    )
    max_waiting: int = Field(
        default=200_000,
        ge=100,
        le=5_000_000,
        description="Reported values that may wait here; beyond them the oldest are given up, "
        "counted and flagged.",
    )
    groups: Some[OpcUaGroup] = Field(description="What is read, how often.")

    @model_validator(mode="after")
    def _certificates_need_a_channel(self) -> Self:
        # The user's key signs the server's certificate, which an open channel does not prove.
        if self.security == "none" and self.user is not None and self.user.certificate is not None:
            raise invalid("LS-3227")
        return self


STATUS_NODE: Final = 2259
"""Server_ServerStatus_State in namespace 0: read to keep a silent session alive."""
