"""One OPC UA session: connects a fresh client, keeps it alive, says when it is gone, closes it.

Invariants: a session that was lost is never used again; every error of the library leaves here as
RetryLater or Reconfigure with device and address; after `close` no task and no socket is left.

The library's own `connect` would start a supervisor, a probe each second and a watchdog that
re-create subscriptions behind our back; the same steps are made here one by one instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Final

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClientState
from asyncua.client.ua_session import UaSession
from asyncua.ua import uaerrors
from asyncua.ua.uaerrors import UaError

from drivers.opcua.answers import Answers
from drivers.opcua.config import STATUS_NODE, OpcUaDevice, Security
from drivers.opcua.hardened import harden
from drivers.opcua.nodes import question, standard
from drivers.opcua.reads import Read
from drivers.opcua.security import (
    NothingTrusted,
    NotOffered,
    Unusable,
    WrongServer,
    check_server,
    load_user,
    secure,
)
from runtime.errors import LinesideError, Reconfigure, RetryLater

SESSION_MS: Final = 60_000
"""A session of ours that was cut off is forgotten by the server so much later."""
_CLOSE_S: Final = 2.0
_CHANNEL_SHARE: Final = 0.7
"""OPC UA Part 4, 5.5.2.1 has a channel renewed after 75 % of its lifetime."""

UNREADABLE: Final = (
    UaError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What the library raises of bytes that are no answer, or say that the service failed."""

_REFUSED_USER: Final = (
    uaerrors.BadUserAccessDenied,
    uaerrors.BadIdentityTokenRejected,
    uaerrors.BadIdentityTokenInvalid,
)
_REFUSED_CERTIFICATE: Final = (
    uaerrors.BadCertificateUntrusted,
    uaerrors.BadCertificateInvalid,
    uaerrors.BadCertificateUseNotAllowed,
    uaerrors.BadCertificateUriInvalid,
    uaerrors.BadCertificateTimeInvalid,
    uaerrors.BadSecurityChecksFailed,
)
_REFUSED_POLICY: Final = (uaerrors.BadSecurityPolicyRejected, uaerrors.BadSecurityModeRejected)


