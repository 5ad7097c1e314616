"""Fold states move into columns, a row for many tags."""

from __future__ import annotations

from alembic import op

from ingest_server.store.migrations import script

revision = "m0006"
down_revision = "m0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of fold states in columns."""
    script.run(op.get_bind(), "m0006_fold_blocks.sql")
