"""The whole edge agent, for the cases that need one."""

from __future__ import annotations

from tests.integration.edge_agent.conftest import configure, running

__all__ = ["configure", "running"]