class Session:
    """Open it, use `calls`, close it; a fresh one for every connection."""

    def __init__(self, config: OpcUaDevice) -> None:
        self._config = config
        self._timeout_s = config.timeout_ms / 1000
        self._client: Client | None = None
        self._keeping: asyncio.Task[None] | None = None
        self.lost = asyncio.Event()
        """Set as soon as the session is of no more use."""
        self.on_lost: list[Callable[[], None]] = []
        """Called at that moment."""
        self._reason = ""

    async def open(self) -> None:
        """Connect and log in; raises RetryLater or Reconfigure."""
        harden()
        config = self._config
        client = Client(config.url, timeout=self._timeout_s)
        client.name = client.description = "Lineside edge"
        client.session_timeout = SESSION_MS
        try:
            async with self._worded("LS-3210"):
                await self._open(client)
        except BaseException:
            await self._close(client)
            raise
        self._client = client
        self._keeping = asyncio.create_task(self._keep(client), name=f"opcua/{config.id}/keep")

    async def close(self) -> None:
        """Log out and disconnect; does not raise."""
        self.give_up("closed")
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            keeping.cancel()
            await asyncio.wait([keeping])
        client, self._client = self._client, None
        if client is not None:
            await self._close(client)

    def give_up(self, reason: str) -> RetryLater:
        """Note that the session is of no more use; returns the error to raise."""
        if not self.lost.is_set():
            self._reason = reason
            self.lost.set()
            for told in self.on_lost:
                told()
        return self.error("LS-3211", reason=self._reason)

    def error(self, code: str, **params: object) -> RetryLater:
        """A RetryLater that names device and address."""
        return RetryLater(code, device=self._config.id, address=self._config.url, **params)

    def same_number(self, *, asked: int, found: int) -> None:
        """Give up if there are not as many results as questions: one tag would get another's."""
        if asked != found:
            self.give_up(f"{found} results for {asked}")
            raise self.error("LS-3218", asked=asked, found=found)

    @contextlib.asynccontextmanager
    async def calls(self) -> AsyncIterator[UaSession]:
        """The library's session, for service calls; what they raise becomes RetryLater.

        Status codes of a service come through as they are: they are the caller's to judge.
        """
        client = self._client
        if client is None or self.lost.is_set():
            raise self.give_up("closed")
        try:
            yield client.uaclient.session
        except TimeoutError as error:
            raise self.give_up(f"no answer within {self._timeout_s:g} s") from error
        except uaerrors.UaStatusCodeError:
            if client.state is not UaClientState.CONNECTED:
                raise self.give_up("the server closed the connection") from None
            raise
        except (OSError, UaError) as error:
            raise self.give_up(str(error) or type(error).__name__) from error

    @contextlib.asynccontextmanager
    async def service(self) -> AsyncIterator[UaSession]:
        """As `calls`, where a bad status of the service itself ends the session, too."""
        try:
            async with self.calls() as session:
                yield session
        except uaerrors.UaStatusCodeError as error:
            raise self.give_up(_words(error)) from error

    async def read(self, read: Read) -> Answers:
        """Ask, and take the answer apart; raises as `calls` does."""
        async with self.calls():
            protocol = None if self._client is None else self._client.uaclient.protocol
            if protocol is None:
                raise ConnectionError("not connected")
            body = await protocol.send_request(read.request())
            try:
                return read.answers(body)
            except UaError:
                raise
            except UNREADABLE as error:
                raise self.give_up(f"an answer that cannot be read: {error!r:.200}") from error

    async def _open(self, client: Client) -> None:
        security = self._config.security
        if isinstance(security, Security):
            await secure(client, security, self._timeout_s)
        await client.connect_socket()
        await client.send_hello()
        try:
            await client.open_secure_channel()
        except (OSError, UaError) as error:
            told_why = isinstance(error, (TimeoutError, uaerrors.UaStatusCodeError))
            if told_why or not isinstance(security, Security):
                raise
            # node-opcua, among others, hangs up on a certificate it does not trust.
            raise self.error("LS-3224", certificate=security.certificate_dir) from error
        await client.create_session()
        await self._check_server(client)
        await self._log_in(client)

    async def _log_in(self, client: Client) -> None:
        user = self._config.user
        if user is None:
            await client.activate_session()
            return
        if user.name is None or user.password is None:
            try:
                certificate, key = await asyncio.to_thread(load_user, user)
            except Unusable as error:
                raise self._reconfigure("LS-3229", reason=str(error)) from error
            client.user_private_key = key
            await client.activate_session(certificate=certificate)
            return
        policy = client.server_policy(ua.UserTokenType.UserName).SecurityPolicyUri or ""
        open_channel = client.security_policy.Mode != ua.MessageSecurityMode.SignAndEncrypt
        if open_channel and policy.rpartition("#")[2] in ("", "None") and not user.plain:
            raise self._reconfigure("LS-3215")
        await client.activate_session(username=user.name, password=user.password.reveal())

    async def _check_server(self, client: Client) -> None:
        security = self._config.security
        if isinstance(security, Security):
            shown = client.security_policy.peer_certificate or b""
            await asyncio.to_thread(check_server, shown, security, datetime.now(UTC))

    @contextlib.asynccontextmanager
    async def _worded(self, code: str) -> AsyncIterator[None]:
        """What connecting raises, as errors of ours that say what is to be done."""
        try:
            yield
        except LinesideError:
            raise
        except (WrongServer, NothingTrusted, NotOffered, Unusable) as error:
            raise self._not_secured(error) from error
        except _REFUSED_POLICY as error:
            raise self._not_secured(NotOffered("-")) from error
        except _REFUSED_USER as error:
            user = self._config.user
            who = "anonymous" if user is None else user.name or user.certificate
            raise self._reconfigure("LS-3214", user=who, reason=_words(error)) from error
        except _REFUSED_CERTIFICATE as error:
            security = self._config.security
            if not isinstance(security, Security):
                raise self.error(code, reason=_words(error)) from error
            folder = security.certificate_dir
            raise self._reconfigure("LS-3216", reason=_words(error), certificate=folder) from error
        except TimeoutError as error:
            reason = f"no answer within {self._timeout_s:g} s"
            raise self.error(code, reason=reason) from error
        except (OSError, UaError, ValueError) as error:
            if str(error).startswith("No matching endpoints"):
                raise self._not_secured(NotOffered("-")) from error
            # ValueError: what the crypto library says of a certificate or signature it cannot use.
            raise self.error(code, reason=_words(error)) from error

    def _not_secured(
        self, error: WrongServer | NothingTrusted | NotOffered | Unusable
    ) -> Reconfigure:
        """Why there is no secure channel to the server expected."""
        security = self._config.security
        if not isinstance(security, Security):
            offered = error.offered if isinstance(error, NotOffered) else "-"
            return self._reconfigure("LS-3213", security="None", offered=offered)
        match error:
            case NotOffered():
                wanted = f"{security.policy}/{security.mode}"
                return self._reconfigure("LS-3213", security=wanted, offered=error.offered)
            case NothingTrusted():
                return self._reconfigure("LS-3230", reason=str(error))
            case Unusable():
                folder = security.certificate_dir
                return Reconfigure(
                    "LS-3217", device=self._config.id, folder=folder, reason=str(error)
                )
            case WrongServer() if security.trusted_dir is not None:
                folder = security.trusted_dir
                return self._reconfigure("LS-3228", found=error.found, folder=folder)
        return self._reconfigure("LS-3212", found=error.found, expected=security.server_sha256)

    def _reconfigure(self, code: str, **params: object) -> Reconfigure:
        return Reconfigure(code, device=self._config.id, address=self._config.url, **params)

    async def _keep(self, client: Client) -> None:
        """Renew the channel, use the session now and then, and note when the connection ends."""
        loop = asyncio.get_running_loop()
        lifetime_s = client.secure_channel_timeout / 1000
        every_s = min(client.session_timeout / 3000, lifetime_s / 5)
        renewed_s = loop.time()
        still_there = ua.ReadParameters(NodesToRead=[question(standard(STATUS_NODE))])
        async with client.subscribe_state() as states:
            while client.state is UaClientState.CONNECTED:
                try:
                    async with asyncio.timeout(every_s):
                        await states.next_change()
                    continue
                except TimeoutError:
                    pass
                try:
                    async with self.calls() as session:
                        if loop.time() - renewed_s > _CHANNEL_SHARE * lifetime_s - every_s:
                            await client.open_secure_channel(renew=True)
                            client.uaclient.revolve_security_token()
                            renewed_s = loop.time()
                        await session.read(still_there)
                except (RetryLater, uaerrors.UaStatusCodeError) as error:
                    self.give_up(_words(error))
                    return
        self.give_up("the server closed the connection")

    async def _close(self, client: Client) -> None:
        with contextlib.suppress(OSError, UaError, TimeoutError):
            async with asyncio.timeout(min(self._timeout_s, _CLOSE_S)):
                await client.close_session()
        with contextlib.suppress(OSError, UaError, TimeoutError):
            await client.close_secure_channel()
        client.disconnect_socket()
        # The library cancels its publishing task without waiting for it.
        for _ in range(5):
            await asyncio.sleep(0)


def _words(error: Exception) -> str:
    if isinstance(error, LinesideError):
        return str(error.params.get("reason", error.code))
    if isinstance(error, uaerrors.UaStatusCodeError):
        return type(error).__name__
    return str(error) or type(error).__name__
