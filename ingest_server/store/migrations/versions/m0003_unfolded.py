"""Records of parked streams are kept for `lineside-server refold`."""

from __future__ import annotations

from alembic import op

from ingest_server.store.migrations import script

revision = "m0003"
down_revision = "m0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of what is still to be folded."""
    script.run(op.get_bind(), "m0003_unfolded.sql")
