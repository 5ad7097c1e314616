"""Asks the running agent of a configuration how it is, over its page on loopback."""

from __future__ import annotations

import http.client
import json
from typing import Any

from edge_agent.config import EdgeConfig
from runtime import messages
from runtime.errors import Reconfigure, RetryLater


def ask(config: EdgeConfig) -> dict[str, Any]:
    """The status of the running agent; raises Reconfigure (no page) or RetryLater (no answer)."""
    port_file = config.data_dir / "page.port"
    if config.page.port is None:
        raise Reconfigure("LS-4603")
    try:
        port = int(port_file.read_text("ascii"))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request(
            "GET", "/status.json", headers={"Accept-Language": messages.detect_language()}
        )
        answer = connection.getresponse().read()
        connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise RetryLater("LS-4604", file=str(port_file), reason=str(error)) from error
    found: dict[str, Any] = json.loads(answer)
    return found
