"""Leases: several ingest workers share the shards."""

from __future__ import annotations

from alembic import op

from ingest_server.store.migrations import script

revision = "m0002"
down_revision = "m0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of workers and leases."""
    script.run(op.get_bind(), "m0002_leases.sql")
