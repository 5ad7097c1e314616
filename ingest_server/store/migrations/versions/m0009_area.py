"""Lines stand in areas."""

from __future__ import annotations

from alembic import op

from ingest_server.store.migrations import script

revision = "m0009"
down_revision = "m0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give lines an area."""
    script.run(op.get_bind(), "m0009_area.sql")
