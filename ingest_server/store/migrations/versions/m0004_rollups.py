"""Rollups per minute and hour, the marks they are made from, and how far each class is frozen."""

from __future__ import annotations

from alembic import op

from ingest_server.store.migrations import script

revision = "m0004"
down_revision = "m0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and mark what is stored already."""
    bind = op.get_bind()
    script.run(bind, "m0004_rollups.sql")
    if script.reading_is_hypertable(bind):
        script.run(bind, "m0004_rollups_hypertable.sql")
    else:
        script.run(bind, "m0004_rollups_partitions.sql")
