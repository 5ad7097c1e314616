"""Assignments of a clock that stepped back hold for what is told from then on."""

from __future__ import annotations

from alembic import op

from ingest_server.store.migrations import script

revision = "m0012"
down_revision = "m0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give assignments the mark; those that stand already have none."""
    script.run(op.get_bind(), "m0012_stepped_clock.sql")
