"""Commands to edges, orders sent to lines, pushed configurations; who declared an edge's state."""

from __future__ import annotations

from alembic import op

from ingest_server.store.migrations import script

revision = "m0005"
down_revision = "m0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns; what is there stays as it is."""
    script.run(op.get_bind(), "m0005_commands.sql")
