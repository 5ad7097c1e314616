"""One function says which time without polls a counter's fact ends."""

from __future__ import annotations

from alembic import op

from ingest_server.store.migrations import script

revision = "m0010"
down_revision = "m0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the function that the folding of progress and the facts of an order share."""
    script.run(op.get_bind(), "m0010_unpolled.sql")
