"""Parked records remember that another stream tells of the same time."""

from __future__ import annotations

from alembic import op

from ingest_server.store.migrations import script

revision = "m0011"
down_revision = "m0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give parked records the mark; those that are parked already have none."""
    script.run(op.get_bind(), "m0011_unfolded_beside.sql")
