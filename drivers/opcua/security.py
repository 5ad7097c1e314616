"""Secure channels: our own certificate, and the server known by the certificate it shows.

Nothing here falls back: what was configured is used, or the connection is refused.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto import security_policies, uacrypto
from asyncua.crypto.cert_gen import (
    dump_private_key_as_pem,
    generate_private_key,
    generate_self_signed_app_certificate,
)
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from drivers.opcua.config import Policy, Security, User
from runtime.platform import write_private

CERTIFICATE: Final = "certificate.der"
PRIVATE_KEY: Final = "private_key.pem"
_SUFFIXES: Final = (".der", ".crt", ".cer", ".pem")
_DAYS: Final = timedelta(days=20 * 365)
_POLICIES: Final[dict[Policy, type[security_policies.SecurityPolicy]]] = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128Sha256RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256Sha256RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}


class Unusable(Exception):
    """Our own certificate or key cannot be used; the text says why."""


class NothingTrusted(Exception):
    """The folder of trusted certificates cannot be used; the text says why."""


class WrongServer(Exception):
    """The server shows another certificate than the one it is known by."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found


class NotOffered(Exception):
    """The server has no end point with the configured policy and mode."""

    def __init__(self, offered: str) -> None:
        super().__init__(offered)
        self.offered = offered


def own_certificate(folder: Path) -> tuple[Path, str]:
    """The path of our certificate and the application URI in it; makes a pair where there is none.

    Blocks (a key of 2,048 bits is made): call it in a thread. Raises Unusable.
    """
    certificate, key = folder / CERTIFICATE, folder / PRIVATE_KEY
    try:
        if not certificate.exists() and not key.exists():
            _make(certificate, key)
        load_pem_private_key(key.read_bytes(), password=None)
        loaded = x509.load_der_x509_certificate(certificate.read_bytes())
        names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound) as error:
        raise Unusable(str(error)) from error
    if not uris:
        raise Unusable("the certificate has no application URI")
    return certificate, uris[0]


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate in DER, in hex."""
    return hashlib.sha256(der).hexdigest()


def leading(chain: bytes) -> bytes:
    """The first certificate of a chain, as DER (OPC UA Part 6, 6.2.6)."""
    # A DER sequence of this size has its length in two bytes behind 0x30 0x82.
    return chain[: int.from_bytes(chain[2:4], "big") + 4] if chain[:2] == b"\x30\x82" else chain


def check_server(shown: bytes, security: Security, now: datetime) -> None:
    """Raise WrongServer unless this certificate (DER) is one expected, or NothingTrusted.

    With `trusted_dir`: it lies in that folder, as a pin without regard to dates, or was issued
    directly by an authority that does, and is valid at `now`. Reads files: call it in a thread.
    """
    if security.trusted_dir is None:
        if fingerprint(shown) != security.server_sha256:
            raise WrongServer(fingerprint(shown))
        return
    trusted = _trusted(security.trusted_dir)
    try:
        server = x509.load_der_x509_certificate(shown)
    except ValueError as error:
        raise WrongServer(fingerprint(shown)) from error
    if server in trusted:
        return
    in_time = server.not_valid_before_utc <= now <= server.not_valid_after_utc
    if not (in_time and any(_issued(server, authority, now) for authority in trusted)):
        raise WrongServer(fingerprint(shown))


def _trusted(folder: Path) -> list[x509.Certificate]:
    try:
        files = sorted(one for one in folder.iterdir() if one.suffix.lower() in _SUFFIXES)
        contents = [(one, one.read_bytes()) for one in files]
    except OSError as error:
        raise NothingTrusted(str(error)) from error
    found: list[x509.Certificate] = []
    for file, content in contents:
        try:
            if b"-----BEGIN" in content:
                found += x509.load_pem_x509_certificates(content)
            else:
                found.append(x509.load_der_x509_certificate(content))
        except ValueError as error:
            raise NothingTrusted(f"{file.name}: {error}") from error
    if not found:
        raise NothingTrusted(f"no certificate ({', '.join(_SUFFIXES)}) in {folder}")
    return found


def _issued(server: x509.Certificate, authority: x509.Certificate, now: datetime) -> bool:
    if not authority.not_valid_before_utc <= now <= authority.not_valid_after_utc:
        return False
    try:
        # A certificate that is no authority's must not vouch for others, whoever trusts it.
        basic = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
        server.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return basic.ca


def choose(
    endpoints: Sequence[ua.EndpointDescription], security: Security
) -> ua.EndpointDescription:
    """The end point with the policy and mode as configured. Raises NotOffered."""
    mode = ua.MessageSecurityMode[security.mode]
    uri = _POLICIES[security.policy].URI
    for endpoint in endpoints:
        if endpoint.SecurityMode == mode and endpoint.SecurityPolicyUri == uri:
            return endpoint
    raise NotOffered(offers(endpoints))


def offers(endpoints: Sequence[ua.EndpointDescription]) -> str:
    """What a server offers, in words."""
    found = {
        f"{(one.SecurityPolicyUri or '').rpartition('#')[2]}/{one.SecurityMode.name}"
        for one in endpoints
    }
    return ", ".join(sorted(found)) or "-"


async def secure(client: Client, security: Security, timeout_s: float) -> None:
    """Set a client up for a secure channel; asks the server for its end points first.

    They come over a channel without security, hence the check of the certificate: from here on
    everything is encrypted for, or signed by, the holder of its key alone. Raises Unusable,
    NothingTrusted, NotOffered, WrongServer, and what connecting raises.
    """
    certificate, uri = await asyncio.to_thread(own_certificate, security.certificate_dir)
    asking = Client(client.server_url.geturl(), timeout=timeout_s)
    endpoint = choose(await asking.connect_and_get_server_endpoints(), security)
    shown = leading(endpoint.ServerCertificate or b"")
    await asyncio.to_thread(check_server, shown, security, datetime.now(UTC))
    client.application_uri = uri
    await client.set_security(
        _POLICIES[security.policy],
        certificate=uacrypto.CertProperties(certificate),
        private_key=uacrypto.CertProperties(certificate.with_name(PRIVATE_KEY)),
        server_certificate=uacrypto.CertProperties(shown, "der"),
        mode=ua.MessageSecurityMode[security.mode],
    )


def load_user(user: User) -> tuple[x509.Certificate, PrivateKeyTypes]:
    """The user's certificate and key; reads files: call it in a thread. Raises Unusable."""
    if user.certificate is None or user.private_key is None:
        raise Unusable("no certificate")
    try:
        content = user.certificate.read_bytes()
        pem = b"-----BEGIN" in content
        load = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
        certificate = load(content)
        key = load_pem_private_key(user.private_key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise Unusable(str(error)) from error
    if certificate.public_key() != key.public_key():
        raise Unusable(f"{user.private_key} is not the key of {user.certificate}")
    return certificate, key


def _make(certificate: Path, key: Path) -> None:
    certificate.parent.mkdir(parents=True, exist_ok=True)
    host = socket.gethostname()
    private = generate_private_key()
    made = generate_self_signed_app_certificate(
        private,
        "Lineside",
        {},
        [x509.UniformResourceIdentifier(f"urn:{host}:lineside:edge"), x509.DNSName(host)],
        [ExtendedKeyUsageOID.CLIENT_AUTH],
        days=_DAYS.days,
    )
    # The key last: a pair is complete only with it, and a lone certificate says so.
    write_private(certificate, made.public_bytes(Encoding.DER))
    write_private(key, dump_private_key_as_pem(private))
