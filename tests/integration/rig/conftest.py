"""What the tests of faults stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.rig.peers import Upstream


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    running = Upstream()
    running.listen()
    yield running
    await running.close()
