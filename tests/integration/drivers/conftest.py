"""Servers that the drivers are tested against."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.drivers.modbus_plc import Plc


@pytest.fixture
async def plc() -> AsyncIterator[Plc]:
    async with Plc() as running:
        yield running
