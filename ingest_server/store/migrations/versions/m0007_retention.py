"""What retention remembers: up to where the readings of a class are gone."""

from __future__ import annotations

from alembic import op

from ingest_server.store.migrations import script

revision = "m0007"
down_revision = "m0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    script.run(op.get_bind(), "m0007_retention.sql")
