"""Release 1: the whole schema."""

from __future__ import annotations

from alembic import op

from ingest_server.store.migrations import script

revision = "m0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table; readings in a hypertable where TimescaleDB can be had."""
    script.run(op.get_bind(), "m0001_schema.sql")
    if script.install_timescaledb(op.get_bind()):
        script.run(op.get_bind(), "m0001_reading_hypertable.sql")
    else:
        script.run(op.get_bind(), "m0001_reading_partitions.sql")
