"""Dead letters: one a topic, worded reasons, replays, and a bound."""

from __future__ import annotations

from alembic import op

from ingest_server.store.migrations import script

revision = "m0008"
down_revision = "m0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the table; what is in it stays."""
    script.run(op.get_bind(), "m0008_dead_letters.sql")
