"""A migrated database, and looks at what is stored in it."""

from __future__ import annotations

import pytest

from ingest_server.store.migrate import migrate


@pytest.fixture
def migrated(any_dsn: str) -> str:
    """Both kinds of database in turn."""
    migrate(any_dsn)
    return any_dsn
