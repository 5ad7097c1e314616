"""How a person asks the running agent to reload: through files in its data_dir.

It works alike on every system and needs no port: who may write into that folder may ask. A request
is a file whose name says everything, since the agent may not be allowed to read it; the answer is
one beside it with the same number. The agent's page stays read-only.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Final, Protocol

from pydantic import ValidationError

from edge_agent.configure.outcome import Outcome
from runtime import logs, platform
from runtime.errors import Reconfigure, RetryLater

_log = logs.get("edge.configure")

_REQUEST: Final = re.compile(r"reload-(own-)?([0-9a-f]{16})\.request")
_ANSWER: Final = re.compile(r"reload-[0-9a-f]{16}\.answer")
_LOOK_EVERY_S: Final = 0.5
_MOST_AT_ONCE: Final = 8
_STALE_S: Final = 600.0
_ASK_AGAIN_S: Final = 0.1


class Reload(Protocol):
    """Reloads; `own`: the edge's file is wanted even where a pushed configuration runs."""

    def __call__(self, *, own: bool = False) -> Awaitable[Outcome]: ...


class Requests:
    """Looks for requests in `folder` and answers them; `run` is its task."""

    def __init__(self, folder: Path, reload: Reload) -> None:
        self.hangup = asyncio.Event()
        """Set by a signal that asks the same; only the log tells the outcome then."""
        self._folder = folder
        self._reload = reload

    async def run(self) -> None:
        """Look twice a second, for ever."""
        await asyncio.to_thread(self._clear)
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.hangup.wait(), _LOOK_EVERY_S)
            if self.hangup.is_set():
                self.hangup.clear()
                await self._reload()
            for own, number in await asyncio.to_thread(self._waiting):
                answer = (await self._reload(own=own)).model_dump_json().encode()
                path = self._folder / f"reload-{number}.answer"
                try:
                    await asyncio.to_thread(platform.write_private, path, answer)
                except OSError as error:
                    _log.warning(
                        "LS-4927", folder=str(self._folder), reason=error.strerror or str(error)
                    )

    def _waiting(self) -> list[tuple[bool, str]]:
        """The requests, taken away."""
        found: list[tuple[bool, str]] = []
        for path in self._folder.iterdir():
            if len(found) < _MOST_AT_ONCE and (match := _REQUEST.fullmatch(path.name)):
                path.unlink(missing_ok=True)
                found.append((match[1] is not None, match[2]))
        return found

    def _clear(self) -> None:
        """What nobody waits for any more: of a former run, or of someone who gave up."""
        for path in self._folder.iterdir():
            if _ANSWER.fullmatch(path.name):
                with contextlib.suppress(OSError):
                    if time.time() - path.stat().st_mtime > _STALE_S:
                        path.unlink(missing_ok=True)


def ask(folder: Path, *, own: bool, wait_s: float) -> Outcome:
    """Ask the agent that runs with `folder`, and wait for its answer.

    Raises Reconfigure (LS-4927: the folder cannot be written) or RetryLater (LS-4926: no answer).
    """
    number = secrets.token_hex(8)
    request = folder / f"reload-{'own-' if own else ''}{number}.request"
    answer = folder / f"reload-{number}.answer"
    try:
        request.touch()
    except OSError as error:
        reason = error.strerror or str(error)
        raise Reconfigure("LS-4927", folder=str(folder), reason=reason) from error
    try:
        until_s = time.monotonic() + wait_s
        while time.monotonic() < until_s:
            # Written in one step: what is there is whole.
            with contextlib.suppress(FileNotFoundError, ValidationError):
                outcome = Outcome.model_validate_json(answer.read_bytes())
                answer.unlink(missing_ok=True)
                return outcome
            time.sleep(_ASK_AGAIN_S)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Reconfigure("LS-4927", folder=str(folder), reason=reason) from error
    finally:
        with contextlib.suppress(OSError):
            request.unlink(missing_ok=True)
    raise RetryLater("LS-4926", folder=str(folder), wait_s=wait_s)
