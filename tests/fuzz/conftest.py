"""A database with the schema."""

from __future__ import annotations

import pytest

from ingest_server.store.migrate import migrate


@pytest.fixture
def migrated(dsn: str) -> str:
    migrate(dsn)
    return dsn
