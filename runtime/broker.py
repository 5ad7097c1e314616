"""Where the MQTT broker is and how to log in: the configuration section and what it becomes."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from runtime.problems import ConfigPath, invalid
from runtime.secret import Secret

_MOST_PORT = 65_535


@dataclass(frozen=True, kw_only=True, slots=True)
class Tls:
    """Files of an encrypted connection; without `ca_file` the system's authorities are trusted."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    key_password: Secret | None = None

    def context(self) -> ssl.SSLContext:
        """A client's context that always checks the broker's certificate and host name.

        Raises `OSError` (missing file) or `ssl.SSLError` (unusable file, wrong password).
        """
        context = ssl.create_default_context(
            cafile=str(self.ca_file) if self.ca_file is not None else None
        )
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # whatever this computer's policy says
        context.sslsocket_class = _TlsSocket
        if self.cert_file is not None:
            # Never None: OpenSSL would ask for the password on the terminal.
            password = self.key_password.reveal() if self.key_password is not None else ""
            context.load_cert_chain(self.cert_file, self.key_file, password)
        return context


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerAddress:
    """All that is needed to open a connection to a broker.

    `others`: host and port of the further nodes of a clustered one, which know the same log-in.
    """

    host: str
    port: int = 1883
    tls: Tls | None = None
    username: str | None = None
    password: Secret | None = None
    others: tuple[tuple[str, int], ...] = ()

    def nodes(self) -> tuple[BrokerAddress, ...]:
        """Each node as a broker of its own, this one first."""
        return tuple(
            replace(self, host=host, port=port, others=())
            for host, port in ((self.host, self.port), *self.others)
        )

    def __str__(self) -> str:
        found = ((self.host, self.port), *self.others)
        return ", ".join(
            f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in found
        )


class _TlsSocket(ssl.SSLSocket):
    """A TLS socket that closes itself after a failed handshake and tells why a write failed.

    paho leaves the descriptor to the collector. And from TLS 1.3 on a broker refuses a client's
    certificate only after the handshake: its alert may wait unread while the write already fails.
    """

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - ssl's signature
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise

    def send(self, data: Any, flags: int = 0) -> int:
        try:
            return super().send(data, flags)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except (ssl.SSLEOFError, ConnectionError):
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLEOFError, ConnectionError):
                self.recv(1)  # raises the alert
            raise


class TlsConfig(BaseModel):
    """Encryption of the connection to the broker."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ca_file: ConfigPath | None = Field(
        default=None,
        description="PEM file of the authority that signed the broker's certificate; "
        "default: those this computer trusts",
    )
    cert_file: ConfigPath | None = Field(
        default=None, description="PEM file of this client's certificate, if the broker wants one"
    )
    key_file: ConfigPath | None = Field(
        default=None, description="PEM file of the private key of cert_file"
    )
    key_password: Secret | None = Field(
        default=None, description="Password of key_file, if it has one"
    )

    @model_validator(mode="after")
    def _pairs(self) -> TlsConfig:
        if (self.cert_file is None) != (self.key_file is None):
            raise invalid("LS-1115")
        return self


def _host_and_port(node: str, port: int) -> tuple[str, int]:
    host, own = node, ""
    if node.startswith("["):
        host, _, own = node.removeprefix("[").partition("]")
        own = own.removeprefix(":")
    elif node.count(":") == 1:  # with more it is an IPv6 address without a port
        host, _, own = node.partition(":")
    return host, int(own or port)


def _named(node: str) -> str:
    try:
        host, port = _host_and_port(node, 1)
    except ValueError:
        host, port = "", 0
    if not host.strip() or not 1 <= port <= _MOST_PORT:
        raise invalid("LS-1117", node=node)
    return node


NodeAddress = Annotated[str, AfterValidator(_named)]
"""`host` or `host:port`; an IPv6 address with a port stands in brackets."""


class BrokerConfig(BaseModel):
    """The MQTT broker: address, log-in, encryption."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Annotated[str, Field(min_length=1, description="Host name or address of the broker")]
    port: int | None = Field(
        default=None,
        ge=1,
        le=_MOST_PORT,
        description="TCP port of the broker; default 1883, with TLS 8883",
    )
    others: list[NodeAddress] = Field(
        default=[],
        max_length=15,
        description="The further nodes of a clustered broker, each `host` or `host:port` (default: "
        "the same port). One that answers is taken, drawn by lot; independent brokers are not "
        "nodes: messages must reach every node from any other",
    )
    username: str | None = Field(default=None, description="User name at the broker")
    password: Secret | None = Field(
        default=None, description="Password at the broker: a text, {file: path} or {env: NAME}"
    )
    tls: TlsConfig | None = Field(
        default=None, description="Encrypt the connection; without this section it is not"
    )
    keepalive_s: int = Field(
        default=15,
        ge=2,
        le=600,
        description="Seconds of silence after which each side asks whether the other is alive",
    )

    @model_validator(mode="after")
    def _log_in(self) -> BrokerConfig:
        if self.password is not None and self.username is None:
            raise invalid("LS-1116")
        return self

    def address(self) -> BrokerAddress:
        """What `Connection` takes."""
        tls = self.tls
        port = self.port or (8883 if tls is not None else 1883)
        return BrokerAddress(
            host=self.host,
            port=port,
            others=tuple(_host_and_port(node, port) for node in self.others),
            username=self.username,
            password=self.password,
            tls=None
            if tls is None
            else Tls(
                ca_file=tls.ca_file,
                cert_file=tls.cert_file,
                key_file=tls.key_file,
                key_password=tls.key_password,
            ),
        )
